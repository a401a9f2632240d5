/* The option table: every type, where values come from, and what is said of wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/options.h"

struct settings {
    bool verbose, quiet;
    int64_t count, grace, bytes;
    double rate;
    const char *name, *format;
    struct option_list extra;
};

#define OPTION(member) .offset = offsetof(struct settings, member)

static const struct option options[] = {
    {"count", 'c', OPTION_INTEGER, "N", "7", .minimum = 0, .maximum = 100, .help = "A number.", OPTION(count)},
    {"rate", 'r', OPTION_NUMBER, "RATE", .help = "A rate.", OPTION(rate)},
    {"grace", 0, OPTION_DURATION, "TIME", "5m", .environment = "OPTIONS_TEST_GRACE", .help = "A time.", OPTION(grace)},
    {"bytes", 0, OPTION_BYTES, "SIZE", .help = "A size.", OPTION(bytes)},
    {"name", 'n', OPTION_STRING, "NAME", .help = "A name.", OPTION(name)},
    {"format", 'f', OPTION_CHOICE, "FORMAT", .choices = "table|csv|json", .help = "A format.", OPTION(format)},
    {"extra", 'X', OPTION_LIST, "KEY=VALUE", .help = "Repeatable.", OPTION(extra)},
    {0},
};

static const struct option common[] = {
    {"verbose", 'v', OPTION_FLAG, .help = "More.", OPTION(verbose)},
    {"quiet", 'q', OPTION_FLAG, .help = "Less.", OPTION(quiet)},
    {0},
};

static const struct command_line line = {.command = "try",
                                         .operands = "[FILE]",
                                         .summary = "Tries.",
                                         .description = "It tries.",
                                         .options = options,
                                         .common = common,
                                         .operand_maximum = 2};

static int parse(struct settings *settings, const char **operands, size_t *count, bool *help, struct error *error,
                 int argc, ...) {
    static char *argv[16];
    va_list words;
    argv[0] = (char *)"try";
    va_start(words, argc);
    for (int i = 1; i <= argc; i++)
        argv[i] = va_arg(words, char *);
    va_end(words);
    *settings = (struct settings){0};
    return options_parse(&line, argc + 1, argv, settings, operands, count, help, error);
}

static void test_forms(void **state) {
    (void)state;
    struct settings s;
    const char *operands[2];
    size_t count;
    bool help;
    struct error error;
    assert_int_equal(parse(&s, operands, &count, &help, &error, 9, "-vqc9", "in", "--rate=2.5", "--grace", "1d", "-X",
                           "a=1", "-Xb=2", "--bytes=2K"),
                     0);
    assert_true(s.verbose && s.quiet);
    assert_int_equal(s.count, 9);
    assert_true(s.rate == 2.5);
    assert_int_equal(s.grace, 86400000);
    assert_int_equal(s.bytes, 2048);
    assert_int_equal(count, 1);
    assert_string_equal(operands[0], "in");
    assert_int_equal(s.extra.count, 2);
    assert_string_equal(s.extra.items[1], "b=2");
    free(s.extra.items);
    assert_int_equal(parse(&s, operands, &count, &help, &error, 4, "-f", "csv", "--", "-v"), 0);
    assert_string_equal(s.format, "csv");
    assert_string_equal(operands[0], "-v");
    assert_false(s.verbose);
    assert_int_equal(s.count, 7);
    assert_int_equal(parse(&s, operands, &count, &help, &error, 1, "--help"), 0);
    assert_true(help);
}

static void test_environment(void **state) {
    (void)state;
    struct settings s;
    const char *operands[2];
    size_t count;
    bool help;
    struct error error;
    setenv("OPTIONS_TEST_GRACE", "90s", 1);
    assert_int_equal(parse(&s, operands, &count, &help, &error, 0), 0);
    assert_int_equal(s.grace, 90000);
    assert_int_equal(parse(&s, operands, &count, &help, &error, 2, "--grace", "2h"), 0);
    assert_int_equal(s.grace, 7200000);
    setenv("OPTIONS_TEST_GRACE", "soon", 1);
    assert_int_equal(parse(&s, operands, &count, &help, &error, 0), ERROR_INVALID);
    assert_non_null(strstr(error.message, "OPTIONS_TEST_GRACE"));
    unsetenv("OPTIONS_TEST_GRACE");
}

static void test_nearest(void **state) {
    (void)state;
    static const char *const names[] = {"INSTR", "SUBSTRING", "LEN", "TEMPERATURE"};
    static const struct {
        const char *word, *nearest;
    } cases[] = {{"SUBSTRIN", "SUBSTRING"},
                 {"SUBSTR", "SUBSTRING"},
                 {"TEMP", "TEMPERATURE"},
                 {"TE", "LEN"},
                 {"INSTRR", "INSTR"},
                 {"LENGTHY", NULL},
                 {"", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *nearest = options_nearest(cases[i].word, names, sizeof names / sizeof *names);
        assert_string_equal(nearest ? nearest : "none", cases[i].nearest ? cases[i].nearest : "none");
    }
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *first, *second, *message;
    } cases[] = {
        {"--cuont", "5", "did you mean --count?"},
        {"--count", "abc", "'abc' is not a whole number"},
        {"--count", "101", "out of range: 0 to 100"},
        {"--count", "-1", "out of range"},
        {"--rate", "fast", "is not a number"},
        {"--grace", "5x", "is not a duration"},
        {"--grace", "5", "--grace: '5' has no unit: did you mean 5s, 5m, 5h or 5d?"},
        {"--grace", "1.5", "did you mean 1.5s, 1.5m"},
        {"--grace", "", "is not a duration"},
        {"--bytes", "1Q", "is not a size"},
        {"--format", "xml", "not one of table|csv|json"},
        {"--format", "tab", "not one of"},
        {"--verbose=1", "x", "takes no value"},
        {"-z", "x", "unknown option -z"},
        {"a", "--count", "needs a value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings s;
        const char *operands[2];
        size_t count;
        bool help;
        struct error error;
        assert_int_equal(parse(&s, operands, &count, &help, &error, 2, cases[i].first, cases[i].second), ERROR_INVALID);
        if (!strstr(error.message, cases[i].message))
            fail_msg("'%s' does not say '%s'", error.message, cases[i].message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_environment),
                                       cmocka_unit_test(test_nearest), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
