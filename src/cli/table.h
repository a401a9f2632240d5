/* Results on stdout: an aligned table (terminal), CSV (RFC 4180, with a header) or JSON lines. A table holds back up
 * to 1,000 rows to find its column widths, then streams. Write errors on stdout (a closed pipe, a full disk) are
 * kept and reported by table_end.
 *
 * A table fits the terminal: texts are cut with an ellipsis, down to a few characters; when that is not enough, or
 * with table_expand, each row is stacked, a line for each cell:
 *
 *     -[ 1 ]-----------
 *     gateway | 0
 *     average | 240.98 */
#ifndef METERLINE_CLI_TABLE_H
#define METERLINE_CLI_TABLE_H

#include "core/error.h"
#include "core/slice.h"
#include "sql/catalog/describe.h"
#include <stdbool.h>
#include <stdint.h>

enum table_format { TABLE_ALIGNED, TABLE_CSV, TABLE_JSON };

struct table;

/* `name`: "table", "csv", "json", or NULL: a table on a terminal, otherwise CSV. */
enum table_format table_format_of(const char *name);
/* Tables from now on are stacked. For a command's --expanded, and \\x at the prompt. */
void table_expand(bool expanded);
bool table_expanded(void);
int table_begin(enum table_format format, const char *const *columns, size_t column_count, struct table **ret_table,
                struct error *error);
/* The cells of a row, from left to right. Text is quoted as the format wants; numbers are right-aligned and bare;
 * raw JSON is nested in JSON lines and text elsewhere. */
void table_text(struct table *table, struct slice text);
void table_integer(struct table *table, int64_t value);
void table_double(struct table *table, double value);
void table_time(struct table *table, int64_t time);
void table_json(struct table *table, struct slice json);
void table_row_end(struct table *table);
/* Prints the header, before rows that come slowly. */
void table_show_header(struct table *table);
/* Prints what is held back; for rows that come slowly. False: the reader has left, or it failed: table_end says
 * which. */
bool table_flush(struct table *table);
/* A whole listing of texts. */
int table_print_listing(enum table_format format, const struct listing *listing, struct error *error);
/* Prints what is held back, flushes and frees the table (also on error). */
int table_end(struct table *table, struct error *error);

#endif
