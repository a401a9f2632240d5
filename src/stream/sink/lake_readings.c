#include "stream/sink/lake_readings.h"

#include <stdlib.h>

#include "core/hash.h"
#include "core/memory.h"
#include "model/time/time_text.h"

enum {
    READING_BYTES = sizeof(uint32_t) + sizeof(int64_t) + sizeof(double),
    FIRST_CAPACITY = 64,
    SERIES_KEPT = 1 << 20, /* more are forgotten when the buffers are empty */
    GROUP_ROWS = 122880,
    GROUP_ENOUGH = 16384, /* then a row group ends where the attribute changes */
};

void lake_readings_release(struct lake_readings *readings) {
    for (size_t m = 0; m < readings->month_count; m++) {
        free(readings->months[m].series);
        free(readings->months[m].times);
        free(readings->months[m].values);
    }
    free(readings->months);
    free(readings->month_slots);
    free(readings->series);
    free(readings->after);
    free(readings->slots);
    arena_release(&readings->names);
    *readings = (struct lake_readings){0};
}

static void month_release(struct lake_readings *readings, struct lake_month *month) {
    readings->bytes -= month->capacity * READING_BYTES;
    free(month->series);
    free(month->times);
    free(month->values);
    *month = (struct lake_month){.month = month->month};
}

void lake_readings_clear(struct lake_readings *readings) {
    for (size_t m = 0; m < readings->month_count; m++)
        month_release(readings, &readings->months[m]);
    readings->month_count = 0;
    readings->last = NULL;
    if (readings->month_slots)
        memset(readings->month_slots, 0, readings->month_slot_count * sizeof *readings->month_slots);
    if (readings->series_count > SERIES_KEPT)
        lake_readings_release(readings);
}

/* --- series
 * ------------------------------------------------------------------------------------------------------------------ */

static uint64_t series_hash(const struct lake_readings *readings, const struct series *series) {
    uint64_t hash = hash_bytes(series->gateway.data, series->gateway.length, readings->seed);
    hash = hash_bytes(series->attribute.data, series->attribute.length, hash);
    return hash_bytes(series->type.data, series->type.length, hash);
}

static bool series_same(const struct series *a, const struct series *b) {
    return slice_equal(a->gateway, b->gateway) && slice_equal(a->attribute, b->attribute) &&
           slice_equal(a->type, b->type);
}

static uint32_t *series_slot(const struct lake_readings *readings, const struct series *series) {
    size_t mask = readings->slot_count - 1, slot = series_hash(readings, series) & mask;
    while (readings->slots[slot] && !series_same(&readings->series[readings->slots[slot] - 1], series))
        slot = (slot + 1) & mask;
    return &readings->slots[slot];
}

static int series_grow(struct lake_readings *readings, struct error *error) {
    if (2 * (readings->series_count + 1) <= readings->slot_count)
        return 0;
    size_t count = readings->slot_count ? 2 * readings->slot_count : 1024;
    uint32_t *slots = memory_zero(count, sizeof *slots);
    if (!slots)
        return error_no_memory(error);
    if (!readings->slots)
        readings->seed = hash_seed();
    free(readings->slots);
    readings->slots = slots;
    readings->slot_count = count;
    for (size_t i = 0; i < readings->series_count; i++)
        *series_slot(readings, &readings->series[i]) = (uint32_t)i + 1;
    return 0;
}

static int series_look_up(struct lake_readings *readings, const struct series *series, uint32_t *ret_number,
                          struct error *error) {
    int status = series_grow(readings, error);
    if (status)
        return status;
    uint32_t *slot = series_slot(readings, series);
    if (!*slot) {
        struct series kept = {arena_copy(&readings->names, series->gateway), arena_copy(&readings->names, series->type),
                              arena_copy(&readings->names, series->attribute)};
        if (!kept.gateway.data || !kept.type.data || !kept.attribute.data ||
            !memory_reserve((void **)&readings->series, &readings->series_capacity, readings->series_count + 1,
                            sizeof *readings->series) ||
            !memory_reserve((void **)&readings->after, &readings->after_capacity, readings->series_count + 1,
                            sizeof *readings->after))
            return error_no_memory(error);
        readings->after[readings->series_count] = 0;
        readings->series[readings->series_count++] = kept;
        *slot = (uint32_t)readings->series_count;
    }
    *ret_number = *slot - 1;
    return 0;
}

/* The one that came after the series before is tried first. */
static int series_number(struct lake_readings *readings, const struct series *series, uint32_t *ret_number,
                         struct error *error) {
    uint32_t before = readings->before, guess = readings->series_count ? readings->after[before] : 0;
    if (!readings->series_count || !series_same(&readings->series[guess], series)) {
        int status = series_look_up(readings, series, &guess, error);
        if (status)
            return status;
        readings->after[before] = guess;
    }
    *ret_number = readings->before = guess;
    return 0;
}

/* --- months
 * ------------------------------------------------------------------------------------------------------------------ */

