/* meterline sql: statements from a prompt, the command line or a file. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/sql/sql_prompt.h"
#include "cli/table.h"
#include "cli/text_file.h"
#include "codec/avro/avro_text.h"
#include "codec/json/json.h"
#include "codec/json/json_span.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/time/time.h"
#include "sql/record/record_text.h"
#include "sql/session/answer.h"
#include "sql/session/sql_session.h"
#include "stream/group/totals.h"

struct sql_settings {
    struct common_settings common;
    const char *execute, *file, *format;
    bool from_beginning;
};

#define OPTION(member) .offset = offsetof(struct sql_settings, member)

static const struct option sql_options[] = {
    {"execute", 'e', OPTION_STRING, "STATEMENTS", .help = "Run these and end.", OPTION(execute)},
    {"file", 'f', OPTION_STRING, "FILE",
     .help = "Run the statements of a file (- for standard input) and end; a file with a wrong statement does nothing "
             "at all, and statements that have been "
             "run before are passed by.",
     OPTION(file)},
    {"format", 0, OPTION_CHOICE, "FORMAT", .choices = "table|csv|json",
     .help = "Of rows. Without it a table on a terminal, otherwise CSV.", OPTION(format)},
    {"from-beginning", 'b', OPTION_FLAG,
     .help = "SELECT .. EMIT CHANGES begins with the oldest record, as after SET 'auto.offset.reset' = 'earliest'.",
     OPTION(from_beginning)},
    {0},
};

static const struct command_line sql_line = {
    .command = "sql",
    .operands = "",
    .summary = "A prompt for SQL statements.",
    .description =
        "Reads statements of ksqlDB's dialect; docs/sql.md is its reference. CREATE, INSERT INTO and DROP are kept in "
        "the log: a `meterline run` on "
        "the same data\n"
        "folder or cluster picks them up. SELECT .. EMIT CHANGES prints rows as they come, until LIMIT or SIGINT; "
        "SELECT without it answers from "
        "what is there.\n"
        "At the prompt a statement may span lines and ends with a semicolon; exit, quit or end of file leave it; help "
        "says what else.\n"
        "\n"
        "Examples:\n"
        "  meterline sql\n"
        "  meterline sql -e \"SHOW STREAMS;\"\n"
        "  meterline sql -b -e \"SELECT gateway, COUNT(*) AS n FROM readings GROUP BY gateway EMIT CHANGES LIMIT 10;\"",
    .options = sql_options,
    .common = cli_common_options,
};

struct sql {
    const struct sql_settings *settings;
    char *index_folder; /* of keys that SELECT has asked for */
    struct sql_session session;
    struct bus *bus;
    struct table *table; /* of the answer under way */
    const char *const *titles;
    bool slowly;            /* rows come one by one */
    struct avro_text *avro; /* of PRINT, for topics without a stream */
};

/* --- rows
 * ------------------------------------------------------------------------------------------------------------------ */

/* ROWTIME, WINDOWSTART and WINDOWEND are ms since the epoch; in a table for people they are times. */
static bool sql_time(struct sql *sql, const char *title, struct slice value) {
    static const char *const names[] = {"ROWTIME", "WINDOWSTART", "WINDOWEND"};
    int64_t time;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(title, names[i]) == 0 && table_format_of(sql->settings->format) == TABLE_ALIGNED &&
            number_read_integer(value, &time) && time >= TIME_MINIMUM && time <= TIME_MAXIMUM) {
            table_time(sql->table, time);
            return true;
        }
    return false;
}

static void sql_cell(struct sql *sql, const char *title, struct slice value) {
    cleanup(bytes_release) struct bytes text = {0};
    if (sql_time(sql, title, value))
        return;
    if (slice_equal(value, SLICE("null")))
        table_text(sql->table, (struct slice){0});
    else if (json_span_string(value, &text))
        table_text(sql->table, bytes_slice(&text));
    else
        table_json(sql->table, value);
}

static int sql_row(void *context, struct slice json, struct error *error) {
    struct sql *sql = context;
    struct slice rest = json_span_inside(json), name, value;
    for (size_t i = 0; json_span_next(&rest, &name, &value); i++)
        sql_cell(sql, sql->titles[i], value);
    table_row_end(sql->table);
    if (sql->slowly && !table_flush(sql->table))
        return error_set(error, ERROR_INTERRUPTED, "the rows are read no more");
    return 0;
}

/* Titles of the columns, NUL-terminated, in memory of the caller's arena. */
static const char **sql_titles(struct arena *arena, const struct plan_result *result) {
    const char **titles = arena_allocate(arena, (result->column_count + 1) * sizeof(char *));
    for (size_t i = 0; titles && i < result->column_count; i++)
        if (!(titles[i] = arena_copy(arena, result->columns[i].name).data))
            return NULL;
    return titles;
}

