#include "ingest/ingest.h"

#include "core/memory.h"
#include "ingest/broker.h"
#include "ingest/delivered.h"
#include "ingest/http.h"
#include "ingest/mqtt.h"

enum { CERTIFICATE_LOOK_MS = 5000 };

struct ingest {
    struct ingest_options options;
    struct net_server *server;
    struct committer *committer;
    struct delivered *delivered;
    struct commit_repeats repeats;
    struct token_store *tokens;
    struct server_tls *tls; /* NULL: plain */
    struct ingest_http http;
    struct http_server http_server;
    struct ingest_mqtt mqtt;
    struct broker *broker;
    struct net_address http_address, mqtt_address;
    int64_t certificates_looked_at; /* monotonic ms */
};

static int ingest_open_access(struct ingest *ingest, struct error *error) {
    const struct ingest_options *options = &ingest->options;
    int status = token_store_open(options->tokens_file, &ingest->tokens, error);
    if (!status && options->tls.certificate_file)
        status = server_tls_open(&options->tls, &ingest->tls, error);
    return status;
}

/* Before anything listens: a name may stand for any address. */
static int ingest_check_access(const struct ingest *ingest, const char *address, struct error *error) {
    const struct ingest_options *options = &ingest->options;
    struct sockaddr_storage socket_address = {0};
    socklen_t length = 0;
    bool tokens = token_store_count(ingest->tokens) > 0;
    int status = net_address_resolve(address, &socket_address, &length, error);
    if (status)
        return status;
    struct net_address wanted = net_address_of((const struct sockaddr *)&socket_address);
    if (net_address_is_loopback(&wanted) || options->insecure || (tokens && ingest->tls))
        return 0;
    return error_set(error, ERROR_INVALID,
                     "%s can be reached from other machines, and there is no %s%s%s: make tokens with 'meterline token "
                     "create' and give --tls-certificate, or say --insecure to go without",
                     address, tokens ? "" : "token", tokens || ingest->tls ? "" : " and no ",
                     ingest->tls ? "" : "TLS certificate");
}

static int ingest_listen_http(struct ingest *ingest, struct error *error) {
    const struct ingest_options *options = &ingest->options;
    ingest->http_server = (struct http_server){.routes = ingest_http_routes,
                                               .context = &ingest->http,
                                               .clock = options->clock,
                                               .body_maximum = options->body_maximum,
                                               .head_timeout = options->head_timeout,
                                               .idle_timeout = options->idle_timeout,
                                               .body_grace = options->body_grace};
    struct net_listener listener = {.address = options->http,
                                    .protocol = &http_protocol,
                                    .context = &ingest->http_server,
                                    .tls = ingest->tls,
                                    .proxied = options->proxied};
    int status = ingest_check_access(ingest, options->http, error);
    return status ? status : net_server_listen(ingest->server, &listener, &ingest->http_address, error);
}

static int ingest_listen_mqtt(struct ingest *ingest, struct error *error) {
    const struct ingest_options *options = &ingest->options;
    struct net_listener listener = {.address = options->mqtt,
                                    .protocol = &ingest_mqtt_protocol,
                                    .context = &ingest->mqtt,
                                    .tls = ingest->tls,
                                    .proxied = options->proxied};
    int status = ingest_check_access(ingest, options->mqtt, error);
    return status ? status : net_server_listen(ingest->server, &listener, &ingest->mqtt_address, error);
}

static int ingest_open_broker(struct ingest *ingest, struct error *error) {
    const struct ingest_options *options = &ingest->options;
    const struct broker_options broker = {.url = options->broker,
                                          .topics = options->broker_topics,
                                          .share = options->broker_share,
                                          .client_id = options->broker_client_id,
                                          .committer = ingest->committer,
                                          .readers = &ingest->mqtt.readers,
                                          .clock = options->clock,
                                          .log = options->log};
    return broker_open(&broker, &ingest->broker, error);
}

