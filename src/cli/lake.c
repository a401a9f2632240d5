/* meterline lake: tables, snapshots and files of the lake; check, compact, expire; forget positions. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/table.h"
#include "core/memory.h"
#include "lake/lake.h"
#include "lake/maintain.h"
#include "model/time/time_text.h"

struct lake_settings {
    struct common_settings common;
    const char *format, *lake, *topic;
    int64_t target, smallest, keep, orphans;
    bool quick, yes;
};

#define OPTION(member) .offset = offsetof(struct lake_settings, member)

static const struct option lake_options[] = {
    {"lake", 0, OPTION_STRING, "URL", .environment = "METERLINE_LAKE",
     .help = "The lake: a folder; without it, or default, the folder lake in the data folder.", OPTION(lake)},
    {"quick", 0, OPTION_FLAG, .help = "check: read the ends of files only, not their rows.", OPTION(quick)},
    {"target", 0, OPTION_BYTES, "BYTES", "128M", .help = "compact: how large files should become.", OPTION(target)},
    {"smallest", 0, OPTION_INTEGER, "N", "2", .minimum = 2, .maximum = 12,
     .help = "compact: how many small files of a month are worth merging.", OPTION(smallest)},
    {"keep", 0, OPTION_DURATION, "TIME", "5d", .minimum = 0, .maximum = 36600 * 86400e3,
     .help = "expire: older snapshots go; the newest always stays.", OPTION(keep)},
    {"orphans", 0, OPTION_DURATION, "TIME", "3d", .minimum = 3600e3, .maximum = 36600 * 86400e3,
     .help = "expire: files that no snapshot needs go when they are older; longer than a commit takes.",
     OPTION(orphans)},
    {"topic", 0, OPTION_STRING, "NAME", .help = "forget: of this topic only.", OPTION(topic)},
    {"yes", 'y', OPTION_FLAG, .help = "forget: do it without being asked.", OPTION(yes)},
    {"format", 'f', OPTION_CHOICE, "FORMAT", .choices = "table|csv|json",
     .help = "Without it a table on a terminal, otherwise CSV.", OPTION(format)},
    {0},
};

static const struct command_line lake_line = {
    .command = "lake",
    .operands = "[tables | snapshots TABLE | files TABLE | positions TABLE | check [TABLE] | compact [TABLE] | expire "
                "[TABLE] | forget TABLE]",
    .summary = "List, check, compact and expire the tables of the lake.",
    .description =
        "tables     rows, files and bytes of each table\n"
        "snapshots  the commits of a table\n"
        "files      the data files of its newest snapshot\n"
        "positions  up to which offsets of which topics it has records\n"
        "check      reads every file: is it there, with the rows, sizes, bounds and order that the table says; "
        "ends with 1 when something is wrong\n"
        "compact    merges the small files of each month, in the order of the log\n"
        "expire     drops old snapshots, and the files that only they needed\n"
        "forget     forgets positions: the next sink brings its log's records again, in addition to what is "
        "there\n"
        "\n"
        "check, compact and expire take all tables without a name. None of them disturbs a reader or a sink.\n"
        "\n"
        "Examples:\n"
        "  meterline lake\n"
        "  meterline lake check readings --lake /data/lake\n"
        "  meterline lake compact --target 256M",
    .options = lake_options,
    .common = cli_common_options,
    .uses = CLI_STORE,
    .operand_maximum = 2,
};

struct lake_work {
    const struct lake_settings *settings;
    enum table_format format;
    struct lake *lake;
    bool wrong; /* a check has found something */
};

/* --- lists
 * ------------------------------------------------------------------------------------------------------------------ */

static int lake_list_table(struct lake_work *work, const char *name, struct table *to, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    struct lake_table *table;
    struct lake_snapshot snapshot;
    int64_t rows = 0, bytes = 0;
    int status = lake_table_open(work->lake, name, &table, error);
    if (status)
        return status;
    status = lake_snapshot_read(table, 0, &arena, &snapshot, error);
    for (size_t i = 0; i < snapshot.file_count && !status; i++) {
        rows += snapshot.files[i].records;
        bytes += snapshot.files[i].bytes;
    }
    lake_table_close(table);
    if (status)
        return status;
    table_text(to, slice_of(name));
    table_integer(to, rows);
    table_integer(to, (int64_t)snapshot.file_count);
    table_integer(to, bytes);
    table_integer(to, (int64_t)snapshot.delete_count);
    if (snapshot.id)
        table_time(to, snapshot.time);
    else
        table_text(to, (struct slice){NULL, 0});
    table_row_end(to);
    return 0;
}

static int lake_list_tables(struct lake_work *work, struct error *error) {
    static const char *const columns[] = {"table", "rows", "files", "bytes", "deleteFiles", "lastCommit"};
    cleanup(arena_release) struct arena arena = {0};
    const char *const *names;
    struct table *table;
    size_t count;
    int status = lake_tables(work->lake, &arena, &names, &count, error);
    if (!status)
        status = table_begin(work->format, columns, 6, &table, error);
    if (status)
        return status;
    for (size_t i = 0; i < count && !status; i++)
        status = lake_list_table(work, names[i], table, error);
    struct error ignored;
    int ended = table_end(table, status ? &ignored : error);
    return status ? status : ended;
}

