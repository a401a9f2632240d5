/* Electricity: the EDF / UCI "Individual household electric power consumption" file, columns split by ';', dates
 * d/m/yyyy, UTC. A row gives ACTIVE_POWER, REACTIVE_POWER, VOLTAGE and INTENSITY of each household; '?' stands for a
 * missing value. */
#include "core/number.h"
#include "model/time/time.h"
#include "replay/source_driver.h"

enum { EDF_DATE, EDF_TIME, EDF_FIRST_VALUE, EDF_VALUES = 4, EDF_COLUMNS = EDF_FIRST_VALUE + EDF_VALUES };

static const char edf_header[] = "Date;Time;Global_active_power;Global_reactive_power;Voltage;Global_intensity";
static const char *const edf_names[EDF_VALUES] = {"Global_active_power", "Global_reactive_power", "Voltage",
                                                  "Global_intensity"};

static int edf_open(struct replay_source *source, struct error *error) {
    static const struct slice attributes[EDF_VALUES] = {SLICE("ACTIVE_POWER"), SLICE("REACTIVE_POWER"),
                                                        SLICE("VOLTAGE"), SLICE("INTENSITY")};
    struct slice line, fields[SOURCE_COLUMNS_MAXIMUM];
    int status = source_read_header(source, edf_header, &line, error);
    if (status)
        return status;
    size_t length = sizeof(edf_header) - 1;
    bool begins = line.length >= length && memcmp(line.data, edf_header, length) == 0;
    if (!begins || (line.length > length && line.data[length] != ';'))
        return source_wrong_header(source, edf_header, line, error);
    source->columns = source_split(line, ';', fields);
    return source_add_households(source, SLICE("ELECTRICITY"), attributes, EDF_VALUES, error);
}

/* Digits up to `stop` (or the end), which *at is moved after. */
static bool edf_read_digits(const char **at, const char *end, char stop, unsigned digits_maximum, unsigned *ret_value) {
    const char *p = *at;
    unsigned value = 0, digits = 0;
    for (; p < end && *p >= '0' && *p <= '9' && digits < digits_maximum; p++, digits++)
        value = value * 10 + (unsigned)(*p - '0');
    if (digits == 0 || (stop ? p == end || *p != stop : p != end))
        return false;
    *at = p + (stop != 0);
    *ret_value = value;
    return true;
}

static bool edf_read_time(struct slice date, struct slice time, int64_t *ret_time) {
    unsigned day, month, year, hour, minute, second;
    const char *at = date.data, *end = at + date.length;
    if (!edf_read_digits(&at, end, '/', 2, &day) || !edf_read_digits(&at, end, '/', 2, &month) ||
        !edf_read_digits(&at, end, 0, 4, &year))
        return false;
    at = time.data;
    end = at + time.length;
    if (!edf_read_digits(&at, end, ':', 2, &hour) || !edf_read_digits(&at, end, ':', 2, &minute) ||
        !edf_read_digits(&at, end, 0, 2, &second))
        return false;
    if (year < 1970 || !time_date_valid(year, month, day) || hour > 23 || minute > 59 || second > 59)
        return false;
    *ret_time = ((time_days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60000 + second * INT64_C(1000);
    return true;
}

static int edf_read_row(struct replay_source *source, struct slice line, struct error *error) {
    struct slice fields[SOURCE_COLUMNS_MAXIMUM];
    char excerpt[SOURCE_EXCERPT_SIZE], second[SOURCE_EXCERPT_SIZE];
    size_t columns = source_split(line, ';', fields);
    if (columns != source->columns)
        return source_malformed(source, error, "%zu columns where the header has %zu", columns, source->columns);
    for (size_t i = 0; i < EDF_VALUES; i++)
        if (source_is_missing(fields[EDF_FIRST_VALUE + i])) {
            source->counts.missing++;
            return 0;
        }
    int64_t timestamp;
    if (!edf_read_time(fields[EDF_DATE], fields[EDF_TIME], &timestamp))
        return source_malformed(source, error, "\"%s;%s\" is not a time as 16/12/2006;17:24:00, 1970 to 9999",
                                source_excerpt(excerpt, fields[EDF_DATE]), source_excerpt(second, fields[EDF_TIME]));
    for (size_t i = 0; i < EDF_VALUES; i++)
        if (!number_read_double(fields[EDF_FIRST_VALUE + i], &source->row.values[i]))
            return source_malformed(source, error, "%s \"%s\" is not a finite number", edf_names[i],
                                    source_excerpt(excerpt, fields[EDF_FIRST_VALUE + i]));
    source_row_start(source, timestamp);
    return 0;
}

static int edf_next(struct replay_source *source, struct replay_reading *ret_reading, struct error *error) {
    while (!source_row_next(source, ret_reading)) {
        struct slice line;
        int status = source_next_line(source, &line, error);
        if (status <= 0)
            return status;
        status = edf_read_row(source, line, error);
        if (status)
            return status;
    }
    return 1;
}

const struct source_driver source_electricity = {
    .type = "electricity", .households = true, .open = edf_open, .next = edf_next};
