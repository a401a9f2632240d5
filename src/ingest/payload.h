/* Payloads: what a client sends in one body or message, to readings and rejections.
 *
 *     body ──▶ payload_read ──▶ readings    in the order of the payload
 *     (format, defaults)    ──▶ rejections  what is none: line, reason, its text as it came
 *
 * Every value of the payload becomes a reading, a rejection, or is counted as not numeric (texts and booleans, which
 * line protocol and ThingsBoard send beside numbers). A payload that cannot be read as a whole (a JSON document that
 * breaks off) is one rejection with all of its text. Names are UTF-8 without control characters, 1 to
 * PAYLOAD_NAME_MAXIMUM bytes each; lines have at most PAYLOAD_LINE_MAXIMUM bytes; values are finite; times lie between
 * the limits.
 *
 * A reader belongs to one thread; a result belongs to its arena, and its slices lie there or in the body. */
#ifndef METERLINE_INGEST_PAYLOAD_H
#define METERLINE_INGEST_PAYLOAD_H

#include "core/arena.h"
#include "core/error.h"
#include "model/series.h"

enum { PAYLOAD_MEMORY_FREE = 16 * 1024 * 1024, PAYLOAD_MEMORY_TIMES = 6 };
enum { PAYLOAD_LINE_MAXIMUM = 64 * 1024, PAYLOAD_NAME_MAXIMUM = 255 };

enum payload_format {
    PAYLOAD_JSON,                /* a reading with the names of topic `metrics`, or an array of them */
    PAYLOAD_NDJSON,              /* the same, a reading a line */
    PAYLOAD_CSV,                 /* with a header: gateway, type, attribute, timestamp, value in any order */
    PAYLOAD_LINE_PROTOCOL,       /* InfluxDB's */
    PAYLOAD_THINGSBOARD_DEVICE,  /* {"ts":..,"values":{..}}, {..} of values, or an array of either; `gateway` is set */
    PAYLOAD_THINGSBOARD_GATEWAY, /* {"Device":[{"ts":..,"values":{..}}, ..], ..} */
    PAYLOAD_VALUE,               /* 241.3, or {"timestamp":..,"value":..}; `gateway`, `type`, `attribute` are set */
    PAYLOAD_DSMR,                /* telegrams of a P1 port */
};

/* Unit of the times of line protocol; all other formats tell it themselves. AUTO, which InfluxDB 3 has, goes by the
 * size: seconds below 5e9, milliseconds below 5e12, microseconds below 5e15, else nanoseconds. */
enum payload_precision {
    PAYLOAD_NANOSECONDS,
    PAYLOAD_MICROSECONDS,
    PAYLOAD_MILLISECONDS,
    PAYLOAD_SECONDS,
    PAYLOAD_AUTO,
};

struct payload_limits {
    int64_t earliest; /* ms since the epoch: an earlier time is that of a clock that was never set */
    int64_t ahead;    /* ms after `received` that a time may be; 0: any */
};
/* 2000-01-01, and a day ahead. */
extern const struct payload_limits payload_limits_default;

/* Used during the call only, but for `body`, `gateway`, `type` and `attribute`, which results may point into. */
struct payload {
    enum payload_format format;
    enum payload_precision precision;
    struct slice body;                     /* decompressed */
    int64_t received;                      /* ms since the epoch: the time of what has none */
    struct slice gateway, type, attribute; /* for what does not name its own; data NULL: none */
    const struct payload_limits *limits;   /* NULL: the default ones */
};

struct payload_reading {
    struct series series;
    int64_t timestamp; /* ms since the epoch */
    double value;
    uint32_t line; /* from 1; of a JSON document the number of the object in it */
    uint32_t part; /* from 0: which of the values of the line. (line, part) is the same each time that it is sent */
    bool own_time; /* the payload told the time; false: it is `received` */
};

struct payload_rejection {
    uint32_t line;
    const char *reason; /* a sentence for people, in the arena or static */
    struct slice text;  /* the line or value as it came */
};

struct payload_result {
    struct payload_reading *readings;
    size_t count;
    struct payload_rejection *rejections;
    size_t rejected;
    size_t not_numeric;
};

struct payload_reader;

int payload_reader_new(struct payload_reader **ret_reader, struct error *error);
struct payload_reader *payload_reader_free(struct payload_reader *reader);
/* 0 also when everything was rejected. ERROR_INVALID: what was read takes more than PAYLOAD_MEMORY_FREE and
 * PAYLOAD_MEMORY_TIMES the payload in the arena, as it has many very short or wrong lines; ERROR_NO_MEMORY. */
int payload_read(struct payload_reader *reader, const struct payload *payload, struct arena *arena,
                 struct payload_result *ret_result, struct error *error);

#endif
