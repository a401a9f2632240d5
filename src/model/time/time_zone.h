/* Time zones, from the system's database (TZif files, RFC 8536) without touching the process's TZ: offsets at an
 * instant, and instants of local times.
 *
 * A zone is immutable and lies in the arena it was loaded into. */
#ifndef METERLINE_MODEL_TIME_TIME_ZONE_H
#define METERLINE_MODEL_TIME_TIME_ZONE_H

#include "core/arena.h"
#include "core/error.h"
#include "core/slice.h"
#include <stdbool.h>
#include <stdint.h>

struct time_zone;

#define TIME_ZONE_FOLDER "/usr/share/zoneinfo"

/* The zones that were asked for, loaded once each. `folder` is TIME_ZONE_FOLDER but in tests. One owner, one thread. */
struct time_zones {
    const char *folder;
    struct arena arena;
    const struct time_zone **found;
    size_t count, capacity;
};

void time_zones_release(struct time_zones *zones); /* usable with cleanup() */
/* UTC, GMT, Z, +02, +0200, +02:00, UTC+2, GMT-03:00, a name of the database (Europe/Vienna), or one of Java's short
 * names (PST, JST, ..). Zones of the database live as long as `zones`, or without `zones` (NULL) in `arena`, as fixed
 * offsets do. ERROR_INVALID: there is no such zone. */
int time_zone_find(struct time_zones *zones, struct arena *arena, struct slice name, const struct time_zone **ret_zone,
                   struct error *error);
/* From the bytes of a TZif file; ERROR_CORRUPT. */
int time_zone_read(struct arena *arena, struct slice name, struct slice file, const struct time_zone **ret_zone,
                   struct error *error);
extern const struct time_zone *const time_zone_utc;
const struct time_zone *time_zone_fixed(struct arena *arena, int32_t offset); /* seconds east; NULL: no memory */

struct slice time_zone_name(const struct time_zone *zone); /* as given: "Europe/Vienna", "+02:00", "Z" */
/* Seconds east of UTC at an instant (ms since the epoch). */
int32_t time_zone_offset(const struct time_zone *zone, int64_t instant);
/* "CEST": what the database calls it then; an offset for zones without names. */
struct slice time_zone_abbreviation(const struct time_zone *zone, int64_t instant);
/* The instant of a local time (ms as if it were UTC). A time that is skipped when clocks go forward is taken as so
 * much later; of one that comes twice the first is taken (as java.time does). */
int64_t time_zone_instant(const struct time_zone *zone, int64_t local);

#endif
