/* Positions and transactions of the embedded log and of the one in memory: compare-and-set, all or nothing; topics deleted in use; damage. */
#include "bus_fixture.h"

static void test_positions(void **state) {
    struct fixture *f = *state;
    struct bus_committed committed;
    struct bus_position position = {"g", "t", 2, 10, "state", 0};
    append(f, "t", 2, 0, 1);
    OK(bus_committed(f->bus, "g", "t", 2, &committed, &f->error));
    assert_false(committed.exists);
    assert_int_equal(committed.revision, 0);
    OK(bus_producer_commit(f->producer, &position, 1, &f->error));
    OK(bus_committed(f->bus, "g", "t", 2, &committed, &f->error));
    assert_true(committed.exists);
    assert_int_equal(committed.next_offset, 10);
    assert_int_equal(committed.revision, 1);
    assert_string_equal(committed.metadata, "state");
    produce(f, "t", 2, 1, 5);
    FAILS(bus_producer_commit(f->producer, &position, 1, &f->error), ERROR_CONFLICT,
          "group g on t/2 was moved by another process");
    assert_int_equal(partition_of(f, "t", 2).end_offset, 1);
    assert_int_equal(bus_producer_pending_records(f->producer), 5);
    position = (struct bus_position){"g", "t", 2, 20, NULL, 1};
    OK(bus_producer_commit(f->producer, &position, 1, &f->error));
    assert_int_equal(partition_of(f, "t", 2).end_offset, 6);
    struct bus_group_list list;
    OK(bus_groups(f->bus, &list, &f->error));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.positions[0].group, "g");
    assert_string_equal(list.positions[0].topic, "t");
    assert_int_equal(list.positions[0].next_offset, 20);
    bus_group_list_release(&list);
    char metadata[BUS_METADATA_MAXIMUM + 2];
    memset(metadata, 'm', sizeof metadata);
    metadata[BUS_METADATA_MAXIMUM + 1] = '\0';
    position = (struct bus_position){"g", "t", 2, 21, metadata, 2};
    FAILS(bus_producer_commit(f->producer, &position, 1, &f->error), ERROR_INVALID, "4096");
    OK(bus_group_reset(f->bus, "g", &f->error));
    OK(bus_committed(f->bus, "g", "t", 2, &committed, &f->error));
    assert_false(committed.exists);
}

/* Rows of others, records and positions of one transaction: all or nothing. */
static void test_transaction(void **state) {
    struct fixture *f = *state;
    struct database *database;
    append(f, "t", 0, 0, 2);
    produce(f, "t", 0, 2, 3);
    OK(bus_producer_begin(f->producer, &database, &f->error));
    OK(database_execute(database, "CREATE TABLE extra(x)", &f->error));
    bus_producer_abort(f->producer);
    assert_int_equal(bus_producer_pending_records(f->producer), 0);
    OK(bus_producer_commit(f->producer, NULL, 0, &f->error));
    assert_int_equal(partition_of(f, "t", 0).end_offset, 2);
    produce(f, "t", 0, 2, 3);
    OK(bus_producer_begin(f->producer, &database, &f->error));
    OK(database_execute(database, "CREATE TABLE extra(x)", &f->error));
    OK(bus_producer_begin(f->producer, &database, &f->error)); /* starts anew and keeps the records */
    OK(database_execute(database, "CREATE TABLE extra(x)", &f->error));
    produce(f, "t", 0, 5, 1); /* after the beginning, still part of it */
    int32_t topic, partitions;
    FAILS(bus_producer_topic(f->producer, "new", NULL, &topic, &partitions, &f->error), ERROR_INVALID,
          "before the transaction");
    OK(bus_producer_commit(f->producer, NULL, 0, &f->error));
    assert_int_equal(partition_of(f, "t", 0).end_offset, 6);
    execute(f, "INSERT INTO extra VALUES(1)");
    produce(f, "t", 0, 6, 1);
    OK(bus_producer_begin(f->producer, &database, &f->error));
    OK(database_execute(database, "ROLLBACK", &f->error)); /* as SQLite does by itself when the disk is full */
    FAILS(bus_producer_commit(f->producer, NULL, 0, &f->error), ERROR_IO, "rolled back");
    assert_int_equal(partition_of(f, "t", 0).end_offset, 6);
    OK(bus_producer_commit(f->producer, NULL, 0, &f->error));
    assert_int_equal(partition_of(f, "t", 0).end_offset, 7);
}

