/* Positions of logs: table properties, one for each partition, so that maintenance of other programs, which drops old
 * snapshots with their summaries, leaves them. They are of a topic, whichever group brought its records: two groups
 * that bring one topic to one table go on where the other stopped, and nothing comes twice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/number.h"
#include "lake/table.h"

/* "meterline.offset.TOPIC.PARTITION"; the topic may have dots. False: it is another property, or damaged. */
static bool position_read(const char *name, const char *value, struct arena *arena, struct lake_position *to) {
    size_t begin = strlen(LAKE_OFFSET_PROPERTY);
    const char *dot = strrchr(name, '.');
    int64_t partition, offset;
    if (strncmp(name, LAKE_OFFSET_PROPERTY, begin) != 0 || !value || dot < name + begin ||
        !number_read_integer(slice_of(dot + 1), &partition) || partition < 0 || partition > INT32_MAX ||
        !number_read_integer(slice_of(value), &offset) || offset < 0)
        return false;
    *to = (struct lake_position){.topic =
                                     arena_copy(arena, (struct slice){name + begin, (size_t)(dot - name) - begin}).data,
                                 .partition = (int32_t)partition,
                                 .offset = offset,
                                 .expected = -1};
    return to->topic != NULL;
}

static int position_compare(const void *a, const void *b) {
    const struct lake_position *one = a, *other = b;
    int order = strcmp(one->topic, other->topic);
    return order ? order : (one->partition > other->partition) - (one->partition < other->partition);
}

int lake_positions(struct lake_table *table, struct arena *arena, const struct lake_position **ret_positions,
                   size_t *ret_count, struct error *error) {
    int status = table_refresh(table, error);
    if (status)
        return status;
    json_t *properties = json_object_get(table->metadata.json, "properties"), *value;
    struct lake_position *positions = arena_allocate(arena, (json_object_size(properties) + 1) * sizeof *positions);
    const char *name;
    size_t count = 0;
    if (!positions)
        return error_no_memory(error);
    json_object_foreach(properties, name, value) {
        count += position_read(name, json_string_value(value), arena, &positions[count]);
    }
    if (count)
        qsort(positions, count, sizeof *positions, position_compare);
    *ret_positions = positions;
    *ret_count = count;
    return 0;
}

int lake_origin(struct lake_table *table, const char *topic, struct arena *arena, const char **ret_origin,
                struct error *error) {
    char name[sizeof LAKE_ORIGIN_PROPERTY + 256];
    int status = table_refresh(table, error);
    if (status)
        return status;
    snprintf(name, sizeof name, "%s%s", LAKE_ORIGIN_PROPERTY, topic);
    const char *value = table_metadata_property(&table->metadata, name);
    *ret_origin = value ? arena_copy(arena, slice_of(value)).data : NULL;
    return value && !*ret_origin ? error_no_memory(error) : 0;
}

static int64_t position_count(const struct lake_table *table, const char *begin, const char *topic) {
    char name[400];
    int64_t count;
    snprintf(name, sizeof name, "%s%s", begin, topic);
    const char *value = table_metadata_property(&table->metadata, name);
    return value && number_read_integer(slice_of(value), &count) ? count : -1;
}

int lake_counts(struct lake_table *table, const char *topic, int64_t *ret_rows, int64_t *ret_passed,
                struct error *error) {
    int status = table_refresh(table, error);
    if (status)
        return status;
    *ret_rows = position_count(table, LAKE_ROWS_PROPERTY, topic);
    *ret_passed = position_count(table, LAKE_PASSED_PROPERTY, topic);
    return 0;
}

/* Is the property a position or an origin of the topic (NULL: of any)? */
static bool position_is_of(const char *name, const char *value, const char *topic, struct arena *arena) {
    static const char *const properties[] = {LAKE_ORIGIN_PROPERTY, LAKE_ROWS_PROPERTY, LAKE_PASSED_PROPERTY};
    struct lake_position position;
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        if (strncmp(name, properties[i], strlen(properties[i])) == 0)
            return !topic || strcmp(name + strlen(properties[i]), topic) == 0;
    return position_read(name, value, arena, &position) && (!topic || strcmp(position.topic, topic) == 0);
}

static int position_forget(struct lake_table *table, const char *topic, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    json_t *properties = json_object_get(table->metadata.json, "properties"), *value;
    struct metadata_property *removed = arena_allocate(&arena, (json_object_size(properties) + 1) * sizeof *removed);
    const char *name;
    size_t count = 0;
    if (!removed)
        return error_no_memory(error);
    json_object_foreach(properties, name, value) {
        if (position_is_of(name, json_string_value(value), topic, &arena))
            removed[count++] = (struct metadata_property){name, NULL};
    }
    struct metadata_change change = {
        .base = &table->metadata, .properties = removed, .property_count = count, .now = lake_now(table->lake)};
    return count ? table->lake->catalog->driver->commit(table->lake->catalog, table->name, &change, error) : 0;
}

int lake_forget_positions(struct lake_table *table, const char *topic, struct error *error) {
    int status;
    for (int tries = 0; tries < 20; tries++) {
        status = table_refresh(table, error);
        if (!status)
            status = position_forget(table, topic, error);
        if (status != ERROR_CONFLICT)
            return status;
    }
    return status;
}
