/* Units and OBIS codes of meters: which quantity a number is, and by what it is multiplied to be in the unit that
 * readings have: W, var, VA, kWh, kvarh, V, A, Hz, m3, m3/h. One table each for all formats that name units or codes.
 * Any thread. */
#ifndef METERLINE_CODEC_METER_UNIT_H
#define METERLINE_CODEC_METER_UNIT_H

#include "core/slice.h"
#include <stdbool.h>

struct meter_unit {
    struct slice name;
    struct slice type;     /* ELECTRICITY; data NULL: it does not say (a volume may be of water or gas) */
    struct slice quantity; /* what is counted or measured: ENERGY, ACTIVE_POWER, VOLUME, .. */
    double factor;
};

/* "kWh", "m³"; upper and lower case differ only where the unit does (mW, MW). NULL: not known. */
const struct meter_unit *meter_unit_find(struct slice name);

struct meter_obis {
    struct slice code; /* A-B:C.D.E as it is printed, without F: "1-0:1.8.0" */
    struct slice type, attribute;
};

/* The quantity of a code; NULL: not known. A value that comes with a unit is multiplied by the unit's factor. */
const struct meter_obis *meter_obis_find(struct slice code);

#endif
