/* Time as text: what is read lies in the range, is written in the usual form, and that reads back as the same time;
 * the same for any time in the range. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/time/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

static void check_time(int64_t time) {
    char text[TIME_TEXT_SIZE], day[10], month[10];
    int64_t back;
    size_t length = time_write(text, time);
    require(length == (time % 1000 ? 24u : 20u));
    require(text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' && text[16] == ':' &&
            text[length - 1] == 'Z');
    require(time_read((struct slice){text, length}, &back) && back == time);
    text[10] = ' '; /* not the fast path */
    require(time_read((struct slice){text, length - 1}, &back) && back == time);
    time_write_day(day, time);
    require(memcmp(day, text, 10) == 0);
    require(time_read((struct slice){day, 10}, &back) && back == time - time % 86400000);
    time_write_month(month, time);
    require(memcmp(month, text, 8) == 0 && month[8] == '0' && month[9] == '1');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *copy = malloc(size + 1); /* so that the sanitizer sees a read after the end */
    char *exact = malloc(size ? size : 1);
    int64_t time = -77;
    if (copy && exact) {
        memcpy(exact, data, size);
        if (time_read((struct slice){exact, size}, &time)) {
            require(time >= TIME_MINIMUM && time <= TIME_MAXIMUM);
            check_time(time);
            int64_t lower = -77; /* z for Z, and the way around the fast path */
            memcpy(copy, data, size);
            if (copy[size - 1] == 'Z') {
                copy[size - 1] = 'z';
                require(time_read((struct slice){copy, size}, &lower) && lower == time);
            }
        } else {
            require(time == -77);
        }
    }
    free(copy);
    free(exact);
    if (size >= 8) {
        uint64_t word;
        memcpy(&word, data, sizeof word);
        check_time((int64_t)(word % ((uint64_t)TIME_MAXIMUM + 1)));
        check_time((int64_t)(word % ((uint64_t)TIME_MAXIMUM + 1)) / 1000 * 1000);
    }
    return 0;
}
