/* Replay: source -> pace -> publisher, in transactions that also move the replay's place.
 *
 * The place (group "replay.IDENTITY", partition 0 of the topic): next offset = readings published, metadata =
 * "line=L done=D", L the line of the last reading published, D = 1 when the source has ended. It is fenced, so two
 * replays of one source cannot run at once. When it is not known whether a commit has succeeded (ERROR_ABORTED), the
 * place tells.
 *
 * Unpaced, a transaction ends when the publisher is full, and of a live source when nothing has come for 100 ms or the
 * first of its readings has waited for a second. Paced, time is cut into ticks: at each one what is due is
 * published and committed.
 *
 *      due:   |  |  |  |  |  |  |  |  |     reading k at start + k / rate
 *      ticks: ^           ^           ^     at least 5 ms apart; when readings are rarer, one for each */
#include "replay/replay.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "replay/publisher.h"

enum { REPLAY_COMMIT_TRIES = 12, REPLAY_PROGRESS_EVERY = 4096, REPLAY_GROUP_SIZE = 512, REPLAY_METADATA_SIZE = 64 };
#define REPLAY_TICK          INT64_C(5000000)    /* ns */
#define REPLAY_SLEEP_LONGEST INT64_C(100000000)  /* ns; the stop flag is looked at so often */
#define REPLAY_PROGRESS      INT64_C(500000000)  /* ns */
#define REPLAY_LIVE          INT64_C(1000000000) /* ns that a reading of a live source waits for others, */
#define REPLAY_LIVE_SILENCE  100                 /* ms, when none comes for so long */
#define REPLAY_BACK_OFF      INT64_C(20000000)   /* ns before the second try; doubles */

struct replay {
    const struct replay_options *options;
    struct replay_source *source;
    struct bus *bus;
    struct publisher *publisher;
    char group[REPLAY_GROUP_SIZE];
    int64_t resumed_at, taken; /* readings published before this run; handed to the publisher by it */
    int64_t line;              /* of the last reading handed to the publisher */
    int64_t revision;          /* of the place */
    int64_t started, reported; /* ns */
    bool ended;                /* the source has no more */
};

static bool replay_stopped(const struct replay *replay) {
    return replay->options->stop && atomic_load_explicit(replay->options->stop, memory_order_relaxed);
}

static int64_t replay_now(const struct replay *replay) {
    return clock_monotonic_ns(replay->options->clock);
}

static bool replay_counted_out(const struct replay *replay) {
    return replay->options->count >= 0 && replay->resumed_at + replay->taken >= replay->options->count;
}

static void replay_report(struct replay *replay, bool last) {
    int64_t now = replay_now(replay);
    if (!replay->options->progress || (!last && now - replay->reported < REPLAY_PROGRESS))
        return;
    replay->reported = now;
    int64_t published = replay->resumed_at + replay->taken, total = replay_source_total(replay->source),
            count = replay->options->count;
    if (count >= 0 && (total < 0 || count < total))
        total = count;
    double seconds = (double)(now - replay->started) / 1e9, rate = seconds > 0 ? (double)replay->taken / seconds : 0;
    double left = total >= 0 && rate > 0 ? (double)(total - published) / rate : -1;
    replay->options->progress(replay->options->context, published, total, rate, left);
}

/* The commit was undone, or not: what the place says is true. `failure` tells what happened and then whether to try
 * again. */
static int replay_settle(struct replay *replay, const struct bus_position *position, struct error *failure) {
    struct bus_committed place;
    struct error unknown;
    int status = bus_committed(replay->bus, replay->group, replay->options->topic, 0, &place, &unknown);
    if (status) {
        *failure = unknown;
        return status;
    }
    if (place.exists && place.next_offset == position->next_offset && strcmp(place.metadata, position->metadata) == 0) {
        publisher_drop(replay->publisher);
        return 0;
    }
    failure->retriable = true;
    return ERROR_ABORTED;
}

