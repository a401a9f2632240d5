/* A zone is a list of transitions, each with the offset that holds from then on, and a rule in the form of POSIX's
 * TZ for what comes after the last. */
#include "model/time/time_zone.h"

#include "core/memory.h"
#include "model/time/time_text.h"
#include "model/time/time_zone_rule.h"
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

enum { TZIF_HEADER = 44, TIME_ZONE_FILE_MAXIMUM = 64 * 1024, TIME_ZONE_NAME_MAXIMUM = 100 };

struct time_zone_period {
    int32_t offset;
    struct slice abbreviation;
};

struct time_zone {
    struct slice name;
    struct time_zone_period first; /* before the first transition */
    size_t count;
    const int64_t *instants;                /* seconds, ascending */
    const struct time_zone_period *periods; /* from instants[i] on */
    bool has_rule;
    struct time_zone_rule rule; /* after the last */
};

static const struct time_zone time_zone_utc_zone = {.name = {"Z", 1}, .first = {0, {"UTC", 3}}};
const struct time_zone *const time_zone_utc = &time_zone_utc_zone;

/* --- asking
 * ------------------------------------------------------------------------------------------------------------------ */

struct slice time_zone_name(const struct time_zone *zone) {
    return zone->name;
}

static struct time_zone_period time_zone_period_at(const struct time_zone *zone, int64_t seconds) {
    if (!zone->count || seconds < zone->instants[0])
        return zone->first;
    if (zone->has_rule && seconds >= zone->instants[zone->count - 1]) {
        bool summer = time_zone_rule_summer(&zone->rule, seconds);
        return (struct time_zone_period){summer ? zone->rule.summer_offset : zone->rule.offset,
                                         summer ? zone->rule.summer_name : zone->rule.name};
    }
    size_t low = 0, high = zone->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (zone->instants[middle] <= seconds)
            low = middle;
        else
            high = middle;
    }
    return zone->periods[low];
}

int32_t time_zone_offset(const struct time_zone *zone, int64_t instant) {
    return time_zone_period_at(zone, floor_divide(instant, 1000)).offset;
}

struct slice time_zone_abbreviation(const struct time_zone *zone, int64_t instant) {
    return time_zone_period_at(zone, floor_divide(instant, 1000)).abbreviation;
}

/*            before                      after             offset_a: a day before, offset_b: a day after
 *   ----------------------|----------------------------    An instant is local - offset, if that offset holds at it.
 *   gap:     local - offset_a lies after the change and local - offset_b before it: neither holds; take offset_a.
 *   overlap: both hold; take offset_a, which gives the first. */
int64_t time_zone_instant(const struct time_zone *zone, int64_t local) {
    const int64_t day = MILLISECONDS_OF_DAY;
    if (local < INT64_MIN + 2 * day || local > INT64_MAX - 2 * day)
        return local;
    int64_t before = time_zone_offset(zone, local - day) * INT64_C(1000),
            after = time_zone_offset(zone, local + day) * INT64_C(1000);
    if (before == after || time_zone_offset(zone, local - before) * INT64_C(1000) == before)
        return local - before;
    return time_zone_offset(zone, local - after) * INT64_C(1000) == after ? local - after : local - before;
}

/* --- reading TZif
 * ------------------------------------------------------------------------------------------------------------------ */

struct tzif_counts {
    uint32_t is_ut, is_standard, leap, transitions, types, characters;
};

static uint32_t tzif_word(const char *at) {
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return be32toh(word);
}

static int64_t tzif_long(const char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return (int64_t)be64toh(word);
}

static bool tzif_header(struct slice file, size_t at, struct tzif_counts *ret_counts) {
    if (at > file.length || file.length - at < TZIF_HEADER || memcmp(file.data + at, "TZif", 4) != 0)
        return false;
    const char *counts = file.data + at + 20;
    *ret_counts = (struct tzif_counts){tzif_word(counts),      tzif_word(counts + 4),  tzif_word(counts + 8),
                                       tzif_word(counts + 12), tzif_word(counts + 16), tzif_word(counts + 20)};
    return true;
}

