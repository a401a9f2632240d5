/* meterline serve: one address for people and programs. */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/tokens_file.h"
#include "core/memory.h"
#include "serve/serve.h"

struct serve_command {
    struct common_settings common;
    const char *listen, *tokens, *certificate, *key, *client_ca;
    bool insecure, proxy_protocol, client_required;
    int64_t workers, tasks, connections, in_flight, body;
};

#define OPTION(member) .offset = offsetof(struct serve_command, member)

static const struct option serve_options[] = {
    {"listen", 'l', OPTION_STRING, "HOST:PORT", "127.0.0.1:8088",
     .help = "Where HTTP is spoken; port 0: one that is free.", OPTION(listen)},
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
    {"workers", 0, OPTION_INTEGER, "N", "2", .minimum = 1, .maximum = 64, .help = "Threads that read and send.",
     OPTION(workers)},
    {"queries", 0, OPTION_INTEGER, "N", "64", .minimum = 1, .maximum = 10000,
     .help = "At most so many statements and queries at once; beyond them requests are answered 503.", OPTION(tasks)},
    {"connections", 0, OPTION_INTEGER, "N", "2000", .minimum = 1, .maximum = 1e7, .help = "At most so many at once.",
     OPTION(connections)},
    {"in-flight", 0, OPTION_BYTES, "BYTES", "64M", .minimum = 1024 * 1024, .maximum = 1e12,
     .help = "Memory of requests that are under way; beyond it they are answered 503.", OPTION(in_flight)},
    {"body", 0, OPTION_BYTES, "BYTES", "16M", .minimum = 1024, .maximum = 1e10,
     .help = "Longest body of a request, decompressed.", OPTION(body)},
    {0},
};

static const struct command_line serve_line = {
    .command = "serve",
    .operands = "",
    .summary = "Serve SQL over HTTP, as ksqlDB does.",
    .description = "ksqlDB's REST interface (HTTP/1.1): /ksql for statements, /query and /query-stream for SELECT, "
                   "/inserts-stream, /close-query, /info,\n"
                   "/healthcheck, /clusterStatus, /status, /is_valid_property. Statements are kept in the log; a "
                   "`meterline run` on the "
                   "same data folder\n"
                   "or cluster runs the queries. docs/serve.md has examples.\n"
                   "\n"
                   "Examples:\n"
                   "  meterline serve\n"
                   "  curl -d '{\"ksql\":\"SHOW STREAMS;\"}' http://127.0.0.1:8088/ksql",
    .options = serve_options,
    .common = cli_common_options,
    .uses = CLI_LOG | CLI_REGISTRY | CLI_CREATES,
};

enum { LOOK_NS = 200 * 1000000, TIMEOUT_MS = 10000, IDLE_MS = 75000 };

static volatile sig_atomic_t serve_hung_up;

static void serve_on_hangup(int number) {
    (void)number;
    serve_hung_up = 1;
}

static void serve_catch_hangup(void) {
    struct sigaction action = {.sa_handler = serve_on_hangup};
    sigaction(SIGHUP, &action, NULL);
}

static struct serve_options serve_settings(const struct serve_command *command, struct bus *bus, const char *tokens,
                                           const struct log *log) {
    return (struct serve_options){
        .site = {.address = command->listen,
                 .proxied = command->proxy_protocol,
                 .tls = {command->certificate, command->key, command->client_ca, command->client_required},
                 .tokens_file = tokens,
                 .insecure = command->insecure,
                 .workers = (int)command->workers,
                 .connections = (size_t)command->connections,
                 .connections_of_address = (size_t)command->connections,
                 .bytes = (size_t)command->in_flight,
                 .body_maximum = (size_t)command->body,
                 .head_timeout = TIMEOUT_MS,
                 .idle_timeout = IDLE_MS,
                 .body_grace = TIMEOUT_MS,
                 .send_timeout = 3 * TIMEOUT_MS,
                 .clock = &clock_system,
                 .log = log},
        .bus = bus,
        .version = METERLINE_VERSION,
        .index_log = command->common.bus ? command->common.bus : "",
        .tasks = (size_t)command->tasks};
}

static void index_folder_free(char **folder) {
    free(*folder);
}

static int serve_work(const struct serve_command *command, struct bus *bus, struct error *error) {
    cleanup(bytes_release) struct bytes tokens = {0};
    struct log log = cli_log(&command->common);
    struct serve *serve = NULL;
    char address[NET_ADDRESS_SIZE];
    int status = tokens_file_name(&command->common, command->tokens, &tokens, error);
    if (status)
        return status;
    struct serve_options options = serve_settings(command, bus, tokens.data, &log);
    cleanup(index_folder_free) char *index_folder = cli_folder(&command->common, "key-index");
    if (!index_folder)
        return error_no_memory(error);
    options.index_folder = index_folder;
    status = serve_open(&options, &serve, error);
    if (status)
        return status;
    struct net_address bound = serve_http_address(serve);
    net_address_write(&bound, address);
    log_write(&log, LOG_INFO, "%s://%s serves SQL", command->certificate ? "https" : "http", address);
    while (!atomic_load(&cli_stop)) {
        bool force = serve_hung_up;
        serve_hung_up = 0;
        serve_refresh(serve, force);
        clock_sleep_ns(&clock_system, LOOK_NS);
    }
    serve_close(serve, TIMEOUT_MS);
    return 0;
}

static int serve_main(int argc, char **argv) {
    struct serve_command command = {0};
    struct error error = {0};
    struct bus *bus = NULL;
    size_t operand_count = 0;
    int status = cli_parse(&serve_line, argc, argv, &command, NULL, &operand_count);
    if (status != CLI_CONTINUE)
        return status;
    if (!command.certificate && (command.key || command.client_ca || command.client_required))
        return cli_usage("serve", "--tls-key and --tls-client-* need --tls-certificate");
    if (command.client_required && !command.client_ca)
        return cli_usage("serve", "--tls-client-required needs --tls-client-ca");
    cli_catch_signals();
    serve_catch_hangup();
    status = cli_open_bus(&command.common, true, &bus, &error);
    if (!status)
        status = serve_work(&command, bus, &error);
    bus_close(bus);
    return status ? cli_fail("serve", &error) : 0;
}

const struct command command_serve = {&serve_line, serve_main};