static int ingest_start(struct ingest *ingest, struct error *error) {
    const struct ingest_options *options = &ingest->options;
    const struct net_server_options server = {.workers = options->workers,
                                              .connections = options->connections,
                                              .connections_of_address = options->connections_of_address,
                                              .bytes = options->bytes,
                                              .head_timeout = options->head_timeout,
                                              .send_timeout = options->send_timeout,
                                              .clock = options->clock,
                                              .log = options->log};
    const struct commit_options commit = {.bus = options->bus,
                                          .topic = options->topic,
                                          .json = options->json,
                                          .clock = options->clock,
                                          .log = options->log,
                                          .repeats = &ingest->repeats};
    ingest->delivered = delivered_new(options->clock);
    ingest->repeats = delivered_repeats(ingest->delivered);
    int status = ingest->delivered ? ingest_open_access(ingest, error) : error_no_memory(error);
    if (!status)
        status = net_server_open(&server, &ingest->server, error);
    if (!status && options->http)
        status = ingest_listen_http(ingest, error);
    if (!status && options->mqtt)
        status = ingest_listen_mqtt(ingest, error);
    if (!status)
        status = committer_open(&commit, &ingest->committer, error);
    ingest->http.committer = ingest->mqtt.committer = ingest->committer;
    ingest->http.tokens = ingest->mqtt.tokens = ingest->tokens;
    ingest->http.server = ingest->server;
    if (!status)
        status = net_server_start(ingest->server, error);
    return status || !options->broker ? status : ingest_open_broker(ingest, error);
}

int ingest_open(const struct ingest_options *options, struct ingest **ret_ingest, struct error *error) {
    struct ingest *ingest = memory_zero(1, sizeof *ingest);
    if (!ingest)
        return error_no_memory(error);
    ingest->options = *options;
    ingest->http = (struct ingest_http){.clock = options->clock,
                                        .topic = options->topic,
                                        .insecure = options->insecure,
                                        .wait_maximum = options->wait_maximum};
    ingest->mqtt = (struct ingest_mqtt){.clock = options->clock,
                                        .insecure = options->insecure,
                                        .wait_maximum = options->wait_maximum,
                                        .head_timeout = options->head_timeout};
    ingest_http_init(&ingest->http);
    ingest_mqtt_init(&ingest->mqtt);
    int status = ingest_start(ingest, error);
    if (status)
        ingest_close(ingest, 0, NULL);
    else
        *ret_ingest = ingest;
    return status;
}

struct net_address ingest_http_address(const struct ingest *ingest) {
    return ingest->http_address;
}

struct net_address ingest_mqtt_address(const struct ingest *ingest) {
    return ingest->mqtt_address;
}

void ingest_refresh(struct ingest *ingest, bool force) {
    struct error error = {0};
    const struct ingest_options *options = &ingest->options;
    int64_t now = clock_monotonic_ns(options->clock) / 1000000;
    bool changed = false;
    if (token_store_refresh(ingest->tokens, &error))
        log_write(options->log, LOG_ERROR, "the tokens stay as they were: %s", error.message);
    if (!ingest->tls || (!force && now - ingest->certificates_looked_at < CERTIFICATE_LOOK_MS))
        return;
    ingest->certificates_looked_at = now;
    if (server_tls_reload(ingest->tls, force, &changed, &error))
        log_write(options->log, LOG_ERROR, "the certificate stays as it was: %s", error.message);
    else if (changed)
        log_write(options->log, LOG_INFO, "new connections get the certificate that is now in %s",
                  options->tls.certificate_file);
}

void ingest_leave(struct ingest *ingest) {
    atomic_store(&ingest->http_server.leaving, true);
}

/* The committer ends between the drain and the end of the workers: its answers go through them. */
struct ingest *ingest_close(struct ingest *ingest, int64_t timeout, struct commit_counts *ret_counts) {
    if (!ingest)
        return NULL;
    ingest_leave(ingest);
    broker_close(ingest->broker);
    if (ingest->server)
        net_server_drain(ingest->server, timeout);
    committer_close(ingest->committer, ret_counts);
    net_server_close(ingest->server);
    delivered_free(ingest->delivered);
    ingest_http_release(&ingest->http);
    ingest_mqtt_release(&ingest->mqtt);
    token_store_close(ingest->tokens);
    server_tls_close(ingest->tls);
    free(ingest);
    return NULL;
}
