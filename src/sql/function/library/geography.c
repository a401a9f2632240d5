/* GEO_DISTANCE: along the great circle (haversine formula) on a sphere. */
#include "sql/function/library/functions.h"

#include <math.h>
#include <strings.h>

#define EARTH_RADIUS_KILOMETRES 6371.0
#define EARTH_RADIUS_MILES      3959.0

static bool find_radius(struct function_call *call, struct slice unit, double *ret_radius) {
    static const struct {
        const char *name;
        double radius;
    } units[] = {{"KM", EARTH_RADIUS_KILOMETRES},
                 {"KILOMETER", EARTH_RADIUS_KILOMETRES},
                 {"KILOMETERS", EARTH_RADIUS_KILOMETRES},
                 {"KILOMETRE", EARTH_RADIUS_KILOMETRES},
                 {"KILOMETRES", EARTH_RADIUS_KILOMETRES},
                 {"MI", EARTH_RADIUS_MILES},
                 {"MILE", EARTH_RADIUS_MILES},
                 {"MILES", EARTH_RADIUS_MILES}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (unit.length == strlen(units[i].name) && strncasecmp(unit.data, units[i].name, unit.length) == 0) {
            *ret_radius = units[i].radius;
            return true;
        }
    return function_fail(call, "'%.*s' is no unit of distance; KM and MILES are", function_shown(unit), unit.data);
}

static bool distance(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    double latitude1 = arguments[0].number, longitude1 = arguments[1].number, latitude2 = arguments[2].number,
           longitude2 = arguments[3].number;
    double radius = EARTH_RADIUS_KILOMETRES, degree = M_PI / 180;
    if (!(fabs(latitude1) <= 90 && fabs(latitude2) <= 90))
        return function_fail(call, "a latitude must be between -90 and 90");
    if (!(fabs(longitude1) <= 180 && fabs(longitude2) <= 180))
        return function_fail(call, "a longitude must be between -180 and 180");
    if (call->count > 4 && !find_radius(call, arguments[4].text, &radius))
        return false;
    double across = sin((latitude2 - latitude1) * degree / 2), along = sin((longitude2 - longitude1) * degree / 2);
    double half = across * across + along * along * cos(latitude1 * degree) * cos(latitude2 * degree);
    *ret_value = value_of_number(2 * radius * asin(sqrt(half < 1 ? half : 1)));
    return true;
}

#define POINTS PARAMETER_DOUBLE, PARAMETER_DOUBLE, PARAMETER_DOUBLE, PARAMETER_DOUBLE

FUNCTION_LIST(functions_geography,
              {.name = "GEO_DISTANCE",
               .category = "Numeric",
               .signature = "GEO_DISTANCE(latitude, longitude, latitude, longitude[, unit])",
               .description = "The great-circle distance of two points in degrees, in 'KM' (if not given) or 'MILES'.",
               VARIANTS({TAKES(POINTS), .result = &type_double, .null_in_null_out = true, .call = distance},
                        {TAKES(POINTS, PARAMETER_STRING), .result = &type_double, .null_in_null_out = true,
                         .call = distance})});