static int lake_list_snapshots(struct lake_work *work, struct lake_table *from, struct error *error) {
    static const char *const columns[] = {"snapshot",  "time",         "operation",   "addedFiles",
                                          "addedRows", "removedFiles", "removedRows", "rows"};
    cleanup(arena_release) struct arena arena = {0};
    const struct lake_history_entry *entries;
    struct table *table;
    size_t count;
    int status = lake_history(from, &arena, &entries, &count, error);
    if (!status)
        status = table_begin(work->format, columns, 8, &table, error);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++) {
        char id[24];
        snprintf(id, sizeof id, "%" PRId64, entries[i].id);
        table_text(table, slice_of(id)); /* more digits than a double of JSON has */
        table_time(table, entries[i].time);
        table_text(table, slice_of(entries[i].operation));
        table_integer(table, entries[i].added_files);
        table_integer(table, entries[i].added_records);
        table_integer(table, entries[i].removed_files);
        table_integer(table, entries[i].removed_records);
        table_integer(table, entries[i].records);
        table_row_end(table);
    }
    return table_end(table, error);
}

/* "2007-01", a day, or nothing. */
static size_t lake_partition_text(const struct lake_snapshot *snapshot, const struct lake_file *file,
                                  char to[TIME_TEXT_SIZE]) {
    if (!file->partitioned)
        return 0;
    if (snapshot->partition == LAKE_BY_DAY)
        return time_text_write_date(to, file->partition);
    return (size_t)snprintf(to, TIME_TEXT_SIZE, "%04" PRId64 "-%02d", 1970 + floor_divide(file->partition, 12),
                            (int)floor_modulo(file->partition, 12) + 1);
}

static int lake_list_files(struct lake_work *work, struct lake_table *from, struct error *error) {
    static const char *const columns[] = {"file", "partition", "rows", "bytes", "sequence", "content"};
    static const char *const contents[] = {"data", "position deletes", "equality deletes"};
    cleanup(arena_release) struct arena arena = {0};
    struct lake_snapshot snapshot;
    struct table *table;
    int status = lake_snapshot_read(from, 0, &arena, &snapshot, error);
    if (!status)
        status = table_begin(work->format, columns, 6, &table, error);
    if (status)
        return status;
    for (size_t i = 0; i < snapshot.file_count + snapshot.delete_count; i++) {
        const struct lake_file *file =
            i < snapshot.file_count ? &snapshot.files[i] : &snapshot.deletes[i - snapshot.file_count];
        char partition[TIME_TEXT_SIZE];
        size_t length = lake_partition_text(&snapshot, file, partition);
        table_text(table, slice_of(file->path));
        table_text(table, (struct slice){length ? partition : NULL, length});
        table_integer(table, file->records);
        table_integer(table, file->bytes);
        table_integer(table, file->sequence);
        table_text(table, slice_of(contents[file->content]));
        table_row_end(table);
    }
    return table_end(table, error);
}

static int lake_list_positions(struct lake_work *work, struct lake_table *from, struct error *error) {
    static const char *const columns[] = {"topic", "partition", "nextOffset", "origin"};
    cleanup(arena_release) struct arena arena = {0};
    const struct lake_position *positions;
    struct table *table;
    size_t count;
    int status = lake_positions(from, &arena, &positions, &count, error);
    if (!status)
        status = table_begin(work->format, columns, 4, &table, error);
    if (status)
        return status;
    for (size_t i = 0; i < count && !status; i++) {
        const char *origin;
        status = lake_origin(from, positions[i].topic, &arena, &origin, error);
        if (status)
            break;
        table_text(table, slice_of(positions[i].topic));
        table_integer(table, positions[i].partition);
        table_integer(table, positions[i].offset);
        table_text(table, slice_of(origin));
        table_row_end(table);
    }
    struct error ignored;
    int ended = table_end(table, status ? &ignored : error);
    return status ? status : ended;
}

/* --- looking after
 * ------------------------------------------------------------------------------------------------------------------ */

static void lake_print_problem(void *context, const char *file, const char *what) {
    printf("%s: %s%s%s\n", (const char *)context, file ? file : "", file ? ": " : "", what);
}

static int lake_check_table(struct lake_work *work, struct lake_table *table, struct error *error) {
    struct lake_checked checked;
    const char *name = lake_table_name(table);
    int status =
        lake_check(table, !work->settings->quick, lake_print_problem, (void *)(uintptr_t)name, &checked, error);
    if (status)
        return status;
    work->wrong |= checked.problems > 0;
    if (!work->settings->common.quiet)
        fprintf(stderr, "%s: %" PRId64 " rows in %" PRId64 " files of %" PRId64 " bytes; %" PRId64 " problems\n", name,
                checked.rows, checked.files, checked.bytes, checked.problems);
    return 0;
}

