/* Synthetic readings: reading i is series i % S at start + (i / S) x interval, so that time rises and every step
 * brings all series.
 *
 * Everything about reading i follows from (seed, i): the random numbers are splitmix64 (G. Steele, D. Lea, C. Flood,
 * 2014) at place 3i, 3i+1, 3i+2 of its sequence. A value is a base load, plus a wave with the period of a day, plus
 * noise, in thousandths. */
#include <inttypes.h>
#include <math.h>

#include "core/memory.h"
#include "core/number.h"
#include "model/time/time.h"
#include "replay/source_driver.h"

enum { SYNTHETIC_ATTRIBUTES = 4, SYNTHETIC_SERIES_MAXIMUM = 100000000 };
enum {
    SYNTHETIC_DISORDER = 4 * 60 * 1000,
    SYNTHETIC_LATE_MINIMUM = 2 * 3600 * 1000,
    SYNTHETIC_LATE_MAXIMUM = 30 * 3600 * 1000
}; /* ms */

static const struct synthetic_attribute {
    struct slice name;
    double base, wave, noise;
    double spread; /* how much gateways differ, as a share of base and wave */
} synthetic_attributes[SYNTHETIC_ATTRIBUTES] = {
    {SLICE("ACTIVE_POWER"), 1.1, 0.6, 0.25, 0.4},
    {SLICE("REACTIVE_POWER"), 0.12, 0.05, 0.04, 0.4},
    {SLICE("VOLTAGE"), 240.0, 2.0, 1.5, 0.0},
    {SLICE("INTENSITY"), 4.8, 2.5, 1.1, 0.4},
};

struct synthetic {
    uint64_t seed;
    int64_t total;
    int64_t step, place; /* of the next reading: i / series, i % series */
    double wave;         /* of this step, -1..1 */
};

