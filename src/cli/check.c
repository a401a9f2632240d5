/* meterline check: are the statements of a pipeline what the dialect allows? */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/table.h"
#include "cli/text_file.h"
#include "core/bytes.h"
#include "core/memory.h"
#include "sql/catalog/catalog.h"
#include "sql/catalog/describe.h"
#include "sql/session/session.h"
#include "sql/session/sql_session.h"
#include "sql/syntax/print.h"
#include "sql/syntax/script.h"

struct check_settings {
    struct common_settings common;
    const char *execute, *format;
    bool log;
};

#define OPTION(member) .offset = offsetof(struct check_settings, member)

static const struct option check_options[] = {
    {"execute", 'e', OPTION_STRING, "STATEMENTS", .help = "Check these instead of a file.", OPTION(execute)},
    {"format", 'f', OPTION_CHOICE, "FORMAT", .choices = "table|csv|json",
     .help = "Of what SHOW and DESCRIBE answer. Without it a table on a terminal, otherwise CSV.", OPTION(format)},
    {"log", 0, OPTION_FLAG,
     .help =
         "Streams and tables that were declared in the log (--data, --bus) are known too, and so are its topics and "
         "schemas.",
     OPTION(log)},
    {0},
};

static const struct command_line check_line = {
    .command = "check",
    .operands = "[FILE|-]",
    .summary = "Check the SQL statements of a pipeline.",
    .description =
        "Reads statements of ksqlDB's dialect, prints each in its canonical form, and keeps a catalog of the streams, "
        "tables and types that they "
        "declare, which\n"
        "SHOW and DESCRIBE answer from. Then names and types are checked, by what the statements themselves declare. "
        "Nothing is "
        "run. An error names line and column, and what was expected there.\n"
        "\n"
        "Examples:\n"
        "  meterline check pipeline.sql\n"
        "  meterline check -e \"CREATE STREAM s (id STRING KEY, v DOUBLE) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON'); "
        "DESCRIBE s;\"",
    .options = check_options,
    .common = cli_common_options,
    .operand_maximum = 1,
};

struct check {
    struct catalog *catalog;
    struct session *session; /* keeps the settings */
    struct variables variables;
    const char *format;
    bool open; /* a source has its columns from a schema that is not at hand */
};

static int check_declare(struct check *check, const struct statement *statement, struct arena *arena,
                         struct error *error) {
    struct source source;
    bool skip = false;
    int status = catalog_check_create(check->catalog, &statement->create, &skip, error);
    check->open |= source_wants_schema(&statement->create, session_source_defaults(check->session));
    if (status || skip || statement->create.query ||
        source_wants_schema(&statement->create, session_source_defaults(check->session)))
        return status; /* what a query or the registry gives is not known here */
    status = source_declare(&statement->create, statement->text, check->catalog,
                            session_source_defaults(check->session), NULL, 0, arena, &source, error);
    return status ? status : catalog_add_source(check->catalog, &source, statement->create.name.place, error);
}

static int check_drop(struct check *check, const struct statement *statement, struct arena *arena,
                      struct error *error) {
    const struct source *dropped;
    if (statement->drop.object == OBJECT_TYPE)
        return catalog_drop_type(check->catalog, &statement->drop, error);
    if (statement->drop.object != OBJECT_STREAM && statement->drop.object != OBJECT_TABLE)
        return 0;
    return catalog_drop_source(check->catalog, &statement->drop, arena, &dropped, error);
}

static int check_list(struct check *check, const struct statement *statement, struct arena *arena,
                      struct listing *ret_listing, struct error *error) {
    *ret_listing = (struct listing){0}; /* what is not the catalog's stays so */
    if (statement->kind == STATEMENT_DESCRIBE) {
        if (statement->describe.object != OBJECT_STREAM || statement->describe.all_streams ||
            statement->describe.all_tables)
            return 0;
        const struct source *source;
        int status = catalog_find_source(check->catalog, &statement->describe.name, &source, error);
        return status ? status : describe_columns(source, arena, ret_listing, error);
    }
    switch (statement->show.what) {
    case SHOW_STREAMS:
        return describe_streams(check->catalog, arena, ret_listing, error);
    case SHOW_TABLES:
        return describe_tables(check->catalog, arena, ret_listing, error);
    case SHOW_TYPES:
        return describe_types(check->catalog, arena, ret_listing, error);
    case SHOW_VARIABLES:
        return describe_variables(&check->variables, arena, ret_listing, error);
    default:
        return 0;
    }
}

