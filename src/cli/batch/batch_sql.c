#include "cli/batch/batch_sql.h"

#include <histedit.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "batch/job.h"
#include "cli/batch/batch_print.h"
#include "cli/text_file.h"
#include "core/memory.h"

static enum table_format sql_format(const struct batch_settings *settings, struct error *error, int *ret_status) {
    *ret_status = settings->format && strcmp(settings->format, "html") == 0
                      ? error_set(error, ERROR_INVALID, "rows are printed as table, csv or json; html is for reconcile")
                      : 0;
    return table_format_of(settings->format);
}

/* --- jobs
 * ------------------------------------------------------------------------------------------------------------------ */

static int job_prepare(const struct batch_settings *settings, const char *path, struct bytes *text, struct bytes *sql,
                       struct error *error) {
    struct job job;
    int status = cli_read_text(path, text, error);
    if (!status)
        status = job_read(bytes_slice(text), &job, error);
    for (size_t i = 0; i < settings->parameters.count && !status; i++)
        status = job_set(&job, settings->parameters.items[i], error);
    if (!status)
        status = job_write(&job, sql, error);
    return status ? error_wrap(error, "%s", path) : 0;
}

/* The statement without spaces and a semicolon at its end, as it goes into COPY. */
static size_t job_length(const struct bytes *sql) {
    size_t length = strlen(sql->data);
    while (length && char_among(sql->data[length - 1], " \t\r\n;"))
        length--;
    return length;
}

static int job_copy(struct olap_connection *connection, const struct bytes *sql, const char *format, const char *output,
                    struct error *error) {
    cleanup(bytes_release) struct bytes copy = {0};
    bytes_append_string(&copy, "COPY (");
    bytes_append(&copy, sql->data, job_length(sql));
    bytes_append_string(&copy, "\n) TO ");
    olap_quote(&copy, slice_of(output));
    bytes_append_string(&copy,
                        strcmp(format, "csv") == 0 ? " (FORMAT csv, HEADER)" : " (FORMAT parquet, COMPRESSION zstd)");
    bytes_append_char(&copy, '\0');
    return copy.failed ? error_no_memory(error) : olap_execute(connection, copy.data, error);
}

int batch_run_job(const struct batch_settings *settings, const char *operand, int *ret_exit, struct error *error) {
    cleanup(bytes_release) struct bytes text = {0}, sql = {0};
    struct batch_session session;
    int status;
    bool printed = strcmp(settings->into, "table") == 0;
    enum table_format format = sql_format(settings, error, &status);
    *ret_exit = 0;
    if (!status && printed == (settings->output != NULL))
        status = error_set(error, ERROR_INVALID,
                           printed ? "--output is for --into csv and --into parquet"
                                   : "--into csv and --into parquet need --output FILE");
    if (!status)
        status = job_prepare(settings, operand, &text, &sql, error);
    if (!status)
        status = batch_session_open(settings, false, &session, error);
    if (status)
        return status;
    status = printed ? batch_print(session.connection, sql.data, format, error)
                     : job_copy(session.connection, &sql, settings->into, settings->output, error);
    if (status)
        status = readings_name_damage(&session.readings, session.connection, error);
    batch_session_close(&session);
    return status ? error_wrap(error, "%s", operand) : 0;
}

/* --- the prompt
 * ------------------------------------------------------------------------------------------------------------------ */

static char *prompt_first(EditLine *line) {
    (void)line;
    static char text[] = "batch> ";
    return text;
}

static char *prompt_more(EditLine *line) {
    (void)line;
    static char text[] = "  ...> ";
    return text;
}

/* Does the text end a statement? */
static bool prompt_complete(const struct bytes *text) {
    size_t length = text->length;
    while (length && char_among(text->data[length - 1], " \t\r\n"))
        length--;
    return length && text->data[length - 1] == ';';
}

static bool prompt_leaves(struct slice text) {
    while (text.length && char_among(text.data[text.length - 1], " \t\r\n;"))
        text.length--;
    return slice_equal(text, SLICE("exit")) || slice_equal(text, SLICE("quit"));
}

/* A new session for each statement: it sees the newest readings and windows, all of one moment. */
static void prompt_run(const struct batch_settings *settings, const char *sql, enum table_format format) {
    struct batch_session session;
    struct error error;
    cli_go_on();
    int status = batch_session_open(settings, false, &session, &error);
    if (!status) {
        status = batch_print(session.connection, sql, format, &error);
        if (status)
            status = readings_name_damage(&session.readings, session.connection, &error);
        batch_session_close(&session);
    }
    if (status)
        fprintf(stderr, "%s\n", error.message);
}

static void prompt_loop(const struct batch_settings *settings, EditLine *line, History *past,
                        enum table_format format) {
    cleanup(bytes_release) struct bytes text = {0};
    HistEvent event;
    const char *read;
    int length;
    for (;;) {
        el_set(line, EL_PROMPT, text.length ? prompt_more : prompt_first);
        read = el_gets(line, &length);
        if (!read || length <= 0 || text.failed)
            return;
        bytes_append(&text, read, (size_t)length);
        if (prompt_leaves(bytes_slice(&text)))
            return;
        if (!prompt_complete(&text))
            continue;
        bytes_append_char(&text, '\0');
        if (text.failed)
            return;
        history(past, &event, H_ENTER, text.data);
        prompt_run(settings, text.data, format);
        text.length = 0;
    }
}

static int prompt(const struct batch_settings *settings, enum table_format format, struct error *error) {
    HistEvent event;
    EditLine *line = el_init("meterline", stdin, stdout, stderr);
    History *past = history_init();
    if (!line || !past) {
        if (line)
            el_end(line);
        if (past)
            history_end(past);
        return error_no_memory(error);
    }
    history(past, &event, H_SETSIZE, 1000);
    el_set(line, EL_HIST, history, past);
    el_set(line, EL_SIGNAL, 1);
    prompt_loop(settings, line, past, format);
    history_end(past);
    el_end(line);
    return 0;
}

int batch_sql(const struct batch_settings *settings, const char *operand, int *ret_exit, struct error *error) {
    cleanup(bytes_release) struct bytes text = {0};
    struct batch_session session;
    int status;
    (void)operand;
    *ret_exit = 0;
    enum table_format format = sql_format(settings, error, &status);
    if (status)
        return status;
    if (!settings->execute && isatty(STDIN_FILENO))
        return prompt(settings, format, error);
    if (!settings->execute)
        status = cli_read_text("-", &text, error);
    bytes_append_char(&text, '\0');
    if (!status && text.failed)
        status = error_no_memory(error);
    if (!status)
        status = batch_session_open(settings, false, &session, error);
    if (status)
        return status;
    status = batch_print(session.connection, settings->execute ? settings->execute : text.data, format, error);
    if (status)
        status = readings_name_damage(&session.readings, session.connection, error);
    batch_session_close(&session);
    return status;
}
