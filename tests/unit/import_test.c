/* Import: what files of many makings are understood as, which readings come out of them, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/number.h"
#include "model/time/time.h"
#include "replay/import/state.h"

static char folder[] = "/tmp/meterline-import-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

static void file_write(char path[300], const char *name, const void *data, size_t length) {
    snprintf(path, 300, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* --- cells
 * ------------------------------------------------------------------------------------------------------------------ */

static void test_numbers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        unsigned forms;
        double point, comma;
    } cases[] = {
        {"1", NUMBER_POINT | NUMBER_COMMA, 1, 1},
        {"-12.5", NUMBER_POINT, -12.5, 0},
        {"+12,5", NUMBER_COMMA, 0, 12.5},
        {"0.122", NUMBER_POINT, 0.122, 0},
        {"0,122", NUMBER_COMMA, 0, 0.122},
        {"1.234", NUMBER_POINT | NUMBER_COMMA, 1.234, 1234},
        {"1,234", NUMBER_POINT | NUMBER_COMMA, 1234, 1.234},
        {"1.234,5", NUMBER_COMMA, 0, 1234.5},
        {"1,234,567.25", NUMBER_POINT, 1234567.25, 0},
        {"1.234.567", NUMBER_COMMA, 0, 1234567},
        {"12.34.567", 0, 0, 0},
        {"1 234,5", NUMBER_COMMA, 0, 1234.5},
        {"1\xc2\xa0"
         "234,5",
         NUMBER_COMMA, 0, 1234.5},
        {"1'234.5", NUMBER_POINT, 1234.5, 0},
        {"1'234 567.5", 0, 0, 0},
        {"1234.567", NUMBER_POINT, 1234.567, 0},
        {".5", NUMBER_POINT, 0.5, 0},
        {"-,5", NUMBER_COMMA, 0, -0.5},
        {"5.", NUMBER_POINT, 5, 0},
        {"1e3", NUMBER_POINT | NUMBER_COMMA, 1000, 1000},
        {"1,5E-2", NUMBER_COMMA, 0, 0.015},
        {"1,23", NUMBER_COMMA, 0, 1.23},
        {"12,3456", NUMBER_COMMA, 0, 12.3456},
        {"1.5 kWh", 0, 0, 0},
        {"abc", 0, 0, 0},
        {"-", 0, 0, 0},
        {"1e999", 0, 0, 0},
        {"nan", 0, 0, 0},
        {"--1", 0, 0, 0},
        {"", 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double values[2] = {0, 0};
        unsigned forms = cell_number(slice_of(cases[i].text), values);
        if (forms != cases[i].forms || (forms & NUMBER_POINT && values[0] != cases[i].point) ||
            (forms & NUMBER_COMMA && values[1] != cases[i].comma))
            fail_msg("%s: forms %u, %.17g, %.17g", cases[i].text, forms, values[0], values[1]);
    }
}

