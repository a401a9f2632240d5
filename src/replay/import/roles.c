/* What the columns are, and what a file leaves open: the date's order, the decimal mark.
 *
 *     time     the one column of dates; beside dates alone the one column of times of day
 *     gateway, type, attribute     columns of such names (names_of), unless a setting has it
 *     values   all other columns of numbers but sums ("Summe", "Total")
 *
 * Several values in a row (the wide form) differ in one part of the series, which is then the column's name: the
 * gateway when the attribute is given, the attribute when the gateway is given or has a column. */
#include "replay/import/layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "core/options.h"
#include "model/time/time.h"

static const char *const names_of_gateways[] = {"gateway",       "meter",
                                                "meter_id",      "meter id",
                                                "meterid",       "z\xc3\xa4hler",
                                                "zaehler",       "z\xc3\xa4hlernummer",
                                                "zaehlernummer", "z\xc3\xa4hlpunkt",
                                                "zaehlpunkt",    "wohnung",
                                                "flat",          "apartment",
                                                "device",        "device_id",
                                                "sensor",        "sensor_id",
                                                "house",         "household",
                                                "lclid",         "id",
                                                "top",           "einheit",
                                                "mieteinheit",   NULL};
static const char *const names_of_types[] = {"type", "metrictype", "metric_type", "medium", "sparte", NULL};
static const char *const names_of_attributes[] = {
    "attribute", "metricattribute", "metric_attribute",        "obis", "kanal",
    "channel",   "register",        "messgr\303\266\303\237e", NULL};
static const char *const names_of_sums[] = {"summe", "sum", "gesamt", "total", "totals", "gesamtsumme", "all", NULL};
static const char *const names_of_starts[] = {"von", "from", "start", "begin", "beginn", NULL};

static bool is_named(struct slice name, const char *const *names) {
    for (; *names; names++)
        if (strlen(*names) == name.length && strncasecmp(*names, name.data, name.length) == 0)
            return true;
    return false;
}

bool layout_is_sum(struct slice word) {
    return is_named(word, names_of_sums);
}

/* --- roles that are given
 * ------------------------------------------------------------------------------------------------------------------ */

static const char *const role_words[] = {"", "ignore", "time", "clock", "gateway", "type", "attribute", "value"};

const char *role_word(enum column_role role) {
    return role_words[role];
}

bool column_is_called(const struct layout *layout, size_t i, struct slice name) {
    char number[32];
    int length = snprintf(number, sizeof number, "column %zu", i + 1);
    return slice_equal(layout->columns[i].name, name) || slice_equal((struct slice){number, (size_t)length}, name);
}

/* "value", "value W1", "value W1.ELECTRICITY.ENERGY". */
static bool role_value(struct column *column, struct slice rest) {
    column->role = ROLE_VALUE;
    while (rest.length && rest.data[0] == ' ')
        rest = (struct slice){rest.data + 1, rest.length - 1};
    const char *first = memchr(rest.data, '.', rest.length), *end = rest.data + rest.length;
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    if (!second || memchr(second + 1, '.', (size_t)(end - second - 1))) {
        column->alias = rest;
        return true;
    }
    column->gateway = (struct slice){rest.data, (size_t)(first - rest.data)};
    column->type = (struct slice){first + 1, (size_t)(second - first - 1)};
    column->attribute = (struct slice){second + 1, (size_t)(end - second - 1)};
    column->whole = true;
    return column->gateway.length && column->type.length && column->attribute.length;
}

static bool role_read(struct column *column, struct slice text) {
    for (enum column_role role = ROLE_IGNORED; role < ROLE_VALUE; role++)
        if (slice_equal(text, slice_of(role_words[role]))) {
            column->role = role;
            return true;
        }
    if (text.length < 5 || memcmp(text.data, "value", 5) != 0 || (text.length > 5 && text.data[5] != ' '))
        return false;
    return role_value(column, (struct slice){text.data + 5, text.length - 5});
}

bool role_split(const char *text, struct slice *ret_name, struct slice *ret_role) {
    const char *equals = strrchr(text, '=');
    if (!equals || equals == text)
        return false;
    *ret_name = (struct slice){text, (size_t)(equals - text)};
    while (ret_name->length && ret_name->data[ret_name->length - 1] == ' ')
        ret_name->length--;
    for (equals++; *equals == ' '; equals++)
        ;
    *ret_role = slice_of(equals);
    return ret_name->length > 0;
}