/* The month of a time, and where it begins and ends (ms). */
static int64_t month_of(int64_t time, int64_t *ret_from, int64_t *ret_to) {
    struct civil_date date = civil_from_days(floor_divide(time, MILLISECONDS_OF_DAY));
    bool december = date.month == 12;
    *ret_from = civil_to_days((struct civil_date){date.year, date.month, 1}) * MILLISECONDS_OF_DAY;
    *ret_to = civil_to_days((struct civil_date){date.year + december, december ? 1 : date.month + 1, 1}) *
              MILLISECONDS_OF_DAY;
    return (date.year - 1970) * 12 + (int64_t)date.month - 1;
}

static size_t *month_slot(const struct lake_readings *readings, int64_t month) {
    size_t mask = readings->month_slot_count - 1, slot = (size_t)(uint64_t)month & mask;
    while (readings->month_slots[slot] && readings->months[readings->month_slots[slot] - 1].month != month)
        slot = (slot + 1) & mask;
    return &readings->month_slots[slot];
}

static int month_grow(struct lake_readings *readings, struct error *error) {
    if (2 * (readings->month_count + 1) <= readings->month_slot_count)
        return 0;
    size_t count = readings->month_slot_count ? 2 * readings->month_slot_count : 64;
    size_t *slots = memory_zero(count, sizeof *slots);
    if (!slots)
        return error_no_memory(error);
    free(readings->month_slots);
    readings->month_slots = slots;
    readings->month_slot_count = count;
    for (size_t i = 0; i < readings->month_count; i++)
        *month_slot(readings, readings->months[i].month) = i + 1;
    return 0;
}

static int month_find(struct lake_readings *readings, int64_t time, struct error *error) {
    if (readings->last && time >= readings->last_from && time < readings->last_to)
        return 0;
    int64_t number = month_of(time, &readings->last_from, &readings->last_to);
    readings->last = NULL;
    int status = month_grow(readings, error);
    if (status)
        return status;
    size_t *slot = month_slot(readings, number);
    if (!*slot) {
        if (!memory_reserve((void **)&readings->months, &readings->month_capacity, readings->month_count + 1,
                            sizeof *readings->months))
            return error_no_memory(error);
        readings->months[readings->month_count++] = (struct lake_month){.month = number};
        *slot = readings->month_count;
    }
    readings->last = &readings->months[*slot - 1];
    return 0;
}

static int month_reserve(struct lake_readings *readings, struct lake_month *month, struct error *error) {
    if (month->count < month->capacity)
        return 0;
    size_t capacity = month->capacity ? month->capacity + month->capacity / 2 : FIRST_CAPACITY;
    void *series = memory_resize(month->series, capacity, sizeof *month->series);
    month->series = series ? series : month->series;
    void *times = memory_resize(month->times, capacity, sizeof *month->times);
    month->times = times ? times : month->times;
    void *values = memory_resize(month->values, capacity, sizeof *month->values);
    month->values = values ? values : month->values;
    if (!series || !times || !values)
        return error_no_memory(error);
    readings->bytes += (capacity - month->capacity) * READING_BYTES;
    month->capacity = capacity;
    return 0;
}

int lake_readings_add(struct lake_readings *readings, const struct series *series, int64_t time, double value,
                      struct error *error) {
    uint32_t number;
    int status = series_number(readings, series, &number, error);
    if (!status)
        status = month_find(readings, time, error);
    if (!status)
        status = month_reserve(readings, readings->last, error);
    if (status)
        return status;
    struct lake_month *month = readings->last;
    month->series[month->count] = number;
    month->times[month->count] = time;
    month->values[month->count++] = value;
    return 0;
}

size_t lake_readings_biggest(const struct lake_readings *readings) {
    size_t biggest = SIZE_MAX;
    for (size_t m = 0; m < readings->month_count; m++)
        if (readings->months[m].count &&
            (biggest == SIZE_MAX || readings->months[m].count > readings->months[biggest].count))
            biggest = m;
    return biggest;
}

/* --- a data file
 * ------------------------------------------------------------------------------------------------------------------ */

/* A month in order: rows by series, the series by their names. */
struct month_order {
    const struct series *series; /* by number */
    uint32_t *numbers;           /* of the month's series, in order */
    size_t number_count;
    uint32_t *starts; /* by number: where its rows begin, while counting how many there are */
    uint32_t *rows;
};

static void order_release(struct month_order *order) {
    free(order->numbers);
    free(order->starts);
    free(order->rows);
}

static int order_compare(const void *a, const void *b, void *context) {
    const struct series *all = context, *one = &all[*(const uint32_t *)a], *other = &all[*(const uint32_t *)b];
    int order = slice_compare(one->type, other->type);
    order = order ? order : slice_compare(one->attribute, other->attribute);
    return order ? order : slice_compare(one->gateway, other->gateway);
}

