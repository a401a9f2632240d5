/* A class that holds others is taken apart into what matches one character:
 *     [ab[cd]]     (?:[ab]|[cd])
 *     [ab&&[bc]]   (?:(?=[ab])(?:[bc]))
 *     [^ab[cd]]    (?:(?!(?:[ab]|[cd]))(?s:.))
 * A plain class stays one. */
#include "sql/function/library/text/java_pattern.h"

#include "core/text.h"
#include <stdbool.h>
#include <stdint.h>

enum { CLASS_DEPTH_MAXIMUM = 20 };

struct scan {
    const char *at, *end;
    struct bytes *to;
    const char *problem;
};

static bool scan_fail(struct scan *scan, const char *problem) {
    if (!scan->problem)
        scan->problem = problem;
    scan->at = scan->end;
    return false;
}

static bool scan_is(const struct scan *scan, const char *text) {
    size_t length = strlen(text);
    return (size_t)(scan->end - scan->at) >= length && memcmp(scan->at, text, length) == 0;
}

/* --- escapes
 * ------------------------------------------------------------------------------------------------------------------ */

/* POSIX classes of ASCII by Java's names. */
static const struct property {
    const char *name, *class;
} properties[] = {
    {"Lower", "lower"},   {"Upper", "upper"}, {"Alpha", "alpha"}, {"Digit", "digit"}, {"Alnum", "alnum"},
    {"Punct", "punct"},   {"Graph", "graph"}, {"Print", "print"}, {"Blank", "blank"}, {"Cntrl", "cntrl"},
    {"XDigit", "xdigit"}, {"Space", "space"}, {"ASCII", "ascii"},
};

