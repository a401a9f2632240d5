/* Tokens: what the file holds, who is found, what scopes allow, and what a damaged or open file does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/token.h"

struct folder {
    char path[64], file[96];
};

static void open_folder(struct folder *folder) {
    snprintf(folder->path, sizeof folder->path, "/tmp/meterline-token-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->file, sizeof folder->file, "%s/tokens", folder->path);
}

static void close_folder(struct folder *folder) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder->path);
    assert_int_equal(system(command), 0);
}

static void create(const struct folder *folder, const char *scopes, const char *name, int64_t expires, bool certificate,
                   char text[TOKEN_TEXT_SIZE], char id[TOKEN_ID_LENGTH + 1]) {
    struct token token = {.created = 1000, .expires = expires, .certificate = certificate};
    struct error error;
    snprintf(token.scopes, sizeof token.scopes, "%s", scopes);
    snprintf(token.name, sizeof token.name, "%s", name);
    if (token_create(folder->file, &token, text, &error))
        fail_msg("%s", error.message);
    memcpy(id, token.id, sizeof token.id);
}

static void test_scopes(void **state) {
    (void)state;
    static const struct {
        const char *scopes;
        bool valid, ingest, query, admin, gw1, gw2, other;
    } cases[] = {{"ingest", true, true, false, false, true, true, true},
                 {"ingest:gw-1", true, true, false, false, true, false, false},
                 {"ingest:gw-*", true, true, false, false, true, true, false},
                 {"ingest:gw-1,ingest:gw-2,query", true, true, true, false, true, true, false},
                 {"ingest:*", true, true, false, false, true, true, true},
                 {"query", true, false, true, false, false, false, false},
                 {"admin", true, true, true, true, true, true, true},
                 {"", false},
                 {"ingest:", false},
                 {"ingest:g*w", false},
                 {"read", false},
                 {"query,", true, false, true, false, false, false, false},
                 {"query,,admin", false},
                 {"ingest:a\tb", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct token token = {0};
        struct error error;
        snprintf(token.scopes, sizeof token.scopes, "%s", cases[i].scopes);
        if ((token_check_scopes(cases[i].scopes, &error) == 0) != cases[i].valid)
            fail_msg("'%s' is taken for the other", cases[i].scopes);
        if (!cases[i].valid)
            continue;
        assert_int_equal(token_allows(&token, TOKEN_INGEST), cases[i].ingest);
        assert_int_equal(token_allows(&token, TOKEN_QUERY), cases[i].query);
        assert_int_equal(token_allows(&token, TOKEN_ADMIN), cases[i].admin);
        assert_int_equal(token_allows_gateway(&token, SLICE("gw-1")), cases[i].gw1);
        assert_int_equal(token_allows_gateway(&token, SLICE("gw-2")), cases[i].gw2);
        assert_int_equal(token_allows_gateway(&token, SLICE("house")), cases[i].other);
    }
}

static void test_create_find_revoke(void **state) {
    (void)state;
    struct folder folder;
    struct token_store *store;
    struct token token;
    struct error error = {0};
    struct stat file;
    char first[TOKEN_TEXT_SIZE], second[TOKEN_TEXT_SIZE], none[TOKEN_TEXT_SIZE], first_id[9], second_id[9], third_id[9];
    open_folder(&folder);
    assert_int_equal(token_store_open(folder.file, &store, &error), 0);
    assert_int_equal(token_store_count(store), 0);
    create(&folder, "ingest:gw-*", "telegraf", 5000, false, first, first_id);
    create(&folder, "query", "a name with spaces", 0, false, second, second_id);
    create(&folder, "ingest", "meter-17", 9000, true, none, third_id);
    assert_string_equal(none, "");
    assert_string_not_equal(first, second);
    assert_int_equal(stat(folder.file, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);

    assert_int_equal(token_store_refresh(store, &error), 0);
    assert_int_equal(token_store_count(store), 3);
    assert_true(token_store_find(store, slice_of(first), 4999, &token));
    assert_string_equal(token.id, first_id);
    assert_string_equal(token.name, "telegraf");
    assert_string_equal(token.scopes, "ingest:gw-*");
    assert_false(token_store_find(store, slice_of(first), 5000, &token)); /* expired */
    assert_true(token_store_find(store, slice_of(second), INT64_MAX, &token));
    assert_string_equal(token.name, "a name with spaces");
    assert_true(token_store_find_certificate(store, SLICE("meter-17"), 8999, &token));
    assert_false(token_store_find_certificate(store, SLICE("meter-17"), 9000, &token));
    assert_false(token_store_find_certificate(store, SLICE("telegraf"), 1, &token));
    assert_false(token_store_find_certificate(store, SLICE(""), 1, &token));
    for (size_t i = 0; i < sizeof first - 1; i++) { /* one wrong character */
        first[i] ^= 1;
        assert_false(token_store_find(store, slice_of(first), 1, &token));
        first[i] ^= 1;
    }
    assert_false(token_store_find(store, (struct slice){first, 20}, 1, &token));

    assert_int_equal(token_revoke(folder.file, first_id, &error), 0);
    assert_int_equal(token_revoke(folder.file, first_id, &error), ERROR_NOT_FOUND);
    assert_int_equal(token_store_refresh(store, &error), 0);
    assert_false(token_store_find(store, slice_of(first), 1, &token));
    assert_true(token_store_find(store, slice_of(second), 1, &token));
    token_store_close(store);
    close_folder(&folder);
}

