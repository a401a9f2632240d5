/* Telegrams of the P1 port of smart meters (DSMR 4 and 5, ESMR, e-MUCS: "P1 companion standard"):
 *
 *     /ISk5\2MT382-1000                         the meter's make
 *     0-0:1.0.0(170102192002W)                  when it was made: local time, winter or summer
 *     0-0:96.1.1(4B384547303034303436333935353037)    the meter's number, in hexadecimal
 *     1-0:1.8.1(000004.426*kWh)                 OBIS code, value, unit
 *     0-1:24.1.0(003)                           what is on channel 1: 3 gas, 7 water
 *     0-1:96.1.0(3232323241424344313233343536373839)
 *     0-1:24.2.1(170102161005W)(00000.107*m3)   its last value, which has its own time and meter
 *     !6EEE                                     CRC-16/ARC from / to !
 *
 * Known codes become readings, in the units of codec/meter/unit.h; all others are passed over. Any thread. */
#ifndef METERLINE_CODEC_METER_DSMR_H
#define METERLINE_CODEC_METER_DSMR_H

#include "core/arena.h"
#include "model/series.h"

enum { DSMR_TELEGRAM_MAXIMUM = 16 * 1024 };

struct dsmr_reading {
    struct series series; /* the gateway is the meter's number */
    int64_t timestamp;    /* ms since the epoch */
    double value;
    bool own_time; /* false: the telegram has no time */
};

struct dsmr_telegram {
    struct dsmr_reading *readings;
    size_t count;
};

/* The next telegram of a text, from / to the end of the line with !; what stands before it is passed over. False: there
 * is none, or not all of it. */
bool dsmr_next(struct slice *rest, struct slice *ret_telegram);
/* Reads one. `received`: ms since the epoch, for what has no time. NULL, or why it is none, in `arena` or static.
 * Lines may end in LF alone: the CRC is over CRLF, as meters send them. */
const char *dsmr_read(struct slice telegram, int64_t received, struct arena *arena, struct dsmr_telegram *ret_telegram);

#endif