static void test_times(void **state) {
    (void)state;
    static const struct {
        const char *text;
        unsigned forms;
        const char *day_first, *month_first; /* as UTC */
        int64_t offset;                      /* minutes; -1: none */
    } cases[] = {
        {"2024-01-31 13:45", TIME_YEAR_FIRST, "2024-01-31T13:45:00Z", "2024-01-31T13:45:00Z", -1},
        {"2024-01-31T13:45:30.25Z", TIME_YEAR_FIRST, "2024-01-31T13:45:30.250Z", "2024-01-31T13:45:30.250Z", 0},
        {"2024/1/5 1:05:00+0130", TIME_YEAR_FIRST, "2024-01-05T01:05:00Z", "2024-01-05T01:05:00Z", 90},
        {"31.01.2024 24:00", TIME_DAY_FIRST, "2024-02-01T00:00:00Z", NULL, -1},
        {"01.02.24", TIME_DAY_FIRST | TIME_MONTH_FIRST, "2024-02-01T00:00:00Z", "2024-01-02T00:00:00Z", -1},
        {"1/31/2024 1:45 PM", TIME_MONTH_FIRST, NULL, "2024-01-31T13:45:00Z", -1},
        {"31/12/2024, 12:05 AM", TIME_DAY_FIRST, "2024-12-31T00:05:00Z", NULL, -1},
        {"1706705100", TIME_SECONDS, "2024-01-31T12:45:00Z", "2024-01-31T12:45:00Z", 0},
        {"1706705100123", TIME_MILLISECONDS, "2024-01-31T12:45:00.123Z", "2024-01-31T12:45:00.123Z", 0},
        {"13:45", TIME_OF_DAY, "1970-01-01T13:45:00Z", "1970-01-01T13:45:00Z", -1},
        {"29.02.2023", 0, NULL, NULL, -1},
        {"2024-13-01", 0, NULL, NULL, -1},
        {"13.13.2024", 0, NULL, NULL, -1},
        {"01.02.2024 25:00", 0, NULL, NULL, -1},
        {"01.02.2024 24:01", 0, NULL, NULL, -1},
        {"01.02.2024 13:45 PM", 0, NULL, NULL, -1},
        {"01.02-2024", 0, NULL, NULL, -1},
        {"2024-01-31 13:45 kWh", 0, NULL, NULL, -1},
        {"123", 0, NULL, NULL, -1},
        {"2024", 0, NULL, NULL, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cell_time time = cell_time(slice_of(cases[i].text));
        int64_t want;
        if (time.forms != cases[i].forms || (time.forms && time.has_offset != (cases[i].offset >= 0)) ||
            (time.forms && time.has_offset && time.offset != cases[i].offset * 60000))
            fail_msg("%s: forms %u, offset %" PRId64, cases[i].text, time.forms, time.offset);
        if (cases[i].day_first && time_read(slice_of(cases[i].day_first), &want) && want != time.day_first)
            fail_msg("%s: day first %" PRId64, cases[i].text, time.day_first);
        if (cases[i].month_first && time_read(slice_of(cases[i].month_first), &want) && want != time.month_first)
            fail_msg("%s: month first %" PRId64, cases[i].text, time.month_first);
    }
}

/* --- files
 * ------------------------------------------------------------------------------------------------------------------ */

#define UTC_ENERGY .zone = "UTC", .type = "E", .attribute = "A"
#define VIENNA     .zone = "Europe/Vienna", .type = "E", .attribute = "A", .gateway = "g"

struct file_case {
    const char *name, *text;
    struct import_settings settings;
    const char *readings; /* "KEY TIME VALUE\n" .. */
    int64_t missing, repeats, wrong, sums;
    const char *reason; /* words of the first wrong row */
    int64_t line;       /* of it */
};

static const struct file_case files[] = {
    {"decimal commas, a column a flat, a sum below",
     "Zeit;W1;W2\n31.01.2024 00:15;1,5;2\n31.01.2024 00:30;0,25;?\nSumme;1,75;2\n",
     {UTC_ENERGY},
     "W1.E.A 2024-01-31T00:15:00Z 1.5\nW2.E.A 2024-01-31T00:15:00Z 2\nW1.E.A 2024-01-31T00:30:00Z 0.25\n",
     .missing = 1,
     .sums = 1},
    {"no header, one column",
     "2024-01-01 00:00,5\n2024-01-01 01:00,6\n",
     {.gateway = "g", UTC_ENERGY},
     "g.E.A 2024-01-01T00:00:00Z 5\ng.E.A 2024-01-01T01:00:00Z 6\n"},
    {"two header rows, names and units",
     "Datum\tUhrzeit\tKeller\n\t\tkWh\n1.2.2024\t0:00\t1,0\n13.2.2024\t24:00\t2,5\n",
     {.gateway_from = "column", UTC_ENERGY},
     "Keller.E.A 2024-02-01T00:00:00Z 1\nKeller.E.A 2024-02-14T00:00:00Z 2.5\n"},
    {"a title above, another column count",
     "Export of 2024\n\nt|v\n2024-01-01T00:00Z|1.5\n",
     {.gateway = "g", .type = "E", .attribute = "A"},
     "g.E.A 2024-01-01T00:00:00Z 1.5\n"},
    {"attributes of one meter",
     "unix_ts,counter,rate\n1704067200,7.5,0\n1704067260,8,1\n",
     {.gateway = "g", .type = "W"},
     "g.W.counter 2024-01-01T00:00:00Z 7.5\ng.W.rate 2024-01-01T00:00:00Z 0\n"
     "g.W.counter 2024-01-01T00:01:00Z 8\ng.W.rate 2024-01-01T00:01:00Z 1\n"},
    {"the long form, series in turn and repeats",
     "meter,time,kwh\nb,2024-01-01T01:00Z,2\nb,2024-01-01T02:00Z,3\na,2024-01-01T01:00Z,1\na,2024-01-01T02:00+01:00,"
     "1\n",
     {.type = "E", .attribute = "A"},
     "b.E.A 2024-01-01T01:00:00Z 2\na.E.A 2024-01-01T01:00:00Z 1\nb.E.A 2024-01-01T02:00:00Z 3\n",
     .repeats = 1},
    {"another value for one time is wrong",
     "t;v\n01.01.2024 00:00;1\n01.01.2024 00:00;2\n13.01.2024;1,5\n",
     {.gateway = "g", UTC_ENERGY},
     "g.E.A 2024-01-01T00:00:00Z 1\ng.E.A 2024-01-13T00:00:00Z 1.5\n",
     .wrong = 1,
     .reason = "has 2 at 2024-01-01T00:00:00Z, and",
     .line = 3},
    {"month first, because one row says so",
     "t;v\n1/2/2024;1\n1/13/2024;2\n",
     {.gateway = "g", UTC_ENERGY},
     "g.E.A 2024-01-02T00:00:00Z 1\ng.E.A 2024-01-13T00:00:00Z 2\n"},
    {"the date's order as said",
     "t;v\n1/2/2024;1.234\n",
     {.gateway = "g", .date = "day-first", .decimal = "comma", UTC_ENERGY},
     "g.E.A 2024-02-01T00:00:00Z 1234\n"},
    {"quotes, with delimiters, quotes and newlines in them",
     "t;\"W;1\";note\n\"13.01.2024 00:00\";\"1,5\";\"a \"\"b\"\"\nc\"\n13.01.2024 00:15;2,5;x\n",
     {.gateway_from = "column", UTC_ENERGY},
     "W;1.E.A 2024-01-13T00:00:00Z 1.5\nW;1.E.A 2024-01-13T00:15:00Z 2.5\n"},
    {"a quote that does not close is one wrong row",
     "t;v\n13.01.2024 00:00;1\n13.01.2024 00:15;\"2\n13.01.2024 00:30;3,5\n",
     {.gateway = "g", UTC_ENERGY},
     "g.E.A 2024-01-13T00:00:00Z 1\ng.E.A 2024-01-13T00:30:00Z 3.5\n",
     .wrong = 1,
     .reason = "\"\"2\" is no number with a decimal comma",
     .line = 3},
    {"wrong rows of every kind",
     "t;v;w\n13.01.2024;1,5;1\nx;1;1\n14.01.2024;a;2,5\n15.01.2024;1\n16.01.2024;1.5;3\n",
     {.decimal = "comma", UTC_ENERGY},
     "v.E.A 2024-01-13T00:00:00Z 1.5\nw.E.A 2024-01-13T00:00:00Z 1\nw.E.A 2024-01-14T00:00:00Z 2.5\n"
     "w.E.A 2024-01-16T00:00:00Z 3\n",
     .wrong = 4,
     .reason = "\"x\" is no date with the day first",
     .line = 3},
    {"Windows-1252 and UTF-8 lines in one file",
     "t;K\xfc"
     "che;Stra\xc3\x9f"
     "e\n13.01.2024;1,5;2,5\n",
     {UTC_ENERGY},
     "K\xc3\xbc"
     "che.E.A 2024-01-13T00:00:00Z 1.5\nStra\xc3\x83\xc5\xb8"
     "e.E.A 2024-01-13T00:00:00Z 2.5\n"},
    {"an hour that comes twice",
     "t;v\n27.10.2024 01:30;1\n27.10.2024 02:00;2\n27.10.2024 02:30;3\n27.10.2024 02:00;4\n"
     "27.10.2024 02:30;5\n27.10.2024 03:00;6\n",
     {VIENNA},
     "g.E.A 2024-10-26T23:30:00Z 1\ng.E.A 2024-10-27T00:00:00Z 2\ng.E.A 2024-10-27T00:30:00Z 3\n"
     "g.E.A 2024-10-27T01:00:00Z 4\ng.E.A 2024-10-27T01:30:00Z 5\ng.E.A 2024-10-27T02:00:00Z 6\n"},
    {"the same, newest first",
     "t;v\n27.10.2024 03:00;6\n27.10.2024 02:30;5\n27.10.2024 02:00;4\n27.10.2024 02:30;3\n"
     "27.10.2024 02:00;2\n27.10.2024 01:30;1\n",
     {VIENNA},
     "g.E.A 2024-10-26T23:30:00Z 1\ng.E.A 2024-10-27T00:00:00Z 2\ng.E.A 2024-10-27T00:30:00Z 3\n"
     "g.E.A 2024-10-27T01:00:00Z 4\ng.E.A 2024-10-27T01:30:00Z 5\ng.E.A 2024-10-27T02:00:00Z 6\n"},
    {"the same, of two meters, one after the other",
     "meter;t;v\na;27.10.2024 02:30;1\na;27.10.2024 02:30;2\nb;27.10.2024 02:30;3\nb;27.10.2024 02:30;4\n",
     {.zone = "Europe/Vienna", .type = "E", .attribute = "A"},
     "a.E.A 2024-10-27T00:30:00Z 1\nb.E.A 2024-10-27T00:30:00Z 3\na.E.A 2024-10-27T01:30:00Z 2\nb.E.A "
     "2024-10-27T01:30:00Z 4\n"},
    {"an hour that does not exist",
     "t;v\n31.03.2024 01:30;1\n31.03.2024 02:30;2\n31.03.2024 03:00;3\n",
     {VIENNA},
     "g.E.A 2024-03-31T00:30:00Z 1\ng.E.A 2024-03-31T01:00:00Z 3\n",
     .wrong = 1,
     .reason = "31.03.2024 02:30 does not exist in Europe/Vienna",
     .line = 3},
    {"columns as said",
     "when;id;x;y\n13.01.2024;q;1,5;2\n",
     {.zone = "UTC",
      .type = "E",
      .columns = (const char *[]){"id=ignore", "x=value X1.WATER.FLOW", "column 4=value other"},
      .column_count = 3,
      .gateway = "g"},
     "X1.WATER.FLOW 2024-01-13T00:00:00Z 1.5\ng.E.other 2024-01-13T00:00:00Z 2\n"},
    {"names of columns that are there twice or missing",
     "t,a,a,\n2024-01-13,1,2,3\n",
     {UTC_ENERGY},
     "a.E.A 2024-01-13T00:00:00Z 1\na (column 3).E.A 2024-01-13T00:00:00Z 2\ncolumn 4.E.A 2024-01-13T00:00:00Z 3\n"},
    {"the header once more",
     "t;v\n13.01.2024;1\nt;v\n14.01.2024;2\n",
     {.gateway = "g", UTC_ENERGY},
     "g.E.A 2024-01-13T00:00:00Z 1\ng.E.A 2024-01-14T00:00:00Z 2\n",
     .sums = 1},
};

static void readings_text(const struct import *import, struct bytes *to) {
    for (size_t i = 0; i < import->reading_count; i++) {
        const struct import_reading *reading = &import->readings[i];
        const struct series *series = &import->source.series[reading->series];
        char time[TIME_TEXT_SIZE], value[NUMBER_DOUBLE_SIZE];
        bytes_append_format(to, "%.*s.%.*s.%.*s ", (int)series->gateway.length, series->gateway.data,
                            (int)series->type.length, series->type.data, (int)series->attribute.length,
                            series->attribute.data);
        bytes_append(to, time, time_write(time, reading->time));
        bytes_append_char(to, ' ');
        bytes_append(to, value, number_write_double(value, reading->value));
        bytes_append_char(to, '\n');
    }
    bytes_append_char(to, '\0');
}

static void assert_file(const struct file_case *file, const char *path) {
    struct import *import;
    struct error error = {0};
    struct bytes text = {0};
    if (import_open(&file->settings, (const char *[]){path}, 1, &import, &error))
        fail_msg("%s: %s", file->name, error.message);
    readings_text(import, &text);
    if (strcmp(text.data, file->readings) != 0)
        fail_msg("%s: wanted\n%s, got\n%s", file->name, file->readings, text.data);
    const struct import_counts *counts = import_counts(import);
    if (counts->missing != file->missing || counts->repeats != file->repeats || counts->wrong != file->wrong ||
        counts->sums != file->sums)
        fail_msg("%s: missing %" PRId64 ", repeats %" PRId64 ", wrong %" PRId64 ", sums %" PRId64, file->name,
                 counts->missing, counts->repeats, counts->wrong, counts->sums);
    if (file->wrong) {
        struct import_wrong wrong = import_wrong(import, 0);
        if (!memmem(wrong.reason.data, wrong.reason.length, file->reason, strlen(file->reason)) ||
            wrong.line != file->line)
            fail_msg("%s: line %" PRId64 ": %.*s", file->name, wrong.line, (int)wrong.reason.length, wrong.reason.data);
    }
    bytes_release(&text);
    import_close(import);
}

static void test_files(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[300];
        file_write(path, "file.csv", files[i].text, strlen(files[i].text));
        assert_file(&files[i], path);
        unlink(path);
    }
}

