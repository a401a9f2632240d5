/* A sink: a thread that brings the records of one topic into something outside of the log, at its own pace and with
 * positions of its own, so that what produces the topic goes on while the target is away.
 *
 *     poll ─▶ target->write (may keep some under way) ─▶ ... ─▶ target->flush (all acknowledged) ─▶ commit positions
 *                 │ retriable: wait, go back to the committed positions, write again
 *
 * Writing again must change nothing: targets are idempotent. Memory is bounded: what a target keeps under way is its
 * own bound, and nothing is polled while it pushes back. */
#ifndef METERLINE_STREAM_SINK_SINK_H
#define METERLINE_STREAM_SINK_SINK_H

#include "bus/bus.h"
#include "core/log.h"
#include "stream/runtime/dead_letter.h"
#include <pthread.h>
#include <stdatomic.h>

/* What records are brought to. The functions are called by the sink's thread. */
struct sink_target {
    const char *name; /* "store", "cache": in messages */
    /* Records that cannot be read go to `mail`. A retriable error: the target is away. */
    int (*write)(void *context, const struct bus_batch *records, struct mail *mail, struct error *error);
    int (*flush)(void *context, struct error *error);
    void (*close)(void *context);
};

struct sink_counts {
    atomic_uint_fast64_t records, rejected, retries, commits;
};

struct sink_settings {
    struct bus *bus;
    const char *group, *topic, *rejected; /* whose positions; what is read; where unreadable records go */
    size_t number, count;                 /* share on the embedded log */
    const struct clock *clock;
    const struct log *log;
    atomic_bool *stop;   /* end after a last commit */
    atomic_bool *failed; /* set when the sink ends with an error */
    atomic_bool *drain;  /* nobody adds to the topic any more: end when what is there is done */
};

struct sink {
    struct sink_settings settings;
    const struct sink_target *target;
    void *context; /* the target's; owned */
    struct bus_consumer *consumer;
    struct bus_producer *producer;
    struct mail mail;
    struct bus_member member;
    int32_t partitions;
    struct sink_place *places; /* by partition */
    bool assigned, given_up;
    int64_t last_commit_ns, last_notice_ns;
    struct sink_counts counts;
    pthread_t thread;
    int status; /* what the thread ended with */
    struct error error;
};

/* Takes `context` over in any case. Creates the topic when it is missing. `settings` strings outlive the sink. */
int sink_open(struct sink *sink, const struct sink_settings *settings, const struct sink_target *target, void *context,
              struct error *error);
/* A pthread's function; NULL, with sink->status and ->error set. */
void *sink_run(void *sink);
void sink_close(struct sink *sink);

#endif
