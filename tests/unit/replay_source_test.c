/* Sources of readings: what each kind of row gives, what is counted as missing or malformed, and what files are
 * refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "replay/source.h"

#define EDF                                                                                                            \
    "Date;Time;Global_active_power;Global_reactive_power;Voltage;Global_intensity;Sub_metering_1;Sub_metering_2;Sub_"  \
    "metering_3\n"

static char folder[] = "/tmp/meterline-source-XXXXXX";
static char path[300];

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static const char *file_of(const char *data, size_t length) {
    snprintf(path, sizeof(path), "%s/data", folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    return path;
}

static const char *text_file(const char *text) {
    return file_of(text, strlen(text));
}

static struct replay_source *open_source(const char *type, const char *file) {
    struct replay_settings settings = {.type = type, .file = file};
    struct replay_source *source = NULL;
    struct error error = {0};
    if (replay_source_open(&settings, &source, &error))
        fail_msg("%s", error.message);
    return source;
}

static void assert_refused(const char *type, const char *file, int code, const char *words) {
    struct replay_settings settings = {.type = type, .file = file};
    struct replay_source *source = NULL;
    struct error error = {0};
    assert_int_equal(replay_source_open(&settings, &source, &error), code);
    assert_null(source);
    if (!strstr(error.message, words))
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
}

static void assert_next(struct replay_source *source, const char *key, int64_t timestamp, double value) {
    struct replay_reading reading;
    struct error error = {0};
    char text[200];
    if (replay_source_next(source, &reading, &error) != 1)
        fail_msg("no reading: %s", error.message);
    const struct series *series = replay_source_series(source, reading.series);
    snprintf(text, sizeof(text), "%.*s.%.*s.%.*s", (int)series->gateway.length, series->gateway.data,
             (int)series->type.length, series->type.data, (int)series->attribute.length, series->attribute.data);
    assert_string_equal(text, key);
    assert_int_equal(reading.timestamp, timestamp);
    assert_true(reading.value == value);
}

static void assert_end(struct replay_source *source, int64_t rows, int64_t missing, int64_t malformed,
                       int64_t readings) {
    struct replay_reading reading;
    struct error error = {0};
    if (replay_source_next(source, &reading, &error) != 0)
        fail_msg("not the end: %s", error.message);
    const struct replay_counts *counts = replay_source_counts(source);
    assert_int_equal(counts->rows, rows);
    assert_int_equal(counts->missing, missing);
    assert_int_equal(counts->malformed, malformed);
    assert_int_equal(counts->readings, readings);
}

static int64_t drain(struct replay_source *source) {
    struct replay_reading reading;
    struct error error = {0};
    int status;
    while ((status = replay_source_next(source, &reading, &error)) == 1)
        ;
    if (status)
        fail_msg("%s", error.message);
    return replay_source_counts(source)->readings;
}

static void test_edf_rows_for_each_household(void **state) {
    (void)state;
    struct replay_settings settings = {.type = "electricity",
                                       .first_household = 3,
                                       .last_household = 4,
                                       .file = text_file("\xef\xbb\xbf" EDF
                                                         "16/12/2006;17:24:00;4.216;0.418;234.84;18.4;0;1;17\r\n"
                                                         "16/12/2006;17:25:00;?;?;?;?;?;?;\n\n"
                                                         "1/1/2007;00:00:01;1;2;3;4;5;6;7")};
    struct replay_source *source;
    assert_int_equal(replay_source_open(&settings, &source, NULL), 0);
    assert_next(source, "3.ELECTRICITY.ACTIVE_POWER", 1166289840000, 4.216 + 0.001 * 3.0);
    assert_next(source, "3.ELECTRICITY.REACTIVE_POWER", 1166289840000, 0.418 + 0.001 * 3.0);
    assert_next(source, "3.ELECTRICITY.VOLTAGE", 1166289840000, 234.84 + 0.001 * 3.0);
    assert_next(source, "3.ELECTRICITY.INTENSITY", 1166289840000, 18.4 + 0.001 * 3.0);
    assert_next(source, "4.ELECTRICITY.ACTIVE_POWER", 1166289840000, 4.216 + 0.001 * 4.0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(replay_source_next(source, &(struct replay_reading){0}, NULL), 1);
    assert_int_equal(replay_source_line(source), 2);
    assert_next(source, "3.ELECTRICITY.ACTIVE_POWER", 1167609601000, 1 + 0.001 * 3.0);
    assert_int_equal(replay_source_line(source), 5);
    assert_int_equal(drain(source), 16);
    assert_end(source, 3, 1, 0, 16);
    replay_source_close(source);
}

static void test_edf_malformed_rows(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"31/2/2007;00:00:00;1;2;3;4;;;", "is not a time"},
        {"1/1/1969;00:00:00;1;2;3;4;;;", "is not a time"},
        {"1/1/2007;24:00:00;1;2;3;4;;;", "is not a time"},
        {"1/1/2007;00:00:00x;1;2;3;4;;;", "is not a time"},
        {"1/1/2007;00:00:00;1e999;2;3;4;;;", "Global_active_power \"1e999\" is not a finite number"},
        {"1/1/2007;00:00:00;1;nan;3;4;;;", "Global_reactive_power \"nan\""},
        {"1/1/2007;00:00:00;1;2;inf;4;;;", "Voltage \"inf\""},
        {"1/1/2007;00:00:00;1;2;3;4", "6 columns where the header has 9"},
        {"\x01\xff", "1 columns"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[400];
        snprintf(text, sizeof(text), EDF "1/1/2007;00:00:00;1;2;3;4;;;\n%s\n", rows[i][0]);
        struct replay_source *source = open_source("electricity", text_file(text));
        assert_int_equal(drain(source), 4);
        assert_end(source, 2, 0, 1, 4);
        const struct replay_problem *problem = &replay_source_counts(source)->problems[0];
        assert_int_equal(problem->line, 3);
        if (!strstr(problem->message, rows[i][1]))
            fail_msg("\"%s\" does not say \"%s\"", problem->message, rows[i][1]);
        replay_source_close(source);
    }
}

static void test_strict_stops_at_the_first_malformed_row(void **state) {
    (void)state;
    struct replay_settings settings = {.type = "electricity", .strict = true, .file = text_file(EDF "bad\n")};
    struct replay_source *source;
    struct error error = {0};
    assert_int_equal(replay_source_open(&settings, &source, NULL), 0);
    assert_int_equal(replay_source_next(source, &(struct replay_reading){0}, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "/data:2: 1 columns"));
    replay_source_close(source);
}

static void test_only_ten_problems_are_kept(void **state) {
    (void)state;
    char text[400] = EDF;
    for (int i = 0; i < 12; i++)
        strcat(text, "x\n");
    struct replay_source *source = open_source("electricity", text_file(text));
    assert_end(source, 12, 0, 12, 0);
    assert_int_equal(replay_source_counts(source)->problems[9].line, 11);
    replay_source_close(source);
}

static void test_ampds_commas_and_tabs(void **state) {
    (void)state;
    struct replay_source *source = open_source(
        "water",
        text_file("unix_ts,counter,avg_rate,inst_rate\n1333263660,45291.311,3.785,0.5\n1333263720,,0,0\n-5,1,1,1\n"));
    assert_next(source, "0.WATER.WATER_IDD", 1333263660000, 0.5);
    assert_next(source, "0.WATER.WATER_SUMMATION", 1333263660000, 45291.311);
    assert_end(source, 3, 1, 1, 2);
    replay_source_close(source);
    source = open_source("gas", text_file("unix_ts\tcounter\tavg_rate\tinst_rate\n1333263600\t295279.248\t0\t0.25\n"));
    assert_next(source, "0.GAS.GAS_IDD", 1333263600000, 0.25);
    assert_next(source, "0.GAS.GAS_SUMMATION", 1333263600000, 295279.248);
    assert_end(source, 1, 0, 0, 2);
    replay_source_close(source);
}

static void test_readings_csv(void **state) {
    (void)state;
    struct replay_source *source = open_source(
        "readings",
        text_file("value,gateway,type,attribute,timestamp\n1.5,a,GAS,X,2024-01-01T00:00:00Z\n"
                  "2,\"b,\"\"1\"\"\",GAS,X,1970-01-01T00:00:00.5Z\n3,a,GAS,X,2024-01-01\n4,\"a,GAS,X,2024-01-01\n5,,"
                  "GAS,X,2024-01-01\n6,a,GAS,X,soon\n7,a\x01,G,X,2024-01-01\n,a,G,X,2024-01-01\n"));
    assert_next(source, "a.GAS.X", 1704067200000, 1.5);
    assert_next(source, "b,\"1\".GAS.X", 500, 2);
    assert_next(source, "a.GAS.X", 1704067200000, 3);
    assert_end(source, 8, 1, 4, 3);
    assert_non_null(strstr(replay_source_counts(source)->problems[0].message, "does not end on its line"));
    assert_non_null(replay_source_series(source, 1));
    assert_null(replay_source_series(source, 2));
    replay_source_close(source);
}

static void test_readings_json_lines(void **state) {
    (void)state;
    struct replay_source *source =
        open_source("readings", text_file("\n  "
                                          "{\"gateway\":\"g\",\"metricType\":\"GAS\",\"metricAttribute\":\"X\","
                                          "\"timestamp\":\"2024-01-01T00:00:00Z\",\"value\":1.5}\n"
                                          "{\"gateway\":\"h\",\"metricType\":\"GAS\",\"metricAttribute\":\"X\","
                                          "\"timestamp\":1000,\"value\":-2}\n{\"gateway\":\n"
                                          "{\"gateway\":\"g\",\"metricType\":\"GAS\",\"metricAttribute\":\"X\","
                                          "\"timestamp\":\"2024-01-01T00:00:00Z\",\"value\":null}\n"
                                          "{\"gateway\":\"g\",\"metricType\":\"GAS\",\"metricAttribute\":\"X\","
                                          "\"timestamp\":\"soon\",\"value\":1}\n"
                                          "{\"gateway\":\"g\",\"metricType\":\"GAS\",\"metricAttribute\":\"X\","
                                          "\"timestamp\":-1,\"value\":1}\nnull\n"));
    assert_next(source, "g.GAS.X", 1704067200000, 1.5);
    assert_next(source, "h.GAS.X", 1000, -2);
    assert_end(source, 7, 0, 5, 2);
    static const char *const problems[] = {
        "truncated: the JSON text ends at byte 11", "value is missing", "timestamp 'soon' is not an ISO-8601 time",
        "timestamp -1 is not a time in ms between 1970 and 9999", "not JSON: an empty line or null"};
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++)
        if (!strstr(replay_source_counts(source)->problems[i].message, problems[i]))
            fail_msg("%s", replay_source_counts(source)->problems[i].message);
    replay_source_close(source);
}

static void test_many_series_keep_their_numbers(void **state) {
    (void)state;
    enum { SERIES = 5000 };
    char *text = malloc(SERIES * 2 * 40 + 100), *at = text;
    at += sprintf(at, "gateway,type,attribute,timestamp,value\n");
    for (int i = 0; i < 2 * SERIES; i++)
        at += sprintf(at, "g%d,T,A,2024-01-01,%d\n", i % SERIES, i);
    struct replay_source *source = open_source("readings", text_file(text));
    for (int i = 0; i < 2 * SERIES; i++) {
        struct replay_reading reading;
        assert_int_equal(replay_source_next(source, &reading, NULL), 1);
        assert_int_equal(reading.series, i % SERIES);
    }
    assert_end(source, 2 * SERIES, 0, 0, 2 * SERIES);
    replay_source_close(source);
    free(text);
}

static void test_files_that_are_refused(void **state) {
    (void)state;
    assert_refused("electricity", "/nonexistent/x", ERROR_NOT_FOUND, "/nonexistent/x: there is no such file");
    assert_refused("electricity", folder, ERROR_INVALID, "is a folder");
    assert_refused("electricity", text_file(""), ERROR_INVALID,
                   "is empty: expected the header Date;Time;Global_active_power");
    assert_refused("electricity", file_of("\0\1\2PK\n", 6), ERROR_INVALID, "but found \"\\x00\\x01\\x02PK\"");
    assert_refused("water", text_file("a,b\n"), ERROR_INVALID,
                   "expected the header unix_ts,counter,avg_rate,inst_rate");
    assert_refused("readings", text_file("gateway,type,attribute,timestamp,value,colour\n"), ERROR_INVALID,
                   "column \"colour\" is not known");
    assert_refused("readings", text_file("gateway,type,attribute,value\n"), ERROR_INVALID,
                   "expected the header gateway,type,attribute,timestamp,value");
    assert_refused("oil", "x", ERROR_INVALID, "unknown type of source oil");
    struct replay_settings settings = {
        .type = "electricity", .file = text_file(EDF), .first_household = 2, .last_household = 1};
    struct replay_source *source = NULL;
    assert_int_equal(replay_source_open(&settings, &source, NULL), ERROR_INVALID);
    settings = (struct replay_settings){.type = "electricity", .file = path, .day_offset = 1};
    assert_int_equal(replay_source_open(&settings, &source, NULL), ERROR_INVALID);
}

static void test_day_offset_skips_rows(void **state) {
    (void)state;
    char *text = malloc(1500 * 60), *at = text + sprintf(text, EDF);
    for (int i = 0; i < 1442; i++)
        at += sprintf(at, "1/1/2007;00:00:00;%d;2;3;4;;;\n", i);
    struct replay_settings settings = {.type = "electricity", .file = text_file(text), .day_offset = 1};
    struct replay_source *source;
    assert_int_equal(replay_source_open(&settings, &source, NULL), 0);
    assert_next(source, "0.ELECTRICITY.ACTIVE_POWER", 1167609600000, 1440);
    assert_int_equal(replay_source_line(source), 1442);
    assert_int_equal(drain(source), 8);
    replay_source_close(source);
    free(text);
}

static void test_a_line_of_ten_megabytes_is_one_malformed_row(void **state) {
    (void)state;
    size_t head = strlen(EDF), huge = 10 << 20;
    static const char row[] = "\n1/1/2007;00:00:00;1;2;3;4;;;";
    char *text = malloc(head + huge + sizeof(row));
    memcpy(text, EDF, head);
    memset(text + head, 'x', huge);
    memcpy(text + head + huge, row, sizeof(row));
    struct replay_source *source = open_source("electricity", file_of(text, head + huge + sizeof(row) - 1));
    assert_next(source, "0.ELECTRICITY.ACTIVE_POWER", 1167609600000, 1);
    assert_int_equal(replay_source_line(source), 3);
    assert_int_equal(drain(source), 4);
    assert_end(source, 2, 0, 1, 4);
    assert_non_null(strstr(replay_source_counts(source)->problems[0].message, "longer than 1048576 bytes"));
    replay_source_close(source);
    free(text);
}

static void test_gzip_whole_and_cut(void **state) {
    (void)state;
    char *text = malloc(20000 * 60), *at = text + sprintf(text, EDF);
    for (unsigned i = 0; i < 20000; i++)
        at += sprintf(at, "1/1/2007;00:00:00;%u;2;3;4;;;\n", i * 2654435761u);
    snprintf(path, sizeof(path), "%s/data", folder);
    gzFile file = gzopen(path, "wb");
    assert_int_equal(gzwrite(file, text, (unsigned)(at - text)), at - text);
    assert_int_equal(gzclose(file), Z_OK);
    struct replay_source *source = open_source("electricity", path);
    assert_int_equal(drain(source), 80000);
    replay_source_close(source);
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(truncate(path, about.st_size / 2), 0);
    source = open_source("electricity", path);
    struct replay_reading reading;
    struct error error = {0};
    int status;
    while ((status = replay_source_next(source, &reading, &error)) == 1)
        ;
    assert_int_equal(status, ERROR_CORRUPT);
    assert_non_null(strstr(error.message, "/data: compressed data ends early after line "));
    assert_true(replay_source_counts(source)->readings > 20000);
    assert_int_equal(replay_source_counts(source)->malformed, 0);
    replay_source_close(source);
    free(text);
}

static struct replay_settings synthetic_settings(void) {
    return (struct replay_settings){
        .type = "synthetic",
        .synthetic = {.series = 6, .interval = 5000, .duration = 12000, .start = 1704067200000, .seed = 7}};
}

static void test_synthetic_order_and_values(void **state) {
    (void)state;
    struct replay_settings settings = synthetic_settings();
    struct replay_source *source, *again;
    assert_int_equal(replay_source_open(&settings, &source, NULL), 0);
    assert_int_equal(replay_source_open(&settings, &again, NULL), 0);
    assert_int_equal(replay_source_total(source), 18);
    for (int i = 0; i < 18; i++) {
        struct replay_reading a, b;
        assert_int_equal(replay_source_next(source, &a, NULL), 1);
        assert_int_equal(replay_source_next(again, &b, NULL), 1);
        assert_int_equal(a.series, i % 6);
        assert_int_equal(a.timestamp, 1704067200000 + i / 6 * 5000);
        assert_true(a.value == b.value && a.value >= 0 && !a.bad);
        assert_true(a.value * 1000 - (double)(int64_t)(a.value * 1000 + 0.5) < 1e-6);
        if (i % 6 == 2)
            assert_true(a.value > 235 && a.value < 245);
    }
    const struct series *series = replay_source_series(source, 5);
    assert_true(slice_equal(series->gateway, SLICE("1")) && slice_equal(series->attribute, SLICE("REACTIVE_POWER")));
    assert_end(source, 18, 0, 0, 18);
    replay_source_close(source);
    replay_source_close(again);
}

static void test_synthetic_shares(void **state) {
    (void)state;
    struct replay_settings settings = synthetic_settings();
    settings.synthetic.duration = 5000 * 20000;
    settings.synthetic.disordered = 0.1;
    settings.synthetic.late = 0.05;
    settings.synthetic.bad = 0.02;
    struct replay_source *source;
    struct replay_reading reading;
    int disordered = 0, late = 0, bad = 0;
    assert_int_equal(replay_source_open(&settings, &source, NULL), 0);
    for (int64_t i = 0; replay_source_next(source, &reading, NULL) == 1; i++) {
        int64_t back = 1704067200000 + i / 6 * 5000 - reading.timestamp;
        bad += reading.bad;
        disordered += back >= 1 && back <= 240000;
        late += back >= 2 * 3600000 && back <= 30 * 3600000;
        assert_true(back == 0 || (!reading.bad && back > 0 && (back <= 240000 || back >= 2 * 3600000)));
    }
    assert_in_range(disordered, 11500, 12500);
    assert_in_range(late, 5700, 6300);
    assert_in_range(bad, 2200, 2600);
    replay_source_close(source);
}

static void test_identity(void **state) {
    (void)state;
    struct replay_settings settings = {
        .type = "electricity", .file = text_file(EDF), .day_offset = 2, .last_household = 9};
    char a[200], b[200];
    assert_int_equal(replay_source_identity(&settings, a, sizeof(a)), 0);
    assert_memory_equal(a, "electricity.data-", 17);
    assert_non_null(strstr(a, ".2.0-9"));
    settings.last_household = 8;
    assert_int_equal(replay_source_identity(&settings, b, sizeof(b)), 0);
    assert_string_not_equal(a, b);
    assert_int_equal(replay_source_identity(&settings, b, 10), ERROR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edf_rows_for_each_household),
        cmocka_unit_test(test_edf_malformed_rows),
        cmocka_unit_test(test_strict_stops_at_the_first_malformed_row),
        cmocka_unit_test(test_only_ten_problems_are_kept),
        cmocka_unit_test(test_ampds_commas_and_tabs),
        cmocka_unit_test(test_readings_csv),
        cmocka_unit_test(test_readings_json_lines),
        cmocka_unit_test(test_many_series_keep_their_numbers),
        cmocka_unit_test(test_files_that_are_refused),
        cmocka_unit_test(test_day_offset_skips_rows),
        cmocka_unit_test(test_a_line_of_ten_megabytes_is_one_malformed_row),
        cmocka_unit_test(test_gzip_whole_and_cut),
        cmocka_unit_test(test_synthetic_order_and_values),
        cmocka_unit_test(test_synthetic_shares),
        cmocka_unit_test(test_identity),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
