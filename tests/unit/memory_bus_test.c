/* What the log in memory injects: faults of polls and commits, cuts of batches, rebalances. */
#include "bus_fixture.h"

struct injected {
    struct fixture *f;
    enum memory_bus_call failing;
    int after, code; /* calls of the failing kind that pass before it fails once; 0: none fails */
    size_t cut;
};

static int inject_fault(void *context, enum memory_bus_call call, struct error *error) {
    struct injected *injected = context;
    if (call != injected->failing || injected->code == 0 || injected->after-- > 0)
        return 0;
    int code = injected->code;
    injected->code = 0;
    error_set(error, code, "injected");
    error->retriable = code == ERROR_BUSY;
    return code;
}

static size_t inject_cut(void *context) {
    return ((struct injected *)context)->cut;
}

static void open_injected(struct fixture *f, struct injected *injected) {
    *injected = (struct injected){.f = f, .cut = 1000};
    struct memory_bus_options options = {
        .same_partitions = true, .never_waits = true, .fault = inject_fault, .cut = inject_cut, .context = injected};
    fixture_close(f);
    OK(memory_bus_open(&f->options, &options, &f->bus, &f->error));
    OK(bus_producer_open(f->bus, &(struct bus_producer_options){0}, &f->producer, &f->error));
    OK(bus_consumer_open(f->bus, NULL, &f->consumer, &f->error));
}

/* A commit that fails leaves records and positions as they were, and can be tried again; one whose answer is lost has
 * been made. */
static void test_commit_faults(void **state) {
    struct fixture *f = *state;
    struct injected injected;
    struct bus_position position = {"g", "t", 0, 3, "m", 0};
    struct bus_committed committed;
    open_injected(f, &injected);
    produce(f, "t", 0, 0, 3);
    injected.failing = MEMORY_BUS_COMMIT;
    injected.code = ERROR_BUSY;
    FAILS(bus_producer_commit(f->producer, &position, 1, &f->error), ERROR_BUSY, "injected");
    assert_int_equal(partition_of(f, "t", 0).end_offset, 0);
    OK(bus_committed(f->bus, "g", "t", 0, &committed, &f->error));
    assert_false(committed.exists);
    OK(bus_producer_commit(f->producer, &position, 1, &f->error));
    assert_int_equal(partition_of(f, "t", 0).end_offset, 3);
    injected.failing = MEMORY_BUS_COMMITTED;
    injected.code = ERROR_ABORTED;
    produce(f, "t", 0, 3, 1);
    position.expected = 1;
    position.next_offset = 4;
    FAILS(bus_producer_commit(f->producer, &position, 1, &f->error), ERROR_ABORTED, "injected");
    assert_int_equal(bus_producer_pending_records(f->producer), 0);
    assert_int_equal(partition_of(f, "t", 0).end_offset, 4);
    OK(bus_committed(f->bus, "g", "t", 0, &committed, &f->error));
    assert_int_equal(committed.next_offset, 4);
    assert_int_equal(committed.revision, 2);
    assert_string_equal(committed.metadata, "m");
}

static void test_polls(void **state) {
    struct fixture *f = *state;
    struct injected injected;
    struct bus_batch batch;
    int32_t partitions;
    open_injected(f, &injected);
    OK(bus_topic_ensure(f->bus, "t", &(struct bus_topic_settings){7, -1, -1}, &partitions, &f->error));
    assert_int_equal(partitions, 3); /* the log's, as asked for */
    append(f, "t", 1, 0, 5);
    OK(bus_consumer_seek(f->consumer, "t", 1, 1, &f->error));
    injected.cut = 3;
    injected.failing = MEMORY_BUS_POLL;
    injected.code = ERROR_BUSY;
    FAILS(bus_consumer_poll(f->consumer, 60000, &batch, &f->error), ERROR_BUSY, "injected");
    for (int64_t from = 1; from < 5; from += 3) {
        assert_int_equal(bus_consumer_poll(f->consumer, 60000, &batch, &f->error), 1);
        assert_int_equal(batch.base_offset, from);
        assert_int_equal(batch.count, from == 1 ? 3 : 1);
        assert_int_equal(batch.records[0].timestamp, from);
    }
    assert_int_equal(bus_consumer_poll(f->consumer, 60000, &batch, &f->error), 0);
}

/* A batch that was given out outlives its topic until the next poll. */
static void test_batch_of_a_deleted_topic(void **state) {
    struct fixture *f = *state;
    struct injected injected;
    struct bus_batch batch;
    open_injected(f, &injected);
    append(f, "t", 1, 0, 5);
    OK(bus_consumer_seek(f->consumer, "t", 1, 0, &f->error));
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
    OK(bus_topic_delete(f->bus, "t", &f->error));
    assert_text(batch.records[4].value, "4");
    FAILS(bus_consumer_poll(f->consumer, 0, &batch, &f->error), ERROR_NOT_FOUND, "topic t was deleted");
}