static int replay_commit(struct replay *replay, struct error *error) {
    char metadata[REPLAY_METADATA_SIZE];
    snprintf(metadata, sizeof(metadata), "line=%" PRId64 " done=%d", replay->line, replay->ended);
    struct bus_position position = {.group = replay->group,
                                    .topic = replay->options->topic,
                                    .partition = 0,
                                    .next_offset = replay->resumed_at + replay->taken,
                                    .metadata = metadata,
                                    .expected = replay->revision};
    int64_t back_off = REPLAY_BACK_OFF;
    for (int try = 1;; try++, back_off *= 2) {
        struct error failure = {0};
        int status = publisher_commit(replay->publisher, &position, &failure);
        if (status == ERROR_ABORTED)
            status = replay_settle(replay, &position, &failure);
        if (!status) {
            replay->revision++;
            return 0;
        }
        if (status == ERROR_CONFLICT)
            return error_set(
                error, ERROR_CONFLICT,
                "another replay of the same source is running (it moved the place of group %s): stop one of them",
                replay->group);
        if (!failure.retriable || try == REPLAY_COMMIT_TRIES) {
            error_set(error, failure.code ? failure.code : status, "%s", failure.message);
            if (error)
                error->retriable = failure.retriable;
            return status;
        }
        clock_sleep_ns(replay->options->clock, back_off);
    }
}

/* How many readings of this run are due at `now`. */
static int64_t replay_due(const struct replay *replay, int64_t now) {
    double due = (double)(now - replay->started) / 1e9 * replay->options->rate + 1;
    return due < 9e18 ? (int64_t)due : INT64_MAX;
}

/* Waits until the next reading is due, a tick after the last one at the earliest, or until stopped. */
static void replay_wait(struct replay *replay, int64_t tick) {
    double seconds = (double)replay->taken / replay->options->rate;
    int64_t due = seconds < 9e8 ? replay->started + (int64_t)ceil(seconds * 1e9) : INT64_MAX;
    int64_t until = due > tick + REPLAY_TICK ? due : tick + REPLAY_TICK;
    for (int64_t now = replay_now(replay); now < until && !replay_stopped(replay); now = replay_now(replay)) {
        clock_sleep_ns(replay->options->clock, until - now < REPLAY_SLEEP_LONGEST ? until - now : REPLAY_SLEEP_LONGEST);
        replay_report(replay, false);
    }
}

/* Publishes readings until `due` of this run are, the publisher is full, the source or the count has ended, or a
 * stop is asked for. */
static int replay_publish_due(struct replay *replay, int64_t due, struct error *error) {
    int64_t wall = clock_wall(replay->options->clock), since = 0; /* when the first pending one of a live source came */
    bool live = replay_source_is_live(replay->source);
    while (replay->taken < due && !replay_counted_out(replay) && !publisher_is_full(replay->publisher)) {
        struct replay_reading reading;
        bool empty = publisher_is_empty(replay->publisher);
        if (live && !empty &&
            (replay_source_waits(replay->source, REPLAY_LIVE_SILENCE) || replay_now(replay) - since > REPLAY_LIVE))
            return 0;
        int status = replay_source_next(replay->source, &reading, error);
        if (live && empty) {
            since = replay_now(replay);
            wall = clock_wall(replay->options->clock);
        }
        if (status == 0)
            replay->ended = true;
        if (status <= 0)
            return status;
        status = publisher_publish(replay->publisher, replay->source, &reading, wall, error);
        if (status)
            return status;
        replay->line = replay_source_line(replay->source);
        if (++replay->taken % REPLAY_PROGRESS_EVERY == 0) {
            replay_report(replay, false);
            if (replay_stopped(replay))
                return 0;
        }
    }
    return 0;
}

static int replay_all(struct replay *replay, struct error *error) {
    bool paced = replay->options->rate > 0;
    for (;;) {
        struct error commit_error;
        int64_t tick = replay_now(replay);
        if (replay_stopped(replay) || replay_counted_out(replay))
            return 0;
        int status = replay_publish_due(replay, paced ? replay_due(replay, tick) : INT64_MAX, error);
        if (status == ERROR_INTERRUPTED && replay_stopped(replay))
            status = 0;
        int commit = publisher_is_empty(replay->publisher) && !replay->ended
                         ? 0
                         : replay_commit(replay, status ? &commit_error : error);
        if (status || commit)
            return status ? status : commit;
        replay_report(replay, false);
        if (replay->ended)
            return 0;
        if (paced && !replay_counted_out(replay) && replay->taken >= replay_due(replay, replay_now(replay)))
            replay_wait(replay, tick);
    }
}

