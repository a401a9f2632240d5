/* The default pipeline: the text of share/pipelines/aggregates.sql, which lies in the program, with the numbers and
 * the topic of the options. What the text does not ask for is not there: it is planned and run as any other file.
 *
 *     CREATE STREAM READINGS ...          topic, MAX_AHEAD
 *     CREATE TABLE AGGREGATES_60 ...  ┐
 *     CREATE TABLE AGGREGATES_900 ... ┼─  the first table of the file, once for each kind of window */
#ifndef METERLINE_CLI_RUN_DEFAULT_PIPELINE_H
#define METERLINE_CLI_RUN_DEFAULT_PIPELINE_H

#include "core/bytes.h"
#include "core/error.h"
#include "store/window.h"
#include <stddef.h>
#include <stdint.h>

enum { DEFAULT_WINDOWS_MAXIMUM = 16 };

struct default_pipeline {
    const char *topic;                                    /* of the readings */
    struct store_window windows[DEFAULT_WINDOWS_MAXIMUM]; /* by size, then by name */
    size_t window_count;
    int64_t grace, max_ahead; /* ms */
};

/* "60,600,3600", "1m,1h,1d", "3600,day@Europe/Athens". ERROR_INVALID says which one is wrong, and why. */
int default_pipeline_read_windows(const char *text, struct default_pipeline *pipeline, struct error *error);
/* The statements. */
void default_pipeline_write(const struct default_pipeline *pipeline, struct bytes *to);
/* Name of the topic of results of windows: TOPIC-aggregates-3600, TOPIC-aggregates-day.Europe.Athens; cut to `size`
 * bytes with the NUL. */
void default_pipeline_topic(const struct default_pipeline *pipeline, const struct store_window *window, char *to,
                            size_t size);

#endif
