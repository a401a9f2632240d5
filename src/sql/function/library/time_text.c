/* Dates and times as text and back, by patterns of java.time (sql/java_time_format.h). The last pattern and zone are
 * kept: they are nearly always constants. */
#include "sql/function/library/functions.h"

#include "core/memory.h"
#include "model/time/time_text.h"
#include "sql/time/java_time_format.h"

#define TIMESTAMP_DAYS INT64_C(106000000000) /* what 64 bits of milliseconds hold, nearly */

struct pattern_state {
    struct arena arena;                   /* of what follows; made anew for another pattern or zone */
    struct slice pattern_text, zone_text; /* data NULL: none */
    const struct java_time_pattern *pattern;
    const struct time_zone *zone; /* NULL: none was given */
};

static void pattern_state_release(void *state) {
    struct pattern_state *kept = state;
    if (kept)
        arena_release(&kept->arena);
    free(kept);
}

static bool fail_with(struct function_call *call, const struct error *error) {
    return error->code == ERROR_NO_MEMORY ? false : function_fail(call, "%s", error->message);
}

static bool pattern_state_make(struct function_call *call, struct pattern_state *kept, struct slice pattern,
                               struct slice zone) {
    struct error error = {0};
    kept->pattern = NULL;
    arena_reset(&kept->arena);
    kept->pattern_text = arena_copy(&kept->arena, pattern);
    kept->zone_text = arena_copy(&kept->arena, zone);
    kept->zone = NULL;
    if (!kept->pattern_text.data || (zone.data && !kept->zone_text.data))
        return false;
    if (zone.data && time_zone_find(call->zones, &kept->arena, zone, &kept->zone, &error) < 0)
        return fail_with(call, &error);
    return java_time_pattern_compile(&kept->arena, pattern, &kept->pattern, &error) == 0 || fail_with(call, &error);
}

/* The pattern that is argument 1 and the zone that may be argument 2. */
static struct pattern_state *pattern_state_of(struct function_call *call, const struct value *arguments) {
    struct pattern_state *kept = *call->state;
    struct slice zone = call->count > 2 ? arguments[2].text : (struct slice){NULL, 0};
    if (!kept && !(kept = *call->state = memory_zero(1, sizeof *kept)))
        return NULL;
    bool same = kept->pattern && slice_equal(kept->pattern_text, arguments[1].text) &&
                !zone.data == !kept->zone_text.data && slice_equal(kept->zone_text, zone);
    return same || pattern_state_make(call, kept, arguments[1].text, zone) ? kept : NULL;
}

/* --- writing
 * ------------------------------------------------------------------------------------------------------------------ */

static bool give_formatted(struct function_call *call, const struct value *arguments, const struct pattern_state *kept,
                           const struct java_time *time, struct value *ret_value) {
    struct bytes text = {0};
    struct error error = {0};
    if (java_time_format(kept->pattern, time, &text, &error) < 0) {
        bytes_release(&text);
        struct slice pattern = arguments[1].text;
        return error.code != ERROR_NO_MEMORY && function_fail(call, "cannot write with pattern '%.*s': %s",
                                                              function_shown(pattern), pattern.data, error.message);
    }
    return function_give_bytes(call, &text, ret_value);
}

static bool format_date(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    const struct pattern_state *kept = pattern_state_of(call, arguments);
    return kept && give_formatted(call, arguments, kept,
                                  &(struct java_time){.has_date = true, .days = arguments[0].integer}, ret_value);
}

static bool format_time(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    const struct pattern_state *kept = pattern_state_of(call, arguments);
    return kept &&
           give_formatted(call, arguments, kept,
                          &(struct java_time){.has_time = true, .milliseconds = arguments[0].integer}, ret_value);
}

static bool format_timestamp(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    const struct pattern_state *kept = pattern_state_of(call, arguments);
    if (!kept)
        return false;
    struct java_time time = java_time_of_instant(arguments[0].integer, kept->zone ? kept->zone : time_zone_utc);
    return give_formatted(call, arguments, kept, &time, ret_value);
}

/* --- reading
 * ------------------------------------------------------------------------------------------------------------------ */

static const struct pattern_state *parse(struct function_call *call, const struct value *arguments,
                                         struct java_time_read *ret_read) {
    const struct pattern_state *kept = pattern_state_of(call, arguments);
    struct error error = {0};
    if (!kept || java_time_parse(kept->pattern, arguments[0].text, call->zones, call->arena, ret_read, &error) == 0)
        return kept;
    if (error.code != ERROR_NO_MEMORY)
        function_fail(call, "cannot read '%.*s' with pattern '%.*s': %s", function_shown(arguments[0].text),
                      arguments[0].text.data, function_shown(arguments[1].text), arguments[1].text.data, error.message);
    return NULL;
}

static bool parse_date(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct java_time_read read;
    if (!parse(call, arguments, &read))
        return false;
    if (read.days < INT32_MIN || read.days > INT32_MAX)
        return function_fail(call, "the date is out of range");
    *ret_value = value_of_integer(read.days);
    return true;
}

