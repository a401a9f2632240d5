#include "ingest/ingest.h"

#include "core/memory.h"
#include "ingest/broker.h"
#include "ingest/delivered.h"
#include "ingest/http.h"
#include "ingest/mqtt.h"

struct ingest {
    struct ingest_options options;
    struct http_site site;
    struct committer *committer;
    struct delivered *delivered;
    struct commit_repeats repeats;
    struct ingest_http http;
    struct ingest_mqtt mqtt;
    struct broker *broker;
    struct net_address mqtt_address;
};

static int ingest_listen_mqtt(struct ingest *ingest, struct error *error) {
    struct http_site *site = &ingest->site;
    struct net_listener listener = {.address = ingest->options.mqtt,
                                    .protocol = &ingest_mqtt_protocol,
                                    .context = &ingest->mqtt,
                                    .tls = site->tls,
                                    .proxied = site->options.proxied};
    int status = http_site_check_address(site, ingest->options.mqtt, error);
    return status ? status : net_server_listen(site->server, &listener, &ingest->mqtt_address, error);
}

static int ingest_open_broker(struct ingest *ingest, struct error *error) {
    const struct ingest_options *options = &ingest->options;
    const struct broker_options broker = {.url = options->broker,
                                          .topics = options->broker_topics,
                                          .share = options->broker_share,
                                          .client_id = options->broker_client_id,
                                          .committer = ingest->committer,
                                          .readers = &ingest->mqtt.readers,
                                          .clock = options->site.clock,
                                          .log = options->site.log};
    return broker_open(&broker, &ingest->broker, error);
}

static int ingest_start(struct ingest *ingest, struct error *error) {
    const struct ingest_options *options = &ingest->options;
    const struct commit_options commit = {.bus = options->bus,
                                          .topic = options->topic,
                                          .json = options->json,
                                          .clock = options->site.clock,
                                          .log = options->site.log,
                                          .repeats = &ingest->repeats};
    ingest->delivered = delivered_new(options->site.clock);
    ingest->repeats = delivered_repeats(ingest->delivered);
    int status = ingest->delivered
                     ? http_site_open(&ingest->site, &options->site, ingest_http_routes, &ingest->http, error)
                     : error_no_memory(error);
    if (!status && options->mqtt)
        status = ingest_listen_mqtt(ingest, error);
    if (!status)
        status = committer_open(&commit, &ingest->committer, error);
    ingest->http.committer = ingest->mqtt.committer = ingest->committer;
    ingest->mqtt.tokens = ingest->site.tokens;
    if (!status)
        status = http_site_start(&ingest->site, error);
    return status || !options->broker ? status : ingest_open_broker(ingest, error);
}

int ingest_open(const struct ingest_options *options, struct ingest **ret_ingest, struct error *error) {
    struct ingest *ingest = memory_zero(1, sizeof *ingest);
    if (!ingest)
        return error_no_memory(error);
    ingest->options = *options;
    ingest->http = (struct ingest_http){.site = &ingest->site,
                                        .clock = options->site.clock,
                                        .topic = options->topic,
                                        .wait_maximum = options->wait_maximum};
    ingest->mqtt = (struct ingest_mqtt){.clock = options->site.clock,
                                        .insecure = options->site.insecure,
                                        .wait_maximum = options->wait_maximum,
                                        .head_timeout = options->site.head_timeout};
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
    return ingest->site.bound;
}

struct net_address ingest_mqtt_address(const struct ingest *ingest) {
    return ingest->mqtt_address;
}

void ingest_refresh(struct ingest *ingest, bool force) {
    http_site_refresh(&ingest->site, force);
}

void ingest_leave(struct ingest *ingest) {
    http_site_leave(&ingest->site);
}

/* The committer ends between the drain and the end of the workers: its answers go through them. */
struct ingest *ingest_close(struct ingest *ingest, int64_t timeout, struct commit_counts *ret_counts) {
    if (!ingest)
        return NULL;
    ingest_leave(ingest);
    broker_close(ingest->broker);
    http_site_drain(&ingest->site, timeout);
    committer_close(ingest->committer, ret_counts);
    http_site_close(&ingest->site);
    delivered_free(ingest->delivered);
    ingest_http_release(&ingest->http);
    ingest_mqtt_release(&ingest->mqtt);
    free(ingest);
    return NULL;
}