static uint64_t synthetic_random(uint64_t seed, uint64_t index) {
    uint64_t z = seed + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double synthetic_share(uint64_t random) {
    return (double)(random >> 11) * 0x1p-53;
}

static bool synthetic_share_valid(double share) {
    return share >= 0 && share <= 1;
}

static int synthetic_open(struct replay_source *source, struct error *error) {
    int64_t series = source->settings.synthetic.series, interval = source->settings.synthetic.interval;
    int64_t duration = source->settings.synthetic.duration, start = source->settings.synthetic.start, total;
    double disordered = source->settings.synthetic.disordered, late = source->settings.synthetic.late,
           bad = source->settings.synthetic.bad;
    if (series < 1 || series > SYNTHETIC_SERIES_MAXIMUM)
        return error_set(error, ERROR_INVALID, "%" PRId64 " series: expected 1 to %d", series,
                         SYNTHETIC_SERIES_MAXIMUM);
    if (interval < 1 || duration < 1)
        return error_set(error, ERROR_INVALID,
                         "an interval of %" PRId64 " ms over %" PRId64 " ms: both must be above 0", interval, duration);
    if (start < TIME_MINIMUM || start > TIME_MAXIMUM || duration > TIME_MAXIMUM - start)
        return error_set(error, ERROR_INVALID, "the readings would leave the years 1970 to 9999");
    if (!synthetic_share_valid(disordered) || !synthetic_share_valid(late) || !synthetic_share_valid(bad) ||
        disordered + late + bad > 1)
        return error_set(error, ERROR_INVALID,
                         "the shares of disordered, late and bad readings must be 0 to 1, also together");
    if (__builtin_mul_overflow((duration - 1) / interval + 1, series, &total))
        return error_set(error, ERROR_INVALID, "the readings would be more than can be counted");
    struct synthetic *synthetic = memory_zero(1, sizeof(*synthetic));
    if (!synthetic)
        return error_no_memory(error);
    synthetic->seed = (uint64_t)source->settings.synthetic.seed;
    synthetic->total = total;
    source->state = synthetic;
    return 0;
}

static int synthetic_add_series(struct replay_source *source, int64_t series, struct error *error) {
    char text[NUMBER_INTEGER_SIZE];
    size_t attribute = (size_t)(series % SYNTHETIC_ATTRIBUTES);
    struct slice gateway;
    if (attribute == 0)
        gateway =
            arena_copy(&source->arena, (struct slice){text, number_write_integer(text, series / SYNTHETIC_ATTRIBUTES)});
    else
        gateway = source->series[series - 1].gateway;
    if (!gateway.data)
        return error_no_memory(error);
    return source_add_series(
        source, &(struct series){gateway, SLICE("ELECTRICITY"), synthetic_attributes[attribute].name}, error);
}

static double synthetic_value(const struct synthetic *synthetic, int64_t series, uint64_t random) {
    const struct synthetic_attribute *attribute = &synthetic_attributes[series % SYNTHETIC_ATTRIBUTES];
    double gateway = synthetic_share(synthetic_random(~synthetic->seed, (uint64_t)series / SYNTHETIC_ATTRIBUTES)) - 0.5;
    double value = (attribute->base + attribute->wave * synthetic->wave) * (1 + attribute->spread * gateway);
    value += attribute->noise * (2 * synthetic_share(random) - 1);
    return (double)(int64_t)(fmax(value, 0) * 1000 + 0.5) / 1000;
}

/* disordered, late or bad, or none of them */
static void synthetic_disturb(const struct replay_source *source, uint64_t index, struct replay_reading *reading) {
    const struct synthetic *synthetic = source->state;
    double fate = synthetic_share(synthetic_random(synthetic->seed, index + 1));
    uint64_t random = synthetic_random(synthetic->seed, index + 2);
    double bad = source->settings.synthetic.bad, late = bad + source->settings.synthetic.late;
    if (fate < bad)
        reading->bad = true;
    else if (fate < late)
        reading->timestamp -=
            SYNTHETIC_LATE_MINIMUM + (int64_t)(random % (SYNTHETIC_LATE_MAXIMUM - SYNTHETIC_LATE_MINIMUM + 1));
    else if (fate < late + source->settings.synthetic.disordered)
        reading->timestamp -= 1 + (int64_t)(random % SYNTHETIC_DISORDER);
    if (reading->timestamp < TIME_MINIMUM)
        reading->timestamp = TIME_MINIMUM;
}

static int synthetic_next(struct replay_source *source, struct replay_reading *ret_reading, struct error *error) {
    struct synthetic *synthetic = source->state;
    int64_t index = source->counts.readings, series = synthetic->place;
    if (index == synthetic->total)
        return 0;
    if ((size_t)series == source->series_count) {
        int status = synthetic_add_series(source, series, error);
        if (status)
            return status;
    }
    int64_t timestamp = source->settings.synthetic.start + synthetic->step * source->settings.synthetic.interval;
    if (series == 0)
        synthetic->wave = sin(2 * M_PI * ((double)(timestamp % 86400000) / 86400000.0 - 0.25));
    uint64_t random = 3 * (uint64_t)index;
    *ret_reading =
        (struct replay_reading){(uint32_t)series, false, timestamp,
                                synthetic_value(synthetic, series, synthetic_random(synthetic->seed, random))};
    if (source->settings.synthetic.disordered > 0 || source->settings.synthetic.late > 0 ||
        source->settings.synthetic.bad > 0)
        synthetic_disturb(source, random, ret_reading);
    source->counts.rows++;
    if (++synthetic->place == source->settings.synthetic.series) {
        synthetic->place = 0;
        synthetic->step++;
    }
    return 1;
}

static void synthetic_close(struct replay_source *source) {
    free(source->state);
}

int64_t replay_source_total(const struct replay_source *source) {
    return source->driver == &source_synthetic ? ((const struct synthetic *)source->state)->total : -1;
}

const struct source_driver source_synthetic = {
    .type = "synthetic", .open = synthetic_open, .next = synthetic_next, .close = synthetic_close};
