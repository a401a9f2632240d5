/* Tokens: who may do what. A file of one line a token, for its owner alone (0600), that holds hashes and no secrets:
 *
 *     ID  HASH  SCOPES  CREATED  EXPIRES  NAME        separated by tabs; times in ms, EXPIRES 0: never
 *
 * HASH is the SHA-256 of the token in hexadecimal, or "certificate": the holder of a client certificate with common name
 * NAME needs no token. A token is mlt_ID_SECRET with 192 random bits, so a plain hash cannot be guessed back.
 *
 * Scopes, separated by commas: ingest (all gateways), ingest:NAME, ingest:PREFIX*, query, admin (everything). */
#ifndef METERLINE_NET_TOKEN_H
#define METERLINE_NET_TOKEN_H

#include "core/error.h"
#include "core/slice.h"
#include <stdbool.h>
#include <stdint.h>

enum { TOKEN_ID_LENGTH = 8, TOKEN_NAME_MAXIMUM = 255, TOKEN_SCOPES_MAXIMUM = 1023, TOKEN_TEXT_SIZE = 62 };

struct token {
    char id[TOKEN_ID_LENGTH + 1];
    char name[TOKEN_NAME_MAXIMUM + 1];
    char scopes[TOKEN_SCOPES_MAXIMUM + 1];
    unsigned char hash[32];
    bool certificate;
    int64_t created, expires; /* ms since the epoch; expires 0: never */
};

enum token_right { TOKEN_INGEST, TOKEN_QUERY, TOKEN_ADMIN };

/* ERROR_INVALID names the scope that is none. */
int token_check_scopes(const char *scopes, struct error *error);
bool token_allows(const struct token *token, enum token_right right);
/* May it write readings of this gateway? */
bool token_allows_gateway(const struct token *token, struct slice gateway);

struct token_store;

/* Reads the file; one that is missing holds no tokens. ERROR_INVALID names the line. */
int token_store_open(const char *file, struct token_store **ret_store, struct error *error);
struct token_store *token_store_close(struct token_store *store);
/* Reads the file again when it has changed; a failure leaves the tokens there were. One thread at a time. */
int token_store_refresh(struct token_store *store, struct error *error);
/* Any thread; `now`: ms since the epoch. False: unknown or expired. The secret is compared in constant time. */
bool token_store_find(struct token_store *store, struct slice text, int64_t now, struct token *ret_token);
bool token_store_find_certificate(struct token_store *store, struct slice name, int64_t now, struct token *ret_token);
size_t token_store_count(struct token_store *store);
/* By position, in the order of the file. */
bool token_store_at(struct token_store *store, size_t index, struct token *ret_token);

/* Adds a token to the file, which is made when it is missing; `token` gets its id and hash. ret_text: the token, shown
 * this once ("" for a certificate). */
int token_create(const char *file, struct token *token, char ret_text[TOKEN_TEXT_SIZE], struct error *error);
/* ERROR_NOT_FOUND: there is no token of this id. */
int token_revoke(const char *file, const char *id, struct error *error);

#endif
