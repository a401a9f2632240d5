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

/* What the settings say, as the statements of a session read them. */
struct session_meaning {
    struct compile_settings *compile;
    struct source_defaults *sources;
};

struct session_setting_rule {
    const char *name;
    /* value NULL: not set. Negative: it cannot be; then nothing is changed */
    int (*read)(const char *value, const struct session_meaning *to);
    void (*print)(const struct session_meaning *from, char *text, size_t size);
    bool (*used)(const struct session *session); /* by the statement under way */
    const char *expected;
};

/* --- values
 * ------------------------------------------------------------------------------------------------------------------ */

static int setting_read_number(const char *value, int64_t *ret_number) {
    char *end = NULL;
    long long number = value ? strtoll(value, &end, 10) : 0;
    if (value && (*value == '\0' || *end != '\0'))
        return -1;
    *ret_number = number > 0 ? number : 0;
    return 0;
}

static int setting_read_truth(const char *value, bool unset, bool *ret_truth) {
    bool yes = value && strcasecmp(value, "true") == 0;
    if (value && !yes && strcasecmp(value, "false") != 0)
        return -1;
    *ret_truth = value ? yes : unset;
    return 0;
}

static void setting_print_truth(bool truth, char *text, size_t size) {
    snprintf(text, size, "%s", truth ? "true" : "false");
}

/* An empty text counts as not set. */
static int setting_read_format(const char *value, enum format *ret_format) {
    enum format format = value ? format_find(slice_of(value)) : FORMAT_UNSET;
    if (value && *value && format == FORMAT_UNSET)
        return -1;
    *ret_format = format;
    return 0;
}

/* --- expressions
 * ------------------------------------------------------------------------------------------------------------- */

static int setting_read_lists(const char *value, const struct session_meaning *to) {
    return setting_read_number(value, &to->compile->list_limit);
}

static void setting_print_lists(const struct session_meaning *from, char *text, size_t size) {
    snprintf(text, size, "%" PRId64, from->compile->list_limit);
}

static bool setting_uses_lists(const struct session *session) {
    return session->notes.lists;
}

static int setting_read_sets(const char *value, const struct session_meaning *to) {
    return setting_read_number(value, &to->compile->set_limit);
}

static void setting_print_sets(const struct session_meaning *from, char *text, size_t size) {
    snprintf(text, size, "%" PRId64, from->compile->set_limit);
}

static bool setting_uses_sets(const struct session *session) {
    return session->notes.sets;
}

static int setting_read_nested(const char *value, const struct session_meaning *to) {
    return setting_read_truth(value, true, &to->compile->nested_errors_null);
}

static void setting_print_nested(const struct session_meaning *from, char *text, size_t size) {
    setting_print_truth(from->compile->nested_errors_null, text, size);
}

static bool setting_uses_nested(const struct session *session) {
    return session->notes.nested_errors;
}

static int setting_read_times(const char *value, const struct session_meaning *to) {
    return setting_read_truth(value, false, &to->compile->strict_times);
}

static void setting_print_times(const struct session_meaning *from, char *text, size_t size) {
    setting_print_truth(from->compile->strict_times, text, size);
}

static bool setting_uses_times(const struct session *session) {
    return session->notes.times;
}

/* --- sources
 * ----------------------------------------------------------------------------------------------------------------- */

static int setting_read_key(const char *value, const struct session_meaning *to) {
    return setting_read_format(value, &to->sources->key);
}

static void setting_print_key(const struct session_meaning *from, char *text, size_t size) {
    snprintf(text, size, "%s", format_name(from->sources->key));
}

static bool setting_uses_key(const struct session *session) {
    return session->source_notes.key;
}

static int setting_read_value(const char *value, const struct session_meaning *to) {
    return setting_read_format(value, &to->sources->value);
}

static void setting_print_value(const struct session_meaning *from, char *text, size_t size) {
    snprintf(text, size, "%s", format_name(from->sources->value));
}

static bool setting_uses_value(const struct session *session) {
    return session->source_notes.value;
}

static int setting_read_wrapping(const char *value, const struct session_meaning *to) {
    return setting_read_truth(value, true, &to->sources->wrapped);
}

static void setting_print_wrapping(const struct session_meaning *from, char *text, size_t size) {
    setting_print_truth(from->sources->wrapped, text, size);
}

static bool setting_uses_wrapping(const struct session *session) {
    return session->source_notes.wrapping;
}

static int setting_read_prefix(const char *value, const struct session_meaning *to) {
    size_t length = value ? strlen(value) : 0;
    if (length >= sizeof to->sources->topic_prefix)
        return -1;
    memcpy(to->sources->topic_prefix, value ? value : "", length + 1);
    return 0;
}

static void setting_print_prefix(const struct session_meaning *from, char *text, size_t size) {
    snprintf(text, size, "%s", from->sources->topic_prefix);
}

static bool setting_uses_prefix(const struct session *session) {
    return session->source_notes.prefix;
}

