/* What ksqlDB says of itself: who it is, whether it is well, what became of a command. */
#include "core/memory.h"
#include "serve/ksql/ksql.h"

#include <inttypes.h>

#include "codec/json/json.h"
#include "serve/ksql/request.h"

static bool allowed(struct http_exchange *exchange) {
    int refusal = serve_refusal(exchange, TOKEN_QUERY);
    if (refusal)
        http_answer_error(exchange, refusal, "a token with the scope query or admin is needed", 0);
    return refusal == 0;
}

static void info_handle(struct http_exchange *exchange) {
    cleanup(bytes_release) struct bytes body = {0};
    if (!allowed(exchange))
        return;
    bytes_append_format(&body,
                        "{\"KsqlServerInfo\":{\"version\":\"%s\",\"kafkaClusterId\":\"meterline\",\"ksqlServiceId\":"
                        "\"default_\",\"serverStatus\":\"RUNNING\"}}",
                        serve_of(exchange)->options.version);
    http_answer(exchange, 200, KSQL_TYPE, bytes_slice(&body));
}

const struct http_handler ksql_info = {.handle = info_handle, .fail = ksql_fail};

/* The log is asked for its topics: without it nothing is well. */
static void health_run(struct task *task) {
    struct bus_topic_list topics = {0};
    struct error error = {0};
    bool good = bus_topics(task->serve->options.bus, &topics, &error) == 0;
    bus_topic_list_release(&topics);
    cleanup(bytes_release) struct bytes body = {0};
    const char *healthy = good ? "true" : "false";
    bytes_append_format(&body,
                        "{\"isHealthy\":%s,\"details\":{\"metastore\":{\"isHealthy\":%s},\"kafka\":{\"isHealthy\":%s},"
                        "\"commandRunner\":{\"isHealthy\":%s}},\"serverState\":\"READY\"}",
                        healthy, healthy, healthy, healthy);
    task_answer(task, 200, KSQL_TYPE, bytes_slice(&body));
}

static void health_handle(struct http_exchange *exchange) {
    if (allowed(exchange))
        task_start(serve_of(exchange)->tasks, serve_of(exchange), exchange, health_run);
}

const struct http_handler ksql_health = {.handle = health_handle, .fail = ksql_fail};

static void cluster_handle(struct http_exchange *exchange) {
    cleanup(bytes_release) struct bytes body = {0};
    const struct serve *serve = serve_of(exchange);
    char address[NET_ADDRESS_SIZE];
    if (!allowed(exchange))
        return;
    net_address_write(&serve->site.bound, address);
    bytes_append_format(&body,
                        "{\"clusterStatus\":{\"%s\":{\"hostAlive\":true,\"lastStatusUpdateMs\":%" PRId64
                        ",\"activeStandbyPerQuery\":{},\"hostStoreLags\":{\"stateStoreLags\":{},\"updateTimeMs\":0}}}}",
                        address, clock_wall(serve->options.site.clock));
    http_answer(exchange, 200, KSQL_TYPE, bytes_slice(&body));
}

const struct http_handler ksql_cluster = {.handle = cluster_handle, .fail = ksql_fail};

/* Any name can be set in a request. */
static void property_handle(struct http_exchange *exchange) {
    if (allowed(exchange))
        http_answer(exchange, 200, KSQL_TYPE, SLICE("true"));
}

const struct http_handler ksql_property = {.handle = property_handle, .fail = ksql_fail};

/* --- /status/KIND/NAME/ACTION
 * ------------------------------------------------------------------------------------------------------------------ */

static int ignore_effect(void *context, const struct session_effect *effect, struct error *error) {
    (void)context, (void)effect, (void)error;
    return 0;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* %60 is a backtick, as clients write it in a path. */
static struct slice percent_decoded(struct arena *arena, struct slice text) {
    char *to = arena_allocate(arena, text.length + 1);
    size_t length = 0;
    for (size_t i = 0; to && i < text.length; i++) {
        bool coded = text.data[i] == '%' && i + 2 < text.length && hex_digit(text.data[i + 1]) >= 0 &&
                     hex_digit(text.data[i + 2]) >= 0;
        to[length++] = coded ? (char)(hex_digit(text.data[i + 1]) * 16 + hex_digit(text.data[i + 2])) : text.data[i];
        i += coded ? 2 : 0;
    }
    return to ? (struct slice){to, length} : text;
}

/* The name of the path, without backticks. */
static struct slice status_name(struct arena *arena, struct slice text) {
    struct slice part = percent_decoded(arena, text);
    bool quoted = part.length >= 2 && part.data[0] == '`' && part.data[part.length - 1] == '`';
    return quoted ? (struct slice){part.data + 1, part.length - 2} : part;
}

static bool path_begins(const struct http_exchange *exchange, const char *kind) {
    struct slice path = exchange->head.path;
    return path.length > strlen(kind) && memcmp(path.data, kind, strlen(kind)) == 0;
}

static bool path_ends(const struct http_exchange *exchange, const char *action) {
    struct slice path = exchange->head.path;
    size_t length = strlen(action);
    return path.length > length && memcmp(path.data + path.length - length, action, length) == 0;
}

/* Commands are done when they are answered: what is asked is whether there was one. */
static bool status_known(const struct http_exchange *exchange, const struct catalog *catalog, struct slice name) {
    bool gone = path_ends(exchange, "/drop") || path_ends(exchange, "/execute"), there = false;
    if (path_begins(exchange, "/status/type/"))
        there = catalog_type(catalog, name) != NULL;
    else if (path_begins(exchange, "/status/terminate/"))
        for (size_t i = 0; i < catalog_query_count(catalog); i++)
            there |= slice_equal(catalog_query_at(catalog, i)->id, name);
    else
        there = catalog_source(catalog, name) != NULL;
    return gone ? !there : there;
}

static void status_run(struct task *task) {
    struct sql_session sql;
    struct error error = {0};
    struct slice name = status_name(&task->exchange->arena, task->exchange->parameter);
    if (sql_session_open(&sql, task->serve->options.bus, task->serve->options.site.log, ignore_effect, NULL, &error)) {
        ksql_answer_error(task, ksql_code(&error), error.message);
        return;
    }
    bool known = status_known(task->exchange, session_catalog(sql.session), name);
    sql_session_close(&sql);
    if (known)
        task_answer(task, 200, KSQL_TYPE, SLICE("{\"status\":\"SUCCESS\",\"message\":\"Done\",\"queryId\":null}"));
    else
        ksql_answer_error(task, KSQL_NOT_FOUND, "there is no command of this id");
}

static void status_handle(struct http_exchange *exchange) {
    if (allowed(exchange))
        task_start(serve_of(exchange)->tasks, serve_of(exchange), exchange, status_run);
}

const struct http_handler ksql_status = {.handle = status_handle, .fail = ksql_fail};
