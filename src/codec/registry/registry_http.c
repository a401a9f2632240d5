/* libcurl set up for one registry: certificates, credentials, limits of time and size, no redirects. An answer is
 * kept whole up to its limit and read by registry_response.c. */
#include "codec/registry/registry_http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "core/bytes.h"
#include "core/memory.h"

enum { HTTP_SHOWN_SIZE = 300 };

struct registry_http {
    CURL *curl;
    struct curl_slist *headers;
    struct bytes body;            /* of the last answer */
    bool oversized;               /* there was more of it */
    bool redirected;              /* it sends to another address */
    bool own_user;                /* from the options: those of addresses do not count */
    char detail[CURL_ERROR_SIZE]; /* curl's own words */
};

/* --- options
 * ------------------------------------------------------------------------------------------------------------------ */

static int http_check_file(const char *what, const char *path, struct error *error) {
    if (!path || access(path, R_OK) == 0)
        return 0;
    char reason[128];
    return error_set(error, ERROR_INVALID, "the %s %.300s cannot be read: %s", what, path,
                     strerror_r(errno, reason, sizeof reason));
}

/* RFC 6750: a token has no spaces and no control characters; neither could be sent in a header. */
static bool http_token_valid(const char *token) {
    for (; *token; token++)
        if ((unsigned char)*token <= ' ' || (unsigned char)*token >= 0x7f)
            return false;
    return true;
}

static int http_check_options(const struct registry_client_options *options, struct error *error) {
    if (options->timeout_ms < 0 || options->timeout_ms > INT32_MAX)
        return error_set(error, ERROR_INVALID,
                         "the time-out of the schema registry is %lld ms; it must be between 1 and %d",
                         (long long)options->timeout_ms, INT32_MAX);
    if (options->password && !options->username)
        return error_set(error, ERROR_INVALID, "the schema registry was given a password without a user name");
    if (options->bearer_token && options->username)
        return error_set(error, ERROR_INVALID,
                         "the schema registry was given both a user name and a bearer token: give one of them");
    if (options->username && strchr(options->username, ':'))
        return error_set(error, ERROR_INVALID,
                         "the user name for the schema registry has a colon, which basic authentication cannot send");
    if (options->bearer_token && !http_token_valid(options->bearer_token))
        return error_set(error, ERROR_INVALID,
                         "the bearer token for the schema registry has spaces or characters that a header cannot hold");
    if (options->key_file && !options->certificate_file)
        return error_set(error, ERROR_INVALID, "the schema registry was given a key without a certificate");
    int status = http_check_file("file of authorities of the schema registry", options->ca_file, error);
    if (!status)
        status = http_check_file("certificate for the schema registry", options->certificate_file, error);
    return status ? status : http_check_file("key for the schema registry", options->key_file, error);
}

/* --- answers
 * ------------------------------------------------------------------------------------------------------------------ */

static size_t http_receive(char *data, size_t size, size_t count, void *context) {
    struct registry_http *http = context;
    size_t length = size * count;
    http->oversized = length > REGISTRY_BODY_MAXIMUM - http->body.length;
    if (http->oversized)
        return 0;
    bytes_append(&http->body, data, length);
    return http->body.failed ? 0 : length;
}

static int http_failed(const struct registry_http *http, CURLcode code, struct error *error) {
    const char *detail = http->detail[0] ? http->detail : curl_easy_strerror(code);
    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        return error_no_memory(error);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return error_set(error, ERROR_INVALID,
                         "%s: it is not the server of that name, or the authority of its certificate is not trusted "
                         "(give its file of authorities)",
                         detail);
    case CURLE_SSL_CACERT_BADFILE:
        return error_set(error, ERROR_INVALID, "%s: the file of authorities must be PEM", detail);
    case CURLE_SSL_CERTPROBLEM:
        return error_set(
            error, ERROR_INVALID,
            "%s: the client's certificate and key must be PEM, belong together, and the key's password be right",
            detail);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return error_set(error, ERROR_INVALID, "%s", detail);
    default:
        break;
    }
    if (http->body.failed)
        return error_no_memory(error);
    if (http->oversized)
        error_set(error, ERROR_IO, "the answer has more than %d bytes: is it a schema registry?",
                  REGISTRY_BODY_MAXIMUM);
    else
        error_set(error, ERROR_IO, "%s", detail);
    error->retriable = true;
    return ERROR_IO;
}

static int http_redirected(const struct registry_http *http, long status, struct error *error) {
    char shown[HTTP_SHOWN_SIZE] = "";
    const char *location = NULL;
    curl_easy_getinfo(http->curl, CURLINFO_REDIRECT_URL, &location);
    if (location)
        registry_address_show(location, shown, sizeof shown);
    return error_set(
        error, ERROR_INVALID,
        "HTTP status %ld sends to %s, which is not followed: give the address where the registry itself answers",
        status, shown[0] ? shown : "another address");
}

/* --- door
 * ------------------------------------------------------------------------------------------------------------------ */

#define HTTP_SET(code, http, option, value) ((code) = (code) ? (code) : curl_easy_setopt((http)->curl, option, value))

