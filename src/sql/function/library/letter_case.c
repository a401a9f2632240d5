#include "sql/function/library/letter_case.h"

#include "core/text.h"
#include "sql/function/library/text_units.h"
#include <stdint.h>

struct case_mapping {
    uint32_t code_point;
    uint8_t characters; /* of the text */
    char text[10];
};

struct case_range {
    uint32_t first, last;
};

#include "case.inc"

#define COUNT(table) (sizeof(table) / sizeof *(table))

enum { SIGMA = 0x3a3 };

static const struct case_mapping *case_find(const struct case_mapping *table, size_t count, unsigned code_point) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table[middle].code_point == code_point)
            return &table[middle];
        if (table[middle].code_point < code_point)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool case_in_ranges(const struct case_range *ranges, size_t count, unsigned code_point) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges[middle].last < code_point)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && ranges[low].first <= code_point;
}

enum letter_kind letter_kind_of(unsigned c) {
    if (c < 0x80)
        return c >= 'A' && c <= 'Z'   ? LETTER_UPPER
               : c >= 'a' && c <= 'z' ? LETTER_LOWER
               : c >= '0' && c <= '9' ? LETTER_DIGIT
                                      : LETTER_OTHER;
    if (case_in_ranges(case_upper_letters, COUNT(case_upper_letters), c))
        return LETTER_UPPER;
    if (case_in_ranges(case_lower_letters, COUNT(case_lower_letters), c))
        return LETTER_LOWER;
    return case_in_ranges(case_digits, COUNT(case_digits), c) ? LETTER_DIGIT : LETTER_OTHER;
}

/* `single`: a mapping to several characters is left alone, as by Character.toUpperCase. */
static void append_upper(struct bytes *to, const char *at, size_t length, bool single) {
    if (length == 1) {
        bytes_append_char(to, *at >= 'a' && *at <= 'z' ? (char)(*at - 32) : *at);
        return;
    }
    const struct case_mapping *mapping = case_find(case_upper, COUNT(case_upper), text_code_point(at, length));
    if (mapping && !(single && mapping->characters > 1))
        bytes_append_string(to, mapping->text);
    else
        bytes_append(to, at, length);
}

static void append_lower(struct bytes *to, const char *at, size_t length) {
    if (length == 1) {
        bytes_append_char(to, *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at);
        return;
    }
    const struct case_mapping *mapping = case_find(case_lower, COUNT(case_lower), text_code_point(at, length));
    if (mapping)
        bytes_append_string(to, mapping->text);
    else
        bytes_append(to, at, length);
}

static bool is_cased(const char *at, size_t left) {
    if (left == 0)
        return false;
    size_t length = text_character((struct slice){at, left});
    return letter_kind_of(text_code_point(at, length)) <= LETTER_LOWER;
}

void letter_case_upper(struct bytes *to, struct slice text) {
    for (size_t at = 0, length; at < text.length; at += length) {
        length = text_character((struct slice){text.data + at, text.length - at});
        append_upper(to, text.data + at, length, false);
    }
}

void letter_case_lower(struct bytes *to, struct slice text) {
    bool cased = false;
    for (size_t at = 0, length; at < text.length; at += length) {
        const char *letter = text.data + at;
        length = text_character((struct slice){letter, text.length - at});
        if (length == 2 && text_code_point(letter, 2) == SIGMA && cased && !is_cased(letter + 2, text.length - at - 2))
            bytes_append_string(to, "\xcf\x82");
        else
            append_lower(to, letter, length);
        cased = is_cased(letter, length);
    }
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

void letter_case_initials(struct bytes *to, struct slice text) {
    bool begins = true;
    for (size_t at = 0, length; at < text.length; at += length) {
        length = text_character((struct slice){text.data + at, text.length - at});
        if (begins)
            append_upper(to, text.data + at, length, true);
        else
            append_lower(to, text.data + at, length);
        begins = is_space(text.data[at]);
    }
}
