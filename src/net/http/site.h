/* A site: an address where HTTP is spoken, its certificate, and the tokens of those who may come. What the commands that
 * listen have in common.
 *
 *     http_site_open ── tokens, certificate, address; refused: open to other machines without tokens and TLS
 *     http_site_start ── connections are accepted
 *     http_site_refresh, now and then ── tokens and certificates that have changed
 *     http_site_leave ─▶ http_site_drain ─▶ http_site_close */
#ifndef METERLINE_NET_HTTP_SITE_H
#define METERLINE_NET_HTTP_SITE_H

#include "core/log.h"
#include "net/http/http.h"
#include "net/server.h"
#include "net/tls.h"
#include "net/token.h"

struct http_site_options {
    const char *address;           /* HOST:PORT, NULL: none is listened on */
    bool proxied;                  /* connections begin with a PROXY header */
    struct server_tls_options tls; /* certificate_file NULL: plain */
    const char *tokens_file;
    /* Another address than loopback without TLS, or without a token in the file, is refused unless this is set. Then no
     * token is needed while there are none. */
    bool insecure;
    int workers;
    size_t connections, connections_of_address, bytes, body_maximum;
    int64_t head_timeout, idle_timeout, body_grace, send_timeout; /* ms */
    const struct clock *clock;
    const struct log *log;
};

struct http_site {
    struct http_site_options options;
    struct net_server *server;
    struct token_store *tokens;
    struct server_tls *tls; /* NULL: plain */
    struct http_server http;
    struct net_address bound;       /* with the port that it got */
    int64_t certificates_looked_at; /* monotonic ms */
};

/* Further listeners may be added to site->server before the start. What options point to, the routes and the handlers'
 * context outlive the site. After a failure http_site_close is to be called all the same. */
int http_site_open(struct http_site *site, const struct http_site_options *options, const struct http_route *routes,
                   void *context, struct error *error);
/* May this address be listened on? It is looked at before anything is bound: a name may stand for any address. */
int http_site_check_address(const struct http_site *site, const char *address, struct error *error);
int http_site_start(struct http_site *site, struct error *error);
/* `force`: certificates in any case. A failure is logged, and what there was stays in use. */
void http_site_refresh(struct http_site *site, bool force);
/* Answers ask clients to connect anew. */
void http_site_leave(struct http_site *site);
/* Accepts no more, and waits up to `timeout` ms for what is under way. */
void http_site_drain(struct http_site *site, int64_t timeout);
void http_site_close(struct http_site *site);
/* May the request do this, by its token? 0, 401 or 403. One of this machine needs no token; with one, it has the rights
 * of the token. `part` and `parameter` as in http_credential_find; *ret_token (may be NULL) is set when *ret_known. */
int http_site_refusal(const struct http_site *site, const struct http_exchange *exchange, struct slice part,
                      const char *parameter, enum token_right right, struct token *ret_token, bool *ret_known);

#endif
