/* Where clients put their token: Authorization (Bearer; Token, as InfluxDB 2 calls it; Basic, as the password), a
 * parameter of the query string, a part of the path, or a client certificate instead of one. */
#ifndef METERLINE_NET_HTTP_CREDENTIAL_H
#define METERLINE_NET_HTTP_CREDENTIAL_H

#include "net/http/http.h"
#include "net/token.h"

/* Looks for a token that is known and has not expired. `part`: text of the path that is one, data NULL: none;
 * `parameter`: name of a parameter of the query string, NULL: none. Any thread that has the exchange. */
bool http_credential_find(const struct http_exchange *exchange, struct slice part, const char *parameter,
                          struct token_store *tokens, int64_t now, struct token *ret_token);
/* Does the request come from this machine, and not through a proxy that speaks for clients elsewhere? */
bool http_is_local(const struct http_exchange *exchange);

#endif
