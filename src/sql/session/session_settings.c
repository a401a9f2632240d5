/* Settings (SET 'name' = 'value') that change what a statement means. A statement that lasts keeps those that it
 * depends on, so that it means the same in another session and after a restart:
 *
 *     SET 'ksql.functions.collect_list.limit' = '2';
 *     CREATE TABLE L AS SELECT .. COLLECT_LIST(V) ..      kept with {"ksql.functions.collect_list.limit":"2"}
 *
 * Settings of other names are taken and remembered, and change nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "codec/json/json.h"
#include "codec/json/json_span.h"
#include "core/bytes.h"
#include "core/memory.h"
#include "sql/session/session_state.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/names.h"

struct session_setting_rule {
    const char *name;
    int (*read)(const char *value, struct compile_settings *settings); /* value NULL: not set. Negative: it is wrong */
    int64_t (*get)(const struct compile_settings *settings);
    bool (*used)(const struct compile_notes *notes);
    bool number; /* else true or false */
};

static int setting_read_number(const char *value, int64_t *ret_number) {
    char *end = NULL;
    long long number = value ? strtoll(value, &end, 10) : 0;
    if (value && (*value == '\0' || *end != '\0'))
        return -1;
    *ret_number = number > 0 ? number : 0;
    return 0;
}

static int setting_read_lists(const char *value, struct compile_settings *settings) {
    return setting_read_number(value, &settings->list_limit);
}

static int setting_read_sets(const char *value, struct compile_settings *settings) {
    return setting_read_number(value, &settings->set_limit);
}

static int setting_read_nested(const char *value, struct compile_settings *settings) {
    settings->nested_errors_null = !value || strcasecmp(value, "true") == 0;
    return settings->nested_errors_null || strcasecmp(value, "false") == 0 ? 0 : -1;
}

static int64_t setting_lists(const struct compile_settings *settings) {
    return settings->list_limit;
}

static int64_t setting_sets(const struct compile_settings *settings) {
    return settings->set_limit;
}

static int64_t setting_nested(const struct compile_settings *settings) {
    return settings->nested_errors_null;
}

static bool setting_uses_lists(const struct compile_notes *notes) {
    return notes->lists;
}

static bool setting_uses_sets(const struct compile_notes *notes) {
    return notes->sets;
}

static bool setting_uses_nested(const struct compile_notes *notes) {
    return notes->nested_errors;
}

static const struct session_setting_rule rules[] = {
    {"ksql.functions.collect_list.limit", setting_read_lists, setting_lists, setting_uses_lists, true},
    {"ksql.functions.collect_set.limit", setting_read_sets, setting_sets, setting_uses_sets, true},
    {"ksql.nested.error.set.null", setting_read_nested, setting_nested, setting_uses_nested, false},
};

enum { RULES = sizeof rules / sizeof *rules };

static void setting_print(const struct session_setting_rule *rule, const struct compile_settings *settings, char *text,
                          size_t size) {
    if (rule->number)
        snprintf(text, size, "%" PRId64, rule->get(settings));
    else
        snprintf(text, size, "%s", rule->get(settings) ? "true" : "false");
}

int session_check_setting(struct slice name, struct slice given, struct place place, struct error *error) {
    struct compile_settings ignored;
    char value[64];
    snprintf(value, sizeof value, "%.*s", (int)(given.length < sizeof value ? given.length : sizeof value - 1),
             given.data);
    for (size_t i = 0; i < RULES; i++)
        if (strlen(rules[i].name) == name.length && strncasecmp(rules[i].name, name.data, name.length) == 0 &&
            rules[i].read(value, &ignored) < 0)
            return place_error(error, place, "%s is %s, not '%s'", rules[i].name,
                               rules[i].number ? "a number of elements (0: any number)" : "'true' or 'false'", value);
    return 0;
}

void session_apply_settings(struct session *session) {
    for (size_t i = 0; i < RULES; i++)
        rules[i].read(session_setting(session, rules[i].name), &session->planner.settings);
}

int session_recall_settings(struct session *session, struct slice recorded, struct error *error) {
    cleanup(bytes_release) struct bytes value = {0};
    for (size_t i = 0; i < RULES; i++) {
        struct slice text = json_span_member(recorded, rules[i].name);
        value.length = 0;
        bool given = text.data && json_span_string(text, &value);
        bytes_append_char(&value, '\0');
        if (value.failed)
            return error_no_memory(error);
        if (rules[i].read(given ? value.data : NULL, &session->planner.settings) < 0)
            return error_set(error, ERROR_CORRUPT, "a statement was kept with %s = '%s', which cannot be",
                             rules[i].name, value.data);
    }
    return 0;
}

int session_used_settings(struct session_work *work, struct slice *ret_text, struct error *error) {
    const struct session *session = work->session;
    cleanup(bytes_release) struct bytes text = {0};
    char value[32];
    for (size_t i = 0; i < RULES; i++) {
        if (!rules[i].used(&session->notes))
            continue;
        setting_print(&rules[i], &session->planner.settings, value, sizeof value);
        bytes_append_string(&text, text.length ? "," : "{");
        json_write_string(&text, slice_of(rules[i].name));
        bytes_append_char(&text, ':');
        json_write_string(&text, slice_of(value));
    }
    if (text.length)
        bytes_append_char(&text, '}');
    *ret_text = text.length && !text.failed ? arena_copy(work->arena, bytes_slice(&text)) : (struct slice){0};
    return text.failed || (text.length && !ret_text->data) ? error_no_memory(error) : 0;
}

int session_same_settings(struct session_work *work, struct slice recorded, struct place place, struct error *error) {
    char now[32];
    for (size_t i = 0; i < RULES; i++) {
        cleanup(bytes_release) struct bytes then = {0};
        struct slice text = recorded.data ? json_span_member(recorded, rules[i].name) : (struct slice){0};
        if (!text.data || !json_span_string(text, &then))
            continue;
        setting_print(&rules[i], &work->session->planner.settings, now, sizeof now);
        if (!slice_equal(bytes_slice(&then), slice_of(now)))
            return place_error(error, place,
                               "this query is there already, made with %s = '%.*s', and it would be '%s' now; its "
                               "settings stay with it: SET it as it was, or DROP what it fills first",
                               rules[i].name, names_shown(bytes_slice(&then)), then.data, now);
    }
    return 0;
}
