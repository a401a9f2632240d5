/* Unicode's mappings come from libunistring, character by character: a text may hold bytes that are no UTF-8, which
 * stay as they are. */
#include "sql/function/library/text/letter_case.h"

#include <stdlib.h>
#include <unicase.h>
#include <unictype.h>

#include "core/text.h"
#include "sql/function/library/text/text_units.h"

enum { SIGMA = 0x3a3, MAPPED_SIZE = 32 };

enum letter_kind letter_kind_of(unsigned c) {
    if (uc_is_property(c, UC_PROPERTY_UPPERCASE))
        return LETTER_UPPER;
    if (uc_is_property(c, UC_PROPERTY_LOWERCASE))
        return LETTER_LOWER;
    return uc_is_general_category(c, UC_DECIMAL_DIGIT_NUMBER) ? LETTER_DIGIT : LETTER_OTHER;
}

typedef uint8_t *case_mapper(const uint8_t *text, size_t length, const char *language, uninorm_t form, uint8_t *buffer,
                             size_t *size);

/* One character, which may become several; `single`: only where it becomes one, as by Character.toUpperCase. */
static void append_mapped(struct bytes *to, const char *at, size_t length, bool single, case_mapper *map) {
    uint8_t mapped[MAPPED_SIZE];
    size_t size = sizeof mapped;
    uint8_t *result =
        (unsigned char)*at < 0x80 || length > 1 ? map((const uint8_t *)at, length, NULL, NULL, mapped, &size) : NULL;
    bool done = result == mapped && !(single && utf8_length((const char *)mapped, size) != size);
    bytes_append(to, done ? (const char *)mapped : at, done ? size : length);
    if (result && result != mapped)
        free(result);
}

static void append_upper(struct bytes *to, const char *at, size_t length, bool single) {
    if (length == 1 && (unsigned char)*at < 0x80)
        bytes_append_char(to, *at >= 'a' && *at <= 'z' ? (char)(*at - 32) : *at);
    else
        append_mapped(to, at, length, single, u8_toupper);
}

static void append_lower(struct bytes *to, const char *at, size_t length) {
    if (length == 1 && (unsigned char)*at < 0x80)
        bytes_append_char(to, *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at);
    else
        append_mapped(to, at, length, false, u8_tolower);
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
