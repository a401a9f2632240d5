/* bench_sqlite_floor SOURCE TARGET key|arrival ROWS: what SQLite alone needs to insert the rows of a store's
 * aggregate tables into an empty file.
 *
 * Reads all rows of the tables store_aggregates_N of SOURCE (a meterline.db) into memory, makes the same tables in
 * TARGET with the same pragmas, and inserts the rows, ROWS to a transaction, in the order of the primary key of one
 * table after the other, or in the order of arrival: by window end, as a stream brings them. Only inserting and
 * committing is measured. Prints {"rows": , "seconds": CPU}. */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TABLES_MAXIMUM = 16 };
#define MILLISECONDS INT64_C(20000000000) /* times above are in ms, not s */

struct cell {
    int type; /* SQLITE_INTEGER, SQLITE_FLOAT or SQLITE_NULL */
    union {
        int64_t integer;
        double number;
    };
};

struct table {
    char name[80];
    char *sql;
    int64_t window; /* seconds */
    int column_count, start_column;
    sqlite3_stmt *insert;
};

struct row {
    const struct table *table;
    int64_t end;    /* of the window, in the unit of the table's start column */
    uint64_t place; /* among the rows read */
    struct cell *cells;
};

struct rows {
    struct table tables[TABLES_MAXIMUM];
    int table_count;
    struct row *rows;
    size_t count, capacity;
};

static void fail(const char *what, sqlite3 *database) {
    fprintf(stderr, "bench_sqlite_floor: %s: %s\n", what, database ? sqlite3_errmsg(database) : "no memory");
    exit(1);
}

static void *must(void *memory) {
    if (!memory)
        fail("allocating", NULL);
    return memory;
}

static void execute(sqlite3 *database, const char *sql) {
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(sql, database);
}

static sqlite3_stmt *prepare(sqlite3 *database, const char *sql) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK)
        fail(sql, database);
    return statement;
}

static void read_tables(sqlite3 *source, struct rows *rows) {
    sqlite3_stmt *list = prepare(
        source, "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name GLOB 'store_aggregates_[0-9]*'");
    while (sqlite3_step(list) == SQLITE_ROW && rows->table_count < TABLES_MAXIMUM) {
        struct table *table = &rows->tables[rows->table_count++];
        snprintf(table->name, sizeof table->name, "%s", (const char *)sqlite3_column_text(list, 0));
        table->sql = must(strdup((const char *)sqlite3_column_text(list, 1)));
        table->window = strtoll(strrchr(table->name, '_') + 1, NULL, 10);
    }
    sqlite3_finalize(list);
}

static void read_row(sqlite3_stmt *select, const struct table *table, struct rows *rows) {
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity ? rows->capacity * 2 : 65536;
        rows->rows = must(realloc(rows->rows, rows->capacity * sizeof *rows->rows));
    }
    struct row *row = &rows->rows[rows->count];
    *row = (struct row){table, 0, rows->count, must(malloc((size_t)table->column_count * sizeof *row->cells))};
    for (int i = 0; i < table->column_count; i++) {
        row->cells[i].type = sqlite3_column_type(select, i);
        if (row->cells[i].type == SQLITE_FLOAT)
            row->cells[i].number = sqlite3_column_double(select, i);
        else
            row->cells[i].integer = sqlite3_column_int64(select, i);
    }
    int64_t start = row->cells[table->start_column].integer;
    row->end = start + table->window * (start > MILLISECONDS ? 1000 : 1);
    rows->count++;
}

static void read_rows(sqlite3 *source, struct table *table, struct rows *rows) {
    char sql[160];
    snprintf(sql, sizeof sql, "SELECT * FROM %s", table->name);
    sqlite3_stmt *select = prepare(source, sql);
    table->column_count = sqlite3_column_count(select);
    table->start_column = 1;
    for (int i = 0; i < table->column_count; i++)
        if (strstr(sqlite3_column_name(select, i), "start"))
            table->start_column = i;
    while (sqlite3_step(select) == SQLITE_ROW)
        read_row(select, table, rows);
    sqlite3_finalize(select);
}

static int row_compare(const void *a, const void *b) {
    const struct row *left = a, *right = b;
    if (left->end != right->end)
        return left->end < right->end ? -1 : 1;
    return (left->place > right->place) - (left->place < right->place);
}

static void prepare_target(sqlite3 *target, struct rows *rows) {
    execute(target, "PRAGMA page_size=8192; PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY; PRAGMA "
                    "journal_mode=WAL; PRAGMA synchronous=FULL;"
                    "PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=67108864");
    for (int i = 0; i < rows->table_count; i++) {
        struct table *table = &rows->tables[i];
        char sql[200];
        execute(target, table->sql);
        int length = snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (?", table->name);
        for (int column = 1; column < table->column_count; column++)
            length += snprintf(sql + length, sizeof sql - (size_t)length, ",?");
        snprintf(sql + length, sizeof sql - (size_t)length, ")");
        table->insert = prepare(target, sql);
    }
}

static void insert_row(sqlite3 *target, const struct row *row) {
    sqlite3_stmt *insert = row->table->insert;
    for (int i = 0; i < row->table->column_count; i++) {
        const struct cell *cell = &row->cells[i];
        if (cell->type == SQLITE_FLOAT)
            sqlite3_bind_double(insert, i + 1, cell->number);
        else if (cell->type == SQLITE_INTEGER)
            sqlite3_bind_int64(insert, i + 1, cell->integer);
        else
            sqlite3_bind_null(insert, i + 1);
    }
    if (sqlite3_step(insert) != SQLITE_DONE)
        fail("inserting", target);
    sqlite3_reset(insert);
}

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    static struct rows rows;
    sqlite3 *source, *target;
    if (argc != 5) {
        fputs("usage: bench_sqlite_floor SOURCE TARGET key|arrival ROWS\n", stderr);
        return 2;
    }
    size_t transaction = strtoull(argv[4], NULL, 10);
    if (sqlite3_open_v2(argv[1], &source, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
        sqlite3_open(argv[2], &target) != SQLITE_OK)
        fail("opening", source);
    read_tables(source, &rows);
    for (int i = 0; i < rows.table_count; i++)
        read_rows(source, &rows.tables[i], &rows);
    if (strcmp(argv[3], "arrival") == 0)
        qsort(rows.rows, rows.count, sizeof *rows.rows, row_compare);
    prepare_target(target, &rows);
    double begin = cpu_seconds();
    for (size_t i = 0; i < rows.count; i++) {
        if (i % transaction == 0)
            execute(target, i ? "COMMIT; BEGIN IMMEDIATE" : "BEGIN IMMEDIATE");
        insert_row(target, &rows.rows[i]);
    }
    execute(target, rows.count ? "COMMIT" : "SELECT 1");
    printf("{\"rows\": %zu, \"seconds\": %.4f}\n", rows.count, cpu_seconds() - begin);
    for (int i = 0; i < rows.table_count; i++)
        sqlite3_finalize(rows.tables[i].insert);
    sqlite3_close(target);
    sqlite3_close(source);
    return 0;
}
