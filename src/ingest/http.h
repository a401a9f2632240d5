/* Readings over HTTP: routes of meterline's own API, of InfluxDB's writes and of ThingsBoard's telemetry.
 *
 *     begin   who is it, may it write, does the log take anything     401 403 415 429 503, before the body is read
 *     handle  body ─▶ readings and rejections ─▶ committer            400 403 413
 *     answer  after the commit: 200 204, 400 422 for what was rejected, 503 when the log did not take it
 *
 * Loopback needs no token unless a proxy speaks for others (Forwarded, X-Forwarded-For). Everybody else needs one,
 * unless `insecure` and there are none. */
#ifndef METERLINE_INGEST_HTTP_H
#define METERLINE_INGEST_HTTP_H

#include "ingest/commit.h"
#include "ingest/payload_pool.h"
#include "net/http/site.h"

/* The context of an http_server with ingest_http_routes. */
struct ingest_http {
    struct committer *committer;
    const struct http_site *site; /* who may come, and the counters that /metrics shows */
    const struct clock *clock;
    const char *topic;    /* for messages */
    int64_t wait_maximum; /* ms: when the oldest delivery has waited so long, new ones are refused */
    struct payload_pool readers;
};

extern const struct http_route ingest_http_routes[];

void ingest_http_init(struct ingest_http *ingest);
void ingest_http_release(struct ingest_http *ingest);

#endif
