/* What the subcommands share: their table, the common options, opening the log and the store, stopping on a signal,
 * failing with a message.
 *
 * A command's settings begin with `struct common_settings common`, so that cli_common_options can be parsed with its
 * own table. Exit status: 0 done, 1 failed, 2 wrong usage. */
#ifndef METERLINE_CLI_COMMAND_H
#define METERLINE_CLI_COMMAND_H

#include "bus/bus.h"
#include "cli/connection.h"
#include "cli/table.h"
#include "core/log.h"
#include "core/options.h"
#include "store/cache.h"
#include "store/store.h"
#include <stdatomic.h>

struct common_settings {
    const char *data, *bus, *store; /* --data DIR, --bus URL, --store URL; bus and store default to sqlite:DATA */
    struct connection_settings connection;
    const char *instance, *cache;
    int64_t replication;
    const char *durability; /* full | normal */
    bool expanded, verbose, quiet;
};

/* What a command uses of the common options. */
enum {
    CLI_LOG = 1,
    CLI_REGISTRY = 2,
    CLI_STORE = 4,
    CLI_CACHE = 8,
    CLI_CREATES = 16,
    CLI_COMMITS = 32,
    CLI_TABLES = 64
};

extern const struct option cli_common_options[];

struct command {
    const struct command_line *line;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit status */
};

/* Declared by each cli/NAME.c */
extern const struct command command_replay, command_run, command_query, command_tail, command_track, command_topics,
    command_check, command_test, command_sql, command_ingest, command_token, command_import, command_lake,
    command_serve, command_batch;
extern const struct command *const cli_commands[]; /* ends with NULL */

enum { CLI_CONTINUE = -1 };
/* Parses into `settings`; CLI_CONTINUE, or the exit status to return at once (--help printed: 0; wrong usage: 2 with
 * a message). */
int cli_parse(const struct command_line *line, int argc, char **argv, void *settings, const char **operands,
              size_t *ret_operand_count);
size_t cli_help_width(void); /* columns of --help: the terminal's, 100 at most */
/* Prints "meterline COMMAND: message" on stderr; returns 1, or 2 for ERROR_INVALID found in the arguments when
 * `usage`. */
int cli_fail(const char *command, const struct error *error);
int cli_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `create`: make the data folder when it is missing (commands that write); otherwise a missing log is an error that
 * names the folder. */
int cli_open_bus(const struct common_settings *common, bool create, struct bus **ret_bus, struct error *error);
/* A folder of that name in the folder of the embedded log, or else in the data folder. NULL: no memory; free it. */
char *cli_folder(const struct common_settings *common, const char *name);
/* At the end of a command, when all is closed: forgets credentials, and frees what its options hold. */
void cli_disconnect(void);
/* Prints the topics of the log with their partitions, records and bytes. */
int cli_topics_list(struct bus *bus, enum table_format format, struct error *error);
/* What was asked of the schema registry, when there is one. */
void cli_registry_counts(struct registry_counts *ret_counts);
/* `*ret_cache` is NULL when no cache was named and none is needed: `wanted` false. */
int cli_open_cache(const struct common_settings *common, bool wanted, bool create, struct cache **ret_cache,
                   struct error *error);
int cli_open_store(const struct common_settings *common, bool create, struct store **ret_store, struct error *error);
/* Of --lake: `named`, where "default", or NULL, is the folder lake in the data folder. */
int cli_lake_url(const struct common_settings *common, const char *named, char *to, size_t size, struct error *error);
struct log cli_log(const struct common_settings *common);

/* Once cli_catch_signals was called, SIGINT and SIGTERM set both, and a second signal ends the program at once. What
 * fails sets cli_stop alone, so that the first signal after it still waits for the last commits. */
extern atomic_bool cli_stop, cli_asked;
void cli_catch_signals(void);
void cli_go_on(void); /* clears both */

#endif
