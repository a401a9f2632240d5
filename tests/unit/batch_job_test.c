/* Jobs: parameters are declared, given, put in; what is wrong is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "batch/job.h"
#include "core/memory.h"

struct job_case {
    const char *text, *given[3];
    const char *expected; /* the statement, or what the error has in it when `fails` */
    bool fails;
};

static const struct job_case job_cases[] = {
    {"SELECT 1", {NULL}, "SELECT 1", false},
    {"-- parameter n = 5: how many\nSELECT ${n}", {NULL}, "-- parameter n = 5: how many\nSELECT 5", false},
    {"-- parameter n = 5\nSELECT ${n}, ${n}", {"n=7"}, "-- parameter n = 5\nSELECT 7, 7", false},
    {"-- parameter n: x\n${n}", {"n="}, "-- parameter n: x\n", false},
    {"-- parameter t = 10:00: at\n'${t}'", {NULL}, "-- parameter t = 10:00: at\n'10:00'", false},
    {"-- parameter a = b=c\n${a}", {NULL}, "-- parameter a = b=c\nb=c", false},
    {"-- parameter s = x\n'${s}'", {"s=o'clock"}, "-- parameter s = x\n'o''clock'", false},
    {"SELECT '$', '{', '${'", {NULL}, "SELECT '$', '{', '${'", false},
    {"-- parameter n: how many\nSELECT ${n}", {NULL}, "needs parameter n: --set n=VALUE, how many", true},
    {"SELECT ${n}", {NULL}, "${n} is not declared", true},
    {"-- parameter n = 1\n-- parameter m = 2\n", {"x=1"}, "no parameter 'x'; it has: n, m", true},
    {"SELECT 1", {"x=1"}, "it has: none", true},
    {"-- parameter n = 1\n", {"n"}, "is no NAME=VALUE", true},
    {"-- parameter 1n = 1\n", {NULL}, "line 1: '1n' is no name", true},
    {"\n-- parameter n = 1\n-- parameter n = 2\n", {NULL}, "line 3: parameter n is declared twice", true},
};

static int job_of(const struct job_case *c, struct bytes *to, struct error *error) {
    struct job job;
    int status = job_read(slice_of(c->text), &job, error);
    for (size_t i = 0; c->given[i] && !status; i++)
        status = job_set(&job, c->given[i], error);
    return status ? status : job_write(&job, to, error);
}

static void jobs_become_statements(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof job_cases / sizeof *job_cases; i++) {
        cleanup(bytes_release) struct bytes sql = {0};
        struct error error = {0};
        const struct job_case *c = &job_cases[i];
        int status = job_of(c, &sql, &error);
        if (c->fails != (status != 0) || (status && !strstr(error.message, c->expected)) ||
            (!status && strcmp(sql.data, c->expected) != 0))
            fail_msg("%s: %s", c->text, status ? error.message : sql.data);
    }
}

static void parameters_have_a_limit(void **state) {
    cleanup(bytes_release) struct bytes text = {0};
    struct job job;
    struct error error;
    (void)state;
    for (int i = 0; i <= JOB_PARAMETERS_MAXIMUM; i++)
        bytes_append_format(&text, "-- parameter p%d = 1\n", i);
    assert_int_equal(job_read(bytes_slice(&text), &job, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "line 65: more than 64 parameters"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(jobs_become_statements),
                                       cmocka_unit_test(parameters_have_a_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