/* The file holds nothing that a reader of it could use. */
static void test_no_secrets_in_the_file(void **state) {
    (void)state;
    struct folder folder;
    char text[TOKEN_TEXT_SIZE], id[9], content[4096] = "";
    open_folder(&folder);
    create(&folder, "admin", "x", 0, false, text, id);
    FILE *file = fopen(folder.file, "r");
    assert_true(fread(content, 1, sizeof content - 1, file) > 0);
    fclose(file);
    assert_non_null(strstr(content, id));
    assert_null(strstr(content, text));
    assert_null(strstr(content, text + sizeof "mlt_" - 1 + TOKEN_ID_LENGTH + 1));
    close_folder(&folder);
}

static void write_file(const struct folder *folder, const char *content, mode_t mode) {
    unlink(folder->file);
    FILE *file = fopen(folder->file, "w");
    fputs(content, file);
    fclose(file);
    chmod(folder->file, mode);
}

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_files_that_cannot_be_used(void **state) {
    (void)state;
    static const char *const wrong[] = {"x",
                                        "0123abcd\t" HASH "\tingest\t1\t0\n",
                                        "0123abcd\t" HASH "\tread\t1\t0\tn\n",
                                        "0123abcd\t" HASH "0\tingest\t1\t0\tn\n",
                                        "0123abc\t" HASH "\tingest\t1\t0\tn\n",
                                        "0123abcd\t" HASH "\tingest\tx\t0\tn\n"};
    struct folder folder;
    struct token_store *store = NULL, *kept;
    struct error error = {0};
    open_folder(&folder);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_file(&folder, wrong[i], 0600);
        if (token_store_open(folder.file, &store, &error) != ERROR_INVALID || !strstr(error.message, "line 1"))
            fail_msg("case %zu: %s", i, error.message);
    }
    write_file(&folder, "# comment\n\n0123abcd\t" HASH "\tingest\t1\t0\tn\n", 0600);
    assert_int_equal(token_store_open(folder.file, &kept, &error), 0);
    assert_int_equal(token_store_count(kept), 1);
    /* A server that runs keeps what it has. */
    write_file(&folder, "x", 0600);
    assert_int_equal(token_store_refresh(kept, &error), ERROR_INVALID);
    assert_int_equal(token_store_refresh(kept, &error), 0); /* said once */
    assert_int_equal(token_store_count(kept), 1);
    write_file(&folder, "0123abcd\t" HASH "\tingest\t1\t0\tn\n", 0644);
    assert_int_equal(token_store_open(folder.file, &store, &error), ERROR_INVALID);
    assert_non_null(strstr(error.message, "chmod 600"));
    token_store_close(kept);
    close_folder(&folder);
}

static void test_many_are_found(void **state) {
    (void)state;
    enum { TOKENS = 64 };
    static char texts[TOKENS][TOKEN_TEXT_SIZE];
    struct folder folder;
    struct token_store *store;
    struct token token;
    struct error error;
    char id[9], name[16];
    open_folder(&folder);
    for (int i = 0; i < TOKENS; i++) {
        snprintf(name, sizeof name, "n%d", i);
        create(&folder, "ingest", name, 0, false, texts[i], id);
    }
    assert_int_equal(token_store_open(folder.file, &store, &error), 0);
    for (int i = 0; i < TOKENS; i++) {
        snprintf(name, sizeof name, "n%d", i);
        assert_true(token_store_find(store, slice_of(texts[i]), 1, &token));
        assert_string_equal(token.name, name);
        assert_true(token_store_at(store, (size_t)i, &token));
        assert_string_equal(token.name, name);
    }
    assert_false(token_store_at(store, TOKENS, &token));
    token_store_close(store);
    close_folder(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scopes), cmocka_unit_test(test_create_find_revoke),
                                       cmocka_unit_test(test_no_secrets_in_the_file),
                                       cmocka_unit_test(test_files_that_cannot_be_used),
                                       cmocka_unit_test(test_many_are_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