/* What is the same for all requests. */
static CURLcode http_configure(struct registry_http *http, const struct registry_client_options *options) {
    CURLcode code = CURLE_OK;
    HTTP_SET(code, http, CURLOPT_PROTOCOLS_STR, "http,https");
    HTTP_SET(code, http, CURLOPT_NOSIGNAL, 1L);
    HTTP_SET(code, http, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    HTTP_SET(code, http, CURLOPT_USERAGENT, "meterline/" METERLINE_VERSION);
    HTTP_SET(code, http, CURLOPT_TIMEOUT_MS,
             (long)(options->timeout_ms ? options->timeout_ms : REGISTRY_CLIENT_TIMEOUT_MS));
    HTTP_SET(code, http, CURLOPT_ERRORBUFFER, http->detail);
    HTTP_SET(code, http, CURLOPT_HTTPHEADER, http->headers);
    HTTP_SET(code, http, CURLOPT_WRITEFUNCTION, http_receive);
    HTTP_SET(code, http, CURLOPT_WRITEDATA, http);
    HTTP_SET(code, http, CURLOPT_USERNAME, options->username);
    HTTP_SET(code, http, CURLOPT_PASSWORD, options->password);
    HTTP_SET(code, http, CURLOPT_XOAUTH2_BEARER, options->bearer_token);
    HTTP_SET(code, http, CURLOPT_HTTPAUTH, (long)(options->bearer_token ? CURLAUTH_BEARER : CURLAUTH_BASIC));
    if (options->ca_file)
        HTTP_SET(code, http, CURLOPT_CAINFO, options->ca_file);
    HTTP_SET(code, http, CURLOPT_SSLCERT, options->certificate_file);
    HTTP_SET(code, http, CURLOPT_SSLKEY, options->key_file);
    HTTP_SET(code, http, CURLOPT_KEYPASSWD, options->key_password);
    return code;
}

/* What curl would make of it: no waiting for "100 Continue" before a body. */
static bool http_make_headers(struct registry_http *http) {
    static const char *const headers[] = {"Content-Type: application/vnd.schemaregistry.v1+json",
                                          "Accept: application/vnd.schemaregistry.v1+json, application/json",
                                          "Expect:"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct curl_slist *longer = curl_slist_append(http->headers, headers[i]);
        if (!longer)
            return false;
        http->headers = longer;
    }
    return true;
}

int registry_http_open(const struct registry_client_options *options, struct registry_http **ret_http,
                       struct error *error) {
    int status = http_check_options(options, error);
    if (status)
        return status;
    struct registry_http *http = memory_zero(1, sizeof *http);
    if (!http || curl_global_init(CURL_GLOBAL_DEFAULT)) {
        free(http);
        return error_no_memory(error);
    }
    http->own_user = options->username || options->bearer_token;
    http->curl = curl_easy_init();
    CURLcode code = http->curl && http_make_headers(http) ? http_configure(http, options) : CURLE_OUT_OF_MEMORY;
    if (code) {
        registry_http_close(http);
        return code == CURLE_OUT_OF_MEMORY ? error_no_memory(error)
                                           : error_set(error, ERROR_UNSUPPORTED, "libcurl %s cannot be used: %s",
                                                       curl_version(), curl_easy_strerror(code));
    }
    *ret_http = http;
    return 0;
}

struct registry_http *registry_http_close(struct registry_http *http) {
    if (!http)
        return NULL;
    curl_easy_cleanup(http->curl);
    curl_slist_free_all(http->headers);
    curl_global_cleanup();
    bytes_release(&http->body);
    free(http);
    return NULL;
}

static CURLcode http_perform(struct registry_http *http, const struct registry_address *address, const char *url,
                             struct slice body) {
    CURLcode code = CURLE_OK;
    HTTP_SET(code, http, CURLOPT_URL, url);
    if (!http->own_user) {
        HTTP_SET(code, http, CURLOPT_USERNAME, address->username);
        HTTP_SET(code, http, CURLOPT_PASSWORD, address->password);
    }
    if (body.data) {
        HTTP_SET(code, http, CURLOPT_POST, 1L);
        HTTP_SET(code, http, CURLOPT_POSTFIELDS, body.data);
        HTTP_SET(code, http, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.length);
    } else {
        HTTP_SET(code, http, CURLOPT_HTTPGET, 1L);
    }
    return code ? code : curl_easy_perform(http->curl);
}

int registry_http_request(struct registry_http *http, const struct registry_address *address, const char *path,
                          struct slice body, long *ret_status, struct slice *ret_body, struct error *error) {
    cleanup(bytes_release) struct bytes url = {0};
    bytes_append_string(&url, address->base);
    bytes_append_string(&url, path);
    bytes_append_char(&url, '\0');
    if (url.failed)
        return error_no_memory(error);
    http->body.length = 0;
    http->body.failed = http->oversized = http->redirected = false;
    http->detail[0] = '\0';
    CURLcode code = http_perform(http, address, url.data, body);
    if (code)
        return http_failed(http, code, error);
    long status = 0;
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
    http->redirected = status >= 300 && status < 400;
    if (http->redirected)
        return http_redirected(http, status, error);
    *ret_status = status;
    *ret_body = bytes_slice(&http->body);
    return 0;
}

bool registry_http_answered(const struct registry_http *http) {
    return http->oversized || http->redirected;
}