#define ELEMENTS "a number of elements (0: any number)"
#define TRUTH    "'true' or 'false'"
static const struct session_setting_rule rules[] = {
    {"ksql.functions.collect_list.limit", setting_read_lists, setting_print_lists, setting_uses_lists, ELEMENTS},
    {"ksql.functions.collect_set.limit", setting_read_sets, setting_print_sets, setting_uses_sets, ELEMENTS},
    {"ksql.nested.error.set.null", setting_read_nested, setting_print_nested, setting_uses_nested, TRUTH},
    {"ksql.timestamp.throw.on.invalid", setting_read_times, setting_print_times, setting_uses_times, TRUTH},
    {"ksql.persistence.default.format.key", setting_read_key, setting_print_key, setting_uses_key, "a format"},
    {"ksql.persistence.default.format.value", setting_read_value, setting_print_value, setting_uses_value, "a format"},
    {"ksql.persistence.wrap.single.values", setting_read_wrapping, setting_print_wrapping, setting_uses_wrapping,
     TRUTH},
    {"ksql.output.topic.name.prefix", setting_read_prefix, setting_print_prefix, setting_uses_prefix,
     "the beginning of a topic's name"},
};
#undef ELEMENTS
#undef TRUTH

enum { RULES = sizeof rules / sizeof *rules, SETTING_SIZE = SOURCE_PREFIX_SIZE };

static struct session_meaning session_meaning_of(struct session *session) {
    return (struct session_meaning){&session->planner.settings, &session->defaults};
}

int session_check_setting(struct slice name, struct slice given, struct place place, struct error *error) {
    struct compile_settings compile;
    struct source_defaults sources;
    struct session_meaning ignored = {&compile, &sources};
    char value[SETTING_SIZE + 1];
    snprintf(value, sizeof value, "%.*s", (int)(given.length < sizeof value ? given.length : sizeof value - 1),
             given.data);
    for (size_t i = 0; i < RULES; i++)
        if (strlen(rules[i].name) == name.length && strncasecmp(rules[i].name, name.data, name.length) == 0 &&
            rules[i].read(value, &ignored) < 0)
            return place_error(error, place, "%s is %s, not '%s'", rules[i].name, rules[i].expected, value);
    return 0;
}

size_t session_setting_count(void) {
    return RULES;
}

bool session_is_setting(struct slice name) {
    for (size_t i = 0; i < RULES; i++)
        if (strlen(rules[i].name) == name.length && strncasecmp(rules[i].name, name.data, name.length) == 0)
            return true;
    return false;
}

int session_setting_at(struct session_work *work, size_t index, struct slice *ret_name, struct slice *ret_value,
                       struct error *error) {
    struct session_meaning meaning = session_meaning_of(work->session);
    char value[SETTING_SIZE];
    rules[index].print(&meaning, value, sizeof value);
    *ret_name = slice_of(rules[index].name);
    *ret_value = arena_copy(work->arena, slice_of(value));
    return ret_value->data ? 0 : error_no_memory(error);
}

void session_apply_settings(struct session *session) {
    struct session_meaning meaning = session_meaning_of(session);
    for (size_t i = 0; i < RULES; i++)
        rules[i].read(session_setting(session, rules[i].name), &meaning);
}

int session_recall_settings(struct session *session, struct slice recorded, struct error *error) {
    struct session_meaning meaning = session_meaning_of(session);
    cleanup(bytes_release) struct bytes value = {0};
    for (size_t i = 0; i < RULES; i++) {
        struct slice text = json_span_member(recorded, rules[i].name);
        value.length = 0;
        bool given = text.data && json_span_string(text, &value);
        bytes_append_char(&value, '\0');
        if (value.failed)
            return error_no_memory(error);
        if (rules[i].read(given ? value.data : NULL, &meaning) < 0)
            return error_set(error, ERROR_CORRUPT, "a statement was kept with %s = '%s', which cannot be",
                             rules[i].name, value.data);
    }
    return 0;
}

int session_used_settings(struct session_work *work, struct slice *ret_text, struct error *error) {
    struct session *session = work->session;
    struct session_meaning meaning = session_meaning_of(session);
    cleanup(bytes_release) struct bytes text = {0};
    char value[SETTING_SIZE];
    for (size_t i = 0; i < RULES; i++) {
        if (!rules[i].used(session))
            continue;
        rules[i].print(&meaning, value, sizeof value);
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
    struct session_meaning meaning = session_meaning_of(work->session);
    char now[SETTING_SIZE];
    for (size_t i = 0; i < RULES; i++) {
        cleanup(bytes_release) struct bytes then = {0};
        struct slice text = recorded.data ? json_span_member(recorded, rules[i].name) : (struct slice){0};
        if (!text.data || !json_span_string(text, &then))
            continue;
        rules[i].print(&meaning, now, sizeof now);
        if (!slice_equal(bytes_slice(&then), slice_of(now)))
            return place_error(error, place,
                               "this query is there already, made with %s = '%.*s', and it would be '%s' now; its "
                               "settings stay with it: SET it as it was, or DROP what it fills first",
                               rules[i].name, names_shown(bytes_slice(&then)), then.data, now);
    }
    return 0;
}
