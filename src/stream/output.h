/* Where a worker's results go: the topics TOPIC-aggregates-N as JSON, TOPIC-late, TOPIC-rejected, and the store; all
 * of it, and the positions, in one commit. Results are kept until the commit has succeeded, so that a commit can be
 * tried again. One thread. */
#ifndef METERLINE_STREAM_OUTPUT_H
#define METERLINE_STREAM_OUTPUT_H

#include "bus/bus.h"
#include "store/store.h"
#include "stream/query.h"

struct output;

/* `store` NULL: results go to the topics only. `name` and `member`: as bus_producer_options has them. */
int output_open(struct bus *bus, struct store *store, const struct aggregate_query *query, const char *name,
                struct bus_consumer *member, const struct clock *clock, struct output **ret_output,
                struct error *error);
struct output *output_close(struct output *output);

/* Final results of any sizes, in output order. Their strings must live until the commit. */
int output_results(struct output *output, const struct aggregate_row *rows, size_t count, struct error *error);
/* A record that could not be read: unchanged, with headers that say why and where it came from. */
int output_rejected(struct output *output, const struct bus_batch *batch, size_t index, const char *reason,
                    struct error *error);
/* A late reading: unchanged, with the window sizes it missed (bits) and the stream time. */
int output_late(struct output *output, const struct bus_batch *batch, size_t index, uint16_t missed,
                int64_t stream_time, struct error *error);

bool output_pending(const struct output *output);
size_t output_pending_bytes(const struct output *output);
/* As bus_producer_commit; whatever it returns, nothing is pending afterwards. */
int output_commit(struct output *output, const struct bus_position *positions, size_t count, struct error *error);
void output_abort(struct output *output); /* drops what is pending */

#endif
