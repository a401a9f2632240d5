/* One topic of a task of queries: record batches as they come from the log, decoded once for each source that reads
 * it, until they have been worked on.
 *
 *     committed          work_offset         read_offset
 *     ────╂── worked on ──────╂── at hand ────────╂─── in the log
 *
 * Below the committed offset records only rebuild state. With a single topic a batch is worked on while the log
 * still owns it; with several, batches are copied and wait until it is their turn, so many at most: then the
 * partition is paused. It is paused too while the schema registry cannot be asked: the batches that have come are
 * kept, undecoded, and tried again. */
#ifndef METERLINE_STREAM_RUNTIME_INPUT_H
#define METERLINE_STREAM_RUNTIME_INPUT_H

#include "core/log.h"
#include "stream/output/late.h"
#include "stream/source/repeats.h"
#include "stream/source/source_reader.h"
#include "stream/source/stream_time.h"

/* When the log no longer has what a position needs. */
enum lost_offsets {
    LOST_OFFSETS_FAIL,     /* an error that says what cannot be completed */
    LOST_OFFSETS_EARLIEST, /* go on with the oldest record there is; results that lack records are marked */
    LOST_OFFSETS_LATEST,   /* go on with the next record that comes, marked likewise */
};

/* What the tasks of a worker share. */
struct query_work {
    struct bus *bus;
    const struct clock *clock;
    const struct log *log;
    const struct query_group *group;
    const atomic_bool *stop;
    struct bus_consumer *consumer;
    struct query_output *output;
    struct source_reader **readers; /* by reading of the group */
    struct arena arena;             /* of the run of records at hand */
    struct late_records late;       /* of the run */
    void *scratch;                  /* of evaluations */
    size_t culprit;                 /* the member that has met an error; member_count or more: none has */
    enum lost_offsets lost_offsets;
    bool of_the_moment;                    /* as query_settings has it */
    struct query_diagnostics *diagnostics; /* by member, and after them by topic: what has been logged */
};

struct query_batch {
    struct query_batch *next;
    struct arena arena;
    struct bus_batch records;
    struct source_rows *rows; /* by reading of the group; only those of this topic */
    int64_t *times;           /* by record: which goes first among topics */
    size_t done;              /* records that have been worked on */
    size_t bytes;
};

struct query_input {
    size_t topic; /* of the group */
    int32_t partition;
    struct query_batch *first, **last;
    struct query_batch *undecoded; /* the first that waits for the registry; all after it do too. NULL: none */
    struct query_batch *spare;     /* keeps its memory for the next one */
    size_t waiting, waiting_bytes; /* records at hand, and what they take */
    int64_t read_offset;           /* the next to come from the log */
    int64_t work_offset;           /* the next to be worked on */
    int64_t next_offset;           /* what has been worked on, in any run, ends before it: the position */
    int64_t revision;              /* of the committed position */
    int64_t until;                 /* end offset at start, for --until-end; INT64_MAX: not known yet */
    int64_t load_until;            /* of a table: up to here it goes before the streams; 0: no further */
    struct origins origins;        /* of a repartition topic: what those that feed it have told */
    struct incomplete incomplete;  /* results that lack records which the topic has lost */
    struct repeats repeats;        /* of a stream's topic that others write */
    bool at_end;                   /* there was nothing more when we last looked */
    bool until_is_whole;           /* `until` also counts what was not committed yet when it was first reached */
    int64_t held_since_ns;         /* monotonic: a transaction that is open holds records up; 0: none does */
    int64_t held_notice_ns;        /* when that was last logged */
    bool paused;
    char metadata[BUS_METADATA_MAXIMUM + 1];
};

/* Are deliveries that are repeated looked for in the topic? */
bool query_input_has_repeats(const struct query_input *input, const struct query_group *group);
void query_input_open(struct query_input *input, size_t topic, int32_t partition);
void query_input_close(struct query_input *input);
/* Lets a partition that is held back go on: a pause would outlive the task, whose successor knows nothing of it. */
void query_input_release(struct query_input *input, struct query_work *work);
/* Takes a batch of the topic, or the news that it ends here. A retriable error: the registry could not be asked; the
 * batch is kept, and the partition held back, until query_input_decode succeeds. */
int query_input_take(struct query_input *input, struct query_work *work, const struct bus_batch *records,
                     struct error *error);
/* Tries again what could not be decoded. */
int query_input_decode(struct query_input *input, struct query_work *work, struct error *error);
/* The first batch can be worked on. */
static inline bool query_input_ready(const struct query_input *input) {
    return input->first && input->first != input->undecoded;
}
/* `count` records of the first batch have been worked on. */
int query_input_done(struct query_input *input, struct query_work *work, size_t count, struct error *error);

/* Where the topic ends, as far as that is known without asking a server (INT64_MAX: it is not). */
int query_input_end(const struct query_input *input, const struct query_work *work, int64_t *ret_end,
                    struct error *error);

static inline int64_t query_batch_offset(const struct query_batch *batch) {
    return batch->records.base_offset + (int64_t)batch->done;
}

/* --- diagnostics: what is worth a line in the log, each once and not too many --- */

enum { QUERY_DIAGNOSTICS_MAXIMUM = 8 };

struct query_diagnostics {
    uint64_t seen[QUERY_DIAGNOSTICS_MAXIMUM]; /* hashes of messages */
    size_t count;
};

/* An evaluation for the run at hand; `errors` are those of a member, or of a topic (member_count + topic). */
struct query_report {
    const struct query_work *work;
    size_t place;
    int32_t partition;
    int64_t offset; /* of the first record at hand */
};
void query_work_diagnose(struct query_report *report, const char *message);
/* `report` NULL: errors are not reported. */
struct evaluation query_work_evaluation(const struct query_work *work, struct arena *arena, struct query_report *report,
                                        struct row_errors *ret_errors);

#endif
