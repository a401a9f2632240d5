/* TLS for a connection, as a filter: bytes from the network go in, plain bytes come out, and the other way round. It
 * touches no socket, so the connection keeps its own reading, writing and time-outs. TLS 1.2 or later; the server's
 * certificate must come from a trusted authority and be made out to the host that was asked for, unless the settings
 * say otherwise. */
#ifndef METERLINE_STORE_TLS_H
#define METERLINE_STORE_TLS_H

#include "core/bytes.h"
#include "core/error.h"
#include "core/slice.h"
#include <stdbool.h>

struct tls_settings {
    const char *authorities; /* PEM file of trusted certificates; NULL: the system's */
    const char *certificate; /* PEM chain of the client, or NULL */
    const char *key;         /* PEM of its key, not encrypted; NULL: in the certificate's file */
    bool trust_any;          /* neither authority nor host name are looked at */
};

struct tls_context; /* the settings, read; shared by the connections of one thread */
struct tls;         /* one connection */

int tls_context_open(const struct tls_settings *settings, struct tls_context **ret_context, struct error *error);
struct tls_context *tls_context_close(struct tls_context *context);

/* `host` is a name or an address; the certificate must be made out to it. */
int tls_open(struct tls_context *context, const char *host, struct tls **ret_tls, struct error *error);
struct tls *tls_close(struct tls *tls);

/* Does what goes to the host stay on this machine? */
bool tls_is_loopback(const char *host);

/* Takes what the network brought. */
int tls_feed(struct tls *tls, struct slice wire, struct error *error);
/* Goes on with the handshake; what must be sent is appended to `wire`. 1: done, 0: more must come from the network. */
int tls_handshake(struct tls *tls, struct bytes *wire, struct error *error);
/* Plain bytes that are complete, appended to `to`. *ret_closed: the server has said goodbye. */
int tls_read(struct tls *tls, struct bytes *to, bool *ret_closed, struct error *error);
/* Encrypts; appended to `wire`. */
int tls_write(struct tls *tls, struct slice plain, struct bytes *wire, struct error *error);

#endif
