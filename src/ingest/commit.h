/* The committing thread: deliveries of any protocol into the log, many in one transaction.
 *
 *     workers ── committer_submit ──▶ queue ──▶ committing thread ── one commit for all that waited ──▶ done(), each
 *
 * What comes while a commit runs goes with the next one, so all clients that wait share one fdatasync. Readings go to the
 * topic, in the record format of `replay`; rejections go to TOPIC-rejected as they came, with headers `error`,
 * `origin.source` and `origin.line`, in the same transaction. Nothing is kept for later: when the log does not take
 * a delivery, it ends with an error that says whether sending it again may help, and the client does that.
 *
 * A delivery with an identity leaves it in the headers of its records: `ingest.id`, and `ingest.seq`, "LINE.PART". Of
 * one without, a reading that told its own time is its own identity: an `ingest.id` of no bytes. */
#ifndef METERLINE_INGEST_COMMIT_H
#define METERLINE_INGEST_COMMIT_H

#include "bus/bus.h"
#include "ingest/payload.h"

enum { DELIVERY_IDENTITY_MAXIMUM = 255 };

/* What came in one request or message. Filled in and owned by its protocol; it and all that it points to stay as they
 * are from committer_submit to done(). */
struct delivery {
    const struct payload_reading *readings;
    size_t count;
    const struct payload_rejection *rejections;
    size_t rejected;
    struct slice identity; /* what the sender calls it, at most DELIVERY_IDENTITY_MAXIMUM bytes; length 0: nothing */
    struct slice source;   /* who sent it and how, for the headers of rejections: "http 192.0.2.1 /write" */
    int64_t received;      /* ms since the epoch: the timestamp of its records */
    /* Called once, in the committing thread, after the commit or its failure. Must not wait; it may free the delivery. */
    void (*done)(struct delivery *delivery);

    /* Outcome, when done() is called */
    int status; /* 0: committed. retriable in `error`: the log is away or busy, sending it again may help */
    struct error error;
    size_t duplicates; /* of the readings: known already, and not written again */

    struct delivery *next; /* the committer's */
    int64_t queued;        /* the committer's: monotonic ms */
};

/* What knows which readings were there before. Called in the committing thread only. NULL functions are none. */
struct commit_repeats {
    /* Sets known[i] for each reading that is a repeat, of one that is committed or of one of this transaction. A
     * negative code refuses the delivery: ERROR_CONFLICT, its identity was another delivery's. */
    int (*recognise)(void *context, const struct delivery *delivery, bool *known, struct error *error);
    /* How the transaction of all that was recognised since the last call has ended. */
    void (*ended)(void *context, bool committed);
    void *context;
};

struct commit_options {
    struct bus *bus;
    const char *topic; /* created when missing */
    bool json;         /* values in JSON; otherwise Avro */
    const struct clock *clock;
    const struct log *log;
    const struct commit_repeats *repeats; /* NULL: every reading is new */
};

/* Monotonic sums; readings = accepted + duplicates + failed. */
struct commit_counts {
    uint64_t deliveries, accepted, rejected, duplicates, failed, commits;
};

struct committer;

/* Opens the producer and the topics, and starts the thread. On a log that is away (Kafka) it starts all the same. */
int committer_open(const struct commit_options *options, struct committer **ret_committer, struct error *error);
/* Any thread; never waits. */
void committer_submit(struct committer *committer, struct delivery *delivery);
/* For how long (ms) the oldest delivery has waited for its commit; 0: none waits. Any thread. */
int64_t committer_waiting(struct committer *committer);
/* The last commit or attempt failed as the log was away or busy. Any thread. */
bool committer_log_is_away(struct committer *committer);
void committer_counts(struct committer *committer, struct commit_counts *ret_counts);
/* Commits what waits, calls done() of all, and ends the thread. ret_counts may be NULL. NULL is fine; returns NULL. */
struct committer *committer_close(struct committer *committer, struct commit_counts *ret_counts);

#endif
