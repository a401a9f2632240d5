/* meterline ingest: takes readings of gateways over the network. */
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/tokens_file.h"
#include "core/memory.h"
#include "ingest/commit.h"
#include "ingest/ingest.h"

struct ingest_command {
    struct common_settings common;
    const char *broker, *broker_topics, *broker_share, *broker_client_id;
    const char *listen, *mqtt, *topic, *tokens, *certificate, *key, *client_ca;
    bool json, insecure, proxy_protocol, client_required;
    int64_t workers, connections, connections_of_address, in_flight, body, head_timeout, idle_timeout, wait, leave,
        drain;
};

#define OPTION(member) .offset = offsetof(struct ingest_command, member)

static const struct option ingest_options[] = {
    {"listen", 'l', OPTION_STRING, "HOST:PORT", "127.0.0.1:8086",
     .help = "Where HTTP is spoken; port 0: one that is free.", OPTION(listen)},
    {"mqtt", 0, OPTION_STRING, "HOST:PORT",
     .help = "Where MQTT 3.1.1 and 5 are spoken, as by a broker that keeps everything and delivers nothing; without it "
             "nowhere.",
     OPTION(mqtt)},
    {"broker", 0, OPTION_STRING, "URL", .environment = "METERLINE_BROKER",
     .help = "Read from a broker that speaks MQTT 5, mqtt://[USER[:PASSWORD]@]HOST[:PORT]; a message is acknowledged "
             "after the commit.",
     OPTION(broker)},
    {"broker-topics", 0, OPTION_STRING, "FILTERS", "meterline/v1/#",
     .help = "What to subscribe to there, separated by commas.", OPTION(broker_topics)},
    {"broker-share", 0, OPTION_STRING, "GROUP", .help = "Share the messages with all who subscribe in this group.",
     OPTION(broker_share)},
    {"broker-client-id", 0, OPTION_STRING, "ID",
     .help = "Be known to the broker by this name: for a day it keeps what is published while nobody with the name is "
             "connected.",
     OPTION(broker_client_id)},
    {"topic", 0, OPTION_STRING, "NAME", "metrics", .help = "Where readings go; what is none goes to NAME-rejected.",
     OPTION(topic)},
    {"json", 0, OPTION_FLAG, .help = "Write JSON instead of Avro.", OPTION(json)},
    {"tokens", 0, OPTION_STRING, "FILE", .environment = "METERLINE_TOKENS",
     .help = "The tokens that 'meterline token' has made; without it DATA/tokens.", OPTION(tokens)},
    {"tls-certificate", 0, OPTION_STRING, "FILE",
     .help = "Speak TLS with the certificate (and those after it) in this PEM file. It is read again on SIGHUP, and "
             "when it has changed.",
     OPTION(certificate)},
    {"tls-key", 0, OPTION_STRING, "FILE", .help = "Its private key, when it is not in the same file.", OPTION(key)},
    {"tls-client-ca", 0, OPTION_STRING, "FILE",
     .help = "Ask clients for certificates that an authority in this PEM file has signed; a token made with "
             "--certificate NAME says what its holder may do.",
     OPTION(client_ca)},
    {"tls-client-required", 0, OPTION_FLAG, .help = "Refuse clients without a certificate.", OPTION(client_required)},
    {"insecure", 0, OPTION_FLAG, .help = "Listen on another address than loopback without TLS, or without any token.",
     OPTION(insecure)},
    {"proxy-protocol", 0, OPTION_FLAG,
     .help = "Connections come from a load balancer and begin with a PROXY header, version 1 or 2, that names the "
             "client.",
     OPTION(proxy_protocol)},
    {"workers", 0, OPTION_INTEGER, "N", "2", .minimum = 1, .maximum = 64,
     .help = "Threads that read and parse; one more commits.", OPTION(workers)},
    {"connections", 0, OPTION_INTEGER, "N", "20000", .minimum = 1, .maximum = 1e7, .help = "At most so many at once.",
     OPTION(connections)},
    {"connections-per-address", 0, OPTION_INTEGER, "N", "20000", .minimum = 1, .maximum = 1e7,
     .help = "At most so many of one address (IPv6: of one /64).", OPTION(connections_of_address)},
    {"in-flight", 0, OPTION_BYTES, "BYTES", "64M", .minimum = 1024 * 1024, .maximum = 1e12,
     .help = "Memory of requests that are under way; beyond it they are answered 503.", OPTION(in_flight)},
    {"body", 0, OPTION_BYTES, "BYTES", "32M", .minimum = 1024, .maximum = 1e10,
     .help = "Longest body of a request, decompressed.", OPTION(body)},
    {"head-timeout", 0, OPTION_DURATION, "TIME", "10s", .minimum = 100, .maximum = 3600e3,
     .help = "For the head of a request, and for a TLS handshake; bodies must come at 1 KB/s after as long.",
     OPTION(head_timeout)},
    {"idle-timeout", 0, OPTION_DURATION, "TIME", "75s", .minimum = 100, .maximum = 86400e3,
     .help = "How long a connection may wait for its next request.", OPTION(idle_timeout)},
    {"max-wait", 0, OPTION_DURATION, "TIME", "5s", .minimum = 10, .maximum = 3600e3,
     .help = "When readings have waited so long for their commit, new requests are answered 503.", OPTION(wait)},
    {"leave", 0, OPTION_DURATION, "TIME", "0", .minimum = 0, .maximum = 3600e3,
     .help =
         "At the end, go on for so long while /readyz answers 503, so that a load balancer sends clients elsewhere.",
     OPTION(leave)},
    {"drain", 0, OPTION_DURATION, "TIME", "30s", .minimum = 0, .maximum = 3600e3,
     .help = "At the end, wait at most so long for requests that are under way.", OPTION(drain)},
    {0},
};

