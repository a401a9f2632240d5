/* Errors, allocation, arenas, byte buffers, hashes, the clock and log lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/arena.h"
#include "core/bytes.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/hash.c" /* the source, so that the way without the instruction is tested on every machine */
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "core/varint.h"

/* Asked for what is not there, the sanitizer's malloc shall say no instead of stopping the program. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

static void test_error_message(void **state) {
    (void)state;
    struct error error = {0};
    assert_int_equal(error_set(&error, ERROR_INVALID, "line %d: %s", 7, "no timestamp"), ERROR_INVALID);
    assert_string_equal(error.message, "line 7: no timestamp");
    assert_int_equal(error_wrap(&error, "reading %s", "x.csv"), ERROR_INVALID);
    assert_string_equal(error.message, "reading x.csv: line 7: no timestamp");
    assert_int_equal(error.code, ERROR_INVALID);
    assert_false(error.retriable);
    error_set(&error, ERROR_BUSY, "%s, again", error.message);
    assert_string_equal(error.message, "reading x.csv: line 7: no timestamp, again");
    assert_true(error.retriable);
    assert_int_equal(error_wrap(&error, "group g"), ERROR_BUSY);
    assert_true(error.retriable);
}

static void test_error_errno(void **state) {
    (void)state;
    struct error error;
    assert_int_equal(error_set_errno(&error, ENOENT, "opening %s", "a"), ERROR_IO);
    assert_string_equal(error.message, "opening a: No such file or directory");
    assert_int_equal(error_set_errno(&error, ENOMEM, "opening a"), ERROR_NO_MEMORY);
    assert_int_equal(error_no_memory(&error), ERROR_NO_MEMORY);
    assert_string_equal(error.message, "out of memory");
    assert_int_equal(error_set(NULL, ERROR_CORRUPT, "x"), ERROR_CORRUPT);
    assert_int_equal(error_set_errno(NULL, ENOMEM, "x"), ERROR_NO_MEMORY);
    assert_int_equal(error_no_memory(NULL), ERROR_NO_MEMORY);
}

static void test_error_long(void **state) {
    (void)state;
    struct error error;
    char text[1200];
    memset(text, 'a', sizeof text);
    text[999] = '\0';
    error_set(&error, ERROR_IO, "%s", text); /* fits to the byte */
    assert_string_equal(error.message, text);
    text[999] = 'a';
    text[1000] = '\0';
    error_set(&error, ERROR_IO, "%s", text);
    assert_int_equal(strlen(error.message), 999);
    assert_string_equal(error.message + 994, "aa...");
    error_set(&error, ERROR_IO, "short");
    error_wrap(&error, "%s", text);
    assert_int_equal(strlen(error.message), 999);
    assert_string_equal(error.message + 994, "aa...");
}

static void test_memory(void **state) {
    (void)state;
    char *zero = memory_zero(3, 5);
    assert_memory_equal(zero, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
    free(zero);
    /* volatile: the compiler would warn about sizes that cannot be */
    volatile size_t huge = SIZE_MAX / 2;
    assert_null(memory_zero(huge, 3));
    assert_null(memory_resize(NULL, huge, 3));
    int *numbers = NULL;
    size_t capacity = 0;
    for (size_t i = 0; i < 1000; i++) {
        assert_true(memory_reserve((void **)&numbers, &capacity, i + 1, sizeof *numbers));
        assert_true(capacity > i);
        numbers[i] = (int)i;
    }
    assert_int_equal(capacity, 1024);
    int *before = numbers;
    assert_false(memory_reserve((void **)&numbers, &capacity, huge, sizeof *numbers));
    assert_false(memory_reserve((void **)&numbers, &capacity, SIZE_MAX, sizeof *numbers));
    assert_ptr_equal(numbers, before);
    assert_int_equal(capacity, 1024);
    assert_int_equal(numbers[999], 999);
    free(numbers);
}

static void test_arena(void **state) {
    (void)state;
    struct arena arena = {0};
    for (int round = 0; round < 3; round++) {
        char *last = NULL;
        for (size_t size = 0; size < 2000; size++) {
            char *memory = arena_allocate(&arena, size);
            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % 16, 0);
            assert_true(!last || last[size - 2] == (char)(size - 1));
            if (size)
                memory[0] = memory[size - 1] = (char)size;
            last = size ? memory : NULL;
        }
        arena_reset(&arena);
    }
    struct slice copy = arena_copy(&arena, SLICE("meter"));
    assert_int_equal(copy.length, 5);
    assert_string_equal(copy.data, "meter");
    assert_non_null(arena_copy(&arena, SLICE("")).data);
    assert_null(arena_copy(&arena, (struct slice){NULL, 0}).data);
    assert_null(arena_allocate(&arena, SIZE_MAX));
    assert_null(arena_allocate(&arena, SIZE_MAX - 8));
    assert_null(arena_allocate(&arena, SIZE_MAX / 2)); /* asked of malloc, which has not got it */
    assert_string_equal(copy.data, "meter");
    arena_release(&arena);
    assert_null(arena.blocks);
}

