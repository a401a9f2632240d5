/* Where clients put their token: Authorization (Bearer; Token, as InfluxDB 2 calls it; Basic, as the password), ?p= of
 * InfluxDB 1, the path of ThingsBoard, or a client certificate instead of one. */
#include <openssl/evp.h>
#include <strings.h>

#include "ingest/http_request.h"

enum { CREDENTIAL_MAXIMUM = 512 };

struct credential {
    char text[CREDENTIAL_MAXIMUM + 4]; /* EVP_DecodeBlock writes whole groups of three */
    size_t length;
};

static bool credential_set(struct credential *credential, struct slice text) {
    if (text.length == 0 || text.length > CREDENTIAL_MAXIMUM)
        return false;
    memcpy(credential->text, text.data, text.length);
    credential->length = text.length;
    return true;
}

/* What comes after the first colon, when there is one: "user:password". */
static struct slice after_colon(struct slice text) {
    const char *colon = memchr(text.data, ':', text.length);
    return colon ? (struct slice){colon + 1, text.length - (size_t)(colon + 1 - text.data)} : text;
}

static bool credential_basic(struct credential *credential, struct slice encoded) {
    char decoded[CREDENTIAL_MAXIMUM + 4];
    if (encoded.length == 0 || encoded.length % 4 || encoded.length > CREDENTIAL_MAXIMUM)
        return false;
    int length = EVP_DecodeBlock((unsigned char *)decoded, (const unsigned char *)encoded.data, (int)encoded.length);
    for (size_t i = encoded.length; length > 0 && encoded.data[--i] == '=';)
        length--;
    bool kept = length > 0 && credential_set(credential, after_colon((struct slice){decoded, (size_t)length}));
    OPENSSL_cleanse(decoded, sizeof decoded);
    return kept;
}

static bool credential_of_field(struct credential *credential, struct slice value) {
    const char *space = value.data ? memchr(value.data, ' ', value.length) : NULL;
    if (!space)
        return false;
    struct slice scheme = {value.data, (size_t)(space - value.data)};
    struct slice rest = {space + 1, value.length - scheme.length - 1};
    while (rest.length && *rest.data == ' ')
        rest = (struct slice){rest.data + 1, rest.length - 1};
    if (scheme.length == 6 && strncasecmp(scheme.data, "Bearer", 6) == 0)
        return credential_set(credential, rest);
    if (scheme.length == 5 && strncasecmp(scheme.data, "Token", 5) == 0)
        return credential_set(credential, after_colon(rest)); /* InfluxDB 1 writes user:password here */
    return scheme.length == 5 && strncasecmp(scheme.data, "Basic", 5) == 0 && credential_basic(credential, rest);
}

static bool credential_find(const struct ingest_request *request, struct credential *credential) {
    const struct http_exchange *exchange = request->exchange;
    if (request->dialect == DIALECT_THINGSBOARD)
        return credential_set(credential, exchange->parameter);
    if (credential_of_field(credential, http_head_field(&exchange->head, "authorization")))
        return true;
    return http_query_parameter(exchange->head.query, "p", credential->text, CREDENTIAL_MAXIMUM, &credential->length);
}

/* A proxy on this machine that speaks for clients elsewhere says so. */
static bool is_local(const struct http_exchange *exchange) {
    return net_address_is_loopback(&exchange->peer) && !http_head_field(&exchange->head, "forwarded").data &&
           !http_head_field(&exchange->head, "x-forwarded-for").data;
}

bool ingest_authorise(struct ingest_request *request) {
    struct http_exchange *exchange = request->exchange;
    struct ingest_http *ingest = request->ingest;
    struct credential credential = {.length = 0};
    int64_t now = clock_wall(ingest->clock);
    request->known =
        (credential_find(request, &credential) &&
         token_store_find(ingest->tokens, (struct slice){credential.text, credential.length}, now, &request->token)) ||
        token_store_find_certificate(ingest->tokens, exchange->certificate_name, now, &request->token);
    OPENSSL_cleanse(&credential, sizeof credential);
    if (!request->known && (is_local(exchange) || (ingest->insecure && token_store_count(ingest->tokens) == 0)))
        return true;
    if (!request->known) {
        http_answer_header(exchange, "WWW-Authenticate", "Bearer realm=\"meterline\"");
        http_answer_error(exchange, 401, "a token is needed: it is unknown, has expired, or there is none", 0);
        return false;
    }
    if (!token_allows(&request->token, TOKEN_INGEST))
        http_answer_error(exchange, 403, "the token may not write readings: it has no scope ingest", 0);
    return !exchange->answered;
}
