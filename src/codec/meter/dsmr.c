/* Two passes over the lines: who the meters are and when it was, then the values. */
#include "codec/meter/dsmr.h"

#include "codec/meter/unit.h"
#include "codec/row/reason.h"
#include "core/number.h"
#include "model/time/time.h"

enum { DSMR_CHANNELS = 5, DSMR_VALUES = 4 };

bool dsmr_next(struct slice *rest, struct slice *ret_telegram) {
    const char *end = rest->data + rest->length;
    const char *first = rest->length ? memchr(rest->data, '/', rest->length) : NULL;
    for (const char *at = first; at;) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at)), *next = line_end ? line_end + 1 : end;
        if (*at == '!') {
            *ret_telegram = (struct slice){first, (size_t)(next - first)};
            *rest = (struct slice){next, (size_t)(end - next)};
            return true;
        }
        at = next < end ? next : NULL;
    }
    return false;
}

/* --- lines
 * ------------------------------------------------------------------------------------------------------------------ */

/* A-B:C.D.E(value)(value) */
struct dsmr_line {
    struct slice code;
    struct slice values[DSMR_VALUES];
    size_t count;
};

static bool line_next(struct slice *rest, struct slice *ret_line) {
    if (rest->length == 0)
        return false;
    const char *end = memchr(rest->data, '\n', rest->length);
    size_t length = end ? (size_t)(end - rest->data) : rest->length, passed = length + (end != NULL);
    *ret_line = (struct slice){rest->data, length};
    if (length && ret_line->data[length - 1] == '\r')
        ret_line->length--;
    *rest = (struct slice){rest->data + passed, rest->length - passed};
    return true;
}

/* False: it is none. */
static bool line_read(struct slice text, struct dsmr_line *line) {
    const char *at = text.data, *end = at + text.length, *open = text.length ? memchr(at, '(', text.length) : NULL;
    if (!open)
        return false;
    *line = (struct dsmr_line){.code = {at, (size_t)(open - at)}};
    for (at = open; at < end && *at == '('; at++) {
        const char *close = memchr(at, ')', (size_t)(end - at));
        if (!close || line->count == DSMR_VALUES)
            return false;
        line->values[line->count++] = (struct slice){at + 1, (size_t)(close - at - 1)};
        at = close;
    }
    return at == end && line->count > 0;
}

/* Channel n of a code "0-n:SUFFIX"; 0: it is none. */
static unsigned line_channel(const struct dsmr_line *line, const char *suffix) {
    struct slice code = line->code;
    size_t length = strlen(suffix);
    if (code.length != 4 + length || memcmp(code.data, "0-", 2) != 0 || code.data[3] != ':' ||
        memcmp(code.data + 4, suffix, length) != 0 || code.data[2] < '1' || code.data[2] >= '0' + DSMR_CHANNELS)
        return 0;
    return (unsigned)(code.data[2] - '0');
}

static bool digits_read(const char *at, size_t count, unsigned *ret_value) {
    *ret_value = 0;
    for (size_t i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        *ret_value = *ret_value * 10 + (unsigned)(at[i] - '0');
    }
    return true;
}

/* YYMMDDhhmmss and W (UTC+1) or S (UTC+2). */
static bool line_time(struct slice text, int64_t *ret_timestamp) {
    unsigned fields[6];
    if (text.length != 13 || (text.data[12] != 'W' && text.data[12] != 'S'))
        return false;
    for (size_t i = 0; i < 6; i++)
        if (!digits_read(text.data + 2 * i, 2, &fields[i]))
            return false;
    if (!time_date_valid(2000 + fields[0], fields[1], fields[2]) || fields[3] > 23 || fields[4] > 59 || fields[5] > 59)
        return false;
    int64_t days = time_days_from_civil(2000 + fields[0], fields[1], fields[2]);
    int64_t seconds = fields[3] * 3600 + fields[4] * 60 + fields[5] - (text.data[12] == 'S' ? 7200 : 3600);
    *ret_timestamp = (days * 86400 + seconds) * 1000;
    return *ret_timestamp >= TIME_MINIMUM;
}

/* "000004.426*kWh", in the unit that readings have. */
static bool line_value(struct slice text, double *ret_value) {
    const char *star = text.length ? memchr(text.data, '*', text.length) : NULL;
    struct slice number = {text.data, star ? (size_t)(star - text.data) : text.length};
    const struct meter_unit *unit = NULL;
    if (star && !(unit = meter_unit_find((struct slice){star + 1, text.length - number.length - 1})))
        return false;
    if (!number_read_double(number, ret_value))
        return false;
    *ret_value *= unit ? unit->factor : 1;
    return true;
}

/* --- who and when
 * ------------------------------------------------------------------------------------------------------------------ */

struct dsmr_meters {
    struct slice
        number[DSMR_CHANNELS];    /* of channel 0, the electricity meter, and of the others; data NULL: not told */
    unsigned kind[DSMR_CHANNELS]; /* as M-Bus counts them; 0: not told */
    int64_t timestamp;
    bool own_time;
};

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* The text that it stands for when that can be printed, else as it is. data NULL: no memory. */
static struct slice meter_number(struct slice text, struct arena *arena) {
    char *to = arena_allocate(arena, text.length / 2 + 1);
    bool printable = text.length % 2 == 0;
    for (size_t i = 0; to && printable && i < text.length / 2; i++) {
        int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
        to[i] = (char)(high * 16 + low);
        printable = high >= 2 && high < 8 && low >= 0 && to[i] != 0x7f;
    }
    return !to ? (struct slice){0} : printable ? (struct slice){to, text.length / 2} : text;
}