int layout_roles(const struct import_settings *settings, struct layout *layout, struct arena *arena,
                 struct error *error) {
    (void)arena;
    for (size_t k = settings->column_count; k-- > 0;) {
        struct slice name, role;
        struct column check = {0};
        if (!role_split(settings->columns[k], &name, &role) || !role_read(&check, role))
            return error_set(error, ERROR_INVALID,
                             "--column '%s': expected NAME=time, clock, gateway, type, attribute, value, 'value NAME', "
                             "'value GATEWAY.TYPE.ATTRIBUTE' or ignore",
                             settings->columns[k]);
        for (size_t i = 0; i < layout->count; i++) {
            if (!column_is_called(layout, i, name))
                continue;
            struct column *column = &layout->columns[i];
            column->gateway = column->type = column->attribute = column->alias = (struct slice){0};
            column->whole = false;
            role_read(column, role);
            if (column->role == ROLE_IGNORED)
                column->why = NULL;
            break;
        }
    }
    return 0;
}

/* --- time
 * ------------------------------------------------------------------------------------------------------------------ */

static bool mostly(int64_t some, int64_t all) {
    return all > 0 && 2 * some >= all;
}

static size_t role_find(const struct layout *layout, enum column_role role) {
    for (size_t i = 0; i < layout->count; i++)
        if (layout->columns[i].role == role)
            return i;
    return SIZE_MAX;
}

/* How many cells of a column are dates; of times of day; of seconds or ms since 1970. */
static int64_t time_cells(const struct column_cells *cells, bool clock, bool numbers) {
    return clock     ? cells->clocks
           : numbers ? cells->forms[3] + cells->forms[4]
                     : cells->forms[0] + cells->forms[1] + cells->forms[2];
}

/* The one column of dates (`clock`: of times of day); of two, one that is named as a start goes with what is given.
 * Numbers since 1970 when there are no dates; when no column is mostly dates, one that has some. */
static int time_find(struct layout *layout, bool clock, size_t *ret_column, struct error *error) {
    size_t found = role_find(layout, clock ? ROLE_CLOCK : ROLE_TIME), other = SIZE_MAX;
    for (int pass = 0; pass < (clock ? 1 : 3) && found == SIZE_MAX; pass++)
        for (size_t i = 0; i < layout->count; i++) {
            const struct column_cells *cells = &layout->columns[i].cells;
            int64_t count = time_cells(cells, clock, pass == 1);
            if (layout->columns[i].role != ROLE_UNKNOWN || (pass < 2 ? !mostly(count, cells->filled) : !count))
                continue;
            if (found != SIZE_MAX && !pass)
                other = i;
            else if (found == SIZE_MAX)
                found = i;
        }
    if (other != SIZE_MAX) {
        struct slice a = layout->columns[found].name, b = layout->columns[other].name;
        struct slice start = is_named(b, names_of_starts) ? b : a;
        return error_set(error, ERROR_INVALID,
                         "%s: columns \"%.*s\" and \"%.*s\" both hold %s: say which is the reading's, as with --column "
                         "'%.*s=%s'",
                         layout->file, (int)a.length, a.data, (int)b.length, b.data, clock ? "times of day" : "dates",
                         (int)start.length, start.data, clock ? "clock" : "time");
    }
    *ret_column = found;
    return 0;
}

static int time_roles(struct layout *layout, struct error *error) {
    int status = time_find(layout, false, &layout->time, error);
    if (status)
        return status;
    if (layout->time == SIZE_MAX)
        return error_set(error, ERROR_INVALID,
                         "%s: no column holds dates that are understood (2024-01-31 13:45, 31.01.2024 13:45, seconds "
                         "since 1970): --column NAME=time names one",
                         layout->file);
    struct column *time = &layout->columns[layout->time];
    time->role = ROLE_TIME;
    if (2 * time->cells.dates_alone >= time->cells.times || role_find(layout, ROLE_CLOCK) != SIZE_MAX) {
        status = time_find(layout, true, &layout->clock, error);
        if (!status && layout->clock != SIZE_MAX)
            layout->columns[layout->clock].role = ROLE_CLOCK;
    }
    return status;
}