static size_t tzif_size(const struct tzif_counts *counts, size_t time_size) {
    return counts->transitions * (time_size + 1) + counts->types * (size_t)6 + counts->characters +
           counts->leap * (time_size + 4) + counts->is_standard + counts->is_ut;
}

/* Where the parts of the 64-bit block stand. */
struct tzif_block {
    struct tzif_counts counts;
    const char *instants, *indexes, *types, *characters;
};

static bool tzif_period(const struct tzif_block *block, size_t index, struct time_zone_period *ret_period) {
    if (index >= block->counts.types)
        return false;
    const char *type = block->types + 6 * index;
    size_t name = (unsigned char)type[5];
    int32_t offset = (int32_t)tzif_word(type);
    if (name >= block->counts.characters || offset < -93599 || offset > 93599)
        return false;
    *ret_period = (struct time_zone_period){
        offset, {block->characters + name, strnlen(block->characters + name, block->counts.characters - name)}};
    return true;
}

static bool tzif_transitions(struct arena *arena, const struct tzif_block *block, struct time_zone *zone) {
    zone->count = block->counts.transitions;
    int64_t *instants = arena_allocate(arena, zone->count * sizeof *instants);
    struct time_zone_period *periods = arena_allocate(arena, zone->count * sizeof *periods);
    if (!instants || !periods)
        return false;
    for (size_t i = 0; i < zone->count; i++) {
        instants[i] = tzif_long(block->instants + 8 * i);
        if ((i && instants[i] <= instants[i - 1]) || !tzif_period(block, (unsigned char)block->indexes[i], &periods[i]))
            return false;
    }
    zone->instants = instants;
    zone->periods = periods;
    return tzif_period(block, 0, &zone->first);
}

/* Between two line feeds after the block; an empty one says that nothing is known of the future. */
static bool tzif_footer(struct slice file, size_t at, struct time_zone *zone) {
    const char *begin = file.data + at, *end = file.data + file.length;
    const char *stop = begin < end && *begin == '\n' ? memchr(begin + 1, '\n', (size_t)(end - begin - 1)) : NULL;
    if (!stop)
        return false;
    zone->has_rule = stop > begin + 1;
    return !zone->has_rule || time_zone_rule_read((struct slice){begin + 1, (size_t)(stop - begin - 1)}, &zone->rule);
}

static bool tzif_read(struct arena *arena, struct slice file, struct time_zone *zone) {
    struct tzif_block block;
    if (!tzif_header(file, 0, &block.counts) || file.data[4] < '2')
        return false;
    size_t second = TZIF_HEADER + tzif_size(&block.counts, 4);
    if (!tzif_header(file, second, &block.counts))
        return false;
    size_t begin = second + TZIF_HEADER, size = tzif_size(&block.counts, 8);
    if (size > file.length - begin)
        return false;
    block.instants = file.data + begin;
    block.indexes = block.instants + 8 * (size_t)block.counts.transitions;
    block.types = block.indexes + block.counts.transitions;
    block.characters = block.types + 6 * (size_t)block.counts.types;
    if (!tzif_transitions(arena, &block, zone) || !tzif_footer(file, begin + size, zone))
        return false;
    if (!zone->count && zone->has_rule)
        zone->first = (struct time_zone_period){zone->rule.offset, zone->rule.name};
    return true;
}

int time_zone_read(struct arena *arena, struct slice name, struct slice file, const struct time_zone **ret_zone,
                   struct error *error) {
    struct time_zone *zone = arena_allocate(arena, sizeof *zone);
    struct slice copy = arena_copy(arena, file);
    if (!zone || !copy.data)
        return error_no_memory(error);
    *zone = (struct time_zone){.name = arena_copy(arena, name)};
    if (!zone->name.data || !tzif_read(arena, copy, zone))
        return error_set(error, ERROR_CORRUPT, "time zone %.*s: its file is not a TZif file of version 2 or later",
                         (int)name.length, name.data);
    *ret_zone = zone;
    return 0;
}

