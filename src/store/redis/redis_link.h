/* A connection to Redis, plain or by TLS: commands are appended, replies come in their order. It waits for the socket,
 * at most REDIS_TIMEOUT_S for each step. hiredis writes the commands and reads the replies; the bytes go through here,
 * as its own TLS is not in every distribution. One thread. */
#ifndef METERLINE_STORE_REDIS_REDIS_LINK_H
#define METERLINE_STORE_REDIS_REDIS_LINK_H

#include "core/error.h"
#include "store/tls.h"
#include <hiredis/hiredis.h>

enum { REDIS_TIMEOUT_S = 5 };

struct redis_link;

/* `tls` NULL: plain. ERROR_IO and retriable when the server is not there; ERROR_INVALID for a certificate that is not
 * accepted. */
int redis_link_open(const char *host, int port, struct tls_context *tls, struct redis_link **ret_link,
                    struct error *error);
struct redis_link *redis_link_close(struct redis_link *link);
/* `lengths` NULL: the words end with NUL. */
int redis_link_append(struct redis_link *link, int count, const char **words, const size_t *lengths,
                      struct error *error);
/* Sends what was appended and waits for the next reply, which is the caller's: freeReplyObject. A reply may be an
 * error of the server's. */
int redis_link_reply(struct redis_link *link, redisReply **ret_reply, struct error *error);

#endif
