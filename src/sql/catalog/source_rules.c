/* What a source asks of its records beyond its columns: KEY_OF, MAX_AHEAD, REQUIRED, DUPLICATES. Meterline's own properties; the
 * records are checked in stream/runtime/source_rules.c. */
#include "sql/catalog/properties.h"
#include "sql/catalog/source.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"

static int source_refuse_column(const struct properties *properties, enum property_name property, struct slice name,
                                const char *problem, struct error *error) {
    return place_error(error, properties->places[property], "%s: the column %.*s %s", property_text(property),
                       names_shown(name), name.data, problem);
}

static int source_find_column(const struct properties *properties, enum property_name property,
                              const struct source *source, struct slice name, struct error *error) {
    struct slice names[NAMES_NEAREST_MAXIMUM];
    char suggestion[NAMES_SUGGESTION_SIZE];
    size_t count = 0;
    const struct source_column *column = source_column(source, name);
    if (column && source_is_value(column))
        return 0;
    if (column)
        return source_refuse_column(properties, property, name, "must be one of the value", error);
    for (size_t i = 0; i < source->column_count && count < NAMES_NEAREST_MAXIMUM; i++)
        if (source_is_value(&source->columns[i]))
            names[count++] = source->columns[i].name;
    return place_error(error, properties->places[property], "%s: %.*s has no column %.*s%s", property_text(property),
                       names_shown(source->name), source->name.data, names_shown(name), name.data,
                       names_nearest(suggestion, name, names, count));
}

/* Columns of the value, each once. */
static int source_check_list(const struct properties *properties, enum property_name property,
                             const struct property_names *list, const struct source *source, struct error *error) {
    for (size_t i = 0; i < list->count; i++) {
        int status = source_find_column(properties, property, source, list->names[i], error);
        if (status < 0)
            return status;
        for (size_t before = 0; before < i; before++)
            if (slice_equal(list->names[before], list->names[i]))
                return source_refuse_column(properties, property, list->names[i], "is there twice", error);
    }
    return 0;
}

static int source_check_key_of(const struct properties *properties, const struct source *source, struct error *error) {
    const struct source_column *key = NULL;
    for (size_t i = 0; i < source->column_count && !key; i++)
        key = source_is_key(&source->columns[i]) ? &source->columns[i] : NULL;
    if (source_key_count(source) != 1 || key->type->kind != TYPE_STRING || source->window != WINDOW_NONE)
        return place_error(error, properties->places[PROPERTY_KEY_OF],
                           "KEY_OF needs one key column of type STRING, without a window");
    int status = source_check_list(properties, PROPERTY_KEY_OF, &properties->key_of, source, error);
    for (size_t i = 0; i < properties->key_of.count && !status; i++)
        if (source_column(source, properties->key_of.names[i])->type->kind != TYPE_STRING)
            status = source_refuse_column(properties, PROPERTY_KEY_OF, properties->key_of.names[i],
                                          "must have the type STRING", error);
    return status;
}

static bool source_take_names(const struct property_names *list, struct arena *arena, struct slice **ret_names,
                              size_t *ret_count) {
    *ret_count = list->count;
    *ret_names = arena_allocate(arena, (list->count + 1) * sizeof **ret_names);
    if (*ret_names && list->count)
        memcpy(*ret_names, list->names, list->count * sizeof **ret_names);
    return *ret_names != NULL;
}

int source_set_rules(const struct properties *properties, struct source *source, struct arena *arena,
                     struct error *error) {
    int status = 0;
    if (properties->given[PROPERTY_KEY_OF])
        status = source_check_key_of(properties, source, error);
    if (!status)
        status = source_check_list(properties, PROPERTY_REQUIRED, &properties->required, source, error);
    if (status)
        return status;
    if (properties->given[PROPERTY_DUPLICATES] && !slice_equal(properties->duplicates, SLICE("DROP")) &&
        !slice_equal(properties->duplicates, SLICE("KEEP")))
        return place_error(error, properties->places[PROPERTY_DUPLICATES], "DUPLICATES must be 'DROP' or 'KEEP'");
    source->drop_duplicates = slice_equal(properties->duplicates, SLICE("DROP"));
    source->max_ahead = properties->max_ahead;
    if (!source_take_names(&properties->key_of, arena, &source->key_of, &source->key_of_count) ||
        !source_take_names(&properties->required, arena, &source->required, &source->required_count))
        return error_no_memory(error);
    return 0;
}
