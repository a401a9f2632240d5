/* Health and counters. They need no token: they say nothing of readings. */
#include <inttypes.h>

#include "core/memory.h"
#include "ingest/http_request.h"

static struct ingest_http *ingest_of(struct http_exchange *exchange) {
    return exchange->server->context;
}

/* Why it takes no readings now; NULL: it does. */
static const char *unready_reason(struct http_exchange *exchange) {
    struct ingest_http *ingest = ingest_of(exchange);
    if (atomic_load(&exchange->server->leaving))
        return "it is ending";
    if (committer_log_is_away(ingest->committer))
        return "the log takes nothing";
    return committer_waiting(ingest->committer) > ingest->wait_maximum ? "the log is slow" : NULL;
}

static void ping_handle(struct http_exchange *exchange) {
    http_answer_header(exchange, "X-Influxdb-Version", "v2.7-meterline-" METERLINE_VERSION);
    http_answer_header(exchange, "X-Influxdb-Build", "meterline");
    http_answer(exchange, 204, NULL, SLICE(""));
}

static void health_handle(struct http_exchange *exchange) {
    const char *reason = unready_reason(exchange);
    cleanup(bytes_release) struct bytes body = {0};
    bytes_append_format(
        &body, "{\"name\":\"meterline\",\"message\":\"%s\",\"status\":\"%s\",\"checks\":[],\"version\":\"%s\"}\n",
        reason ? reason : "ready for writes", reason ? "fail" : "pass", METERLINE_VERSION);
    http_answer(exchange, reason ? 503 : 200, "application/json", bytes_slice(&body));
}

static void livez_handle(struct http_exchange *exchange) {
    http_answer(exchange, 200, "text/plain", SLICE("ok\n"));
}

static void readyz_handle(struct http_exchange *exchange) {
    const char *reason = unready_reason(exchange);
    cleanup(bytes_release) struct bytes body = {0};
    bytes_append_format(&body, "%s\n", reason ? reason : "ok");
    http_answer(exchange, reason ? 503 : 200, "text/plain", bytes_slice(&body));
}

static void metric(struct bytes *to, const char *name, const char *type, const char *help) {
    bytes_append_format(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void metrics_handle(struct http_exchange *exchange) {
    struct ingest_http *ingest = ingest_of(exchange);
    cleanup(bytes_release) struct bytes body = {0};
    struct commit_counts commits;
    struct net_counts net;
    committer_counts(ingest->committer, &commits);
    net_server_counts(ingest->site->server, &net);
    metric(&body, "meterline_ingest_readings_total", "counter",
           "Readings by outcome; rejected ones are lines or values.");
    bytes_append_format(&body, "meterline_ingest_readings_total{result=\"accepted\"} %" PRIu64 "\n", commits.accepted);
    bytes_append_format(&body, "meterline_ingest_readings_total{result=\"rejected\"} %" PRIu64 "\n", commits.rejected);
    bytes_append_format(&body, "meterline_ingest_readings_total{result=\"duplicate\"} %" PRIu64 "\n",
                        commits.duplicates);
    bytes_append_format(&body, "meterline_ingest_readings_total{result=\"failed\"} %" PRIu64 "\n", commits.failed);
    metric(&body, "meterline_ingest_deliveries_total", "counter", "Requests and messages that had readings.");
    bytes_append_format(&body, "meterline_ingest_deliveries_total %" PRIu64 "\n", commits.deliveries);
    metric(&body, "meterline_ingest_commits_total", "counter", "Transactions of the log.");
    bytes_append_format(&body, "meterline_ingest_commits_total %" PRIu64 "\n", commits.commits);
    metric(&body, "meterline_ingest_inflight_bytes", "gauge", "Memory of requests that are under way.");
    bytes_append_format(&body, "meterline_ingest_inflight_bytes %zu\n", net.bytes);
    metric(&body, "meterline_ingest_oldest_wait_seconds", "gauge", "How long the oldest delivery has waited.");
    bytes_append_format(&body, "meterline_ingest_oldest_wait_seconds %.3f\n",
                        (double)committer_waiting(ingest->committer) / 1000);
    metric(&body, "meterline_connections", "gauge", "Connections that are open.");
    bytes_append_format(&body, "meterline_connections %zu\n", net.connections);
    metric(&body, "meterline_connections_accepted_total", "counter", "Connections that were accepted.");
    bytes_append_format(&body, "meterline_connections_accepted_total %" PRIu64 "\n", net.accepted);
    metric(&body, "meterline_connections_refused_total", "counter", "Connections that were closed at once.");
    bytes_append_format(&body, "meterline_connections_refused_total{reason=\"limit\"} %" PRIu64 "\n", net.refused);
    bytes_append_format(&body, "meterline_connections_refused_total{reason=\"tls\"} %" PRIu64 "\n", net.tls_failures);
    bytes_append_format(&body, "meterline_connections_refused_total{reason=\"proxy\"} %" PRIu64 "\n",
                        net.proxy_failures);
    http_answer(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", bytes_slice(&body));
}

const struct http_handler ingest_ping = {.handle = ping_handle};
const struct http_handler ingest_health = {.handle = health_handle};
const struct http_handler ingest_livez = {.handle = livez_handle};
const struct http_handler ingest_readyz = {.handle = readyz_handle};
const struct http_handler ingest_metrics = {.handle = metrics_handle};
