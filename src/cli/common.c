/* What the commands have in common: options that several take, opening of the log, the store and the cache, signals,
 * and how an error ends the program. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/terminal.h"

atomic_bool cli_stop, cli_asked;

#define OPTION(member) .offset = offsetof(struct common_settings, member)

const struct option cli_common_options[] = {
    {"data", 0, OPTION_STRING, "DIR", "./meterline-data", .environment = "METERLINE_DATA", .help = "The data folder.",
     OPTION(data), .use = CLI_LOG | CLI_STORE | CLI_CACHE},
    {"bus", 0, OPTION_STRING, "URL", .environment = "METERLINE_BUS",
     .help = "The log, sqlite:DIR or kafka://HOST:PORT,...; without it the data folder.", OPTION(bus), .use = CLI_LOG},
    {"cache", 0, OPTION_STRING, "URL", .environment = "METERLINE_CACHE",
     .help = "The cache of latest values, sqlite:DIR or redis://[:PASSWORD@]HOST[:PORT]/1 (rediss:// by TLS). run: "
             "without it none is "
             "written; query: without it the data folder.",
     OPTION(cache), .use = CLI_CACHE},
    {"registry", 0, OPTION_STRING, "URL", .environment = "METERLINE_REGISTRY",
     .help = "The schema registry, such as http://HOST:8081, several separated by commas; Avro on Kafka needs one.",
     OPTION(connection.registry), .use = CLI_REGISTRY},
    {"property", 'X', OPTION_LIST, "NAME=VALUE",
     .help = "A property of librdkafka, or schema.registry.*, cassandra.*, redis.* for the servers of those names; "
             "repeatable. Secrets are better kept in "
             "--config or METERLINE_KAFKA_NAME.",
     OPTION(connection.properties), .use = CLI_LOG | CLI_STORE | CLI_CACHE},
    {"config", 0, OPTION_STRING, "FILE", .environment = "METERLINE_CONFIG",
     .help = "Properties as for -X, one name = value a line.", OPTION(connection.config), .use = CLI_LOG | CLI_STORE},
    {"replication", 0, OPTION_INTEGER, "N", "0", .environment = "METERLINE_REPLICATION", .minimum = 0, .maximum = 100,
     .help = "Kafka: replicas of topics that are created; 0: as the brokers are set.", OPTION(replication),
     .use = CLI_CREATES},
    {"instance", 0, OPTION_STRING, "NAME", .environment = "METERLINE_INSTANCE",
     .help = "Kafka: a name of this process that stays the same over restarts and no other one uses; after a crash its "
             "transactions then end at once.",
     OPTION(instance), .use = CLI_COMMITS},
    {"store", 0, OPTION_STRING, "URL", .environment = "METERLINE_STORE",
     .help = "The store, sqlite:DIR or cassandra://[USER:PASSWORD@]HOST[:PORT],.../KEYSPACE; without it the data "
             "folder. run: none keeps results in the topics "
             "only.",
     OPTION(store), .use = CLI_STORE},
    {"durability", 0, OPTION_CHOICE, "HOW", "full", .environment = "METERLINE_DURABILITY", .choices = "full|normal",
     .help = "full: what was acknowledged survives a power cut; normal: it survives a killed process.",
     OPTION(durability), .use = CLI_COMMITS},
    {"expanded", 0, OPTION_FLAG,
     .help = "Tables have a line for each cell, as they do when they do not fit the terminal.", OPTION(expanded),
     .use = CLI_TABLES},
    {"verbose", 'v', OPTION_FLAG, .help = "Say more on stderr.", OPTION(verbose)},
    {"quiet", 'q', OPTION_FLAG, .help = "Say only what has failed.", OPTION(quiet)},
    {0},
};

enum { HELP_WIDTH = 100 };

/* The list of -X properties, which each command's settings begin with; freed at the end of the command. */
static const char **cli_properties;

size_t cli_help_width(void) {
    size_t width = terminal_width(STDOUT_FILENO);
    return width && width < HELP_WIDTH ? width : HELP_WIDTH;
}

int cli_parse(const struct command_line *line, int argc, char **argv, void *settings, const char **operands,
              size_t *ret_operand_count) {
    struct error error;
    bool help = false;
    int status = options_parse(line, argc, argv, settings, operands, ret_operand_count, &help, &error);
    cli_properties = ((struct common_settings *)settings)->connection.properties.items;
    if (status)
        return cli_usage(line->command, "%s", error.message);
    table_expand(((struct common_settings *)settings)->expanded);
    if (!help)
        return CLI_CONTINUE;
    options_print_help(line, stdout, cli_help_width());
    return fflush(stdout) == 0 ? 0 : 1;
}

int cli_fail(const char *command, const struct error *error) {
    fprintf(stderr, "meterline %s: %s\n", command, error->message);
    return 1;
}

int cli_usage(const char *command, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "meterline %s: ", command);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n'meterline %s --help' explains it.\n", command);
    va_end(arguments);
    return 2;
}

/* What a command connects to; released at its end. */
static struct connection cli_connection;
static bool cli_connected;
static struct log cli_bus_log;

static int cli_connect(const struct common_settings *common, struct error *error) {
    if (cli_connected)
        return 0;
    int status = connection_open(&common->connection, &cli_connection, error);
    cli_connected = status == 0;
    return status;
}

void cli_disconnect(void) {
    if (cli_connected)
        connection_release(&cli_connection);
    cli_connected = false;
    free(cli_properties);
    cli_properties = NULL;
}