/* The same, as UTF-16 of both orders, with and without a mark; only files that are ASCII. */
static void test_utf16(void **state) {
    (void)state;
    static const struct file_case file = {"UTF-16",
                                          "t;v\n13.01.2024;1\n14.01.2024;2,5\n",
                                          {.gateway = "g", UTC_ENERGY},
                                          "g.E.A 2024-01-13T00:00:00Z 1\ng.E.A 2024-01-14T00:00:00Z 2.5\n"};
    for (int kind = 0; kind < 4; kind++) {
        char path[300], wide[200];
        size_t length = 0;
        bool big = kind & 1, mark = kind & 2;
        for (int at = mark ? -1 : 0; at < 0 || file.text[at]; at++) {
            unsigned unit = at < 0 ? 0xfeffu : (unsigned char)file.text[at];
            wide[length++] = (char)(big ? unit >> 8 : unit & 255);
            wide[length++] = (char)(big ? unit & 255 : unit >> 8);
        }
        file_write(path, "wide.csv", wide, length);
        assert_file(&file, path);
        unlink(path);
    }
}

static const struct {
    const char *text;
    struct import_settings settings;
    const char *words[3];
} refusals[] = {
    {"t;v\n1/2/2024;1\n3/4/2024;2\n",
     {.gateway = "g", UTC_ENERGY},
     {"file.csv:2: 1/2/2024 can be 2024-02-01 (day first) or 2024-01-02 (month first)", "--date day-first",
      "--date month-first"}},
    {"t;v\n13/2/2024;1\n3/14/2024;2\n",
     {.gateway = "g", UTC_ENERGY},
     {"on line 2 13/2/2024 can only have the day first", "on line 3 3/14/2024 only the month", "--date"}},
    {"t;v\n13.2.2024;1.234\n",
     {.gateway = "g", UTC_ENERGY},
     {"file.csv:2: 1.234 can be 1.234 (decimal point) or 1234 (decimal comma)", "--decimal point", "comma"}},
    {"t;v\n13.2.2024;1.5\n14.2.2024;2,5\n",
     {.gateway = "g", UTC_ENERGY},
     {"1.5 on line 2 has a decimal point", "2,5 on line 3 a decimal comma", "--decimal"}},
    {"t;a;b\n13.2.2024;1;2\n",
     {.zone = "UTC", .type = "E"},
     {"\"a\", \"b\" .. can be a meter (gateway) each", "--attribute ENERGY", "--gateway NAME"}},
    {"t;a;b\n13.2.2024;1;2\n",
     {.gateway = "g", UTC_ENERGY},
     {"would all be the same series", "\"a\", \"b\"", "--column"}},
    {"t;a\n13.2.2024;1\n", {UTC_ENERGY}, {"which meter is it of? --gateway NAME", "", ""}},
    {"t;a\n13.2.2024;1\n", {.gateway = "g", .zone = "UTC", .attribute = "A"}, {"what is metered? --type", "", ""}},
    {"t;a\n13.2.2024;1\n",
     {.gateway = "g", .type = "E", .attribute = "A"},
     {"times such as \"13.2.2024\" say no time zone", "--zone Europe/Vienna", "--zone UTC"}},
    {"von;bis;a\n13.2.2024 00:00;13.2.2024 01:00;1\n",
     {.gateway = "g", UTC_ENERGY},
     {"columns \"von\" and \"bis\" both hold dates", "--column 'von=time'", ""}},
    {"t;who;a\n13.2.2024;x;1\n", {UTC_ENERGY}, {"which meter is a row of?", "--column 'who=gateway'", "(\"x\")"}},
    {"", {UTC_ENERGY}, {"is empty", "", ""}},
    {"a;b\nc;d\n", {UTC_ENERGY}, {"its rows are no columns with times and numbers", "; , tab |", "\"a;b\""}},
    {"1;2\n3;4\n", {UTC_ENERGY}, {"no row of the first 2 has a date and a number", "--delimiter", ""}},
    {"t;a\n13.2.2024;1\n",
     {.zone = "Europe/Wien", .type = "E", .attribute = "A"},
     {"unknown time zone 'Europe/Wien'", "", ""}},
    {"t;a\n13.2.2024;1\n",
     {UTC_ENERGY, .columns = (const char *[]){"b=value"}, .column_count = 1},
     {"no column is called \"b\"", "file.csv has t, a", ""}},
    {"t;a\n13.2.2024;1\n",
     {UTC_ENERGY, .columns = (const char *[]){"a=vallue"}, .column_count = 1},
     {"--column 'a=vallue'", "value GATEWAY.TYPE.ATTRIBUTE", ""}},
};

