/* Reports as text, JSON and HTML. */
#include "batch/report.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "codec/json/json.h"
#include "core/memory.h"
#include "core/number.h"
#include "model/time/time.h"

static void write_double(struct bytes *to, double value) {
    char text[NUMBER_DOUBLE_SIZE];
    double shown = isfinite(value) ? value : copysign(DBL_MAX, value); /* a difference of the largest doubles */
    bytes_append(to, text, number_write_double(text, shown));
}

static void write_time(struct bytes *to, int64_t time) {
    char text[TIME_TEXT_SIZE];
    bytes_append(to, text, time_write(text, time));
}

/* --- text
 * ------------------------------------------------------------------------------------------------------------------ */

static void text_counts(const struct report *report, struct bytes *to) {
    bytes_append_string(to, "class        ");
    for (size_t i = 0; i < report->size_count; i++)
        bytes_append_format(to, " %10" PRId64 " s", report->sizes[i] / 1000);
    bytes_append_string(to, "\n");
    for (int class = 0; class < CLASSES; class ++) {
        if (!report_total(report, (enum comparison_class) class) && class != CLASS_SAME && class != CLASS_UNEXPLAINED)
            continue;
        bytes_append_format(to, "%-13s", comparison_class_names[class]);
        for (size_t i = 0; i < report->size_count; i++)
            bytes_append_format(to, " %12" PRIu64, report->counts[i][class]);
        bytes_append_string(to, "\n");
    }
}

static void text_values(struct bytes *to, const char *name, const struct comparison_values *values) {
    bytes_append_format(to, "  %s ", name);
    if (!values->there) {
        bytes_append_string(to, "none");
        return;
    }
    bytes_append_format(to, "n=%" PRIu64 " min=", values->count);
    write_double(to, values->minimum);
    bytes_append_string(to, " max=");
    write_double(to, values->maximum);
    bytes_append_string(to, " sum=");
    write_double(to, values->sum);
}

static void text_window(const struct report_window *window, struct bytes *to) {
    bytes_append_format(to, "%-13s ", comparison_class_names[window->class]);
    bytes_append_slice(to, window->key);
    bytes_append_format(to, " %" PRId64 " s ", window->size / 1000);
    write_time(to, window->start);
    text_values(to, "batch", &window->batch);
    text_values(to, "store", &window->store);
    if (window->store.there)
        bytes_append_format(to, " revision=%" PRId64, window->store.revision);
    if (window->late)
        bytes_append_format(to, "  late n=%" PRIu64, window->late);
    bytes_append_string(to, "\n");
}

static void text_partitions(const struct readings *readings, struct bytes *to) {
    if (readings->lake_snapshot)
        bytes_append_format(to,
                            "lake: %" PRId64 " readings in %zu files, snapshot %" PRId64 "; log: %" PRId64
                            " records that it does not have yet\n",
                            readings->lake_records, readings->file_count, readings->lake_snapshot,
                            readings->tail_records);
    else
        bytes_append_format(to, "lake: none; log: %" PRId64 " records\n", readings->tail_records);
    for (size_t i = 0; i < readings->partition_count; i++) {
        const struct readings_partition *partition = &readings->partitions[i];
        if (partition->log_end == 0)
            continue;
        bytes_append_format(to, "  %s/%" PRId32 ": log %" PRId64 "..%" PRId64, readings->settings.topic,
                            partition->tail.partition, partition->log_start, partition->log_end);
        if (partition->lake_position >= 0)
            bytes_append_format(to, ", lake up to %" PRId64, partition->lake_position);
        bytes_append_format(to, ", read from the log %" PRId64 "..%" PRId64 "\n", partition->tail.from,
                            partition->tail.to);
    }
}

void report_text(const struct report *report, const struct readings *readings, struct bytes *to) {
    text_partitions(readings, to);
    text_counts(report, to);
    if (report->greatest_count)
        bytes_append_string(to, "\ngreatest differences\n");
    for (size_t i = 0; i < report->greatest_count; i++)
        text_window(&report->greatest[i], to);
}

/* --- JSON: one object
 * ------------------------------------------------------------------------------------------------------------------ */