static void test_deleted_while_used(void **state) {
    struct fixture *f = *state;
    struct bus_batch batch;
    struct bus_position position = {"g", "t", 0, 1, "", 0};
    append(f, "t", 0, 0, 1);
    OK(bus_producer_commit(f->producer, &position, 1, &f->error));
    OK(bus_consumer_seek(f->consumer, "t", 0, 1, &f->error));
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 0);
    OK(bus_topic_delete(f->bus, "t", &f->error));
    FAILS(bus_consumer_poll(f->consumer, 0, &batch, &f->error), ERROR_NOT_FOUND,
          "topic t was deleted while it was read");
    int32_t partitions;
    OK(bus_topic_ensure(f->bus, "t", NULL, &partitions, &f->error));
    produce(f, "t", 0, 1, 1);
    FAILS(bus_producer_commit(f->producer, NULL, 0, &f->error), ERROR_NOT_FOUND,
          "topic t was deleted while it was written to");
    struct bus_committed committed;
    OK(bus_committed(f->bus, "g", "t", 0, &committed, &f->error));
    assert_false(committed.exists);
}

static void test_damage(void **state) {
    struct fixture *f = *state;
    struct bus_batch batch;
    append(f, "metrics", 2, 0, 5);
    append(f, "metrics", 2, 5, 5);
    execute(f, "UPDATE log_batches SET data = CAST(substr(data, 1, 60) || x'00ff00' || substr(data, 64) AS BLOB) WHERE "
               "id & 1 = 1");
    OK(bus_consumer_seek(f->consumer, "metrics", 2, 0, &f->error));
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 1);
    for (int i = 0; i < 2; i++) {
        FAILS(bus_consumer_poll(f->consumer, 0, &batch, &f->error), ERROR_CORRUPT,
              "topic metrics, partition 2, offset 5: the checksum of the batch does not match (stored ");
        assert_non_null(strstr(f->error.message, "restore it from a backup"));
    }
    OK(bus_consumer_seek(f->consumer, "metrics", 2, 10, &f->error)); /* after the damage there is nothing wrong */
    assert_int_equal(bus_consumer_poll(f->consumer, 0, &batch, &f->error), 0);
}

/* A group has one process at a time on the embedded log; which one is in the message. */
static void test_claims(void **state) {
    struct fixture *f = *state;
    struct bus *other;
    struct bus_claim *first, *second, *none = NULL;
    char pid[32];
    snprintf(pid, sizeof pid, "in process %ld:", (long)getpid());
    OK(bus_open(f->url, &f->options, &other, &f->error));
    OK(bus_group_claim(f->bus, "g", &first, &f->error));
    assert_non_null(first);
    FAILS(bus_group_claim(other, "g", &none, &f->error), ERROR_CONFLICT, pid);
    assert_null(none);
    FAILS(bus_group_claim(other, "g", &none, &f->error), ERROR_CONFLICT, "group g already runs on ");
    OK(bus_group_claim(other, "../a/b h", &second, &f->error)); /* any name, and a group of its own */
    first = bus_group_release(f->bus, first);
    OK(bus_group_claim(other, "g", &first, &f->error));
    bus_group_release(other, first);
    bus_group_release(other, second);
    bus_group_release(other, NULL);
    bus_close(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_claims), TEST_BOTH(test_positions), TEST(test_transaction), TEST_BOTH(test_deleted_while_used),
        TEST(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
