/* When the log no longer has what a position needs: retention has eaten it, or the topic was deleted and made anew.
 *
 *     log:          start ├──────────────┤ end
 *     position:  replay_from ├─────┤ next_offset        nothing is lost
 *          ├─────┤                                      replay_from < start: records of windows that are open
 *                                     ├────┤            next_offset > end: this is another topic of the same name
 *
 * The windows that cannot be completed are those open at the committed stream time T: for each size, from the one
 * that ends first after T - grace. When records that nobody had read are gone too, also windows up to the first
 * reading behind the gap (and grace, as readings may be out of order by so much). */
#include <stdio.h>

#include "model/time.h"
#include "stream/task.h"

enum { WINDOWS_TEXT = 500 };

/* "of 60 s from 2007-01-01T00:04:00Z, of 3600 s from ..." */
static void lost_windows(const struct task *task, char text[WINDOWS_TEXT]) {
    const struct window_settings *windows = &task->query->windows;
    int64_t stream_time = window_aggregate_stream_time(task->aggregate);
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < windows->size_count && length + 60 + TIME_TEXT_SIZE < WINDOWS_TEXT; i++) {
        char time[TIME_TEXT_SIZE];
        int64_t open = stream_time - windows->grace;
        int64_t first = open > 0 ? open / windows->sizes[i] * windows->sizes[i] : 0;
        int time_length = (int)time_write(time, first < TIME_MAXIMUM ? first : TIME_MAXIMUM);
        length += (size_t)snprintf(text + length, WINDOWS_TEXT - length, "%sof %lld s from %.*s", i ? ", " : "",
                                   (long long)(windows->sizes[i] / 1000), time_length, time);
    }
}

static int lost_fail(const struct task *task, int64_t start, int64_t end, struct error *error) {
    char windows[WINDOWS_TEXT];
    const struct aggregate_query *query = task->query;
    if (task->next_offset > end)
        return error_set(error, ERROR_NOT_FOUND,
                         "group %s has read %s/%d up to offset %lld, but it ends at %lld: the topic was deleted and "
                         "made anew; start the group from the beginning with "
                         "--reset, or go on with --on-lost-offsets earliest",
                         query->group, query->topic, (int)task->partition, (long long)task->next_offset,
                         (long long)end);
    lost_windows(task, windows);
    return error_set(error, ERROR_NOT_FOUND,
                     "retention has deleted offsets %lld to %lld of %s/%d, which the open windows need: these cannot "
                     "be completed: %s; lengthen the topic's retention, and "
                     "go on with --on-lost-offsets earliest, which marks their results as incomplete",
                     (long long)task->read_offset, (long long)start - 1, query->topic, (int)task->partition, windows);
}

int task_lost(struct task *task, int64_t start, int64_t end, struct error *error) {
    if (task->query->lost_offsets == LOST_OFFSETS_FAIL)
        return lost_fail(task, start, end, error);
    bool anew = task->next_offset > end;
    int64_t stream_time = window_aggregate_stream_time(task->aggregate);
    task->incomplete_until = stream_time > task->incomplete_until ? stream_time : task->incomplete_until;
    task->lost_unread |= anew || task->query->lost_offsets == LOST_OFFSETS_LATEST || start > task->next_offset;
    task->lost = true;
    if (task->query->lost_offsets == LOST_OFFSETS_LATEST)
        task->read_offset = task->next_offset = end;
    else
        task->read_offset = start;
    if (anew || task->next_offset < task->read_offset)
        task->next_offset = task->read_offset;
    return 0;
}