/* Counting sort by series: stable, so that a series' readings stay as they came. */
static int order_make(struct lake_readings *readings, const struct lake_month *month, struct month_order *order,
                      struct error *error) {
    *order = (struct month_order){.series = readings->series};
    order->starts = memory_zero(readings->series_count + 1, sizeof *order->starts);
    order->numbers = memory_zero(readings->series_count + 1, sizeof *order->numbers);
    order->rows = memory_zero(month->count + 1, sizeof *order->rows);
    if (!order->starts || !order->numbers || !order->rows)
        return error_no_memory(error);
    for (size_t i = 0; i < month->count; i++)
        order->starts[month->series[i]]++;
    for (size_t s = 0; s < readings->series_count; s++)
        if (order->starts[s])
            order->numbers[order->number_count++] = (uint32_t)s;
    qsort_r(order->numbers, order->number_count, sizeof *order->numbers, order_compare, readings->series);
    uint32_t at = 0;
    for (size_t n = 0; n < order->number_count; n++) {
        uint32_t count = order->starts[order->numbers[n]];
        order->starts[order->numbers[n]] = at;
        at += count;
    }
    for (size_t i = 0; i < month->count; i++)
        order->rows[order->starts[month->series[i]]++] = (uint32_t)i;
    return 0;
}

/* Columns of one row group. */
struct group_columns {
    struct slice *texts[3];
    uint8_t *nulls;
    int64_t *times;
    double *values;
};

static bool group_allocate(struct group_columns *group, size_t rows, struct arena *arena) {
    bool good = true;
    for (size_t c = 0; c < 3; c++)
        good &= (group->texts[c] = arena_allocate(arena, rows * sizeof(struct slice))) != NULL;
    good &= (group->times = arena_allocate(arena, rows * sizeof *group->times)) != NULL;
    good &= (group->values = arena_allocate(arena, rows * sizeof *group->values)) != NULL;
    good &= (group->nulls = arena_allocate(arena, rows)) != NULL;
    if (good)
        memset(group->nulls, 0, rows);
    return good;
}

static int group_write(struct lake_file_writer *writer, const struct lake_readings *readings,
                       const struct lake_month *month, const uint32_t *rows, size_t count, struct group_columns *group,
                       struct error *error) {
    for (size_t i = 0; i < count; i++) {
        const struct series *series = &readings->series[month->series[rows[i]]];
        group->texts[0][i] = series->gateway;
        group->texts[1][i] = series->type;
        group->texts[2][i] = series->attribute;
        group->times[i] = month->times[rows[i]];
        group->values[i] = month->values[rows[i]];
    }
    const struct vector columns[LAKE_READING_COLUMNS] = {
        [LAKE_GATEWAY] = {.type = &type_string, .mask = SIZE_MAX, .nulls = group->nulls, .texts = group->texts[0]},
        [LAKE_TYPE] = {.type = &type_string, .mask = SIZE_MAX, .nulls = group->nulls, .texts = group->texts[1]},
        [LAKE_ATTRIBUTE] = {.type = &type_string, .mask = SIZE_MAX, .nulls = group->nulls, .texts = group->texts[2]},
        [LAKE_TS] = {.type = &type_timestamp, .mask = SIZE_MAX, .nulls = group->nulls, .integers = group->times},
        [LAKE_VALUE] = {.type = &type_double, .mask = SIZE_MAX, .nulls = group->nulls, .doubles = group->values}};
    return lake_file_write(writer, columns, NULL, count, error);
}

/* How many rows from `begin` on make a row group: a dictionary of values pays when the series in it are alike. */
static size_t group_rows(const struct lake_readings *readings, const struct lake_month *month, const uint32_t *rows,
                         size_t begin) {
    size_t end = begin, most = month->count - begin < GROUP_ROWS ? month->count : begin + GROUP_ROWS;
    const struct series *first = &readings->series[month->series[rows[begin]]];
    while (end < most) {
        const struct series *series = &readings->series[month->series[rows[end]]];
        if (series != first && end - begin >= GROUP_ENOUGH &&
            !(slice_equal(series->attribute, first->attribute) && slice_equal(series->type, first->type)))
            break;
        first = series;
        end++;
    }
    return end - begin;
}

static int month_write(const struct lake_readings *readings, const struct lake_month *month, const uint32_t *rows,
                       struct lake_file_writer *writer, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    struct group_columns group;
    size_t room = month->count < GROUP_ROWS ? month->count : GROUP_ROWS;
    int status = group_allocate(&group, room, &arena) ? 0 : error_no_memory(error);
    for (size_t at = 0, count; at < month->count && !status; at += count) {
        count = group_rows(readings, month, rows, at);
        status = group_write(writer, readings, month, rows + at, count, &group, error);
    }
    return status;
}

int lake_readings_write(struct lake_readings *readings, size_t place, struct lake_table *table,
                        const struct lake_snapshot *schema, const char *name, struct arena *arena,
                        struct lake_new_file *ret_file, struct error *error) {
    struct lake_month *month = &readings->months[place];
    struct lake_file_settings settings = {.name = name, .partition = month->month};
    struct lake_file_writer *writer;
    struct month_order order;
    int status = order_make(readings, month, &order, error);
    if (!status)
        status = lake_file_open(table, schema, &settings, &writer, error);
    if (!status) {
        status = month_write(readings, month, order.rows, writer, error);
        if (status)
            lake_file_abandon(writer);
        else
            status = lake_file_finish(writer, arena, ret_file, error);
    }
    order_release(&order);
    if (!status)
        month_release(readings, month);
    return status;
}