static const unsigned date_orders[] = {TIME_YEAR_FIRST, TIME_DAY_FIRST, TIME_MONTH_FIRST, TIME_SECONDS,
                                       TIME_MILLISECONDS};

static int date_decide(const struct import_settings *settings, struct layout *layout, struct error *error) {
    const struct column_cells *cells = &layout->columns[layout->time].cells;
    if (settings->date) {
        layout->date = settings->date[0] == 'd'   ? TIME_DAY_FIRST
                       : settings->date[0] == 'm' ? TIME_MONTH_FIRST
                                                  : TIME_YEAR_FIRST;
        return 0;
    }
    int64_t most = 0;
    for (size_t i = 0; i < 5; i++)
        if (cells->forms[i] > most) {
            most = cells->forms[i];
            layout->date = date_orders[i];
        }
    if (layout->date != TIME_DAY_FIRST && layout->date != TIME_MONTH_FIRST)
        return 0;
    if (cells->day_first.line && cells->month_first.line && !cells->dotted)
        return error_set(
            error, ERROR_INVALID,
            "%s: on line %" PRId64 " %s can only have the day first, on line %" PRId64
            " %s only the month: --date day-first or --date month-first takes the one and keeps the others "
            "apart as wrong",
            layout->file, cells->day_first.line, cells->day_first.text, cells->month_first.line,
            cells->month_first.text);
    layout->date_shown = cells->month_first.line || cells->day_first.line;
    layout->date = cells->month_first.line && !cells->day_first.line ? TIME_MONTH_FIRST : TIME_DAY_FIRST;
    layout->date_open = !cells->day_first.line && !cells->month_first.line && cells->either.line && !cells->dotted;
    return 0;
}

static int date_ambiguous(const struct layout *layout, struct error *error) {
    const struct example *example = &layout->columns[layout->time].cells.either;
    struct cell_time time = cell_time(slice_of(example->text));
    char day[TIME_TEXT_SIZE], month[TIME_TEXT_SIZE];
    time_write(day, time.day_first);
    time_write(month, time.month_first);
    return error_set(error, ERROR_INVALID,
                     "%s:%" PRId64 ": %s can be %.10s (day first) or %.10s (month first), and no row decides: say "
                     "--date day-first or --date month-first",
                     layout->file, example->line, example->text, day, month);
}

/* --- series
 * ------------------------------------------------------------------------------------------------------------------ */

static size_t named_role(struct layout *layout, enum column_role role, const char *const *names) {
    size_t found = role_find(layout, role);
    for (size_t i = 0; i < layout->count && found == SIZE_MAX; i++)
        if (layout->columns[i].role == ROLE_UNKNOWN && is_named(layout->columns[i].name, names) &&
            layout->columns[i].cells.filled) {
            layout->columns[i].role = role;
            found = i;
        }
    return found;
}

static void column_leave_out(struct column *column, const char *why) {
    column->role = ROLE_IGNORED;
    column->why = why;
}

static int values_find(const struct import_settings *settings, struct layout *layout, size_t *ret_values,
                       struct error *error) {
    size_t values = 0, sum = SIZE_MAX, text = SIZE_MAX;
    for (size_t i = 0; i < layout->count; i++) {
        struct column *column = &layout->columns[i];
        if (column->role == ROLE_UNKNOWN && mostly(column->cells.numbers, column->cells.filled))
            column->role = ROLE_VALUE;
        else if (column->role == ROLE_UNKNOWN && column->cells.filled == 0)
            column_leave_out(column, "empty");
        else if (column->role == ROLE_UNKNOWN) {
            text = text == SIZE_MAX ? i : text;
            column_leave_out(column, mostly(column->cells.times + column->cells.clocks, column->cells.filled)
                                         ? "another time"
                                         : "text");
        }
        bool value = column->role == ROLE_VALUE;
        if (value && !column->gateway.data && layout_is_sum(column->name))
            sum = i;
        values += value;
    }
    if (values > 1 && sum != SIZE_MAX) {
        column_leave_out(&layout->columns[sum], "a sum by its name");
        values--;
    }
    *ret_values = values;
    if (!values)
        return error_set(error, ERROR_INVALID, "%s: no column holds numbers: --column NAME=value names one",
                         layout->file);
    if (values == 1 && text != SIZE_MAX && layout->gateway == SIZE_MAX && !settings->gateway &&
        !settings->gateway_from && layout->columns[text].cells.filled) {
        struct slice name = layout->columns[text].name;
        return error_set(error, ERROR_INVALID,
                         "%s: which meter is a row of? --column '%.*s=gateway' if that column (\"%s\") names it, "
                         "--gateway NAME if all rows are of one",
                         layout->file, (int)name.length, name.data, layout->columns[text].cells.first.text);
    }
    return 0;
}