static int lake_compact_table(struct lake_work *work, struct lake_table *table, struct error *error) {
    struct lake_compaction compaction = {
        .target = work->settings->target, .smallest = (size_t)work->settings->smallest, .stop = &cli_stop};
    struct lake_compacted done;
    int status = lake_compact(table, &compaction, &done, error);
    if (status || work->settings->common.quiet)
        return status;
    fprintf(stderr,
            "%s: %" PRId64 " files of %" PRId64 " bytes became %" PRId64 " of %" PRId64 " bytes (%" PRId64 " rows)\n",
            lake_table_name(table), done.files, done.bytes, done.new_files, done.new_bytes, done.rows);
    if (done.conflicts)
        fprintf(stderr, "%s: %" PRId64 " months were changed by another program meanwhile, and are left as they are\n",
                lake_table_name(table), done.conflicts);
    return 0;
}

static int lake_expire_table(struct lake_work *work, struct lake_table *table, struct error *error) {
    struct lake_expiry expiry = {.keep = work->settings->keep, .orphans = work->settings->orphans};
    struct lake_expired expired;
    int status = lake_expire(table, &expiry, &expired, error);
    if (!status && !work->settings->common.quiet)
        fprintf(stderr, "%s: %" PRId64 " snapshots and %" PRId64 " files of %" PRId64 " bytes are gone\n",
                lake_table_name(table), expired.snapshots, expired.objects, expired.bytes);
    return status;
}

static int lake_forget(struct lake_work *work, struct lake_table *table, struct error *error) {
    if (!work->settings->yes)
        return error_set(error, ERROR_INVALID,
                         "a sink then brings the records of its log again, in addition to the rows that table %s has: "
                         "--yes does it",
                         lake_table_name(table));
    return lake_forget_positions(table, work->settings->topic, error);
}

/* --- the command
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct lake_verb {
    const char *name;
    int (*run)(struct lake_work *work, struct lake_table *table, struct error *error);
    bool all; /* without a name: every table */
} lake_verbs[] = {
    {"snapshots", lake_list_snapshots, false},
    {"files", lake_list_files, false},
    {"positions", lake_list_positions, false},
    {"check", lake_check_table, true},
    {"compact", lake_compact_table, true},
    {"expire", lake_expire_table, true},
    {"forget", lake_forget, false},
};

static int lake_one(struct lake_work *work, const struct lake_verb *verb, const char *name, struct error *error) {
    struct lake_table *table;
    int status = lake_table_open(work->lake, name, &table, error);
    if (status)
        return status;
    status = verb->run(work, table, error);
    lake_table_close(table);
    return status;
}

static int lake_every(struct lake_work *work, const struct lake_verb *verb, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    const char *const *names;
    size_t count;
    int status = lake_tables(work->lake, &arena, &names, &count, error);
    for (size_t i = 0; i < count && !status && !atomic_load(&cli_stop); i++)
        status = lake_one(work, verb, names[i], error);
    return status;
}

static const struct lake_verb *lake_find(const char *name) {
    for (size_t i = 0; i < sizeof lake_verbs / sizeof *lake_verbs; i++)
        if (strcmp(lake_verbs[i].name, name) == 0)
            return &lake_verbs[i];
    return NULL;
}

static int lake_open_lake(struct lake_work *work, const struct log *log, struct error *error) {
    struct lake_options options = {.clock = &clock_system, .log = log};
    char url[4096];
    int status = cli_lake_url(&work->settings->common, work->settings->lake, url, sizeof url, error);
    return status ? status : lake_open(url, &options, &work->lake, error);
}

static int lake_main(int argc, char **argv) {
    struct lake_settings settings = {0};
    struct error error;
    const char *operands[2] = {0};
    size_t count;
    int status = cli_parse(&lake_line, argc, argv, &settings, operands, &count);
    if (status != CLI_CONTINUE)
        return status;
    struct log log = cli_log(&settings.common);
    struct lake_work work = {.settings = &settings, .format = table_format_of(settings.format)};
    bool tables = count == 0 || strcmp(operands[0], "tables") == 0;
    const struct lake_verb *verb = tables ? NULL : lake_find(operands[0]);
    if (!tables && !verb)
        return cli_usage("lake", "%s is none of tables, snapshots, files, positions, check, compact, expire, forget",
                         operands[0]);
    if (verb && !verb->all && count < 2)
        return cli_usage("lake", "%s needs the name of a table", operands[0]);
    cli_catch_signals();
    status = lake_open_lake(&work, &log, &error);
    if (!status)
        status = tables      ? lake_list_tables(&work, &error)
                 : count > 1 ? lake_one(&work, verb, operands[1], &error)
                             : lake_every(&work, verb, &error);
    lake_close(work.lake);
    return status ? cli_fail("lake", &error) : work.wrong;
}

const struct command command_lake = {&lake_line, lake_main};
