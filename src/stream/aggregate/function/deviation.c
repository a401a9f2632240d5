/* STDDEV_SAMP, STDDEV_SAMPLE and CORRELATION: means and central moments of one or two columns, brought forward row
 * by row (Welford) and merged (Chan et al.). */
#include <math.h>

#include "stream/aggregate/function/aggregates.h"

/* With one column, y is not used. xx = sum of (x - mean_x)^2, and so on. */
struct moments {
    int64_t count;
    double mean_x, xx;
    double mean_y, yy, xy;
};

enum { MOMENTS_OF_ONE = offsetof(struct moments, mean_y) };

static bool moments_fold(const struct aggregate_call *call, void *state, const struct value *arguments,
                         const char **ret_problem) {
    (void)ret_problem;
    struct moments *moments = state;
    bool two = call->argument_count == 2;
    if (arguments[0].null || (two && arguments[1].null))
        return true;
    moments->count++;
    double count = (double)moments->count, x = aggregate_of_number(call->arguments[0], &arguments[0]),
           x_off = x - moments->mean_x;
    moments->mean_x += x_off / count;
    moments->xx += x_off * (x - moments->mean_x);
    if (two) {
        double y = aggregate_of_number(call->arguments[1], &arguments[1]), y_off = y - moments->mean_y;
        moments->mean_y += y_off / count;
        moments->yy += y_off * (y - moments->mean_y);
        moments->xy += x_off * (y - moments->mean_y);
    }
    return true;
}

static bool moments_undo(const struct aggregate_call *call, void *state, const struct value *arguments,
                         const char **ret_problem) {
    (void)ret_problem;
    struct moments *moments = state;
    bool two = call->argument_count == 2;
    if (arguments[0].null || (two && arguments[1].null))
        return true;
    double left = (double)--moments->count, x = aggregate_of_number(call->arguments[0], &arguments[0]);
    if (moments->count <= 0) {
        int64_t count = moments->count;
        memset(moments, 0, call->state_size);
        moments->count = count;
        return true;
    }
    double mean_x = moments->mean_x - (x - moments->mean_x) / left;
    moments->xx = moments->count == 1 ? 0 : moments->xx - (x - mean_x) * (x - moments->mean_x);
    if (two) {
        double y = aggregate_of_number(call->arguments[1], &arguments[1]),
               mean_y = moments->mean_y - (y - moments->mean_y) / left;
        moments->yy = moments->count == 1 ? 0 : moments->yy - (y - mean_y) * (y - moments->mean_y);
        moments->xy = moments->count == 1 ? 0 : moments->xy - (x - mean_x) * (y - moments->mean_y);
        moments->mean_y = mean_y;
    }
    moments->mean_x = mean_x;
    return true;
}

static bool moments_merge(const struct aggregate_call *call, void *state, const void *other, const char **ret_problem) {
    (void)ret_problem;
    struct moments *moments = state;
    const struct moments *more = other;
    if (more->count == 0 || moments->count == 0) {
        if (more->count != 0)
            memcpy(moments, more, call->state_size);
        return true;
    }
    double a = (double)moments->count, b = (double)more->count, share = b / (a + b),
           x_off = more->mean_x - moments->mean_x;
    moments->count += more->count;
    moments->mean_x += x_off * share;
    moments->xx += more->xx + x_off * x_off * a * share;
    if (call->argument_count == 2) {
        double y_off = more->mean_y - moments->mean_y;
        moments->mean_y += y_off * share;
        moments->yy += more->yy + y_off * y_off * a * share;
        moments->xy += more->xy + x_off * y_off * a * share;
    }
    return true;
}

static double moments_variance(const struct moments *moments) {
    return moments->count < 2 ? 0.0 : moments->xx / (double)(moments->count - 1);
}

static bool variance_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                            struct value *ret_value) {
    (void)call, (void)arena;
    *ret_value = value_of_number(moments_variance(state));
    return true;
}

static bool deviation_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                             struct value *ret_value) {
    (void)call, (void)arena;
    double variance = moments_variance(state);
    *ret_value = value_of_number(variance > 0 || isnan(variance) ? sqrt(variance) : 0.0);
    return true;
}

static bool correlation_result(const struct aggregate_call *call, const void *state, struct arena *arena,
                               struct value *ret_value) {
    (void)call, (void)arena;
    const struct moments *moments = state;
    bool defined = moments->count >= 2 && moments->xx > 0 && moments->yy > 0;
    *ret_value = value_of_number(defined ? moments->xy / (sqrt(moments->xx) * sqrt(moments->yy)) : (double)NAN);
    return true;
}

static bool moments_read(const struct aggregate_call *call, const char **at, const char *end, void *state) {
    return aggregate_of_read_bytes(call, at, end, state) &&
           aggregate_of_rows_valid(((const struct moments *)state)->count);
}

#define MOMENTS_DRIVER(name)                                                                                           \
    static const struct aggregate_state_driver name##_driver = {                                                       \
        .fold = moments_fold,                                                                                          \
        .undo = moments_undo,                                                                                          \
        .merge = moments_merge,                                                                                        \
        .result = name##_result,                                                                                       \
        .write = aggregate_of_write_bytes,                                                                             \
        .read = moments_read,                                                                                          \
    }

MOMENTS_DRIVER(variance);
MOMENTS_DRIVER(deviation);
MOMENTS_DRIVER(correlation);

static int deviation_resolve(const struct aggregate_function *function, const struct type *const *arguments,
                             const struct value *const *constants, size_t count, struct arena *arena,
                             struct aggregate_call *ret_call, struct error *error) {
    (void)constants;
    if (count != 1 || !type_is_numeric(arguments[0]))
        return aggregate_call_wrong(function, arguments, count, "(INTEGER), (BIGINT), (DECIMAL) or (DOUBLE)", error);
    const struct aggregate_state_driver *driver =
        function == &aggregate_of_stddev_samp ? &variance_driver : &deviation_driver;
    return aggregate_call_make(function, driver, arguments, 1, &type_double, MOMENTS_OF_ONE, arena, ret_call, error);
}

static int correlation_resolve(const struct aggregate_function *function, const struct type *const *arguments,
                               const struct value *const *constants, size_t count, struct arena *arena,
                               struct aggregate_call *ret_call, struct error *error) {
    (void)constants;
    if (count != 2 || !type_is_numeric(arguments[0]) || !type_is_numeric(arguments[1]))
        return aggregate_call_wrong(function, arguments, count, "two numbers", error);
    return aggregate_call_make(function, &correlation_driver, arguments, 2, &type_double, sizeof(struct moments), arena,
                               ret_call, error);
}

const struct aggregate_function aggregate_of_stddev_samp = {
    .name = "STDDEV_SAMP",
    .signature = "STDDEV_SAMP(col)",
    .description = "The sample variance, in spite of its name, as ksqlDB has it; 0.0 for fewer than two values. "
                   "STDDEV_SAMPLE is the standard deviation.",
    .structured = true,
    .resolve = deviation_resolve,
};

const struct aggregate_function aggregate_of_stddev_sample = {
    .name = "STDDEV_SAMPLE",
    .signature = "STDDEV_SAMPLE(col)",
    .description = "The sample standard deviation; 0.0 for fewer than two values.",
    .structured = true,
    .resolve = deviation_resolve,
};

const struct aggregate_function aggregate_of_correlation = {
    .name = "CORRELATION",
    .signature = "CORRELATION(col1, col2)",
    .description = "Pearson's coefficient of correlation of the rows in which neither is NULL; NaN for fewer than two "
                   "rows or when one of them does not vary.",
    .structured = true,
    .resolve = correlation_resolve,
};