/* The last part of a path, without .csv, .txt, .gz. */
static struct slice file_name(const char *file) {
    static const char *const ends[] = {".gz", ".csv", ".txt", ".tsv"};
    const char *slash = strrchr(file, '/');
    struct slice name = slice_of(slash ? slash + 1 : file);
    for (size_t i = 0; i < 4; i++) {
        size_t length = strlen(ends[i]);
        if (name.length > length && strncasecmp(name.data + name.length - length, ends[i], length) == 0)
            name.length -= length;
    }
    return name;
}

static int series_wide(const struct import_settings *settings, struct layout *layout, bool gateway, bool attribute,
                       struct error *error) {
    const struct column *first = NULL, *second = NULL;
    for (size_t i = 0; i < layout->count && !second; i++)
        if (layout->columns[i].role == ROLE_VALUE && !layout->columns[i].gateway.data)
            *(first ? &second : &first) = &layout->columns[i];
    if (gateway && attribute && second)
        return error_set(
            error, ERROR_INVALID,
            "%s: \"%.*s\", \"%.*s\" .. would all be the same series: leave --gateway or --attribute out, so "
            "that columns are named by it, or --column '%.*s=ignore'",
            layout->file, (int)first->name.length, first->name.data, (int)second->name.length, second->name.data,
            (int)second->name.length, second->name.data);
    if (!gateway && !attribute && second)
        return error_set(
            error, ERROR_INVALID,
            "%s: \"%.*s\", \"%.*s\" .. can be a meter (gateway) each, all measuring one thing: say --attribute "
            "ENERGY; or what one meter measures each: say --gateway NAME",
            layout->file, (int)first->name.length, first->name.data, (int)second->name.length, second->name.data);
    if (!second && first && first->alias.length && gateway != attribute)
        return 0;
    if (!second && first && !gateway)
        return error_set(error, ERROR_INVALID, "%s: which meter is it of? --gateway NAME%s", layout->file,
                         settings->gateway ? "" : ", or --gateway-from file for the file's name");
    if (!second && first && !attribute)
        return error_set(error, ERROR_INVALID,
                         "%s: what does \"%.*s\" measure? --attribute ENERGY, or another word of yours", layout->file,
                         (int)first->name.length, first->name.data);
    return 0;
}

static int series_roles(const struct import_settings *settings, struct layout *layout, struct error *error) {
    size_t values;
    bool from_file = settings->gateway_from && settings->gateway_from[0] == 'f',
         from_column = settings->gateway_from && settings->gateway_from[0] == 'c';
    if (!settings->gateway && !settings->gateway_from)
        layout->gateway = named_role(layout, ROLE_GATEWAY, names_of_gateways);
    if (!settings->type)
        layout->type = named_role(layout, ROLE_TYPE, names_of_types);
    if (!settings->attribute)
        layout->attribute = named_role(layout, ROLE_ATTRIBUTE, names_of_attributes);
    int status = values_find(settings, layout, &values, error);
    struct slice gateway = from_file ? file_name(layout->file) : slice_of(settings->gateway);
    bool has_gateway = gateway.data || layout->gateway != SIZE_MAX,
         has_attribute = settings->attribute || layout->attribute != SIZE_MAX;
    layout->wide = values > 1;
    if (!status && !from_column)
        status = series_wide(settings, layout, has_gateway, has_attribute, error);
    if (status)
        return status;
    bool by_gateway = !has_gateway && (has_attribute || from_column);
    for (size_t i = 0; i < layout->count; i++) {
        struct column *column = &layout->columns[i];
        if (column->role != ROLE_VALUE || column->gateway.data)
            continue;
        struct slice name = column->alias.length ? column->alias : column->name;
        column->gateway = by_gateway ? name : layout->gateway == SIZE_MAX ? gateway : (struct slice){0};
        column->type = slice_of(settings->type);
        column->attribute = has_attribute ? slice_of(settings->attribute) : name;
        if (!column->type.data && layout->type == SIZE_MAX)
            return error_set(error, ERROR_INVALID,
                             "%s: what is metered? --type ELECTRICITY, WATER, GAS, HEAT or another word of yours",
                             layout->file);
        if (by_gateway && !has_attribute)
            return error_set(error, ERROR_INVALID, "%s: what is measured? --attribute ENERGY or another word of yours",
                             layout->file);
    }
    return 0;
}