static void json_values(struct bytes *to, const char *name, const struct comparison_values *values) {
    bytes_append_format(to, ",\"%s\":", name);
    if (!values->there) {
        bytes_append_string(to, "null");
        return;
    }
    bytes_append_format(to, "{\"sampleCount\":%" PRIu64 ",\"min\":", values->count);
    write_double(to, values->minimum);
    bytes_append_string(to, ",\"max\":");
    write_double(to, values->maximum);
    bytes_append_string(to, ",\"sum\":");
    write_double(to, values->sum);
    bytes_append_format(to, ",\"revision\":%" PRId64 "}", values->revision);
}

static void json_window(const struct report_window *window, struct bytes *to) {
    bytes_append_format(to, "{\"class\":\"%s\",\"series\":", comparison_class_names[window->class]);
    json_write_string(to, window->key);
    bytes_append_format(to, ",\"window\":%" PRId64 ",\"windowStart\":\"", window->size / 1000);
    write_time(to, window->start);
    bytes_append_char(to, '"');
    json_values(to, "batch", &window->batch);
    json_values(to, "store", &window->store);
    bytes_append_format(to, ",\"late\":%" PRIu64 "}", window->late);
}

static void json_partitions(const struct readings *readings, struct bytes *to) {
    bytes_append_format(to,
                        "\"lake\":{\"snapshot\":%" PRId64 ",\"files\":%zu,\"readings\":%" PRId64
                        "},\"log\":{\"records\":%" PRId64 ",\"partitions\":[",
                        readings->lake_snapshot, readings->file_count, readings->lake_records, readings->tail_records);
    for (size_t i = 0; i < readings->partition_count; i++) {
        const struct readings_partition *partition = &readings->partitions[i];
        bytes_append_format(to,
                            "%s{\"partition\":%" PRId32 ",\"start\":%" PRId64 ",\"end\":%" PRId64
                            ",\"lakePosition\":%" PRId64 ",\"readFrom\":%" PRId64 ",\"readTo\":%" PRId64 "}",
                            i ? "," : "", partition->tail.partition, partition->log_start, partition->log_end,
                            partition->lake_position, partition->tail.from, partition->tail.to);
    }
    bytes_append_string(to, "]}");
}

void report_json(const struct report *report, const struct readings *readings, struct bytes *to) {
    bytes_append_char(to, '{');
    json_partitions(readings, to);
    bytes_append_string(to, ",\"windows\":[");
    for (size_t i = 0; i < report->size_count; i++) {
        bytes_append_format(to, "%s{\"window\":%" PRId64, i ? "," : "", report->sizes[i] / 1000);
        for (int class = 0; class < CLASSES; class ++)
            bytes_append_format(to, ",\"%s\":%" PRIu64, comparison_class_names[class], report->counts[i][class]);
        bytes_append_char(to, '}');
    }
    bytes_append_format(to, "],\"failures\":%" PRIu64 ",\"greatest\":[", report_failures(report));
    for (size_t i = 0; i < report->greatest_count; i++) {
        bytes_append_string(to, i ? "," : "");
        json_window(&report->greatest[i], to);
    }
    bytes_append_string(to, "],\"series\":[");
    for (size_t i = 0; i < report->series_count; i++) {
        bytes_append_string(to, i ? ",{\"series\":" : "{\"series\":");
        json_write_string(to, report->series[i].key);
        bytes_append_format(to, ",\"windows\":%" PRIu64 ",\"difference\":", report->series[i].windows);
        write_double(to, report->series[i].difference);
        bytes_append_char(to, '}');
    }
    bytes_append_string(to, "]}\n");
}

/* --- HTML: a page without scripts or other files
 * ------------------------------------------------------------------------------------------------------------------ */

static const char html_head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>meterline: reconcile</title><style>\n"
    "body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;color:#222}\n"
    "table{border-collapse:collapse;margin:1em 0}th,td{padding:.25em .8em;border-bottom:1px solid "
    "#ddd;text-align:left}\n"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#b00020;font-weight:600}.good{color:#"
    "1b6e3c}\n"
    "</style></head><body>\n<h1>Batch against the store</h1>\n";