static int replay_changed(const struct replay *replay, const char *what, struct error *error) {
    return error_set(error, ERROR_INVALID,
                     "the file has changed since the replay that is to be resumed (group %s, %" PRId64
                     " readings): %s; run without --resume to start anew",
                     replay->group, replay->resumed_at, what);
}

/* Discards what was published before and checks that the source then stands at the line of the place. */
static int replay_discard(struct replay *replay, struct error *error) {
    char what[120];
    for (int64_t i = 0; i < replay->resumed_at; i++) {
        struct replay_reading reading;
        if (i % REPLAY_PROGRESS_EVERY == 0 && replay_stopped(replay))
            return 0;
        int status = replay_source_next(replay->source, &reading, error);
        if (status < 0)
            return status;
        if (status == 0) {
            snprintf(what, sizeof(what), "it ends after %" PRId64 " readings", i);
            return replay_changed(replay, what, error);
        }
    }
    if (replay->resumed_at && replay_source_line(replay->source) != replay->line) {
        snprintf(what, sizeof(what), "the last one was on line %" PRId64 " and now is on line %" PRId64, replay->line,
                 replay_source_line(replay->source));
        return replay_changed(replay, what, error);
    }
    return 0;
}

/* Finds the place, takes it over when it starts anew, or goes to it. `*ret_done`: nothing is left to publish. */
static int replay_begin(struct replay *replay, bool *ret_done, struct error *error) {
    struct bus_committed place;
    int done = 0;
    int status = bus_committed(replay->bus, replay->group, replay->options->topic, 0, &place, error);
    if (status)
        return status;
    replay->revision = place.exists ? place.revision : 0;
    *ret_done = false;
    if (!place.exists)
        return 0;
    if (!replay->options->resume && !replay->options->again && place.next_offset > 0)
        return error_set(error, ERROR_EXISTS,
                         "this source was replayed before: %" PRId64
                         " of its readings are in topic %s; --resume goes on "
                         "after them, --again publishes them once more",
                         place.next_offset, replay->options->topic);
    if (!replay->options->resume)
        return replay_commit(replay, error);
    if (sscanf(place.metadata, "line=%" SCNd64 " done=%d", &replay->line, &done) != 2 || place.next_offset < 0)
        return error_set(error, ERROR_CORRUPT,
                         "the place of group %s cannot be read (\"%.40s\"): run without --resume to start anew",
                         replay->group, place.metadata);
    replay->resumed_at = place.next_offset;
    *ret_done = replay_counted_out(replay) || (done && replay_source_total(replay->source) >= 0);
    return *ret_done ? 0 : replay_discard(replay, error);
}

int replay_run(struct bus *bus, struct replay_source *source, const char *identity,
               const struct replay_options *options, struct replay_result *ret_result, struct error *error) {
    struct replay replay = {.options = options, .source = source, .bus = bus};
    bool done = false;
    int length = snprintf(replay.group, sizeof(replay.group), "replay.%s", identity);
    if (length < 0 || (size_t)length >= sizeof(replay.group))
        return error_set(error, ERROR_INVALID, "the name of the source is longer than %d bytes", REPLAY_GROUP_SIZE - 8);
    int status = publisher_open(bus, replay.group, options->topic, options->json, &replay.publisher, error);
    if (!status)
        status = replay_begin(&replay, &done, error);
    replay.started = replay.reported = replay_now(&replay);
    if (!status && !done)
        status = replay_all(&replay, error);
    replay_report(&replay, true);
    publisher_close(replay.publisher);
    if (status)
        return status;
    double seconds = (double)(replay_now(&replay) - replay.started) / 1e9;
    bool interrupted = replay_stopped(&replay) && !replay.ended && !done && !replay_counted_out(&replay);
    *ret_result = (struct replay_result){
        .published = replay.taken, .resumed_at = replay.resumed_at, .seconds = seconds, .interrupted = interrupted};
    return 0;
}
