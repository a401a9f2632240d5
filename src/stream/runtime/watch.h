/* Records that a transaction holds up: on Kafka everything after the first record of a transaction that is open is
 * hidden, so a publisher that hangs looks like the end of the topic.
 *
 *     ── read ──┃ begin ······ records of others, committed ······ ┃ high watermark
 *               ╰ last stable offset: all that a consumer is given
 *
 * When that lasts, it is logged. */
#ifndef METERLINE_STREAM_RUNTIME_WATCH_H
#define METERLINE_STREAM_RUNTIME_WATCH_H

struct query_worker;

/* Looks now and then, without asking a server. */
void query_worker_watch(struct query_worker *worker);

#endif
