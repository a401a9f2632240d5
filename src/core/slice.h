/* Slices: pointer and length into memory that another owns. Not NUL-terminated. */
#ifndef METERLINE_CORE_SLICE_H
#define METERLINE_CORE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *data; /* NULL stands for null (a record without key or value); an empty slice has a pointer */
    size_t length;
};

#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})

static inline struct slice slice_of(const char *string) {
    return (struct slice){string, string ? strlen(string) : 0};
}

/* Is `c` one of the characters of `set`? NUL, which strchr finds at the end of every set, is not. */
static inline bool char_among(char c, const char *set) {
    return c != '\0' && strchr(set, c);
}

static inline bool slice_equal(struct slice a, struct slice b) {
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* Order of bytes (unsigned), a prefix before what it begins. */
static inline int slice_compare(struct slice a, struct slice b) {
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

#endif