/* A topic that a query is to make is not there before a run has made it. */
static int sql_check_made(struct sql *sql, const struct select_query *select, struct error *error) {
    const struct source *source = catalog_source(session_catalog(sql->session.session), select->from.name.name);
    char topic[BUS_TOPIC_NAME_MAXIMUM + 1];
    struct bus_topic_info info;
    struct error missing;
    if (!source || source->topic.length >= sizeof topic)
        return 0;
    snprintf(topic, sizeof topic, "%.*s", (int)source->topic.length, source->topic.data);
    int status = bus_topic_describe(sql->bus, topic, &info, &missing);
    if (!status)
        bus_topic_info_release(&info);
    return status != ERROR_NOT_FOUND
               ? 0
               : error_set(error, ERROR_NOT_FOUND,
                           "topic %s of %.*s is not there: what a query makes is there when a 'meterline run' runs it",
                           topic, (int)source->name.length, source->name.data);
}

static int sql_select(struct sql *sql, const struct session_effect *effect, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    const char *reset = session_setting(sql->session.session, "auto.offset.reset"),
               **titles = sql_titles(&arena, effect->result);
    const struct log log = {.level = LOG_WARNING};
    bool changes = effect->select->emit != EMIT_DEFAULT;
    struct answer_options options = {.bus = sql->bus,
                                     .clock = &clock_system,
                                     .stop = &cli_stop,
                                     .changes = changes,
                                     .from_beginning =
                                         sql->settings->from_beginning || (reset && strcmp(reset, "earliest") == 0),
                                     .row = sql_row,
                                     .context = sql,
                                     .lookup = effect->lookup,
                                     .index_folder = sql->index_folder,
                                     .index_log = sql->settings->common.bus ? sql->settings->common.bus : "",
                                     .log = &log};
    int status = answer_check(effect->select, error);
    if (status || !titles)
        return status ? status : error_no_memory(error);
    sql->titles = titles;
    status = changes ? 0 : sql_check_made(sql, effect->select, error);
    if (!status)
        status = table_begin(table_format_of(sql->settings->format), titles, effect->result->column_count, &sql->table,
                             error);
    if (status)
        return status;
    sql->slowly = changes;
    if (changes)
        table_show_header(sql->table);
    status = answer_run(&options, effect->query, error);
    status = status == ERROR_INTERRUPTED ? 0 : status;
    int end = table_end(sql->table, status ? NULL : error);
    return status ? status : end;
}

/* What a query has done so far, by whatever program. */
static int sql_counters(struct sql *sql, const char *id, struct error *error) {
    static const char *const titles[] = {"query",    "read", "folded", "late",       "filtered",
                                         "rejected", "null", "failed", "duplicates", "written"};
    struct query_counters counters;
    struct table *table;
    bool found;
    int status = query_totals(sql->bus, id, &counters, &found, error);
    if (status || !found)
        return status;
    status = table_begin(table_format_of(sql->settings->format), titles, sizeof titles / sizeof *titles, &table, error);
    if (status)
        return status;
    const uint64_t numbers[] = {counters.read,     counters.folded,     counters.late,
                                counters.filtered, counters.rejected,   counters.null,
                                counters.failed,   counters.duplicates, counters.emitted};
    table_text(table, slice_of(id));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        table_integer(table, (int64_t)numbers[i]);
    table_row_end(table);
    return table_end(table, error);
}

/* --- PRINT
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct source *sql_source_of(const struct sql *sql, const char *topic) {
    const struct catalog *catalog = session_catalog(sql->session.session);
    for (size_t i = 0; i < catalog_source_count(catalog); i++)
        if (slice_equal(catalog_source_at(catalog, i)->topic, slice_of(topic)))
            return catalog_source_at(catalog, i);
    return NULL;
}

static int sql_print_record(struct sql *sql, const struct source *source, const struct bus_record *record,
                            struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    cleanup(bytes_release) struct bytes decoded = {0};
    struct record_text text = {.key = record->key, .value = record->value};
    bool written = false;
    int status = source               ? record_text_decode(source, bus_registry(sql->bus), record, &arena, &text, error)
                 : record->value.data ? avro_text_write(sql->avro, record->value, &decoded, &written, error)
                                      : 0;
    if (written)
        text.value = bytes_slice(&decoded);
    table_time(sql->table, record->timestamp);
    if (source) {
        sql_cell(sql, "key", text.key.data ? text.key : SLICE("null"));
        sql_cell(sql, "value", text.value.data ? text.value : SLICE("null"));
    } else {
        table_text(sql->table, record->key);
        if (written || (record->value.data && json_object_valid(record->value)))
            table_json(sql->table, text.value);
        else
            table_text(sql->table, record->value);
    }
    table_row_end(sql->table);
    if (!table_flush(sql->table))
        return error_set(error, ERROR_INTERRUPTED, "the records are read no more");
    return status;
}

static int sql_print_records(struct sql *sql, struct bus_consumer *consumer, const char *topic,
                             const struct print_statement *print, struct error *error) {
    const struct source *source = sql_source_of(sql, topic);
    struct bus_batch batch;
    int status = 0;
    for (int64_t seen = 0, printed = 0;
         !status && !atomic_load(&cli_stop) && (print->limit < 0 || printed < print->limit);) {
        int got = bus_consumer_poll(consumer, 100, &batch, error);
        status = got < 0 ? got : 0;
        for (size_t i = 0; got > 0 && i < batch.count && !status && (print->limit < 0 || printed < print->limit); i++)
            if (print->interval <= 1 || seen++ % print->interval == 0) {
                status = sql_print_record(sql, source, &batch.records[i], error);
                printed++;
            }
    }
    return status;
}

static int sql_print(struct sql *sql, const char *topic, const struct print_statement *print, struct error *error) {
    static const char *const titles[] = {"rowtime", "key", "value"};
    struct bus_topic_info info;
    struct bus_consumer *consumer;
    int status = bus_topic_describe(sql->bus, topic, &info, error);
    if (status)
        return status;
    int32_t partitions = info.settings.partitions;
    bus_topic_info_release(&info);
    status = bus_consumer_open(sql->bus, NULL, &consumer, error);
    for (int32_t p = 0; !status && p < partitions; p++) {
        int64_t start, end;
        status = bus_offsets(consumer, topic, p, &start, &end, error);
        if (!status)
            status = bus_consumer_seek(consumer, topic, p, print->from_beginning ? start : end, error);
    }
    if (!status)
        status = avro_text_new(bus_registry(sql->bus), &sql->avro, error);
    if (!status)
        status = table_begin(table_format_of(sql->settings->format), titles, 3, &sql->table, error);
    if (!status) {
        status = sql_print_records(sql, consumer, topic, print, error);
        status = status == ERROR_INTERRUPTED ? 0 : status;
        int end = table_end(sql->table, status ? NULL : error);
        status = status ? status : end;
    }
    sql->avro = avro_text_free(sql->avro);
    bus_consumer_close(consumer);
    return status;
}

/* --- effects
 * ------------------------------------------------------------------------------------------------------------------ */

