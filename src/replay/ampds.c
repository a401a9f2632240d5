/* Water and gas: AMPds2 meter files (S. Makonin, doi:10.7910/DVN/FIE0S4), columns unix_ts, counter, avg_rate,
 * inst_rate, split by commas or tabs. A row gives *_IDD (inst_rate) and *_SUMMATION (counter) of each household. */
#include "core/number.h"
#include "model/time/time.h"
#include "replay/source_driver.h"

enum { AMPDS_TIME, AMPDS_COUNTER, AMPDS_AVERAGE, AMPDS_RATE, AMPDS_COLUMNS, AMPDS_VALUES = 2 };

static const char ampds_header[] = "unix_ts,counter,avg_rate,inst_rate (split by commas or tabs)";
static const char *const ampds_names[AMPDS_COLUMNS] = {"unix_ts", "counter", "avg_rate", "inst_rate"};

static int ampds_open(struct replay_source *source, struct slice type, const struct slice *attributes,
                      struct error *error) {
    struct slice line, fields[SOURCE_COLUMNS_MAXIMUM];
    int status = source_read_header(source, ampds_header, &line, error);
    if (status)
        return status;
    source->separator = memchr(line.data, '\t', line.length) ? '\t' : ',';
    source->columns = source_split(line, source->separator, fields);
    bool known = source->columns == AMPDS_COLUMNS;
    for (size_t i = 0; known && i < AMPDS_COLUMNS; i++)
        known = slice_equal(fields[i], slice_of(ampds_names[i]));
    if (!known)
        return source_wrong_header(source, ampds_header, line, error);
    return source_add_households(source, type, attributes, AMPDS_VALUES, error);
}

static int ampds_open_water(struct replay_source *source, struct error *error) {
    static const struct slice attributes[AMPDS_VALUES] = {SLICE("WATER_IDD"), SLICE("WATER_SUMMATION")};
    return ampds_open(source, SLICE("WATER"), attributes, error);
}

static int ampds_open_gas(struct replay_source *source, struct error *error) {
    static const struct slice attributes[AMPDS_VALUES] = {SLICE("GAS_IDD"), SLICE("GAS_SUMMATION")};
    return ampds_open(source, SLICE("GAS"), attributes, error);
}

static int ampds_read_row(struct replay_source *source, struct slice line, struct error *error) {
    static const size_t columns_used[AMPDS_VALUES] = {AMPDS_RATE, AMPDS_COUNTER};
    struct slice fields[SOURCE_COLUMNS_MAXIMUM];
    char excerpt[SOURCE_EXCERPT_SIZE];
    size_t columns = source_split(line, source->separator, fields);
    if (columns != source->columns)
        return source_malformed(source, error, "%zu columns where the header has %zu", columns, source->columns);
    if (source_is_missing(fields[AMPDS_RATE]) || source_is_missing(fields[AMPDS_COUNTER])) {
        source->counts.missing++;
        return 0;
    }
    int64_t seconds;
    if (!number_read_integer(fields[AMPDS_TIME], &seconds) || seconds < TIME_MINIMUM || seconds > TIME_MAXIMUM / 1000)
        return source_malformed(source, error, "unix_ts \"%s\" is not a time in whole seconds, 1970 to 9999",
                                source_excerpt(excerpt, fields[AMPDS_TIME]));
    for (size_t i = 0; i < AMPDS_VALUES; i++)
        if (!number_read_double(fields[columns_used[i]], &source->row.values[i]))
            return source_malformed(source, error, "%s \"%s\" is not a finite number", ampds_names[columns_used[i]],
                                    source_excerpt(excerpt, fields[columns_used[i]]));
    source_row_start(source, seconds * 1000);
    return 0;
}

static int ampds_next(struct replay_source *source, struct replay_reading *ret_reading, struct error *error) {
    while (!source_row_next(source, ret_reading)) {
        struct slice line;
        int status = source_next_line(source, &line, error);
        if (status <= 0)
            return status;
        status = ampds_read_row(source, line, error);
        if (status)
            return status;
    }
    return 1;
}

const struct source_driver source_water = {
    .type = "water", .households = true, .open = ampds_open_water, .next = ampds_next};
const struct source_driver source_gas = {.type = "gas", .households = true, .open = ampds_open_gas, .next = ampds_next};
