/* Tokens as a real server computes them, the ring, and which nodes hold a token's replicas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "store/cassandra/cql/cql_murmur3.h"
#include "store/cassandra/cql/cql_topology.h"
#include "store/cassandra/cql/cql_value.h"

/* From Cassandra 5.0.5: SELECT token(k). Bytes above 0x7f after the last block of 16 show whether they are taken as
 * signed. */
static void test_tokens(void **state) {
    (void)state;
    static const struct {
        const char *key;
        size_t length;
        int64_t token;
    } cases[] = {
        {"\x00", 1, INT64_C(5048724184180415669)},
        {"\x61", 1, INT64_C(-8839064797231613815)},
        {"\x80", 1, INT64_C(-5284281814142962636)},
        {"\xff", 1, INT64_C(-4442228696663692417)},
        {"\xf1\xf2\xf3\xf4\xf5\xf6\xf7", 7, INT64_C(-8823599029124026943)},
        {"\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7", 8, INT64_C(8369731552278694167)},
        {"\xef\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7", 9, INT64_C(-3594027568501894565)},
        {"\xe9\xea\xeb\xec\xed\xee\xef\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7", 15, INT64_C(6809202330027608401)},
        {"\xe8\xe9\xea\xeb\xec\xed\xee\xef\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7", 16, INT64_C(1597172512873021345)},
        {"\xe7\xe8\xe9\xea\xeb\xec\xed\xee\xef\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7", 17, INT64_C(-4357067303846675016)},
        {"\x44\x20", 2, INT64_C(6856513829259779769)},
        {"\x82\x3c\xfd\xe6\xf1\xc2\x6b\x30", 8, INT64_C(-8732251199330635345)},
        {"\xf9\x0e\xc7\xdd\x01\xe4\x88\x75\x34\xa2\x0f\x0b\x0d\x04\xc3", 15, INT64_C(5573607698070398181)},
        {"\x6e\xd8\x0e\x71\xe0\xfd\x77\xb0\x76\x70\xeb\x94\x0b\xd5\x33\x5f", 16, INT64_C(6681038988292532421)},
        {"\x97\x3d\xaa\xd8\x61\x9b\x91\xff\xc9\x11\xf5\x7c\xce\xd4\x58\xbb\xbf\x2c\xe0\x37\x53\xc9\xbd", 23,
         INT64_C(1874286422214070495)},
        {"\xfa\x0f\xf0\x16\x9d\xc9\x57\x56\x74\x06\x66\x76\xcf\xb0\xb4\xeb\x89\x02\xc4\x42\x69\xda\x1c\xf6\xba\x66\xd3"
         "\xf8\xb6\xd4\xb1",
         31, INT64_C(3146969709931356909)},
        {"\x00\xa9\xea\x0e\x75\x5a\x5c\x2e\x82\x10\x24\x2a\x08\xe7\x07\x8f\x7f\x89\x38\x5e\xb0\x94\x23\x55\x51\x82\x56"
         "\x8b\x96\xe8\xa4\xfe",
         32, INT64_C(-5155191722940172107)},
        {"\x00\x01"
         "0\x00\x00\x0b"
         "ELECTRICITY\x00\x00\x04\xff\xff\xff\xfe\x00\x00\x08\x00\x00\x01\x10\x75\x73\x60\x00\x00",
         36, INT64_C(4811251324434323294)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(cql_token((struct slice){cases[i].key, cases[i].length}) == cases[i].token);
    assert_true(cql_token(SLICE("")) == 0);
}

/* A set<text> or map<text, text> cell. */
static struct slice cell_of(struct bytes *to, const char *const *texts, size_t count, unsigned parts) {
    to->length = 0;
    cql_write_int(to, (int32_t)(count / parts));
    for (size_t i = 0; i < count; i++)
        cql_write_bytes(to, slice_of(texts[i]));
    return bytes_slice(to);
}

struct node {
    const char *data_center, *rack;
    const char *tokens[3];
};

static void build(struct cql_topology *topology, const struct node *nodes, size_t count, const char *const *replication,
                  size_t replication_count) {
    struct bytes cell = {0};
    struct error error;
    for (size_t i = 0; i < count; i++) {
        struct cql_address address = {.bytes = {10, 0, 0, (unsigned char)(i + 1)}, .length = 4, .port = 9042};
        size_t tokens = 0;
        while (tokens < 3 && nodes[i].tokens[tokens])
            tokens++;
        assert_int_equal(cql_topology_add(topology, &address, slice_of(nodes[i].data_center), slice_of(nodes[i].rack),
                                          cell_of(&cell, nodes[i].tokens, tokens, 1), &error),
                         0);
    }
    assert_int_equal(cql_topology_replicate(topology, cell_of(&cell, replication, replication_count, 2), &error), 0);
    bytes_release(&cell);
}

static void assert_replicas(const struct cql_topology *topology, int64_t token, const char *expected) {
    uint32_t nodes[CQL_REPLICAS_MAXIMUM];
    char got[64] = "";
    size_t count = cql_topology_replicas(topology, token, nodes);
    for (size_t i = 0; i < count; i++)
        got[i] = (char)('a' + nodes[i]);
    assert_string_equal(got, expected);
}

static const char *const simple_two[] = {"class", "org.apache.cassandra.locator.SimpleStrategy", "replication_factor",
                                         "2"};

/*   -100 a   0 b   100 c   200 a   300 b    and round to -100 */
static void test_simple_strategy(void **state) {
    (void)state;
    static const struct node nodes[] = {{"dc", "r", {"200", "-100"}}, {"dc", "r", {"0", "300"}}, {"dc", "r", {"100"}}};
    struct cql_topology topology = {0};
    build(&topology, nodes, 3, simple_two, 4);
    assert_int_equal(cql_topology_seal(&topology, SLICE("dc"), NULL), 0);
    assert_replicas(&topology, INT64_MIN, "ab");
    assert_replicas(&topology, -100, "ab"); /* a token belongs to the range that ends with it */
    assert_replicas(&topology, -99, "bc");
    assert_replicas(&topology, 1, "ca");
    assert_replicas(&topology, 101, "ab");
    assert_replicas(&topology, 300, "ba");
    assert_replicas(&topology, 301, "ab");
    assert_replicas(&topology, INT64_MAX, "ab");
    cql_topology_release(&topology);
}

/* A node that comes twice in a row counts once; a factor above the number of nodes is that number. */
static void test_more_replicas_than_nodes(void **state) {
    (void)state;
    static const struct node nodes[] = {{"dc", "r", {"0", "10", "20"}}, {"dc", "r", {"30"}}};
    static const char *const five[] = {"class", "SimpleStrategy", "replication_factor", "5"};
    struct cql_topology topology = {0};
    build(&topology, nodes, 2, five, 4);
    assert_int_equal(cql_topology_seal(&topology, SLICE("dc"), NULL), 0);
    assert_int_equal(topology.factor, 2);
    assert_replicas(&topology, 0, "ab");
    assert_replicas(&topology, 25, "ba");
    cql_topology_release(&topology);
}

/* Two data centres on one ring; only the local one counts, and transient replicas ("3/1") are replicas. */
static void test_network_strategy(void **state) {
    (void)state;
    static const struct node nodes[] = {{"east", "1", {"0"}},
                                        {"west", "1", {"10"}},
                                        {"east", "2", {"20"}},
                                        {"west", "1", {"30"}},
                                        {"east", "3", {"40"}}};
    static const char *const replication[] = {
        "class", "org.apache.cassandra.locator.NetworkTopologyStrategy", "east", "3/1", "west", "1"};
    struct cql_topology topology = {0};
    build(&topology, nodes, 5, replication, 6);
    assert_int_equal(cql_topology_seal(&topology, SLICE("east"), NULL), 0);
    assert_replicas(&topology, 5, "cea");
    assert_int_equal(cql_topology_seal(&topology, SLICE("west"), NULL), 0);
    assert_replicas(&topology, 5, "b");
    assert_replicas(&topology, 15, "d");
    cql_topology_release(&topology);
}

/* Racks not met before go first, as long as there are enough of them. */
static void test_racks(void **state) {
    (void)state;
    static const struct node nodes[] = {
        {"dc", "1", {"0"}}, {"dc", "1", {"10"}}, {"dc", "1", {"20"}}, {"dc", "2", {"30"}}};
    static const struct {
        const char *factor, *from_zero, *from_thirty;
    } cases[] = {{"1", "a", "d"}, {"2", "ad", "da"}, {"3", "abd", "dab"}, {"4", "abcd", "dabc"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *replication[] = {"dc", cases[i].factor, "class", "NetworkTopologyStrategy"};
        struct cql_topology topology = {0};
        build(&topology, nodes, 4, replication, 4);
        assert_int_equal(cql_topology_seal(&topology, SLICE("dc"), NULL), 0);
        assert_replicas(&topology, 0, cases[i].from_zero);
        assert_replicas(&topology, 30, cases[i].from_thirty);
        cql_topology_release(&topology);
    }
}

static void test_other_strategies(void **state) {
    (void)state;
    static const struct node nodes[] = {{"dc", "1", {"0"}}, {"dc", "1", {"10"}}};
    static const char *const cases[][4] = {{"class", "LocalStrategy", "x", "1"},
                                           {"class", "SimpleStrategy", "replication_factor", "many"},
                                           {"class", "NetworkTopologyStrategy", "elsewhere", "1"},
                                           {"class", "SimpleStrategy", "replication_factor", "-1"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cql_topology topology = {0};
        build(&topology, nodes, 2, cases[i], 4);
        assert_int_equal(cql_topology_seal(&topology, SLICE("dc"), NULL), 0);
        assert_replicas(&topology, 0, "");
        cql_topology_release(&topology);
    }
}

static void test_no_such_data_center(void **state) {
    (void)state;
    static const struct node nodes[] = {{"east", "1", {"0"}}, {"west", "1", {"10"}}, {"east", "1", {"20"}}};
    struct cql_topology topology = {0};
    struct error error;
    build(&topology, nodes, 3, simple_two, 4);
    assert_int_equal(cql_topology_seal(&topology, SLICE("north"), &error), ERROR_INVALID);
    assert_string_equal(error.message, "no node of Cassandra is in the data centre north; there are: east, west");
    cql_topology_release(&topology);
}

static void test_damaged(void **state) {
    (void)state;
    struct cql_topology topology = {0};
    struct cql_address address = {.length = 4};
    struct error error;
    assert_int_equal(cql_topology_add(&topology, &address, SLICE("dc"), SLICE("r"),
                                      (struct slice){"\x00\x00\x00\x01\x00\x00\x00\x02"
                                                     "1x",
                                                     10},
                                      &error),
                     ERROR_CORRUPT);
    assert_string_equal(error.message, "a token of a node is not a number: 1x");
    assert_int_equal(
        cql_topology_add(&topology, &address, SLICE("dc"), SLICE("r"), (struct slice){"\x7f\xff\xff\xff", 4}, &error),
        ERROR_CORRUPT);
    assert_int_equal(cql_topology_replicate(&topology,
                                            (struct slice){"\x00\x00\x00\x01\x00\x00\x00\x05"
                                                           "class\xff\xff\xff\xff",
                                                           17},
                                            &error),
                     ERROR_CORRUPT);
    assert_int_equal(topology.node_count, 0);
    cql_topology_release(&topology);
}

static void test_addresses(void **state) {
    (void)state;
    struct cql_address address, other;
    char text[CQL_ADDRESS_TEXT];
    assert_true(cql_address_of((struct slice){"\x7f\x00\x00\x02", 4}, 9042, &address));
    cql_address_write(&address, text);
    assert_string_equal(text, "127.0.0.2:9042");
    assert_true(cql_address_of((struct slice){"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16}, 1, &other));
    cql_address_write(&other, text);
    assert_string_equal(text, "[::1]:1");
    assert_false(cql_address_equal(&address, &other));
    assert_false(cql_address_of((struct slice){"123", 3}, 1, &other));
    assert_false(cql_address_of((struct slice){NULL, 4}, 1, &other));
    assert_true(cql_address_of((struct slice){"\0\0\0\0", 4}, 1, &other) && cql_address_is_any(&other));
    struct sockaddr_storage socket;
    assert_int_equal(cql_address_socket(&address, &socket), 16);
    assert_memory_equal((char *)&socket + 2, "\x23\x52\x7f\x00\x00\x02", 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_simple_strategy),
        cmocka_unit_test(test_more_replicas_than_nodes),
        cmocka_unit_test(test_network_strategy),
        cmocka_unit_test(test_racks),
        cmocka_unit_test(test_other_strategies),
        cmocka_unit_test(test_no_such_data_center),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