static void html_text(struct bytes *to, struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '<' || c == '&' || c == '>' || c == '"')
            bytes_append_format(to, "&#%d;", c);
        else
            bytes_append_char(to, c);
    }
}

static void html_counts(const struct report *report, struct bytes *to) {
    bytes_append_string(to, "<table><tr><th>class</th>");
    for (size_t i = 0; i < report->size_count; i++)
        bytes_append_format(to, "<th class=\"n\">%" PRId64 " s</th>", report->sizes[i] / 1000);
    bytes_append_string(to, "</tr>\n");
    for (int class = 0; class < CLASSES; class ++) {
        bool bad =
            comparison_fails((enum comparison_class) class) && report_total(report, (enum comparison_class) class);
        bytes_append_format(to, "<tr%s><td>%s</td>", bad ? " class=\"bad\"" : "", comparison_class_names[class]);
        for (size_t i = 0; i < report->size_count; i++)
            bytes_append_format(to, "<td class=\"n\">%" PRIu64 "</td>", report->counts[i][class]);
        bytes_append_string(to, "</tr>\n");
    }
    bytes_append_string(to, "</table>\n");
}

static void html_values(const struct comparison_values *values, struct bytes *to) {
    bytes_append_string(to, "<td class=\"n\">");
    if (values->there)
        bytes_append_format(to, "%" PRIu64, values->count);
    bytes_append_string(to, "</td><td class=\"n\">");
    if (values->there)
        write_double(to, values->sum);
    bytes_append_string(to, "</td>");
}

static void html_greatest(const struct report *report, struct bytes *to) {
    bytes_append_string(to, "<h2>Greatest differences</h2>\n<table><tr><th>class</th><th>series</th><th>window</th>"
                            "<th>start</th><th class=\"n\">batch n</th><th class=\"n\">batch sum</th><th "
                            "class=\"n\">store n</th><th class=\"n\">store sum</th><th class=\"n\">late</th></tr>\n");
    for (size_t i = 0; i < report->greatest_count; i++) {
        const struct report_window *window = &report->greatest[i];
        bytes_append_format(to, "<tr%s><td>%s</td><td>", comparison_fails(window->class) ? " class=\"bad\"" : "",
                            comparison_class_names[window->class]);
        html_text(to, window->key);
        bytes_append_format(to, "</td><td>%" PRId64 " s</td><td>", window->size / 1000);
        write_time(to, window->start);
        bytes_append_string(to, "</td>");
        html_values(&window->batch, to);
        html_values(&window->store, to);
        bytes_append_format(to, "<td class=\"n\">%" PRIu64 "</td></tr>\n", window->late);
    }
    bytes_append_string(to, "</table>\n");
}

static void html_series(const struct report *report, struct bytes *to) {
    bytes_append_string(to, "<h2>By series</h2>\n<table><tr><th>series</th><th class=\"n\">windows that differ</th><th "
                            "class=\"n\">batch less store, largest windows</th></tr>\n");
    for (size_t i = 0; i < report->series_count; i++) {
        bytes_append_string(to, "<tr><td>");
        html_text(to, report->series[i].key);
        bytes_append_format(to, "</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">", report->series[i].windows);
        write_double(to, report->series[i].difference);
        bytes_append_string(to, "</td></tr>\n");
    }
    bytes_append_string(to, "</table>\n");
}

void report_html(const struct report *report, const struct readings *readings, struct bytes *to) {
    uint64_t failures = report_failures(report);
    bytes_append_string(to, html_head);
    if (failures)
        bytes_append_format(to, "<p class=\"bad\">%" PRIu64 " windows are missing or not explained.</p>\n", failures);
    else
        bytes_append_string(to, "<p class=\"good\">Every difference is explained.</p>\n");
    html_counts(report, to);
    if (report->greatest_count)
        html_greatest(report, to);
    if (report->series_count)
        html_series(report, to);
    bytes_append_string(to, "<h2>Where the readings came from</h2>\n<pre>");
    cleanup(bytes_release) struct bytes partitions = {0};
    text_partitions(readings, &partitions);
    html_text(to, bytes_slice(&partitions));
    bytes_append_string(to, "</pre>\n</body></html>\n");
    to->failed |= partitions.failed;
}
