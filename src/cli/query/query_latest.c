#include "cli/query/query_latest.h"

#include "cli/table.h"

struct latest {
    struct table *table;
    int64_t rows, limit;
};

static int latest_row(void *context, const struct cache_entry *entry, struct error *error) {
    struct latest *latest = context;
    (void)error;
    if (latest->limit >= 0 && latest->rows >= latest->limit)
        return 1;
    table_text(latest->table, entry->key);
    table_time(latest->table, entry->timestamp);
    if (entry->has_value)
        table_double(latest->table, entry->value);
    table_row_end(latest->table);
    latest->rows++;
    return 0;
}

int query_latest(const struct common_settings *common, const char *key, bool series, int64_t limit, const char *format,
                 int64_t *ret_rows, struct error *error) {
    static const char *const of_gateways[] = {"gateway", "timestamp"}, *const of_series[] = {"series", "timestamp",
                                                                                             "value"};
    struct latest latest = {.limit = limit};
    struct cache *cache;
    int status = cli_open_cache(common, true, false, &cache, error);
    if (!status)
        status = table_begin(table_format_of(format), series ? of_series : of_gateways, series ? 3 : 2, &latest.table,
                             error);
    if (status) {
        cache_close(cache);
        return status;
    }
    status = cache_read(cache, key, series, latest_row, &latest, error);
    int end = table_end(latest.table, status < 0 ? NULL : error);
    cache_close(cache);
    *ret_rows = latest.rows;
    return status < 0 ? status : end;
}
