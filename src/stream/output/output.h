/* Where the queries of a worker write: their sinks' topics, dead letters, changelogs, and the positions; all of it in one
 * commit. One thread. */
#ifndef METERLINE_STREAM_OUTPUT_OUTPUT_H
#define METERLINE_STREAM_OUTPUT_OUTPUT_H

#include "stream/group/group.h"
#include "stream/output/tap.h"
#include "stream/source/stream_time.h"

struct query_output;

struct query_output_options {
    struct bus *bus;
    const struct query_group *group;
    const char *name; /* as bus_producer_options has it */
    struct bus_consumer *member;
    const char *rejected;    /* topic of records that cannot be read; NULL: TOPIC-rejected of each topic */
    const struct taps *taps; /* of the topics that are written; NULL: none */
    bool at_least_once;
    const struct clock *clock;
};

/* Everything it writes to must exist, but for topics of dead letters, which are made. */
int query_output_open(const struct query_output_options *options, struct query_output **ret_output,
                      struct error *error);
struct query_output *query_output_close(struct query_output *output);

/* The record of a member that row `row` of `rows` has become, brought about by record rows->origins[row] of the batch
 * at hand. Without a key it goes to the partition that its input came from. */
int query_output_emit(struct query_output *output, size_t member, int32_t partition, const struct bus_record *record,
                      const struct rows *rows, uint32_t row, struct error *error);
/* A mark of a member's task, for every partition of the topic that it writes. */
int query_output_mark(struct query_output *output, size_t member, const struct stream_mark *mark, struct error *error);
/* The run of input records at hand is done: what several members have written to one topic goes there in the order
 * of (origin, member). After an error *ret_member is the one whose record it was. */
int query_output_flush(struct query_output *output, size_t *ret_member, struct error *error);
/* A record of the group's topic `topic` that cannot be read. ERROR_CORRUPT when it is a repartition topic. */
int query_output_reject(struct query_output *output, size_t topic, const struct bus_batch *batch, size_t index,
                        const char *reason, struct error *error);
/* A record of the group's topic `topic` that windows have missed, with headers that say so. Nothing is written when
 * no late topic is open for it. */
int query_output_late(struct query_output *output, size_t topic, const struct bus_batch *batch, size_t index,
                      const struct bus_header *why, size_t why_count, struct error *error);
/* A change of what operator number `operator` of a member keeps; `value` with data NULL: it is gone. */
int query_output_save(struct query_output *output, size_t member, int32_t partition, size_t op, struct slice key,
                      struct slice value, struct error *error);

bool query_output_pending(const struct query_output *output);
bool query_output_feeds_itself(
    const struct query_output *output); /* something of it is for a topic that the group reads */
size_t query_output_pending_bytes(const struct query_output *output);
/* As bus_producer_commit, tried again for a while; whatever it returns, nothing is pending afterwards. After an error
 * that a topic alone has brought about, *ret_member is one that writes it. */
int query_output_commit(struct query_output *output, const struct bus_position *positions, size_t count,
                        size_t *ret_member, struct error *error);
void query_output_abort(struct query_output *output);

/* Keys of changelogs: number of the operator, then the key of its entry. False: there is no number. */
bool query_changelog_key_read(struct slice *key, size_t *ret_operator);

#endif