static bool parse_time(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct java_time_read read;
    if (!parse(call, arguments, &read))
        return false;
    *ret_value = value_of_integer(read.milliseconds);
    return true;
}

static bool parse_timestamp(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    struct java_time_read read;
    const struct pattern_state *kept = parse(call, arguments, &read);
    if (!kept)
        return false;
    if (read.days < -TIMESTAMP_DAYS || read.days > TIMESTAMP_DAYS)
        return function_fail(call, "the timestamp is out of range");
    const struct time_zone *zone = read.zone ? read.zone : kept->zone ? kept->zone : time_zone_utc;
    *ret_value = value_of_integer(time_zone_instant(zone, read.days * MILLISECONDS_OF_DAY + read.milliseconds));
    return true;
}

#define STRING PARAMETER_STRING
#define BY_PATTERN(kind, type, function)                                                                               \
    { TAKES(kind, STRING), .result = &type, .null_in_null_out = true, .call = function }
#define IN_ZONE(kind, type, function)                                                                                  \
    { TAKES(kind, STRING, STRING), .result = &type, .null_in_null_out = true, .call = function }
#define WITH_PATTERN .category = "Date and time", .release_state = pattern_state_release

FUNCTION_LIST(
    functions_time_text,
    {.name = "DATETOSTRING",
     WITH_PATTERN,
     .signature = "DATETOSTRING(days, pattern)",
     .description = "Days since 1970-01-01 as text; FORMAT_DATE does it for a DATE.",
     VARIANTS(BY_PATTERN(PARAMETER_INTEGER, type_string, format_date))},
    {.name = "FORMAT_DATE",
     WITH_PATTERN,
     .signature = "FORMAT_DATE(date, pattern)",
     .description = "The date as text, by a pattern of java.time: 'yyyy-MM-dd'.",
     VARIANTS(BY_PATTERN(PARAMETER_DATE, type_string, format_date))},
    {.name = "FORMAT_TIME",
     WITH_PATTERN,
     .signature = "FORMAT_TIME(time, pattern)",
     .description = "The time of day as text, by a pattern of java.time: 'HH:mm:ss.SSS'.",
     VARIANTS(BY_PATTERN(PARAMETER_TIME, type_string, format_time))},
    {.name = "FORMAT_TIMESTAMP",
     WITH_PATTERN,
     .signature = "FORMAT_TIMESTAMP(timestamp, pattern[, zone])",
     .description = "The timestamp as text, by a pattern of java.time, in a time zone (UTC if not given).",
     VARIANTS(BY_PATTERN(PARAMETER_TIMESTAMP, type_string, format_timestamp),
              IN_ZONE(PARAMETER_TIMESTAMP, type_string, format_timestamp))},
    {.name = "PARSE_DATE",
     WITH_PATTERN,
     .signature = "PARSE_DATE(text, pattern)",
     .description = "The DATE that a text names, by a pattern of java.time.",
     VARIANTS(BY_PATTERN(STRING, type_date, parse_date))},
    {.name = "PARSE_TIME",
     WITH_PATTERN,
     .signature = "PARSE_TIME(text, pattern)",
     .description = "The TIME that a text names, by a pattern of java.time.",
     VARIANTS(BY_PATTERN(STRING, type_time, parse_time))},
    {.name = "PARSE_TIMESTAMP",
     WITH_PATTERN,
     .signature = "PARSE_TIMESTAMP(text, pattern[, zone])",
     .description = "The TIMESTAMP that a text names, by a pattern of java.time; in the zone if the text names none "
                    "(UTC if not given).",
     VARIANTS(BY_PATTERN(STRING, type_timestamp, parse_timestamp), IN_ZONE(STRING, type_timestamp, parse_timestamp))},
    {.name = "STRINGTODATE",
     WITH_PATTERN,
     .signature = "STRINGTODATE(text, pattern)",
     .description = "Days from 1970-01-01 to the date that a text names; PARSE_DATE gives a DATE.",
     VARIANTS(BY_PATTERN(STRING, type_integer, parse_date))},
    {.name = "STRINGTOTIMESTAMP",
     WITH_PATTERN,
     .signature = "STRINGTOTIMESTAMP(text, pattern[, zone])",
     .description =
         "Milliseconds since 1970-01-01T00:00Z of what a text names, a BIGINT; PARSE_TIMESTAMP gives a TIMESTAMP.",
     VARIANTS(BY_PATTERN(STRING, type_bigint, parse_timestamp), IN_ZONE(STRING, type_bigint, parse_timestamp))},
    {.name = "TIMESTAMPTOSTRING",
     WITH_PATTERN,
     .signature = "TIMESTAMPTOSTRING(milliseconds, pattern[, zone])",
     .description = "Milliseconds since 1970-01-01T00:00Z as text; FORMAT_TIMESTAMP does it for a TIMESTAMP.",
     VARIANTS(BY_PATTERN(PARAMETER_BIGINT, type_string, format_timestamp),
              IN_ZONE(PARAMETER_BIGINT, type_string, format_timestamp))});
