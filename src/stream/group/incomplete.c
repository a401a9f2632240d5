#include "stream/group/incomplete.h"

#include <inttypes.h>
#include <stdio.h>

const struct bus_header incomplete_header = {SLICE("incomplete"), SLICE("true")};

void incomplete_lose(struct incomplete *incomplete, bool unread, int64_t stream_time) {
    int64_t until = incomplete->lost ? incomplete->until : INT64_MIN;
    incomplete->until = stream_time > until ? stream_time : until;
    incomplete->unread |= unread;
    incomplete->lost = true;
}

void incomplete_pass(struct incomplete *incomplete, int64_t time, int64_t grace) {
    int64_t until;
    if (__builtin_add_overflow(time, grace, &until))
        until = INT64_MAX;
    incomplete->until = until > incomplete->until ? until : incomplete->until;
    incomplete->unread = false;
}

bool incomplete_is(const struct incomplete *incomplete, bool keeps, const int64_t *window_start) {
    return incomplete->lost && keeps && (!window_start || *window_start <= incomplete->until);
}

void incomplete_write(const struct incomplete *incomplete, struct bytes *to) {
    if (incomplete->lost)
        bytes_append_format(to, " i=%s%" PRId64, incomplete->unread ? "+" : "", incomplete->until);
}

bool incomplete_read(const char **at, struct incomplete *ret_incomplete) {
    struct incomplete incomplete = {.lost = true};
    int length = 0;
    if (strncmp(*at, " i=", 3) != 0)
        return true;
    const char *text = *at + 3;
    incomplete.unread = *text == '+';
    text += incomplete.unread;
    if (sscanf(text, "%" SCNd64 "%n", &incomplete.until, &length) != 1 || text[0] == '+' || text[0] == ' ')
        return false;
    *at = text + length;
    *ret_incomplete = incomplete;
    return true;
}