/* Java's other names: general categories and scripts with Is before them, Character's predicates. */
static struct slice property_name(struct slice name) {
    static const struct property others[] = {{"javaLowerCase", "Lowercase"},
                                             {"javaUpperCase", "Uppercase"},
                                             {"javaWhitespace", "White_Space"},
                                             {"IsLowercase", "Lowercase"},
                                             {"IsUppercase", "Uppercase"},
                                             {"IsAlphabetic", "Alphabetic"},
                                             {"IsWhite_Space", "White_Space"},
                                             {"IsDigit", "Nd"},
                                             {"IsLetter", "L"},
                                             {"IsPunctuation", "P"},
                                             {"IsControl", "Cc"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (slice_equal(name, slice_of(others[i].name)))
            return slice_of(others[i].class);
    size_t skip = name.length > 2 && memcmp(name.data, "Is", 2) == 0 ? 2 : 0;
    for (size_t i = skip; i < name.length; i++)
        if (name.data[i] == '=')
            skip = i + 1;
    return (struct slice){name.data + skip, name.length - skip};
}

/* After \p or \P. */
static bool translate_property(struct scan *scan, bool negated, bool in_class) {
    if (scan->at == scan->end)
        return scan_fail(scan, "\\p needs a name");
    struct slice name = {scan->at, 1};
    if (*scan->at == '{') {
        const char *close = memchr(scan->at, '}', (size_t)(scan->end - scan->at));
        if (!close || close == scan->at + 1)
            return scan_fail(scan, "the name after \\p{ is not closed");
        name = (struct slice){scan->at + 1, (size_t)(close - scan->at - 1)};
        scan->at = close;
    }
    scan->at++;
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        if (slice_equal(name, slice_of(properties[i].name))) {
            bytes_append_format(scan->to, in_class ? "[:%s%s:]" : "[[:%s%s:]]", negated ? "^" : "",
                                properties[i].class);
            return true;
        }
    name = property_name(name);
    bytes_append_format(scan->to, "\\%c{%.*s}", negated ? 'P' : 'p', (int)name.length, name.data);
    return true;
}

static bool translate_code(struct scan *scan, unsigned code) {
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return scan_fail(scan, "an escape is no character");
    bytes_append_format(scan->to, "\\x{%x}", code);
    return true;
}

static bool translate_octal(struct scan *scan) {
    unsigned code = 0, digits = 0;
    for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '7' && digits < 3 &&
           code * 8 + (unsigned)(*scan->at - '0') <= 0377;
         digits++)
        code = code * 8 + (unsigned)(*scan->at++ - '0');
    return digits ? translate_code(scan, code) : scan_fail(scan, "\\0 needs octal digits");
}

static bool translate_unicode(struct scan *scan) {
    unsigned code;
    size_t used = json_unicode(scan->at, scan->end, &code);
    if (used == 0)
        return scan_fail(scan, "\\u needs four hexadecimal digits");
    scan->at += used;
    return translate_code(scan, code);
}

/* \Q..\E: every character for itself. */
static bool translate_quoted(struct scan *scan) {
    while (scan->at < scan->end && !scan_is(scan, "\\E")) {
        if ((unsigned char)*scan->at < 0x80 && !(*scan->at >= '0' && *scan->at <= '9') &&
            !((*scan->at | 0x20) >= 'a' && (*scan->at | 0x20) <= 'z'))
            bytes_append_char(scan->to, '\\');
        bytes_append_char(scan->to, *scan->at++);
    }
    scan->at += scan->at < scan->end ? 2 : 0;
    return true;
}

static bool translate_escape(struct scan *scan, bool in_class) {
    if (++scan->at == scan->end)
        return scan_fail(scan, "a backslash at the end");
    char c = *scan->at++;
    switch (c) {
    case 'p':
    case 'P':
        return translate_property(scan, c == 'P', in_class);
    case '0':
        return translate_octal(scan);
    case 'u':
        return translate_unicode(scan);
    case 'Q':
        return translate_quoted(scan);
    case 'E':
        return true;
    default:
        if (((c | 0x20) >= 'a' && (c | 0x20) <= 'z') &&
            !strchr(in_class ? "tnrfaecxdDhHsSvVwW" : "tnrfaecxdDhHsSvVwWbBAGZzRXk", c))
            return scan_fail(scan, "a backslash before a letter that means nothing");
        bytes_append_char(scan->to, '\\');
        bytes_append_char(scan->to, c);
        return true;
    }
}

/* --- classes
 * ------------------------------------------------------------------------------------------------------------------ */

static bool translate_class(struct scan *scan, unsigned depth);

/* Does the class that begins at `at` (after the bracket) hold another, or an intersection? */
static bool class_is_nested(const struct scan *scan) {
    const char *at = scan->at;
    if (at < scan->end && *at == '^')
        at++;
    if (at < scan->end && *at == ']')
        at++;
    for (; at < scan->end && *at != ']'; at++) {
        if (*at == '[' || (*at == '&' && at + 1 < scan->end && at[1] == '&'))
            return true;
        if (*at == '\\')
            at++;
    }
    return false;
}

/* One character or escape of a class. */
static bool translate_item(struct scan *scan) {
    if (*scan->at == '\\')
        return translate_escape(scan, true);
    bytes_append_char(scan->to, *scan->at++);
    return true;
}

static bool translate_plain_class(struct scan *scan) {
    bytes_append_char(scan->to, '[');
    if (scan_is(scan, "^"))
        bytes_append_char(scan->to, *scan->at++);
    if (scan_is(scan, "]")) {
        bytes_append_string(scan->to, "\\]");
        scan->at++;
    } else if (scan->at < scan->end && memchr(":.=", *scan->at, 3)) {
        bytes_append_char(scan->to, '\\'); /* no POSIX class */
    }
    while (scan->at < scan->end && *scan->at != ']')
        translate_item(scan);
    if (scan->at == scan->end)
        return scan_fail(scan, "a class is not closed");
    scan->at++;
    bytes_append_char(scan->to, ']');
    return true;
}

/* Up to && or the closing bracket: alternatives, of which the characters between two classes are one. */
static bool translate_union(struct scan *scan, unsigned depth) {
    const char *between = "(?:";
    while (scan->at < scan->end && *scan->at != ']' && !scan_is(scan, "&&")) {
        bytes_append_string(scan->to, between);
        between = "|";
        if (*scan->at == '[') {
            scan->at++;
            translate_class(scan, depth + 1);
            continue;
        }
        bytes_append_char(scan->to, '[');
        if (*scan->at == '^')
            bytes_append_char(scan->to, '\\');
        while (scan->at < scan->end && *scan->at != ']' && *scan->at != '[' && !scan_is(scan, "&&"))
            translate_item(scan);
        bytes_append_char(scan->to, ']');
    }
    if (scan->at == scan->end)
        return scan_fail(scan, "a class is not closed");
    if (*between != '|')
        return scan_fail(scan, "a part of an intersection of classes is empty");
    bytes_append_char(scan->to, ')');
    return true;
}

/* After the opening bracket. */
static bool translate_class(struct scan *scan, unsigned depth) {
    if (depth > CLASS_DEPTH_MAXIMUM)
        return scan_fail(scan, "classes are nested too deeply");
    if (!class_is_nested(scan))
        return translate_plain_class(scan);
    bool negated = scan_is(scan, "^");
    scan->at += negated;
    bytes_append_string(scan->to, negated ? "(?:(?!" : "(?:");
    for (;;) {
        /* All parts look at the same character; the last one takes it. */
        size_t begin = scan->to->length;
        if (!translate_union(scan, depth))
            return false;
        if (*scan->at == ']')
            break;
        scan->at += 2;
        if (!bytes_reserve(scan->to, 4))
            return false;
        memmove(scan->to->data + begin + 3, scan->to->data + begin, scan->to->length - begin);
        memcpy(scan->to->data + begin, "(?=", 3);
        scan->to->length += 3;
        bytes_append_char(scan->to, ')');
    }
    scan->at++;
    bytes_append_string(scan->to, negated ? ")(?s:.))" : ")");
    return true;
}

/* --- groups
 * ------------------------------------------------------------------------------------------------------------------ */

/* (?flags) or (?flags: without those that PCRE2 lacks: d, u, U. */
static bool translate_flags(struct scan *scan) {
    while (scan->at < scan->end && *scan->at != ')' && *scan->at != ':') {
        char c = *scan->at++;
        if (!char_among(c, "idmsuxU-"))
            return scan_fail(scan, "an unknown kind of group");
        if (!char_among(c, "duU"))
            bytes_append_char(scan->to, c);
    }
    if (scan->at == scan->end)
        return scan_fail(scan, "a group is not closed");
    bytes_append_char(scan->to, *scan->at++);
    return true;
}

static bool translate_group(struct scan *scan) {
    static const char *const kinds[] = {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!"};
    if (scan_is(scan, "(*"))
        return scan_fail(scan, "a quantifier without anything before it");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (scan_is(scan, kinds[i])) {
            bytes_append_string(scan->to, kinds[i]);
            scan->at += strlen(kinds[i]);
            return true;
        }
    bool special = scan_is(scan, "(?"), named = scan_is(scan, "(?<");
    bytes_append_string(scan->to, named ? "(?<" : special ? "(?" : "(");
    scan->at += named ? 3 : special ? 2 : 1;
    return !special || named || translate_flags(scan);
}

const char *java_pattern_translate(struct slice pattern, struct bytes *to) {
    struct scan scan = {pattern.data, pattern.data + pattern.length, to, NULL};
    while (scan.at < scan.end) {
        if (*scan.at == '\\') {
            translate_escape(&scan, false);
        } else if (*scan.at == '[') {
            scan.at++;
            translate_class(&scan, 0);
        } else if (*scan.at == '(') {
            translate_group(&scan);
        } else {
            bytes_append_char(to, *scan.at++);
        }
    }
    return scan.problem;
}
