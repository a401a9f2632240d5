/* Numbers as text. The input is taken as text (what is read is what strtod reads, and reads back after writing) and
 * as the bits of doubles and integers (what is written reads back bit for bit). */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

static bool same_bits(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

static void check_double(double value) {
    char text[NUMBER_DOUBLE_SIZE + 1];
    double back;
    if (!isfinite(value))
        return;
    size_t length = number_write_double(text, value);
    require(length > 0 && length < NUMBER_DOUBLE_SIZE);
    require(number_read_double((struct slice){text, length}, &back) && same_bits(back, value));
    text[length] = '\0';
    require(same_bits(strtod(text, NULL), value));
    size_t digits = strspn(text, "-0123456789.");
    require(digits <= 25);
    require(strspn(text + digits, "e+-0123456789") == length - digits);
}

static void check_integer(int64_t value) {
    char text[NUMBER_INTEGER_SIZE], expected[32];
    int64_t back;
    size_t length = number_write_integer(text, value);
    require(length == (size_t)snprintf(expected, sizeof expected, "%lld", (long long)value) &&
            memcmp(text, expected, length) == 0);
    require(number_read_integer((struct slice){text, length}, &back) && back == value);
}

static void check_text(const uint8_t *data, size_t size) {
    char *copy = malloc(size + 1), *end;
    if (!copy)
        return;
    memcpy(copy, data, size);
    copy[size] = '\0';
    double value = 77, expected = strtod(copy, &end);
    bool plain = size && end == copy + size && strspn(copy, "+-0123456789.eE") == size && isfinite(expected);
    bool read = number_read_double((struct slice){copy, size}, &value);
    require(read == plain);
    require(same_bits(value, read ? expected : 77));
    if (read)
        check_double(value);
    int64_t whole;
    if (number_read_integer((struct slice){copy, size}, &whole)) {
        require(read);
        check_integer(whole);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_text(data, size);
    for (size_t at = 0; at + 8 <= size; at += 8) {
        double value;
        int64_t whole;
        memcpy(&value, data + at, sizeof value);
        memcpy(&whole, data + at, sizeof whole);
        check_double(value);
        check_double((double)(whole % 1000000000) / 1000);
        check_integer(whole);
    }
    return 0;
}