/* --- finding
 * ------------------------------------------------------------------------------------------------------------------ */

const struct time_zone *time_zone_fixed(struct arena *arena, int32_t offset) {
    struct time_zone *zone = arena_allocate(arena, sizeof *zone);
    char text[16];
    int32_t size = abs(offset);
    int length = snprintf(text, sizeof text, size % 60 ? "%c%02d:%02d:%02d" : "%c%02d:%02d", offset < 0 ? '-' : '+',
                          size / 3600, size / 60 % 60, size % 60);
    if (!zone)
        return NULL;
    struct slice name = arena_copy(arena, offset ? (struct slice){text, (size_t)length} : SLICE("Z"));
    *zone = (struct time_zone){.name = name, .first = {offset, name}};
    return name.data ? zone : NULL;
}

/* [UTC|GMT|UT] and +h, +hh, +hhmm, +hh:mm, +hhmmss or +hh:mm:ss. */
static bool time_zone_offset_name(struct slice name, int32_t *ret_offset) {
    static const struct slice prefixes[] = {{"UTC", 3}, {"GMT", 3}, {"UT", 2}};
    bool prefixed = false;
    for (size_t i = 0; i < 3 && !prefixed; i++) {
        prefixed = name.length >= prefixes[i].length && memcmp(name.data, prefixes[i].data, prefixes[i].length) == 0;
        if (prefixed)
            name = (struct slice){name.data + prefixes[i].length, name.length - prefixes[i].length};
    }
    *ret_offset = 0;
    if (!name.length)
        return prefixed;
    if (slice_equal(name, SLICE("Z")))
        return !prefixed;
    char sign = name.data[0], digits[7] = {0};
    size_t count = 0;
    for (size_t i = 1; i < name.length; i++) {
        if (name.data[i] == ':' && count == i - 1 - (i > 3) && (i == 3 || (i == 6 && name.data[3] == ':')))
            continue;
        if (name.data[i] < '0' || name.data[i] > '9' || count == 6)
            return false;
        digits[count++] = name.data[i];
    }
    if ((sign != '+' && sign != '-') || !count || count == 3 || count == 5)
        return false;
    int hours = count == 1 ? digits[0] - '0' : (digits[0] - '0') * 10 + digits[1] - '0';
    int minutes = count > 2 ? (digits[2] - '0') * 10 + digits[3] - '0' : 0,
        seconds = count > 4 ? (digits[4] - '0') * 10 + digits[5] - '0' : 0;
    int32_t offset = hours * 3600 + minutes * 60 + seconds;
    *ret_offset = sign == '-' ? -offset : offset;
    return minutes < 60 && seconds < 60 && offset <= 18 * 3600;
}

/* java.time.ZoneId.SHORT_IDS and the summer names of the same places. */
static const char *time_zone_short_name(struct slice name) {
    static const struct {
        const char *name, *zone;
    } names[] = {
        {"ACT", "Australia/Darwin"},
        {"AET", "Australia/Sydney"},
        {"AGT", "America/Argentina/Buenos_Aires"},
        {"ART", "Africa/Cairo"},
        {"AST", "America/Anchorage"},
        {"BET", "America/Sao_Paulo"},
        {"BST", "Asia/Dhaka"},
        {"CAT", "Africa/Harare"},
        {"CDT", "America/Chicago"},
        {"CNT", "America/St_Johns"},
        {"CST", "America/Chicago"},
        {"CTT", "Asia/Shanghai"},
        {"EAT", "Africa/Addis_Ababa"},
        {"ECT", "Europe/Paris"},
        {"EDT", "America/New_York"},
        {"IET", "America/Indiana/Indianapolis"},
        {"IST", "Asia/Kolkata"},
        {"JST", "Asia/Tokyo"},
        {"MDT", "America/Denver"},
        {"MIT", "Pacific/Apia"},
        {"NET", "Asia/Yerevan"},
        {"NST", "Pacific/Auckland"},
        {"PDT", "America/Los_Angeles"},
        {"PLT", "Asia/Karachi"},
        {"PNT", "America/Phoenix"},
        {"PRT", "America/Puerto_Rico"},
        {"PST", "America/Los_Angeles"},
        {"SST", "Pacific/Guadalcanal"},
        {"VST", "Asia/Ho_Chi_Minh"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_equal(name, slice_of(names[i].name)))
            return names[i].zone;
    return NULL;
}

/* Letters, digits and - + _ / only, and no way out of the folder. */
static bool time_zone_name_safe(struct slice name) {
    if (!name.length || name.length > TIME_ZONE_NAME_MAXIMUM || name.data[0] == '/')
        return false;
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        if (!((c | 32) >= 'a' && (c | 32) <= 'z') && !(c >= '0' && c <= '9') && !char_among(c, "-+_/"))
            return false;
    }
    return true;
}

