/* Content codings of request bodies: gzip (RFC 1952, several members too) and zstd (RFC 8878), with limits on what they
 * may become. */
#ifndef METERLINE_NET_HTTP_CONTENT_H
#define METERLINE_NET_HTTP_CONTENT_H

#include "core/bytes.h"

enum http_coding { HTTP_IDENTITY, HTTP_GZIP, HTTP_ZSTD, HTTP_CODING_UNKNOWN };

/* A body may be so many times as long as what was sent, and this much more. */
enum { HTTP_RATIO_MAXIMUM = 200, HTTP_RATIO_FREE = 64 * 1024 };

/* Of the value of Content-Encoding; data NULL: HTTP_IDENTITY. */
enum http_coding http_coding_of(struct slice name);

struct http_content_limits {
    size_t maximum; /* bytes after decoding */
    /* Asked before so many more bytes are taken; false: there is no room. */
    bool (*hold)(void *context, size_t bytes);
    void *context;
};

/* Appends the decoded body. Returns 0 or the status to refuse with, and why: 400 not in this coding or cut off, 413
 * too long, 503 no room. */
int http_content_decode(enum http_coding coding, struct slice from, const struct http_content_limits *limits,
                        struct bytes *to, const char **ret_reason);

#endif
