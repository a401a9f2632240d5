/* Items lie one after the other in one allocation, which doubles; an item that is removed closes the gap. */
#include "stream/aggregate/function/stored_list.h"

#include "core/memory.h"
#include "core/varint.h"

enum { ITEM_HEADER = sizeof(uint32_t), ITEM_ROOM = 24 };

static uint32_t stored_item_length(const struct stored_list *list, size_t at) {
    uint32_t length;
    memcpy(&length, list->data + at, sizeof length);
    return length;
}

bool stored_list_next(const struct stored_list *list, bool numbered, size_t *at, struct stored_item *ret_item) {
    if (*at >= list->length)
        return false;
    struct stored_item item = {.at = *at};
    const char *from = list->data + *at + ITEM_HEADER;
    size_t length = stored_item_length(list, *at);
    *at += ITEM_HEADER + length;
    if (numbered) {
        memcpy(&item.number, from, sizeof item.number);
        from += sizeof item.number;
        length -= sizeof item.number;
    }
    item.value = (struct slice){from, length};
    *ret_item = item;
    return true;
}

void stored_list_set_number(struct stored_list *list, size_t at, int64_t number) {
    memcpy(list->data + at + ITEM_HEADER, &number, sizeof number);
}

static bool stored_list_reserve(struct stored_list *list, size_t more) {
    size_t need = list->length + more;
    if (need > UINT32_MAX)
        return false;
    if (need <= list->capacity)
        return true;
    size_t capacity = list->length && need < 2 * (size_t)list->capacity ? 2 * (size_t)list->capacity : need;
    if (capacity > UINT32_MAX)
        capacity = UINT32_MAX;
    char *data = memory_resize(list->data, capacity, 1);
    if (!data)
        return false;
    list->data = data;
    list->capacity = (uint32_t)capacity;
    return true;
}

/* The list's memory lent to a buffer that grows; what is written counts once it is complete. */
bool stored_list_append(struct stored_list *list, const int64_t *number, const struct type *type,
                        const struct value *value) {
    size_t text = !value->null && (type->kind == TYPE_STRING || type->kind == TYPE_BYTES) ? value->text.length : 0;
    if (!stored_list_reserve(list, ITEM_HEADER + (number ? sizeof *number : 0) + text + ITEM_ROOM))
        return false;
    struct bytes to = {.data = list->data, .length = list->length + ITEM_HEADER, .capacity = list->capacity};
    if (number)
        bytes_append(&to, number, sizeof *number);
    value_write(&to, type, value);
    list->data = to.data;
    if (to.failed || to.capacity > UINT32_MAX)
        return false;
    list->capacity = (uint32_t)to.capacity;
    uint32_t length = (uint32_t)(to.length - list->length - ITEM_HEADER);
    memcpy(list->data + list->length, &length, sizeof length);
    list->length = (uint32_t)to.length;
    list->count++;
    return true;
}

bool stored_list_append_stored(struct stored_list *list, const int64_t *number, struct slice value) {
    size_t whole = value.length + (number ? sizeof *number : 0);
    if (!stored_list_reserve(list, ITEM_HEADER + whole))
        return false;
    char *to = list->data + list->length;
    uint32_t length = (uint32_t)whole;
    memcpy(to, &length, sizeof length);
    to += ITEM_HEADER;
    if (number)
        to = (char *)memcpy(to, number, sizeof *number) + sizeof *number;
    memcpy(to, value.data, value.length);
    list->length += (uint32_t)(ITEM_HEADER + whole);
    list->count++;
    return true;
}

bool stored_list_move_last(struct stored_list *list, size_t last, size_t at) {
    size_t length = list->length - last;
    if (at == last)
        return true;
    if (!stored_list_reserve(list, length))
        return false;
    memmove(list->data + at + length, list->data + at, list->length - at);
    memcpy(list->data + at, list->data + list->length, length);
    return true;
}

void stored_list_remove(struct stored_list *list, size_t at) {
    size_t length = ITEM_HEADER + stored_item_length(list, at);
    memmove(list->data + at, list->data + at + length, list->length - at - length);
    list->length -= (uint32_t)length;
    list->count--;
}

void stored_list_clear(struct stored_list *list) {
    list->length = list->count = 0;
}

void stored_list_release(struct stored_list *list) {
    free(list->data);
    *list = (struct stored_list){0};
}

bool stored_value_get(struct slice stored, const struct type *type, struct arena *arena, struct value *ret_value) {
    const char *at = stored.data, *end = stored.data + stored.length;
    if ((type->kind != TYPE_STRING && type->kind != TYPE_BYTES) || *at == 0)
        return value_read(&at, end, type, arena, ret_value);
    uint64_t length;
    at++;
    if (!varint_read(&at, end, &length))
        return false;
    *ret_value = value_of_text((struct slice){at, length});
    return true;
}

bool stored_list_array(const struct stored_list *list, bool numbered, const struct type *type, struct arena *arena,
                       struct value *ret_value) {
    struct value *items = arena_allocate(arena, list->count * sizeof *items);
    struct sequence *sequence = arena_allocate(arena, sizeof *sequence);
    if (!items || !sequence)
        return false;
    struct stored_item item;
    size_t at = 0;
    for (size_t i = 0; stored_list_next(list, numbered, &at, &item); i++) {
        const char *from = item.value.data;
        if (!value_read(&from, from + item.value.length, type, arena, &items[i]))
            return false;
    }
    *sequence = (struct sequence){list->count, items};
    *ret_value = value_of_sequence(sequence);
    return true;
}

void stored_list_write(const struct stored_list *list, struct bytes *to) {
    bytes_append_varint(to, list->count);
    bytes_append_varint(to, list->length);
    bytes_append(to, list->data, list->length);
}

static bool stored_item_valid(struct slice item, bool numbered, const struct type *const *types, size_t type_count) {
    struct arena arena cleanup(arena_release) = {0};
    struct value value;
    const char *at = item.data, *end = item.data + item.length;
    if (numbered && item.length < sizeof(int64_t))
        return false;
    at += numbered ? sizeof(int64_t) : 0;
    for (size_t i = 0; i < type_count; i++)
        if (!value_read(&at, end, types[i], &arena, &value))
            return false;
    return at == end;
}

bool stored_list_read(const char **at, const char *end, bool numbered, const struct type *const *types,
                      size_t type_count, struct stored_list *list) {
    uint64_t count, length;
    if (!varint_read(at, end, &count) || !varint_read(at, end, &length) || length > (uint64_t)(end - *at) ||
        count > length || length > UINT32_MAX)
        return false;
    const char *from = *at;
    *at += length;
    for (const char *item = from; item < *at; count--) {
        uint32_t item_length;
        if (count == 0 || (size_t)(*at - item) < ITEM_HEADER)
            return false;
        memcpy(&item_length, item, sizeof item_length);
        item += ITEM_HEADER;
        if (item_length > (size_t)(*at - item) ||
            !stored_item_valid((struct slice){item, item_length}, numbered, types, type_count))
            return false;
        item += item_length;
        list->count++;
    }
    if (count != 0 || !stored_list_reserve(list, length))
        return false;
    if (length)
        memcpy(list->data, from, length);
    list->length = (uint32_t)length;
    return true;
}