static void time_zone_close(FILE **file) {
    if (*file)
        fclose(*file);
}

static int time_zone_unknown(struct slice name, struct error *error) {
    return error_set(
        error, ERROR_INVALID,
        "unknown time zone '%.*s': names are those of the time zone database (Europe/Vienna) or offsets (+02:00)",
        (int)name.length, name.data);
}

/* Zone files have a few KB; what is much larger is none. */
static int time_zone_load(const char *folder, struct arena *arena, struct slice name, const struct time_zone **ret_zone,
                          struct error *error) {
    char path[512], path_name[TIME_ZONE_NAME_MAXIMUM + 1] = {0}, bytes[TIME_ZONE_FILE_MAXIMUM];
    const char *alias = time_zone_short_name(name);
    memcpy(path_name, name.data, name.length);
    snprintf(path, sizeof path, "%s/%s", folder, alias ? alias : path_name);
    cleanup(time_zone_close) FILE *file = fopen(path, "rb");
    if (!file)
        return time_zone_unknown(name, error);
    size_t length = fread(bytes, 1, sizeof bytes, file);
    if (length < 4 || memcmp(bytes, "TZif", 4) != 0) /* a folder, a list */
        return time_zone_unknown(name, error);
    return time_zone_read(arena, name, (struct slice){bytes, length}, ret_zone, error);
}

void time_zones_release(struct time_zones *zones) {
    free(zones->found);
    arena_release(&zones->arena);
    *zones = (struct time_zones){0};
}

static int time_zone_find_named(struct time_zones *zones, struct slice name, const struct time_zone **ret_zone,
                                struct error *error) {
    for (size_t i = 0; i < zones->count; i++) {
        if (slice_equal(zones->found[i]->name, name)) {
            *ret_zone = zones->found[i];
            return 0;
        }
    }
    const struct time_zone *zone;
    int code = time_zone_load(zones->folder, &zones->arena, name, &zone, error);
    if (code)
        return code;
    if (!memory_reserve((void **)&zones->found, &zones->capacity, zones->count + 1, sizeof *zones->found))
        return error_no_memory(error);
    *ret_zone = zones->found[zones->count++] = zone;
    return 0;
}

int time_zone_find(struct time_zones *zones, struct arena *arena, struct slice name, const struct time_zone **ret_zone,
                   struct error *error) {
    int32_t offset;
    if (!time_zone_offset_name(name, &offset)) {
        if (!time_zone_name_safe(name))
            return time_zone_unknown(name, error);
        return zones ? time_zone_find_named(zones, name, ret_zone, error)
                     : time_zone_load(TIME_ZONE_FOLDER, arena, name, ret_zone, error);
    }
    const struct time_zone *zone = offset ? time_zone_fixed(arena, offset) : time_zone_utc;
    if (!zone)
        return error_no_memory(error);
    *ret_zone = zone;
    return 0;
}