/* A folder that others may read is left as it is: its owner may have meant it. Said once. */
static void cli_check_folder(const struct log *log, const char *url) {
    static bool checked;
    const char *folder = strncmp(url, "sqlite:", 7) == 0 ? url + 7 : url;
    if (!checked && !strstr(url, "://") && database_is_exposed(folder)) {
        log_write(log, LOG_WARNING,
                  "other users of this machine can read or replace the data in %s: 'chmod -R go= %s' keeps it private",
                  folder, folder);
        checked = true;
    }
}

typedef int cli_opener(const char *url, const void *options, void *ret_opened, struct error *error);

static int cli_bus_open(const char *url, const void *options, void *ret_opened, struct error *error) {
    return bus_open(url, options, ret_opened, error);
}

static int cli_store_open(const char *url, const void *options, void *ret_opened, struct error *error) {
    return store_open(url, options, ret_opened, error);
}

static int cli_cache_open(const char *url, const void *options, void *ret_opened, struct error *error) {
    return cache_open(url, options, ret_opened, error);
}

/* What was not named is in the data folder, whose name may have a colon in it. */
static int cli_open_url(const struct common_settings *common, const char *named, cli_opener *open, const void *options,
                        void *ret_opened, struct error *error) {
    const char *data = strncmp(common->data, "sqlite:", 7) == 0 ? common->data + 7 : common->data;
    char *url = NULL;
    if (!named && asprintf(&url, "sqlite:%s", data) < 0)
        return error_no_memory(error);
    int status = open(named ? named : url, options, ret_opened, error);
    if (!status)
        cli_check_folder(&cli_bus_log, named ? named : url);
    free(url);
    return status;
}

int cli_open_bus(const struct common_settings *common, bool create, struct bus **ret_bus, struct error *error) {
    int status = cli_connect(common, error);
    if (status)
        return status;
    cli_bus_log = cli_log(common);
    struct bus_options options = {
        .durable = common->durability[0] == 'f',
        .create = create,
        .clock = &clock_system,
        .partitions = BUS_PARTITIONS_DEFAULT,
        .replication = (int32_t)common->replication,
        .instance = common->instance,
        .log = &cli_bus_log,
        .registry = cli_connection.registry ? registry_client_registry(cli_connection.registry) : NULL,
        .properties = cli_connection.properties,
        .property_count = connection_bus_properties(&cli_connection)};
    return cli_open_url(common, common->bus, cli_bus_open, &options, ret_bus, error);
}

char *cli_folder(const struct common_settings *common, const char *name) {
    const char *folder = common->bus && !strstr(common->bus, "://") ? common->bus : common->data;
    char *path;
    folder += strncmp(folder, "sqlite:", 7) == 0 ? 7 : 0;
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

void cli_registry_counts(struct registry_counts *ret_counts) {
    *ret_counts = (struct registry_counts){0};
    if (cli_connection.registry)
        registry_client_counts(cli_connection.registry, ret_counts);
}

int cli_open_store(const struct common_settings *common, bool create, struct store **ret_store, struct error *error) {
    int status = cli_connect(common, error);
    if (status)
        return status;
    cli_bus_log = cli_log(common);
    struct store_options options = {
        .durable = common->durability[0] == 'f', .create = create, .clock = &clock_system, .log = &cli_bus_log};
    options.property_count = connection_store_properties(&cli_connection, &options.properties);
    status = cli_open_url(common, common->store, cli_store_open, &options, ret_store, error);
    if (common->store)
        connection_hide_user((char *)common->store);
    return status;
}

int cli_open_cache(const struct common_settings *common, bool wanted, bool create, struct cache **ret_cache,
                   struct error *error) {
    *ret_cache = NULL;
    if (!common->cache && !wanted)
        return 0;
    int status = cli_connect(common, error);
    if (status)
        return status;
    cli_bus_log = cli_log(common);
    struct cache_options options = {
        .durable = common->durability[0] == 'f', .create = create, .clock = &clock_system, .log = &cli_bus_log};
    options.property_count = connection_cache_properties(&cli_connection, &options.properties);
    status = cli_open_url(common, common->cache, cli_cache_open, &options, ret_cache, error);
    if (common->cache)
        connection_hide_user((char *)common->cache);
    return status;
}

int cli_lake_url(const struct common_settings *common, const char *named, char *to, size_t size, struct error *error) {
    const char *data = strncmp(common->data, "sqlite:", 7) == 0 ? common->data + 7 : common->data;
    bool own = !named || strcmp(named, "default") == 0;
    int length = own ? snprintf(to, size, "file:%s/lake", data) : snprintf(to, size, "%s", named);
    return length < (int)size ? 0 : error_set(error, ERROR_INVALID, "the URL of the lake is too long");
}

struct log cli_log(const struct common_settings *common) {
    return (struct log){common->quiet ? LOG_ERROR : common->verbose ? LOG_DEBUG : LOG_INFO};
}

static void cli_on_signal(int number) {
    (void)number;
    if (atomic_exchange(&cli_asked, true))
        _exit(130);
    atomic_store(&cli_stop, true);
}

void cli_go_on(void) {
    atomic_store(&cli_stop, false);
    atomic_store(&cli_asked, false);
}

void cli_catch_signals(void) {
    struct sigaction action = {.sa_handler = cli_on_signal}; /* no SA_RESTART: a waiting read ends */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}
