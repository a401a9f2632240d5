/* The command topic: what a reader could not do comes again; what was appended counts when it is committed. */
#include "bus_fixture.h"

#include <string.h>

#include "sql/session/commands.h"

struct reader {
    struct commands *commands;
    char done[200];  /* texts, each with a blank after it */
    const char *bad; /* this one fails, */
    bool retriable;  /* and may be tried again */
    size_t tries;
    char settings[200]; /* of the last one that had some */
};

static int each(void *context, const struct kept_statement *kept, struct error *error) {
    struct reader *reader = context;
    if (kept->settings.data)
        snprintf(reader->settings, sizeof reader->settings, "%.*s", (int)kept->settings.length, kept->settings.data);
    if (reader->bad && slice_equal(kept->text, slice_of(reader->bad))) {
        reader->tries++;
        error_set(error, ERROR_BUSY, "not now");
        error->retriable = reader->retriable;
        return ERROR_BUSY;
    }
    strncat(reader->done, kept->text.data, kept->text.length);
    strcat(reader->done, " ");
    return 0;
}

static void append_statements(struct fixture *f, struct commands *commands, const char *const *texts, size_t count,
                              bool commit) {
    for (size_t i = 0; i < count; i++)
        OK(commands_append(commands, f->producer, &(struct kept_statement){.text = slice_of(texts[i])}, &f->error));
    if (commit)
        OK(bus_producer_commit(f->producer, NULL, 0, &f->error));
    else
        bus_producer_abort(f->producer);
    commands_settle(commands, commit);
}

static size_t times(struct fixture *f, struct commands *commands, size_t count, const char *text) {
    size_t result = SIZE_MAX;
    OK(commands_times(commands, count, slice_of(text), &result, &f->error));
    return result;
}

static void test_what_fails_comes_again(void **state) {
    static const char *const texts[] = {"a", "b", "c", "b"};
    struct fixture *f = *state;
    struct commands *writer;
    struct reader reader = {.bad = "b", .retriable = true};
    OK(commands_open(f->bus, &clock_system, &writer, &f->error));
    append_statements(f, writer, texts, 4, true);
    OK(commands_open(f->bus, &clock_system, &reader.commands, &f->error));
    for (int i = 0; i < 3; i++) {
        FAILS(commands_read(reader.commands, each, &reader, &f->error), ERROR_BUSY, "not now");
        assert_true(f->error.retriable);
        assert_string_equal(reader.done, "a ");
        assert_int_equal(commands_count(reader.commands), 1);
    }
    assert_int_equal(reader.tries, 3);
    reader.bad = NULL;
    OK(commands_read(reader.commands, each, &reader, &f->error));
    assert_string_equal(reader.done, "a b c b ");
    OK(commands_read(reader.commands, each, &reader, &f->error));
    assert_string_equal(reader.done, "a b c b ");
    append_statements(f, writer, texts + 2, 1, true);
    OK(commands_read(reader.commands, each, &reader, &f->error));
    assert_string_equal(reader.done, "a b c b c ");
    OK(commands_read(writer, each, &reader, &f->error)); /* its own */
    assert_string_equal(reader.done, "a b c b c ");
    assert_int_equal(times(f, reader.commands, 5, "b"), 2);
    assert_int_equal(times(f, reader.commands, 3, "b"), 1);
    assert_int_equal(times(f, reader.commands, 1, "b"), 0);
    assert_int_equal(times(f, reader.commands, SIZE_MAX, "c"), 2);
    assert_int_equal(times(f, reader.commands, 5, "aa"), 0);
    commands_close(writer);
    commands_close(reader.commands);
}

static void test_what_is_not_committed_does_not_count(void **state) {
    static const char *const texts[] = {"a", "b"};
    struct fixture *f = *state;
    struct commands *writer;
    struct reader reader = {0};
    OK(commands_open(f->bus, &clock_system, &writer, &f->error));
    append_statements(f, writer, texts, 2, false);
    assert_int_equal(commands_count(writer), 0);
    assert_int_equal(times(f, writer, SIZE_MAX, "a"), 0);
    struct kept_statement with = {SLICE("a"), SLICE("{\"ksql.nested.error.set.null\":\"false\"}")};
    OK(commands_append(writer, f->producer, &with, &f->error));
    OK(bus_producer_commit(f->producer, NULL, 0, &f->error));
    commands_settle(writer, true);
    assert_int_equal(times(f, writer, SIZE_MAX, "a"), 1);
    OK(commands_open(f->bus, &clock_system, &reader.commands, &f->error));
    OK(commands_read(reader.commands, each, &reader, &f->error));
    assert_string_equal(reader.done, "a ");
    assert_string_equal(reader.settings, "{\"ksql.nested.error.set.null\":\"false\"}");
    commands_close(writer);
    commands_close(reader.commands);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_fails_comes_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_committed_does_not_count, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
