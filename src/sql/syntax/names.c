#include "sql/syntax/names.h"

#include "core/memory.h"
#include "core/options.h"
#include "core/text.h"
#include <stdio.h>
#include <stdlib.h>

struct numbered_name {
    struct slice name;
    size_t index;
};

static int names_compare(const void *a, const void *b) {
    const struct numbered_name *left = a, *right = b;
    int order = slice_compare(left->name, right->name);
    return order ? order : (left->index > right->index) - (left->index < right->index);
}

bool names_find_duplicate(const struct slice *names, size_t count, size_t *ret_index) {
    size_t first = count;
    struct numbered_name *sorted = memory_resize(NULL, count ? count : 1, sizeof *sorted);
    if (!sorted)
        return false;
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct numbered_name){names[i], i};
    qsort(sorted, count, sizeof *sorted, names_compare);
    for (size_t i = 1; i < count; i++)
        if (slice_equal(sorted[i - 1].name, sorted[i].name) && sorted[i].index < first)
            first = sorted[i].index;
    free(sorted);
    *ret_index = first;
    return true;
}

const char *names_suggest(char to[NAMES_SUGGESTION_SIZE], struct slice word, const char *const *names, size_t count) {
    char text[64];
    to[0] = '\0';
    if (word.length >= sizeof text)
        return to;
    snprintf(text, sizeof text, "%.*s", (int)word.length, word.data);
    const char *nearest = options_nearest(text, names, count);
    if (nearest)
        snprintf(to, NAMES_SUGGESTION_SIZE, "; did you mean %s?", nearest);
    return to;
}

int names_shown(struct slice name) {
    size_t length = 0;
    while (length < name.length) {
        size_t character = utf8_length(name.data + length, name.length - length);
        if (character == 0 || length + character > NAMES_SHOWN_MAXIMUM)
            break;
        length += character;
    }
    return (int)length;
}

const char *names_nearest(char to[NAMES_SUGGESTION_SIZE], struct slice word, const struct slice *names, size_t count) {
    char copies[NAMES_NEAREST_MAXIMUM][NAMES_SHOWN_MAXIMUM + 1];
    const char *pointers[NAMES_NEAREST_MAXIMUM];
    size_t used = 0;
    for (size_t i = 0; i < count && used < NAMES_NEAREST_MAXIMUM; i++) {
        int length = names_shown(names[i]);
        if (names[i].length == word.length && strncasecmp(names[i].data, word.data, word.length) == 0) {
            snprintf(to, NAMES_SUGGESTION_SIZE, "; did you mean `%.*s`? Names without quotes are upper case", length,
                     names[i].data);
            return to;
        }
        memcpy(copies[used], names[i].data, (size_t)length);
        copies[used][length] = '\0';
        pointers[used] = copies[used];
        used++;
    }
    return names_suggest(to, word, pointers, used);
}
