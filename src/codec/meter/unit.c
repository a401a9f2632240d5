/* OBIS: IEC 62056-61 (groups A medium, B channel, C quantity, D kind of processing, E tariff or phase); the codes of
 * DSMR 5.0 P1, of the German SML meters and of ESMR. */
#include "codec/meter/unit.h"

#define UNIT(name, type, quantity, factor)                                                                             \
    { SLICE(name), type, SLICE(quantity), factor }
#define ELECTRICITY SLICE("ELECTRICITY")
#define ANY                                                                                                            \
    { NULL, 0 }

static const struct meter_unit meter_units[] = {
    UNIT("W", ELECTRICITY, "ACTIVE_POWER", 1),
    UNIT("mW", ELECTRICITY, "ACTIVE_POWER", 1e-3),
    UNIT("kW", ELECTRICITY, "ACTIVE_POWER", 1e3),
    UNIT("MW", ELECTRICITY, "ACTIVE_POWER", 1e6),
    UNIT("Wh", ELECTRICITY, "ENERGY", 1e-3),
    UNIT("kWh", ELECTRICITY, "ENERGY", 1),
    UNIT("MWh", ELECTRICITY, "ENERGY", 1e3),
    UNIT("var", ELECTRICITY, "REACTIVE_POWER", 1),
    UNIT("kvar", ELECTRICITY, "REACTIVE_POWER", 1e3),
    UNIT("varh", ELECTRICITY, "REACTIVE_ENERGY", 1e-3),
    UNIT("kvarh", ELECTRICITY, "REACTIVE_ENERGY", 1),
    UNIT("VA", ELECTRICITY, "APPARENT_POWER", 1),
    UNIT("kVA", ELECTRICITY, "APPARENT_POWER", 1e3),
    UNIT("VAh", ELECTRICITY, "APPARENT_ENERGY", 1e-3),
    UNIT("kVAh", ELECTRICITY, "APPARENT_ENERGY", 1),
    UNIT("V", ELECTRICITY, "VOLTAGE", 1),
    UNIT("mV", ELECTRICITY, "VOLTAGE", 1e-3),
    UNIT("A", ELECTRICITY, "CURRENT", 1),
    UNIT("mA", ELECTRICITY, "CURRENT", 1e-3),
    UNIT("Hz", ELECTRICITY, "FREQUENCY", 1),
    UNIT("m3", ANY, "VOLUME", 1),
    UNIT("m\xc2\xb3", ANY, "VOLUME", 1),
    UNIT("l", ANY, "VOLUME", 1e-3),
    UNIT("L", ANY, "VOLUME", 1e-3),
    UNIT("m3/h", ANY, "FLOW", 1),
    UNIT("m\xc2\xb3/h", ANY, "FLOW", 1),
    UNIT("l/h", ANY, "FLOW", 1e-3),
    UNIT("L/h", ANY, "FLOW", 1e-3),
    UNIT("l/min", ANY, "FLOW", 0.06),
    UNIT("L/min", ANY, "FLOW", 0.06),
};

#define OBIS(code, type, attribute)                                                                                    \
    { SLICE(code), SLICE(type), SLICE(attribute) }

static const struct meter_obis meter_codes[] = {
    OBIS("1-0:1.8.0", "ELECTRICITY", "ENERGY_IMPORT"),
    OBIS("1-0:1.8.1", "ELECTRICITY", "ENERGY_IMPORT_T1"),
    OBIS("1-0:1.8.2", "ELECTRICITY", "ENERGY_IMPORT_T2"),
    OBIS("1-0:1.8.3", "ELECTRICITY", "ENERGY_IMPORT_T3"),
    OBIS("1-0:1.8.4", "ELECTRICITY", "ENERGY_IMPORT_T4"),
    OBIS("1-0:2.8.0", "ELECTRICITY", "ENERGY_EXPORT"),
    OBIS("1-0:2.8.1", "ELECTRICITY", "ENERGY_EXPORT_T1"),
    OBIS("1-0:2.8.2", "ELECTRICITY", "ENERGY_EXPORT_T2"),
    OBIS("1-0:2.8.3", "ELECTRICITY", "ENERGY_EXPORT_T3"),
    OBIS("1-0:2.8.4", "ELECTRICITY", "ENERGY_EXPORT_T4"),
    OBIS("1-0:3.8.0", "ELECTRICITY", "REACTIVE_ENERGY_IMPORT"),
    OBIS("1-0:4.8.0", "ELECTRICITY", "REACTIVE_ENERGY_EXPORT"),
    OBIS("1-0:1.7.0", "ELECTRICITY", "ACTIVE_POWER_IMPORT"),
    OBIS("1-0:2.7.0", "ELECTRICITY", "ACTIVE_POWER_EXPORT"),
    OBIS("1-0:3.7.0", "ELECTRICITY", "REACTIVE_POWER_IMPORT"),
    OBIS("1-0:4.7.0", "ELECTRICITY", "REACTIVE_POWER_EXPORT"),
    OBIS("1-0:16.7.0", "ELECTRICITY", "ACTIVE_POWER"),
    OBIS("1-0:21.7.0", "ELECTRICITY", "ACTIVE_POWER_IMPORT_L1"),
    OBIS("1-0:41.7.0", "ELECTRICITY", "ACTIVE_POWER_IMPORT_L2"),
    OBIS("1-0:61.7.0", "ELECTRICITY", "ACTIVE_POWER_IMPORT_L3"),
    OBIS("1-0:22.7.0", "ELECTRICITY", "ACTIVE_POWER_EXPORT_L1"),
    OBIS("1-0:42.7.0", "ELECTRICITY", "ACTIVE_POWER_EXPORT_L2"),
    OBIS("1-0:62.7.0", "ELECTRICITY", "ACTIVE_POWER_EXPORT_L3"),
    OBIS("1-0:36.7.0", "ELECTRICITY", "ACTIVE_POWER_L1"),
    OBIS("1-0:56.7.0", "ELECTRICITY", "ACTIVE_POWER_L2"),
    OBIS("1-0:76.7.0", "ELECTRICITY", "ACTIVE_POWER_L3"),
    OBIS("1-0:32.7.0", "ELECTRICITY", "VOLTAGE_L1"),
    OBIS("1-0:52.7.0", "ELECTRICITY", "VOLTAGE_L2"),
    OBIS("1-0:72.7.0", "ELECTRICITY", "VOLTAGE_L3"),
    OBIS("1-0:31.7.0", "ELECTRICITY", "CURRENT_L1"),
    OBIS("1-0:51.7.0", "ELECTRICITY", "CURRENT_L2"),
    OBIS("1-0:71.7.0", "ELECTRICITY", "CURRENT_L3"),
    OBIS("1-0:14.7.0", "ELECTRICITY", "FREQUENCY"),
};

const struct meter_unit *meter_unit_find(struct slice name) {
    for (size_t i = 0; i < sizeof meter_units / sizeof *meter_units; i++)
        if (slice_equal(meter_units[i].name, name))
            return &meter_units[i];
    return NULL;
}

const struct meter_obis *meter_obis_find(struct slice code) {
    for (size_t i = 0; i < sizeof meter_codes / sizeof *meter_codes; i++)
        if (slice_equal(meter_codes[i].code, code))
            return &meter_codes[i];
    return NULL;
}
