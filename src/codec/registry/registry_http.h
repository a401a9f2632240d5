/* One request to a schema registry over HTTP, by libcurl. One thread at a time. */
#ifndef METERLINE_CODEC_REGISTRY_REGISTRY_HTTP_H
#define METERLINE_CODEC_REGISTRY_REGISTRY_HTTP_H

#include "codec/registry/registry_address.h"
#include "codec/registry/registry_client.h"

enum { REGISTRY_BODY_MAXIMUM = 4 << 20 };

struct registry_http;

/* Checks and copies the options but for `url`. */
int registry_http_open(const struct registry_client_options *options, struct registry_http **ret_http,
                       struct error *error);
struct registry_http *registry_http_close(struct registry_http *http);

/* GET, or POST when `body` has data. The answer's body, of at most REGISTRY_BODY_MAXIMUM bytes, lives until the next
 * request. Redirects are not followed: they and bad certificates are ERROR_INVALID; that no whole answer came is
 * ERROR_IO, retriable. Messages do not say which address it was. */
int registry_http_request(struct registry_http *http, const struct registry_address *address, const char *path,
                          struct slice body, long *ret_status, struct slice *ret_body, struct error *error);
/* Did the last request, which failed, bring an answer all the same: a redirect, or too large a body? */
bool registry_http_answered(const struct registry_http *http);

#endif
