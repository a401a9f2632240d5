#include "batch/job.h"

#include <stdbool.h>
#include <string.h>

static const char job_keyword[] = "-- parameter ";

static struct slice slice_trim(struct slice text) {
    while (text.length && char_among(text.data[0], " \t\r"))
        text = (struct slice){text.data + 1, text.length - 1};
    while (text.length && char_among(text.data[text.length - 1], " \t\r"))
        text.length--;
    return text;
}

static bool job_name_valid(struct slice name) {
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (i && c >= '0' && c <= '9')))
            return false;
    }
    return name.length > 0;
}

static struct job_parameter *job_find(struct job *job, struct slice name) {
    for (size_t i = 0; i < job->count; i++)
        if (slice_equal(job->parameters[i].name, name))
            return &job->parameters[i];
    return NULL;
}

/* "name = fallback: help", of which the last two may be missing. A fallback may have colons, but none with a space
 * after it. */
static int job_declare(struct job *job, struct slice line, size_t number, struct error *error) {
    struct job_parameter parameter = {0};
    size_t colon = 0;
    while (colon < line.length &&
           !(line.data[colon] == ':' && (colon + 1 == line.length || line.data[colon + 1] == ' ')))
        colon++;
    struct slice head = {line.data, colon};
    if (colon < line.length)
        parameter.help = slice_trim((struct slice){line.data + colon + 1, line.length - colon - 1});
    const char *equals = memchr(head.data, '=', head.length);
    if (equals) {
        size_t at = (size_t)(equals - head.data);
        parameter.fallback = slice_trim((struct slice){equals + 1, head.length - at - 1});
        head.length = at;
    }
    parameter.name = slice_trim(head);
    if (!job_name_valid(parameter.name))
        return error_set(error, ERROR_INVALID,
                         "line %zu: '%.*s' is no name of a parameter; write '-- parameter NAME = VALUE: what it is'",
                         number, (int)(parameter.name.length < 80 ? parameter.name.length : 80), parameter.name.data);
    if (job_find(job, parameter.name))
        return error_set(error, ERROR_INVALID, "line %zu: parameter %.*s is declared twice", number,
                         (int)parameter.name.length, parameter.name.data);
    if (job->count == JOB_PARAMETERS_MAXIMUM)
        return error_set(error, ERROR_INVALID, "line %zu: more than %d parameters", number, JOB_PARAMETERS_MAXIMUM);
    job->parameters[job->count++] = parameter;
    return 0;
}

int job_read(struct slice text, struct job *ret_job, struct error *error) {
    struct job job = {.text = text};
    size_t number = 0, keyword = sizeof job_keyword - 1;
    int status = 0;
    for (size_t at = 0; at < text.length && !status;) {
        const char *end = memchr(text.data + at, '\n', text.length - at);
        struct slice line = {text.data + at, end ? (size_t)(end - text.data) - at : text.length - at};
        number++;
        at += line.length + 1;
        if (line.length > keyword && memcmp(line.data, job_keyword, keyword) == 0)
            status = job_declare(&job, (struct slice){line.data + keyword, line.length - keyword}, number, error);
    }
    if (!status)
        *ret_job = job;
    return status;
}

/* "a, b, c" into `to`. */
static void job_names(const struct job *job, char *to, size_t size) {
    size_t length = 0;
    to[0] = '\0';
    for (size_t i = 0; i < job->count; i++) {
        struct slice name = job->parameters[i].name;
        if (length + name.length + 3 > size)
            return;
        if (i) {
            memcpy(to + length, ", ", 2);
            length += 2;
        }
        memcpy(to + length, name.data, name.length);
        length += name.length;
        to[length] = '\0';
    }
}

int job_set(struct job *job, const char *assignment, struct error *error) {
    char names[400];
    const char *equals = strchr(assignment, '=');
    if (!equals)
        return error_set(error, ERROR_INVALID, "'%.80s' is no NAME=VALUE", assignment);
    struct job_parameter *parameter = job_find(job, (struct slice){assignment, (size_t)(equals - assignment)});
    job_names(job, names, sizeof names);
    if (!parameter)
        return error_set(error, ERROR_INVALID, "the job has no parameter '%.*s'; it has: %s",
                         (int)(equals - assignment), assignment, *names ? names : "none");
    parameter->value = slice_of(equals + 1);
    return 0;
}

static void job_quoted(struct bytes *to, struct slice value) {
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] == '\'')
            bytes_append_char(to, '\'');
        bytes_append_char(to, value.data[i]);
    }
}

int job_write(const struct job *job, struct bytes *to, struct error *error) {
    struct slice text = job->text;
    for (size_t at = 0; at < text.length;) {
        const char *close = text.length - at > 2 && memcmp(text.data + at, "${", 2) == 0
                                ? memchr(text.data + at, '}', text.length - at)
                                : NULL;
        if (!close) {
            bytes_append_char(to, text.data[at++]);
            continue;
        }
        struct slice name = {text.data + at + 2, (size_t)(close - text.data) - at - 2};
        const struct job_parameter *parameter = job_find((struct job *)job, name);
        if (!parameter)
            return error_set(error, ERROR_INVALID,
                             "${%.*s} is not declared; write '-- parameter %.*s = VALUE: what it is' above the "
                             "statement",
                             (int)name.length, name.data, (int)name.length, name.data);
        if (!parameter->value.data && !parameter->fallback.data)
            return error_set(error, ERROR_INVALID, "the job needs parameter %.*s: --set %.*s=VALUE%s%.*s",
                             (int)name.length, name.data, (int)name.length, name.data,
                             parameter->help.length ? ", " : "", (int)parameter->help.length,
                             parameter->help.length ? parameter->help.data : "");
        job_quoted(to, parameter->value.data ? parameter->value : parameter->fallback);
        at += name.length + 3;
    }
    bytes_append_char(to, '\0');
    return to->failed ? error_no_memory(error) : 0;
}