/* After two rounds of the same size the third finds its memory where the second did: nothing is allocated. */
static void test_arena_steady(void **state) {
    (void)state;
    struct arena arena = {0};
    struct arena_block *block = NULL;
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 3000; i++)
            assert_non_null(arena_allocate(&arena, 100));
        assert_true(round < 3 || arena.blocks == block);
        block = arena.blocks;
        arena_reset(&arena);
        assert_ptr_equal(arena.blocks, block);
    }
    arena_release(&arena);
}

static void test_bytes(void **state) {
    (void)state;
    struct bytes bytes = {0};
    assert_string_equal(bytes_slice(&bytes).data, "");
    bytes_append_string(&bytes, "gateway");
    bytes_append_char(&bytes, '.');
    bytes_append_slice(&bytes, SLICE("WATER"));
    bytes_append_slice(&bytes, SLICE(""));
    bytes_append_format(&bytes, " %d%%", 42);
    assert_true(slice_equal(bytes_slice(&bytes), SLICE("gateway.WATER 42%")));
    bytes_append_format(&bytes, "%0300d", 7);
    assert_int_equal(bytes.length, 17 + 300);
    assert_memory_equal(bytes.data + 17 + 290, "0000000007", 10);
    assert_false(bytes.failed);
    bytes_release(&bytes);
    assert_null(bytes.data);
}

static void test_bytes_failed(void **state) {
    (void)state;
    struct bytes bytes = {0};
    bytes_append_string(&bytes, "abc");
    assert_null(bytes_reserve(&bytes, SIZE_MAX / 8)); /* more than there is */
    assert_true(bytes.failed);
    bytes_append_string(&bytes, "d"); /* would have fitted; must not appear after a hole */
    bytes_append_varint(&bytes, 1);
    bytes_append_format(&bytes, "%d", 1);
    assert_int_equal(bytes.length, 3);
    assert_null(bytes_reserve(&bytes, SIZE_MAX));
    assert_memory_equal(bytes.data, "abc", 3);
    bytes_release(&bytes);
}

static void test_varint(void **state) {
    (void)state;
    static const struct {
        uint64_t value;
        const char *bytes;
        size_t length;
    } cases[] = {
        {0, "\x00", 1},       {127, "\x7f", 1},           {128, "\x80\x01", 2},
        {300, "\xac\x02", 2}, {16384, "\x80\x80\x01", 3}, {UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cleanup(bytes_release) struct bytes bytes = {0};
        bytes_append_varint(&bytes, cases[i].value);
        assert_true(slice_equal(bytes_slice(&bytes), (struct slice){cases[i].bytes, cases[i].length}));
        const char *at = bytes.data;
        uint64_t value = 0;
        assert_true(varint_read(&at, bytes.data + bytes.length, &value));
        assert_true(value == cases[i].value && at == bytes.data + bytes.length);
        at = bytes.data;
        assert_false(varint_read(&at, bytes.data + bytes.length - 1, &value));
    }
    static const int64_t whole[] = {0, -1, 1, -2, 63, -64, 64, INT64_MAX, INT64_MIN};
    static const uint8_t first[] = {0, 1, 2, 3, 126, 127, 128, 254, 255};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        cleanup(bytes_release) struct bytes bytes = {0};
        bytes_append_zigzag(&bytes, whole[i]);
        assert_int_equal((uint8_t)bytes.data[0], first[i]);
        const char *at = bytes.data;
        int64_t value = 0;
        assert_true(zigzag_read(&at, bytes.data + bytes.length, &value));
        assert_true(value == whole[i]);
    }
}