static int sql_run_file(struct sql *sql, const char *path, struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    int status = cli_read_text(path, &text, error);
    return status ? status : sql_session_execute(&sql->session, bytes_slice(&text), false, error);
}

static int sql_effect(void *context, const struct session_effect *effect, struct error *error) {
    struct sql *sql = context;
    if (sql->session.replaying)
        return 0;
    switch (effect->kind) {
    case EFFECT_MESSAGE:
        if (!sql->settings->common.quiet)
            fprintf(stderr, "%s\n", effect->text.data);
        return 0;
    case EFFECT_TEXT:
        fputs(effect->text.data, stdout);
        return fflush(stdout) == 0 ? 0 : error_set_errno(error, errno, "writing to stdout");
    case EFFECT_LISTING:
        return table_print_listing(table_format_of(sql->settings->format), &effect->listing, error);
    case EFFECT_COUNTERS:
        return sql_counters(sql, effect->text.data, error);
    case EFFECT_SHOW_TOPICS:
        return cli_topics_list(sql->bus, table_format_of(sql->settings->format), error);
    case EFFECT_SELECT:
        return sql_select(sql, effect, error);
    case EFFECT_PRINT:
        return sql_print(sql, effect->text.data, effect->print, error);
    case EFFECT_RUN_SCRIPT:
        return sql_run_file(sql, effect->text.data, error);
    default:
        return 0; /* queries and connectors are for a running program */
    }
}

/* --- the command
 * ------------------------------------------------------------------------------------------------------------------ */

static int sql_work(struct sql *sql, struct error *error) {
    const struct sql_settings *settings = sql->settings;
    cleanup(bytes_release) struct bytes text = {0};
    bool standard = !settings->execute && !settings->file && !isatty(STDIN_FILENO);
    if (settings->execute)
        return sql_session_execute(&sql->session, slice_of(settings->execute), false, error);
    if (!settings->file && !standard)
        return sql_prompt(&sql->session, settings->common.quiet)
                   ? error_set(error, ERROR_IO, "the terminal cannot be used; give statements by -e or -f")
                   : 0;
    int status = cli_read_text(standard ? "-" : settings->file, &text, error);
    return status ? status : sql_session_execute(&sql->session, bytes_slice(&text), settings->file != NULL, error);
}

static int sql_main(int argc, char **argv) {
    struct sql_settings settings = {0};
    struct error error = {0};
    size_t operands;
    int status = cli_parse(&sql_line, argc, argv, &settings, NULL, &operands);
    if (status != CLI_CONTINUE)
        return status;
    if (settings.execute && settings.file)
        return cli_usage("sql", "give -e STATEMENTS or -f FILE, not both");
    struct sql sql = {.settings = &settings};
    struct log log = cli_log(&settings.common);
    cli_catch_signals();
    status = cli_open_bus(&settings.common, true, &sql.bus, &error);
    if (!status && !(sql.index_folder = cli_folder(&settings.common, "key-index")))
        status = error_no_memory(&error);
    if (!status)
        status = sql_session_open(&sql.session, sql.bus, &log, sql_effect, &sql, &error);
    if (!status) {
        status = sql_work(&sql, &error);
        sql_session_close(&sql.session);
    }
    bus_close(sql.bus);
    free(sql.index_folder);
    return status ? cli_fail("sql", &error) : 0;
}

const struct command command_sql = {&sql_line, sql_main};