/* --- what is left open
 * ------------------------------------------------------------------------------------------------------------------ */

static int decimal_decide(const struct import_settings *settings, struct layout *layout, struct error *error) {
    const struct example *point = NULL, *comma = NULL, *any = NULL;
    layout->decimal = '.';
    if (settings->decimal) {
        layout->decimal = settings->decimal[0] == 'c' ? ',' : '.';
        return 0;
    }
    for (size_t i = 0; i < layout->count; i++) {
        const struct column_cells *cells = &layout->columns[i].cells;
        if (layout->columns[i].role != ROLE_VALUE)
            continue;
        point = point || !cells->point.line ? point : &cells->point;
        comma = comma || !cells->comma.line ? comma : &cells->comma;
        any = any || !cells->any.line ? any : &cells->any;
    }
    if (point && comma)
        return error_set(
            error, ERROR_INVALID,
            "%s: %s on line %" PRId64 " has a decimal point, %s on line %" PRId64
            " a decimal comma: --decimal point or --decimal comma takes the one and keeps the others apart "
            "as wrong",
            layout->file, point->text, point->line, comma->text, comma->line);
    layout->decimal = comma ? ',' : '.';
    layout->decimal_shown = point || comma;
    layout->decimal_open = !point && !comma && any && layout->delimiter != ',';
    return 0;
}

static int decimal_ambiguous(const struct layout *layout, struct error *error) {
    for (size_t i = 0; i < layout->count; i++) {
        const struct example *example = &layout->columns[i].cells.any;
        double values[2] = {0, 0};
        if (layout->columns[i].role != ROLE_VALUE || !example->line)
            continue;
        cell_number(slice_of(example->text), values);
        return error_set(error, ERROR_INVALID,
                         "%s:%" PRId64
                         ": %s can be %.15g (decimal point) or %.15g (decimal comma), and no row decides: "
                         "say --decimal point or --decimal comma",
                         layout->file, example->line, example->text, values[0], values[1]);
    }
    return 0;
}

static int zone_check(const struct import_settings *settings, const struct layout *layout, struct error *error) {
    const struct column_cells *cells = &layout->columns[layout->time].cells;
    bool local = layout->clock != SIZE_MAX || cells->local;
    if (!local || settings->zone)
        return 0;
    return error_set(
        error, ERROR_INVALID,
        "%s: times such as \"%s\" say no time zone: --zone Europe/Vienna (or yours) for local time, --zone "
        "UTC if they are that",
        layout->file, cells->first.text);
}

int layout_settle(const struct import_settings *settings, struct layout *layouts, size_t count, struct arena *arena,
                  struct error *error) {
    int status = 0;
    unsigned date = 0;
    char decimal = 0;
    for (size_t i = 0; i < count && !status; i++) {
        struct layout *layout = &layouts[i];
        status = layout_roles(settings, layout, arena, error);
        if (!status)
            status = time_roles(layout, error);
        if (!status)
            status = date_decide(settings, layout, error);
        if (!status)
            status = series_roles(settings, layout, error);
        if (!status)
            status = decimal_decide(settings, layout, error);
        if (!status && layout->date_shown)
            date = date && date != layout->date ? TIME_OF_DAY /* they differ */ : layout->date;
        if (!status && layout->decimal_shown)
            decimal = decimal && decimal != layout->decimal ? '?' : layout->decimal;
    }
    for (size_t i = 0; i < count && !status; i++) {
        struct layout *layout = &layouts[i];
        if (layout->date_open && date && date != TIME_OF_DAY)
            layout->date = date;
        else if (layout->date_open)
            status = date_ambiguous(layout, error);
        if (!status && layout->decimal_open && decimal && decimal != '?')
            layout->decimal = decimal;
        else if (!status && layout->decimal_open)
            status = decimal_ambiguous(layout, error);
        if (!status)
            status = zone_check(settings, layout, error);
    }
    return status;
}
