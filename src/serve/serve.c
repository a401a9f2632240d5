#include "serve/serve.h"

#include "core/memory.h"
#include "serve/ksql/ksql.h"
#include "serve/service.h"

static void livez_handle(struct http_exchange *exchange) {
    http_answer(exchange, 200, "text/plain", SLICE("ok\n"));
}

static const struct http_handler livez = {.handle = livez_handle};

static const struct http_route serve_routes[] = {
    {HTTP_POST, "/ksql", &ksql_statements},
    {HTTP_POST, "/query", &ksql_query},
    {HTTP_POST, "/query-stream", &ksql_query_stream},
    {HTTP_POST, "/close-query", &ksql_close_query},
    {HTTP_POST, "/inserts-stream", &ksql_inserts},
    {HTTP_GET, "/info", &ksql_info},
    {HTTP_GET, "/healthcheck", &ksql_health},
    {HTTP_GET, "/clusterStatus", &ksql_cluster},
    {HTTP_GET, "/status/stream/*/create", &ksql_status},
    {HTTP_GET, "/status/stream/*/drop", &ksql_status},
    {HTTP_GET, "/status/table/*/create", &ksql_status},
    {HTTP_GET, "/status/table/*/drop", &ksql_status},
    {HTTP_GET, "/status/type/*/create", &ksql_status},
    {HTTP_GET, "/status/type/*/drop", &ksql_status},
    {HTTP_GET, "/status/terminate/*/execute", &ksql_status},
    {HTTP_GET, "/is_valid_property/*", &ksql_property},
    {HTTP_GET, "/livez", &livez},
    {HTTP_GET, "/readyz", &ksql_health},
    {0},
};

int serve_refusal(const struct http_exchange *exchange, enum token_right right) {
    bool known;
    return http_site_refusal(&serve_of(exchange)->site, exchange, (struct slice){0}, NULL, right, NULL, &known);
}

int serve_open(const struct serve_options *options, struct serve **ret_serve, struct error *error) {
    struct serve *serve = memory_zero(1, sizeof *serve);
    if (!serve || !(serve->tasks = tasks_open(options->tasks))) {
        free(serve);
        return error_no_memory(error);
    }
    serve->options = *options;
    int status = http_site_open(&serve->site, &options->site, serve_routes, serve, error);
    if (!status)
        status = http_site_start(&serve->site, error);
    if (status)
        serve_close(serve, 0);
    else
        *ret_serve = serve;
    return status;
}

struct net_address serve_http_address(const struct serve *serve) {
    return serve->site.bound;
}

void serve_refresh(struct serve *serve, bool force) {
    http_site_refresh(&serve->site, force);
}

/* Tasks end before the workers, through which their answers go. */
struct serve *serve_close(struct serve *serve, int64_t timeout) {
    if (!serve)
        return NULL;
    http_site_leave(&serve->site);
    tasks_stop(serve->tasks);
    http_site_drain(&serve->site, timeout);
    http_site_close(&serve->site);
    tasks_free(serve->tasks);
    free(serve);
    return NULL;
}