static int check_answer(struct check *check, const struct statement *statement, struct arena *arena,
                        struct error *error) {
    struct listing listing;
    int status = check_list(check, statement, arena, &listing, error);
    return status || !listing.titles ? status : table_print_listing(table_format_of(check->format), &listing, error);
}

static int check_print(const struct statement *statement, struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    print_statement(&text, statement);
    bytes_append_string(&text, ";\n");
    if (text.failed)
        return error_no_memory(error);
    return fwrite(text.data, 1, text.length, stdout) == text.length
               ? 0
               : error_set_errno(error, errno, "writing to stdout");
}

static int check_statement(struct check *check, const struct statement *statement, struct arena *arena,
                           struct error *error) {
    int status = check_print(statement, error);
    if (status)
        return status;
    switch (statement->kind) {
    case STATEMENT_CREATE:
        return check_declare(check, statement, arena, error);
    case STATEMENT_CREATE_TYPE:
        return catalog_create_type(check->catalog, &statement->type, error);
    case STATEMENT_ALTER:
        return catalog_alter(check->catalog, &statement->alter, error);
    case STATEMENT_DROP:
        return check_drop(check, statement, arena, error);
    case STATEMENT_SET:
    case STATEMENT_UNSET:
        return session_execute(check->session, statement->text, NULL, NULL, error);
    case STATEMENT_SHOW:
    case STATEMENT_DESCRIBE:
        return check_answer(check, statement, arena, error);
    default:
        return 0;
    }
}

static int check_script(struct check *check, struct slice text, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    struct script script;
    struct statement *statement = NULL;
    int status;
    script_open(&script, text, &check->variables);
    while ((status = script_next(&script, &arena, &statement, error)) == 0 && statement) {
        status = check_statement(check, statement, &arena, error);
        if (status)
            return status;
        arena_reset(&arena);
    }
    return status;
}

/* What statements ask for is not done. */
static int check_pass(void *context, const struct session_effect *effect, struct error *error) {
    (void)context, (void)effect, (void)error;
    return 0;
}

/* Names and types, by planning all statements; what the log holds is known with --log. */
static int check_names(const struct check *check, const struct check_settings *settings, struct slice text,
                       struct error *error) {
    struct session *session = NULL;
    if (!settings->log && check->open) {
        fputs("meterline check: names were not checked: a source has its columns from a schema registry (--log asks "
              "it)\n",
              stderr);
        return 0;
    }
    if (!settings->log) {
        int status = session_new(&(struct session_options){.clock = &clock_system}, &session, error);
        if (!status)
            status = session_execute(session, text, check_pass, NULL, error);
        session_free(session);
        return status;
    }
    struct sql_session sql;
    struct bus *bus = NULL;
    struct log log = cli_log(&settings->common);
    int status = cli_open_bus(&settings->common, false, &bus, error);
    if (status)
        return status;
    status = sql_session_open(&sql, bus, &log, check_pass, NULL, error);
    if (!status) {
        session_pass_known(sql.session, true);
        status = session_execute(sql.session, text, check_pass, NULL, error);
        sql_session_close(&sql);
    }
    bus_close(bus);
    return status;
}

static int check_main(int argc, char **argv) {
    struct check_settings settings = {0};
    struct error error = {0};
    const char *path = NULL;
    size_t operands;
    int status = cli_parse(&check_line, argc, argv, &settings, &path, &operands);
    if (status != CLI_CONTINUE)
        return status;
    if (operands == 0 && !settings.execute)
        return cli_usage("check", "expected a FILE, - for standard input, or -e STATEMENTS");
    struct bytes text = {0};
    struct check check = {.catalog = catalog_new(), .format = settings.format};
    if (settings.execute)
        bytes_append_string(&text, settings.execute);
    status =
        check.catalog ? session_new(&(struct session_options){0}, &check.session, &error) : error_no_memory(&error);
    if (!status && !settings.execute)
        status = cli_read_text(path, &text, &error);
    if (!status)
        status = check_script(&check, bytes_slice(&text), &error);
    if (!status)
        status = check_names(&check, &settings, bytes_slice(&text), &error);
    variables_release(&check.variables);
    catalog_free(check.catalog);
    session_free(check.session);
    bytes_release(&text);
    return status ? cli_fail("check", &error) : 0;
}

const struct command command_check = {&check_line, check_main};