static void test_refusals(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        char path[300];
        struct import *import;
        struct error error = {0};
        file_write(path, "file.csv", refusals[i].text, strlen(refusals[i].text));
        assert_int_equal(import_open(&refusals[i].settings, (const char *[]){path}, 1, &import, &error), ERROR_INVALID);
        for (size_t k = 0; k < 3; k++)
            if (!strstr(error.message, refusals[i].words[k]))
                fail_msg("%zu: \"%s\" does not say \"%s\"", i, error.message, refusals[i].words[k]);
        import_close(import);
        unlink(path);
    }
}

/* Files that leave something open follow those that do not; their readings come in the order of time. */
static void test_files_together(void **state) {
    (void)state;
    char a[300], b[300], c[300];
    struct import *import;
    struct error error = {0};
    struct bytes text = {0};
    file_write(a, "a.csv", "t;v\n03/02/2024;1.234\n", 20);
    file_write(b, "b.csv", "t;v\n13/01/2024;1,5\n", 18);
    file_write(c, "c.csv", "t;v\n13/01/2024;1,5\n", 18);
    struct import_settings settings = {.gateway = "g", UTC_ENERGY};
    if (import_open(&settings, (const char *[]){a, b, c}, 3, &import, &error))
        fail_msg("%s", error.message);
    readings_text(import, &text);
    assert_string_equal(text.data, "g.E.A 2024-01-13T00:00:00Z 1.5\ng.E.A 2024-02-03T00:00:00Z 1234\n");
    assert_int_equal(import_counts(import)->repeats, 1);
    bytes_release(&text);
    import_close(import);
    unlink(a);
    unlink(b);
    unlink(c);
}

