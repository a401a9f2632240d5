#include "net/http/credential.h"

#include <openssl/evp.h>
#include <strings.h>

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

static bool credential_read(struct credential *credential, const struct http_exchange *exchange, struct slice part,
                            const char *parameter) {
    if (part.data)
        return credential_set(credential, part);
    if (credential_of_field(credential, http_head_field(&exchange->head, "authorization")))
        return true;
    return parameter && http_query_parameter(exchange->head.query, parameter, credential->text, CREDENTIAL_MAXIMUM,
                                             &credential->length);
}

bool http_credential_find(const struct http_exchange *exchange, struct slice part, const char *parameter,
                          struct token_store *tokens, int64_t now, struct token *ret_token) {
    struct credential credential = {.length = 0};
    bool found = (credential_read(&credential, exchange, part, parameter) &&
                  token_store_find(tokens, (struct slice){credential.text, credential.length}, now, ret_token)) ||
                 token_store_find_certificate(tokens, exchange->certificate_name, now, ret_token);
    OPENSSL_cleanse(&credential, sizeof credential);
    return found;
}

bool http_is_local(const struct http_exchange *exchange) {
    return net_address_is_loopback(&exchange->peer) && !http_head_field(&exchange->head, "forwarded").data &&
           !http_head_field(&exchange->head, "x-forwarded-for").data;
}
