/* The head of an HTTP/1.x request (RFC 9112), strictly: what different servers read differently is refused, so that no
 * load balancer in front can be made to see other requests than this server does. Refused are, each with 400 unless
 * said otherwise: bare LF or CR, NUL and other controls, folded lines, space before a colon, no Host or two, two
 * Content-Lengths (also equal ones) or one that is not digits alone, Content-Length beside Transfer-Encoding,
 * Transfer-Encoding in HTTP/1.0, another Transfer-Encoding than "chunked" (501), targets that are no path or URL.
 *
 * Slices point into the bytes. No allocation. */
#ifndef METERLINE_NET_HTTP_HEAD_H
#define METERLINE_NET_HTTP_HEAD_H

#include "core/slice.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { HTTP_HEAD_MAXIMUM = 16 * 1024, HTTP_FIELDS_MAXIMUM = 100 };

enum http_method {
    HTTP_GET = 1,
    HTTP_HEAD = 2,
    HTTP_POST = 4,
    HTTP_PUT = 8,
    HTTP_DELETE = 16,
    HTTP_OPTIONS = 32,
    HTTP_PATCH = 64,
    HTTP_OTHER = 128
};

struct http_field {
    struct slice name, value; /* without space around it */
};

struct http_head {
    enum http_method method;
    struct slice path;      /* as it came, begins with '/'; "*" for OPTIONS * */
    struct slice query;     /* after '?', without it; data NULL: none */
    struct slice host;      /* data NULL: none (HTTP/1.0) */
    int minor;              /* of the version: 0 or 1 */
    int64_t content_length; /* -1: not told */
    bool chunked;
    bool keep_alive;
    bool expects_continue;
    size_t field_count;
    struct http_field fields[HTTP_FIELDS_MAXIMUM];
};

struct http_refusal {
    int status; /* 400, 417, 431, 501, 505 */
    const char *reason;
};

/* Returns the length of the head with its empty line, 0: more bytes are needed, -1: refused, with why. */
ssize_t http_head_read(struct slice bytes, struct http_head *ret_head, struct http_refusal *ret_refusal);
/* The value of a field, the first of that name (any case); data NULL: there is none. */
struct slice http_head_field(const struct http_head *head, const char *name);
/* Is `token` (lower case) one of the comma-separated tokens of a field's value? */
bool http_list_has(struct slice list, const char *token);
/* A parameter of a query string or form, percent-decoded into `to` (`room` bytes); false: it is not there, badly
 * encoded, or longer. */
bool http_query_parameter(struct slice query, const char *name, char *to, size_t room, size_t *ret_length);

#endif