static const struct command_line ingest_line = {
    .command = "ingest",
    .operands = "",
    .summary = "Take readings of gateways over HTTP.",
    .description =
        "An answer of success means that the readings are in the log. Paths: /api/v1/readings (JSON, NDJSON, "
        "CSV), /write, /api/v2/write and\n"
        "/api/v3/write_lp (InfluxDB's line protocol), /api/v1/TOKEN/telemetry (ThingsBoard), /livez, /readyz, "
        "/health, /ping, /metrics. docs/ingest.md has\n"
        "recipes for clients.\n"
        "\n"
        "Examples:\n"
        "  meterline ingest\n"
        "  meterline ingest --listen 0.0.0.0:8443 --tls-certificate server.pem\n"
        "  curl -H 'Content-Type: application/json' -d '{\"gateway\":\"gw1\",\"metricType\":\"ELECTRICITY\","
        "\"metricAttribute\":\"VOLTAGE\",\n"
        "    \"timestamp\":\"2024-01-01T00:00:00Z\",\"value\":241.3}' http://127.0.0.1:8086/api/v1/readings",
    .options = ingest_options,
    .common = cli_common_options,
    .uses = CLI_LOG | CLI_REGISTRY | CLI_CREATES | CLI_COMMITS,
};

enum { LOOK_NS = 200 * 1000000 };

static volatile sig_atomic_t ingest_hung_up;

static void ingest_on_hangup(int number) {
    (void)number;
    ingest_hung_up = 1;
}

static void ingest_catch_hangup(void) {
    struct sigaction action = {.sa_handler = ingest_on_hangup};
    sigaction(SIGHUP, &action, NULL);
}

static void ingest_wait(const struct ingest_command *command, struct ingest *ingest, const struct log *log) {
    while (!atomic_load(&cli_stop)) {
        bool force = ingest_hung_up;
        ingest_hung_up = 0;
        ingest_refresh(ingest, force);
        clock_sleep_ns(&clock_system, LOOK_NS);
    }
    ingest_leave(ingest);
    int64_t end = clock_monotonic_ns(&clock_system) + command->leave * 1000000;
    if (command->leave)
        log_write(log, LOG_INFO, "leaving: /readyz answers 503 from now on");
    while (clock_monotonic_ns(&clock_system) < end)
        clock_sleep_ns(&clock_system, LOOK_NS);
}