/* False: no memory. */
static bool meters_read(struct slice telegram, struct arena *arena, struct dsmr_meters *meters) {
    struct slice text;
    while (line_next(&telegram, &text)) {
        struct dsmr_line line;
        unsigned channel;
        if (!line_read(text, &line) || line.values[0].length == 0)
            continue;
        struct slice *number = slice_equal(line.code, SLICE("0-0:96.1.1")) ? &meters->number[0] : NULL;
        if (slice_equal(line.code, SLICE("0-0:1.0.0")))
            meters->own_time = line_time(line.values[0], &meters->timestamp);
        if ((channel = line_channel(&line, "24.1.0")))
            digits_read(line.values[0].data, line.values[0].length < 4 ? line.values[0].length : 0,
                        &meters->kind[channel]);
        if ((channel = line_channel(&line, "96.1.0")) || (channel = line_channel(&line, "96.1.1")))
            number = &meters->number[channel];
        if (number && !(*number = meter_number(line.values[0], arena)).data)
            return false;
    }
    return true;
}

/* --- values
 * ------------------------------------------------------------------------------------------------------------------ */

static bool kind_type(unsigned kind, struct slice *ret_type) {
    *ret_type = kind == 3 ? SLICE("GAS") : kind == 7 ? SLICE("WATER") : (struct slice){0};
    return ret_type->data;
}

/* False: the line is none of those that are known. */
static bool reading_read(const struct dsmr_line *line, const struct dsmr_meters *meters, struct dsmr_reading *reading) {
    const struct meter_obis *known = meter_obis_find(line->code);
    unsigned channel = line_channel(line, "24.2.1");
    channel = channel ? channel : line_channel(line, "24.2.3"); /* of Belgium: gas without correction */
    *reading = (struct dsmr_reading){.timestamp = meters->timestamp, .own_time = meters->own_time};
    if (known) {
        reading->series = (struct series){meters->number[0], known->type, known->attribute};
        return meters->number[0].data && line_value(line->values[0], &reading->value);
    }
    if (!channel || line->count != 2 || !meters->number[channel].data)
        return false;
    reading->series = (struct series){meters->number[channel], {0}, SLICE("VOLUME")};
    reading->own_time = line_time(line->values[0], &reading->timestamp);
    return reading->own_time && kind_type(meters->kind[channel], &reading->series.type) &&
           line_value(line->values[1], &reading->value);
}

static const char *readings_read(struct slice telegram, const struct dsmr_meters *meters, struct arena *arena,
                                 struct dsmr_telegram *ret_telegram) {
    struct slice rest = telegram, text;
    size_t room = 0;
    while (line_next(&rest, &text))
        room++;
    struct dsmr_telegram found = {arena_allocate(arena, room * sizeof *found.readings), 0};
    if (!found.readings)
        return "out of memory";
    for (rest = telegram; line_next(&rest, &text);) {
        struct dsmr_line line;
        if (line_read(text, &line) && reading_read(&line, meters, &found.readings[found.count]))
            found.count++;
    }
    *ret_telegram = found;
    return found.count ? NULL : "the telegram has no value that is known, or no number of its meter (0-0:96.1.1)";
}

/* --- CRC
 * ------------------------------------------------------------------------------------------------------------------ */

static unsigned crc_add(unsigned crc, unsigned char c) {
    crc ^= c;
    for (int bit = 0; bit < 8; bit++)
        crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
    return crc;
}

/* NULL: it is right, or there is none, as before DSMR 4. */
static const char *crc_check(struct slice telegram, struct arena *arena) {
    const char *mark = memrchr(telegram.data, '!', telegram.length), *end = telegram.data + telegram.length;
    unsigned crc = 0, told = 0;
    if (!mark)
        return "the telegram does not end with !";
    for (const char *at = telegram.data; at <= mark; at++) {
        if (*at == '\n' && at > telegram.data && at[-1] != '\r')
            crc = crc_add(crc, '\r');
        crc = crc_add(crc, (unsigned char)*at);
    }
    size_t digits = 0;
    for (mark++; mark < end && digits < 4 && hex_digit(*mark) >= 0; mark++, digits++)
        told = told << 4 | (unsigned)hex_digit(*mark);
    if (digits == 0)
        return NULL;
    return digits == 4 && told == crc ? NULL
                                      : reason_format(arena, "the telegram's checksum is %04X, not %04X", crc, told);
}

const char *dsmr_read(struct slice telegram, int64_t received, struct arena *arena,
                      struct dsmr_telegram *ret_telegram) {
    struct dsmr_meters meters = {.timestamp = received};
    if (telegram.length > DSMR_TELEGRAM_MAXIMUM)
        return "the telegram is longer than 16 KiB";
    const char *reason = crc_check(telegram, arena);
    if (reason)
        return reason;
    if (!meters_read(telegram, arena, &meters))
        return "out of memory";
    meters.timestamp = meters.own_time ? meters.timestamp : received;
    return readings_read(telegram, &meters, arena, ret_telegram);
}
