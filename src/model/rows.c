#include "model/rows.h"

struct rows *rows_new(struct arena *arena, const struct row_schema *schema, size_t count) {
    struct rows *rows = arena_allocate(arena, sizeof *rows);
    size_t room = count ? count : 1;
    if (!rows)
        return NULL;
    *rows = (struct rows){.count = count, .column_count = schema->count};
    rows->columns = arena_allocate(arena, (schema->count ? schema->count : 1) * sizeof *rows->columns);
    rows->absent = arena_allocate(arena, room);
    rows->times = arena_allocate(arena, room * sizeof *rows->times);
    rows->origins = arena_allocate(arena, room * sizeof *rows->origins);
    rows->selected.rows = arena_allocate(arena, room * sizeof *rows->selected.rows);
    if (!rows->columns || !rows->absent || !rows->times || !rows->origins || !rows->selected.rows)
        return NULL;
    memset(rows->absent, 0, room);
    if (schema->windowed) {
        rows->window_starts = arena_allocate(arena, room * sizeof *rows->window_starts);
        rows->window_ends = arena_allocate(arena, room * sizeof *rows->window_ends);
        if (!rows->window_starts || !rows->window_ends)
            return NULL;
    }
    for (size_t i = 0; i < schema->count; i++)
        if (!vector_allocate(arena, schema->columns[i].type, room, &rows->columns[i]))
            return NULL;
    return rows;
}

struct rows *rows_share(struct arena *arena, const struct rows *rows) {
    struct rows *copy = arena_allocate(arena, sizeof *copy);
    uint32_t *selected = arena_allocate(arena, (rows->count ? rows->count : 1) * sizeof *selected);
    if (!copy || !selected)
        return NULL;
    *copy = *rows;
    if (rows->selected.count)
        memcpy(selected, rows->selected.rows, rows->selected.count * sizeof *selected);
    copy->selected.rows = selected;
    return copy;
}