/* What was appended between the two readings of a file is left, with a last row that was not whole. */
static void test_growth(void **state) {
    (void)state;
    static const struct {
        const char *first, *more;
        size_t readings;
    } cases[] = {{"t;v\n13.01.2024;1\n", "14.01.2024;2\n", 1},
                 {"t;v\n13.01.2024;1\n14.01.2024;2", "5,5\n15.01.2024;3\n", 1},
                 {"t;v\n13.01.2024;1\n14.01.2024;2", "", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[300];
        struct error error = {0};
        struct import_file file = {path, -1};
        struct layout layout = {0};
        struct import import = {
            .settings = {.gateway = "g", UTC_ENERGY}, .files = &file, .layouts = &layout, .file_count = 1};
        import.zone = time_zone_utc;
        file_write(path, "grows.csv", cases[i].first, strlen(cases[i].first));
        assert_int_equal(layout_sniff(&import.settings, &file, &import.arena, &layout, &error), 0);
        assert_int_equal(layout_settle(&import.settings, &layout, 1, &import.arena, &error), 0);
        FILE *grows = fopen(path, "ab");
        fputs(cases[i].more, grows);
        fclose(grows);
        assert_int_equal(import_load(&import, &error), 0);
        assert_int_equal(import.reading_count, cases[i].readings);
        free(import.readings);
        free(import.source.series);
        free(import.source.slots);
        arena_release(&import.source.arena);
        arena_release(&import.arena);
        arena_release(&import.row);
        unlink(path);
    }
}

/* The map of a file reads it in the same way, and says what is wrong in it. */
static void test_maps(void **state) {
    (void)state;
    char path[300], map[300];
    struct import *import;
    struct error error = {0};
    struct bytes text = {0};
    struct arena arena = {0};
    struct import_settings settings = {
        .columns = (const char *[]){"W 1=value first", "x=value g.E.B"}, .column_count = 2, UTC_ENERGY};
    file_write(path, "file.csv", "t;W 1;x;Summe\n13.01.2024;1,5;2;3,5\n", 36);
    if (import_open(&settings, (const char *[]){path}, 1, &import, &error))
        fail_msg("%s", error.message);
    import_map_write(import, &text);
    file_write(map, "map", text.data, text.length);
    import_close(import);
    text.length = 0;
    struct import_settings read = {.attribute = "B"};
    assert_int_equal(import_map_read(map, &arena, &read, &error), 0);
    assert_string_equal(read.attribute, "B");
    assert_string_equal(read.decimal, "comma");
    if (import_open(&read, (const char *[]){path}, 1, &import, &error))
        fail_msg("%s", error.message);
    readings_text(import, &text);
    assert_string_equal(text.data, "first.E.B 2024-01-13T00:00:00Z 1.5\ng.E.B 2024-01-13T00:00:00Z 2\n");
    import_close(import);
    file_write(map, "map", "zone = UTC\nzoen = UTC\n", 22);
    assert_int_equal(import_map_read(map, &arena, &read, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "map:2: \"zoen = UTC\" is no line of a map"));
    assert_non_null(strstr(error.message, "did you mean zone?"));
    bytes_release(&text);
    arena_release(&arena);
    unlink(path);
    unlink(map);
}

/* Most rows wrong: the file was understood wrongly. Very long lines and very many columns are read within bounds. */
static void test_bounds(void **state) {
    (void)state;
    char path[300];
    struct import *import;
    struct error error = {0};
    struct bytes text = {0};
    struct import_settings settings = {.gateway = "g", UTC_ENERGY};
    bytes_append_string(&text, "t;v\n13.01.2024;1,5\n");
    for (int i = 0; i < 30; i++)
        bytes_append_string(&text, "x;1\n");
    file_write(path, "file.csv", text.data, text.length);
    assert_int_equal(import_open(&settings, (const char *[]){path}, 1, &import, &error), ERROR_INVALID);
    if (!strstr(error.message, "30 of 31 rows are wrong"))
        fail_msg("%s", error.message);
    import_close(import);
    text.length = 0;
    bytes_append_string(&text, "t;v\n13.01.2024;1,5\n");
    memset(bytes_reserve(&text, 10000000), 'x', 10000000);
    text.length += 10000000;
    bytes_append_string(&text, "\n14.01.2024;2\n");
    file_write(path, "file.csv", text.data, text.length);
    assert_int_equal(import_open(&settings, (const char *[]){path}, 1, &import, &error), 0);
    assert_int_equal(import_counts(import)->readings, 2);
    assert_int_equal(import_counts(import)->wrong, 1);
    assert_int_equal(import_wrong(import, 0).line, 3);
    import_close(import);
    text.length = 0;
    bytes_append_string(&text, "t");
    for (int i = 0; i < 5000; i++)
        bytes_append_format(&text, ",m%d", i);
    bytes_append_string(&text, "\n2024-01-13");
    for (int i = 0; i < 5000; i++)
        bytes_append_format(&text, ",%d.5", i);
    file_write(path, "file.csv", text.data, text.length);
    settings.gateway = NULL;
    assert_int_equal(import_open(&settings, (const char *[]){path}, 1, &import, &error), 0);
    assert_int_equal(import_counts(import)->readings, 5000);
    import_close(import);
    bytes_release(&text);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_times),    cmocka_unit_test(test_files),
        cmocka_unit_test(test_utf16),   cmocka_unit_test(test_refusals), cmocka_unit_test(test_files_together),
        cmocka_unit_test(test_growth),  cmocka_unit_test(test_maps),     cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