/* RFC 3720, appendix B.4, and the check value of the catalogue of CRCs. */
static void test_crc32c(void **state) {
    (void)state;
    unsigned char zeros[32] = {0}, ones[32], up[32];
    memset(ones, 0xff, sizeof ones);
    for (int i = 0; i < 32; i++)
        up[i] = (unsigned char)i;
    const struct {
        const void *data;
        size_t length;
        uint32_t crc;
    } cases[] = {{zeros, 32, 0x8a9136aa},
                 {ones, 32, 0x62a8ab43},
                 {up, 32, 0x46dd794e},
                 {"123456789", 9, 0xe3069283},
                 {"", 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(hash_crc32c(0, cases[i].data, cases[i].length) == cases[i].crc);
        assert_true(~crc_by_table(~UINT32_C(0), cases[i].data, cases[i].length) == cases[i].crc);
    }
    for (size_t cut = 0; cut <= 32; cut++)
        assert_true(hash_crc32c(hash_crc32c(0, up, cut), up + cut, 32 - cut) == 0x46dd794e);
}

enum { HASH_KEYS = 100000 };

static int compare_words(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Keys as meterline's: no two alike, and the low and the high bits fill a table evenly. */
/* 64 random bits, the same whenever they are asked for; keys that share a slot without them do not with them. */
static void test_hash_seed(void **state) {
    (void)state;
    uint64_t found = hash_seed();
    size_t together = 0, made = 0;
    assert_true(found != 0 && found == hash_seed());
    for (uint32_t i = 0; made < 1000; i++)
        if (hash_bytes(&i, sizeof i, 0) % 256 == 7) {
            made++;
            together += hash_bytes(&i, sizeof i, found) % 256 == 7;
        }
    assert_true(together < 100);
}

static void test_hash_spread(void **state) {
    (void)state;
    uint64_t *hashes = malloc(HASH_KEYS * sizeof *hashes);
    unsigned low[1024] = {0}, high[1024] = {0};
    assert_non_null(hashes);
    for (int i = 0; i < HASH_KEYS; i++) {
        char key[64];
        int length = snprintf(key, sizeof key, "%d.ELECTRICITY.%s", i / 4,
                              (const char *[]){"VOLTAGE", "INTENSITY", "ACTIVE_POWER", "X"}[i % 4]);
        hashes[i] = hash_bytes(key, (size_t)length, 0);
        low[hashes[i] % 1024]++;
        high[hashes[i] >> 54]++;
    }
    double expected = HASH_KEYS / 1024.0, low_chi = 0, high_chi = 0;
    for (int i = 0; i < 1024; i++) {
        low_chi += (low[i] - expected) * (low[i] - expected) / expected;
        high_chi += (high[i] - expected) * (high[i] - expected) / expected;
    }
    assert_true(low_chi < 1250 && high_chi < 1250); /* 1023 degrees of freedom: 5 standard deviations */
    qsort(hashes, HASH_KEYS, sizeof *hashes, compare_words);
    for (int i = 1; i < HASH_KEYS; i++)
        assert_true(hashes[i - 1] != hashes[i]);
    free(hashes);
}

/* Each bit of each length counts, and so do length and seed; about half of the bits of the hash change. */
static void test_hash_bits(void **state) {
    (void)state;
    char zeros[80] = {0};
    for (size_t length = 0; length < 80; length++) {
        char key[80] = {0};
        uint64_t hash = hash_bytes(key, length, 1), flipped = 0;
        assert_true(hash == hash_bytes(zeros, length, 1));
        assert_true(hash != hash_bytes(key, length, 2));
        assert_true(length == 0 || hash != hash_bytes(key, length - 1, 1));
        for (size_t bit = 0; bit < length * 8; bit++) {
            key[bit / 8] ^= (char)(1 << bit % 8);
            uint64_t other = hash_bytes(key, length, 1);
            assert_true(other != hash);
            flipped += (uint64_t)__builtin_popcountll(other ^ hash);
            key[bit / 8] ^= (char)(1 << bit % 8);
        }
        if (length >= 4) {
            double average = (double)flipped / ((double)length * 8);
            assert_true(average > 28 && average < 36);
        }
    }
}

static void test_clock(void **state) {
    (void)state;
    int64_t wall = clock_wall(&clock_system), start = clock_monotonic_ns(&clock_system);
    assert_true(wall > INT64_C(1600000000000));
    clock_sleep_ns(&clock_system, 2000000);
    clock_sleep_ns(&clock_system, -5);
    assert_true(clock_monotonic_ns(&clock_system) - start >= 2000000);
    assert_true(clock_wall(&clock_system) - wall < 60000);
}

static void read_log_line(const struct log *log, enum log_level level, const char *text, char *line, size_t size) {
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    dup2(ends[1], STDERR_FILENO);
    log_write(log, level, "%s", text);
    dup2(saved, STDERR_FILENO);
    ssize_t length = read(ends[0], line, size - 1);
    line[length < 0 ? 0 : length] = '\0';
    close(saved);
    close(ends[0]);
    close(ends[1]);
}

static void test_log(void **state) {
    (void)state;
    const struct log log = {LOG_WARNING};
    char line[4096], text[3000];
    read_log_line(&log, LOG_ERROR, "disk full", line, sizeof line);
    assert_string_equal(line, "meterline: error: disk full\n");
    read_log_line(&log, LOG_WARNING, "a\nmeterline: error: b", line, sizeof line);
    assert_string_equal(line, "meterline: warning: a meterline: error: b\n");
    read_log_line(&log, LOG_INFO, "quiet", line, sizeof line);
    assert_string_equal(line, "");
    read_log_line(NULL, LOG_ERROR, "nobody", line, sizeof line);
    assert_string_equal(line, "");
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    read_log_line(&log, LOG_ERROR, text, line, sizeof line);
    assert_true(strlen(line) >= 2046 && strlen(line) <= 2048);
    assert_string_equal(line + strlen(line) - 2, "x\n");
}

static void take_line(void *context, enum log_level level, const char *text) {
    snprintf(context, 100, "%d %s", (int)level, text);
}

/* Lines that are taken are not on stderr. */
static void test_log_taken(void **state) {
    (void)state;
    char taken[100] = "", line[100];
    const struct log log = {.level = LOG_WARNING, .write = take_line, .context = taken};
    read_log_line(&log, LOG_INFO, "quiet", line, sizeof line);
    assert_string_equal(taken, "");
    read_log_line(&log, LOG_WARNING, "a\nb", line, sizeof line);
    assert_string_equal(taken, "1 a b");
    assert_string_equal(line, "");
}

/* One byte of each kind at each place of a text, of every length up to some words. */
static void test_text_bytes(void **state) {
    (void)state;
    enum { LENGTH = 70 };
    static const struct {
        unsigned char byte;
        bool ascii, free; /* of controls */
    } cases[] = {{0, true, false},    {0x1f, true, false}, {0x20, true, true},  {0x7e, true, true},
                 {0x7f, true, false}, {0x80, false, true}, {0x9f, false, true}, {0xff, false, true}};
    char text[LENGTH + 2], copy[LENGTH];
    for (size_t length = 0; length <= LENGTH; length++) {
        memset(text, 'a', sizeof text);
        text[0] = text[length + 1] = (char)0xff; /* outside */
        struct slice slice = {text + 1, length};
        assert_true(text_ascii(slice) && text_without_controls(slice));
        for (size_t place = 0; place < length; place++)
            for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                memcpy(copy, slice.data, length);
                text[1 + place] = (char)cases[i].byte;
                assert_int_equal(text_ascii(slice), cases[i].ascii);
                assert_int_equal(text_without_controls(slice), cases[i].free);
                assert_false(text_same(slice.data, copy, length));
                copy[place] = (char)cases[i].byte;
                assert_true(text_same(slice.data, copy, length));
                text[1 + place] = 'a';
            }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_message), cmocka_unit_test(test_error_errno),  cmocka_unit_test(test_error_long),
        cmocka_unit_test(test_memory),        cmocka_unit_test(test_arena),        cmocka_unit_test(test_arena_steady),
        cmocka_unit_test(test_bytes),         cmocka_unit_test(test_bytes_failed), cmocka_unit_test(test_varint),
        cmocka_unit_test(test_crc32c),        cmocka_unit_test(test_hash_seed),    cmocka_unit_test(test_hash_spread),
        cmocka_unit_test(test_hash_bits),     cmocka_unit_test(test_clock),        cmocka_unit_test(test_log),
        cmocka_unit_test(test_log_taken),     cmocka_unit_test(test_text_bytes),
    };
    return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}