/* Records keep their offsets and append times; a reader passes over the gaps. */
static void test_copies(void **state) {
    struct fixture *f = *state;
    struct injected injected;
    struct bus_batch batch;
    struct bus_record records[] = {{.value = SLICE("a")}, {.value = SLICE("b")}};
    open_injected(f, &injected);
    OK(bus_topic_create(f->bus, "t", &(struct bus_topic_settings){0, -1, -1}, &f->error));
    OK(memory_bus_copy(f->bus, &(struct bus_batch){"t", 2, 70, 5, records, 2}, &f->error));
    OK(memory_bus_copy(f->bus, &(struct bus_batch){"t", 2, 90, 0, records, 1}, &f->error));
    FAILS(memory_bus_copy(f->bus, &(struct bus_batch){"t", 2, 90, 0, records, 1}, &f->error), ERROR_INVALID, "91");
    FAILS(memory_bus_copy(f->bus, &(struct bus_batch){"u", 2, 90, 0, records, 1}, &f->error), ERROR_NOT_FOUND, "u");
    assert_int_equal(partition_of(f, "t", 2).start_offset, 0);
    OK(bus_consumer_seek(f->consumer, "t", 2, 0, &f->error));
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
    assert_int_equal(batch.base_offset, 70);
    assert_int_equal(batch.append_time, 5);
    assert_int_equal(batch.count, 2);
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
    assert_int_equal(batch.base_offset, 90);
    assert_int_equal(batch.append_time, 0);
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 0);
    OK(bus_consumer_seek(f->consumer, "t", 2, 71, &f->error));
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
    assert_text(batch.records[0].value, "b");
}

struct told {
    char text[200];
};

static void tell(struct told *told, const char *what, const int32_t *partitions, size_t count) {
    size_t length = strlen(told->text);
    length += (size_t)snprintf(told->text + length, sizeof told->text - length, "%s", what);
    for (size_t i = 0; i < count; i++)
        length += (size_t)snprintf(told->text + length, sizeof told->text - length, " %d", (int)partitions[i]);
    snprintf(told->text + length, sizeof told->text - length, "; ");
}

static int told_assigned(void *context, const int32_t *partitions, size_t count, struct error *error) {
    (void)error;
    tell(context, "assigned", partitions, count);
    return 0;
}

static int told_revoked(void *context, const int32_t *partitions, size_t count, bool lost, struct error *error) {
    (void)error;
    tell(context, lost ? "lost" : "revoked", partitions, count);
    return 0;
}

/* Nobody gets new partitions before all have given theirs back; then they have moved on. */
static void test_rebalance(void **state) {
    struct fixture *f = *state;
    struct injected injected;
    struct told told[2] = {0};
    struct bus_consumer *consumers[2];
    struct bus_batch batch;
    const char *topic = "t";
    open_injected(f, &injected);
    append(f, "t", 0, 0, 1);
    struct bus_member members[2];
    for (size_t i = 0; i < 2; i++) {
        members[i] = (struct bus_member){told_assigned, told_revoked, &told[i]};
        OK(bus_consumer_open(f->bus, "g", &consumers[i], &f->error));
        OK(bus_consumer_join(consumers[i], &topic, 1, i, 2, &members[i], &f->error));
        OK(bus_consumer_poll(consumers[i], 0, &batch, &f->error));
    }
    assert_string_equal(told[0].text, "assigned 0 2; ");
    assert_string_equal(told[1].text, "assigned 1; ");
    memory_bus_rebalance(f->bus, false);
    OK(bus_consumer_poll(consumers[0], 0, &batch, &f->error));
    OK(bus_consumer_poll(consumers[0], 0, &batch, &f->error));
    assert_string_equal(told[0].text, "assigned 0 2; revoked 0 2; ");
    OK(bus_consumer_poll(consumers[1], 0, &batch, &f->error));
    assert_string_equal(told[1].text, "assigned 1; revoked 1; assigned 0 2; ");
    OK(bus_consumer_poll(consumers[0], 0, &batch, &f->error));
    assert_string_equal(told[0].text, "assigned 0 2; revoked 0 2; assigned 1; ");
    memory_bus_rebalance(f->bus, true);
    consumers[1] = bus_consumer_close(consumers[1]); /* who has gone holds up nobody */
    OK(bus_consumer_poll(consumers[0], 0, &batch, &f->error));
    assert_string_equal(told[0].text, "assigned 0 2; revoked 0 2; assigned 1; lost 1; assigned 0 2; ");
    bus_consumer_close(consumers[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_commit_faults), TEST(test_polls),     TEST(test_batch_of_a_deleted_topic),
        TEST(test_copies),        TEST(test_rebalance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