static void ingest_print_counts(const struct ingest_command *command, const struct commit_counts *counts) {
    if (!command->common.quiet)
        fprintf(stderr,
                "%" PRIu64 " readings accepted in %" PRIu64 " deliveries and %" PRIu64 " commits; %" PRIu64
                " rejected, %" PRIu64 " duplicates, %" PRIu64 " failed\n",
                counts->accepted, counts->deliveries, counts->commits, counts->rejected, counts->duplicates,
                counts->failed);
}

static struct ingest_options ingest_settings(const struct ingest_command *command, struct bus *bus, const char *tokens,
                                             const struct log *log) {
    return (struct ingest_options){
        .bus = bus,
        .topic = command->topic,
        .json = command->json,
        .mqtt = command->mqtt,
        .broker = command->broker,
        .broker_topics = command->broker_topics,
        .broker_share = command->broker_share,
        .broker_client_id = command->broker_client_id,
        .site = {.address = command->listen,
                 .proxied = command->proxy_protocol,
                 .tls = {command->certificate, command->key, command->client_ca, command->client_required},
                 .tokens_file = tokens,
                 .insecure = command->insecure,
                 .workers = (int)command->workers,
                 .connections = (size_t)command->connections,
                 .connections_of_address = (size_t)command->connections_of_address,
                 .bytes = (size_t)command->in_flight,
                 .body_maximum = (size_t)command->body,
                 .head_timeout = command->head_timeout,
                 .idle_timeout = command->idle_timeout,
                 .body_grace = command->head_timeout,
                 .send_timeout = command->head_timeout * 3,
                 .clock = &clock_system,
                 .log = log},
        .wait_maximum = command->wait};
}

static int ingest_work(const struct ingest_command *command, struct bus *bus, struct error *error) {
    cleanup(bytes_release) struct bytes tokens = {0};
    struct log log = cli_log(&command->common);
    struct ingest *ingest = NULL;
    struct commit_counts counts;
    char address[NET_ADDRESS_SIZE];
    int status = tokens_file_name(&command->common, command->tokens, &tokens, error);
    if (status)
        return status;
    struct ingest_options options = ingest_settings(command, bus, tokens.data, &log);
    status = ingest_open(&options, &ingest, error);
    if (status)
        return status;
    struct net_address bound = ingest_http_address(ingest);
    net_address_write(&bound, address);
    log_write(&log, LOG_INFO, "%s://%s takes readings for topic %s", command->certificate ? "https" : "http", address,
              command->topic);
    if (command->mqtt) {
        bound = ingest_mqtt_address(ingest);
        net_address_write(&bound, address);
        log_write(&log, LOG_INFO, "%s://%s takes readings for topic %s", command->certificate ? "mqtts" : "mqtt",
                  address, command->topic);
    }
    ingest_wait(command, ingest, &log);
    ingest_close(ingest, command->drain, &counts);
    ingest_print_counts(command, &counts);
    return 0;
}

static int ingest_main(int argc, char **argv) {
    struct ingest_command command = {0};
    struct error error = {0};
    struct bus *bus = NULL;
    size_t operand_count = 0;
    int status = cli_parse(&ingest_line, argc, argv, &command, NULL, &operand_count);
    if (status != CLI_CONTINUE)
        return status;
    if (!command.certificate && (command.key || command.client_ca || command.client_required))
        return cli_usage("ingest", "--tls-key and --tls-client-* need --tls-certificate");
    if (command.client_required && !command.client_ca)
        return cli_usage("ingest", "--tls-client-required needs --tls-client-ca");
    cli_catch_signals();
    ingest_catch_hangup();
    status = cli_open_bus(&command.common, true, &bus, &error);
    if (!status)
        status = ingest_work(&command, bus, &error);
    bus_close(bus);
    return status ? cli_fail("ingest", &error) : 0;
}

const struct command command_ingest = {&ingest_line, ingest_main};
