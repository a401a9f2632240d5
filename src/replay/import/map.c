/* Map files: `name = value` a line, the names those of the options. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/options.h"
#include "replay/import/import.h"
#include "replay/input.h"

struct map {
    const char *file;
    struct arena *arena;
    struct import_settings *settings;
    const char **columns; /* in the arena */
    size_t count, capacity;
};

static struct slice trimmed(struct slice text) {
    while (text.length && char_among(text.data[0], " \t"))
        text = (struct slice){text.data + 1, text.length - 1};
    while (text.length && char_among(text.data[text.length - 1], " \t"))
        text.length--;
    return text;
}

static bool map_column(struct map *map, struct slice line) {
    struct slice copy = arena_copy(map->arena, trimmed((struct slice){line.data + 7, line.length - 7}));
    if (map->count == map->capacity) {
        size_t capacity = map->capacity ? 2 * map->capacity : 64;
        const char **larger = arena_allocate(map->arena, capacity * sizeof *larger);
        if (!larger)
            return false;
        if (map->count)
            memcpy(larger, map->columns, map->count * sizeof *larger);
        map->columns = larger;
        map->capacity = capacity;
    }
    map->columns[map->count++] = copy.data;
    return copy.data != NULL;
}

static int map_line(struct map *map, struct slice line, int64_t number, struct error *error) {
    struct import_settings *settings = map->settings;
    const struct {
        const char *name;
        const char **text;
    } names[] = {{"delimiter", &settings->delimiter},
                 {"decimal", &settings->decimal},
                 {"date", &settings->date},
                 {"zone", &settings->zone},
                 {"header", &settings->header},
                 {"gateway", &settings->gateway},
                 {"type", &settings->type},
                 {"attribute", &settings->attribute},
                 {"gateway-from", &settings->gateway_from}};
    const char *known[sizeof names / sizeof *names + 1] = {"column"};
    if (line.length > 7 && memcmp(line.data, "column ", 7) == 0)
        return map_column(map, line) ? 0 : error_no_memory(error);
    const char *equals = memchr(line.data, '=', line.length);
    struct slice name = trimmed((struct slice){line.data, equals ? (size_t)(equals - line.data) : line.length});
    for (size_t i = 0; equals && i < sizeof names / sizeof *names; i++) {
        if (!slice_equal(name, slice_of(names[i].name)))
            continue;
        struct slice value = trimmed((struct slice){equals + 1, (size_t)(line.data + line.length - equals - 1)});
        struct slice copy = arena_copy(map->arena, value);
        if (!copy.data)
            return error_no_memory(error);
        if (!*names[i].text)
            *names[i].text = copy.data;
        return 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        known[i + 1] = names[i].name;
    struct slice word = arena_copy(map->arena, name);
    const char *nearest = word.data ? options_nearest(word.data, known, sizeof known / sizeof *known) : NULL;
    return error_set(error, ERROR_INVALID,
                     "%s:%lld: \"%.*s\" is no line of a map: expected delimiter, decimal, date, zone, header, gateway, "
                     "gateway-from, type or attribute = VALUE, or column NAME = ROLE%s%s%s",
                     map->file, (long long)number, line.length < 60 ? (int)line.length : 60, line.data,
                     nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* Options come before the lines of the map: of two for one column the first counts. */
static int map_finish(struct map *map, struct error *error) {
    struct import_settings *settings = map->settings;
    size_t count = settings->column_count + map->count;
    const char **columns = arena_allocate(map->arena, (count + 1) * sizeof *columns);
    if (!columns)
        return error_no_memory(error);
    if (settings->column_count)
        memcpy(columns, settings->columns, settings->column_count * sizeof *columns);
    if (map->count)
        memcpy(columns + settings->column_count, map->columns, map->count * sizeof *columns);
    settings->columns = columns;
    settings->column_count = count;
    return 0;
}

int import_map_read(const char *file, struct arena *arena, struct import_settings *settings, struct error *error) {
    struct map map = {.file = file, .arena = arena, .settings = settings};
    struct input *input = NULL;
    struct slice line;
    int status = input_open(file, &input, error), got = 0;
    while (!status && (got = input_next(input, &line, error)) == INPUT_LINE) {
        line = trimmed(line);
        if (line.length && line.data[0] != '#')
            status = map_line(&map, line, input_line(input), error);
    }
    if (!status && got == INPUT_TOO_LONG)
        status = error_set(error, ERROR_INVALID, "%s:%lld: the line is too long for a map", file,
                           (long long)input_line(input));
    input_close(input);
    return status ? status : got < 0 ? got : map_finish(&map, error);
}
