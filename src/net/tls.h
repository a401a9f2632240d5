/* TLS of a server's listeners by OpenSSL: versions 1.2 and 1.3, a certificate that is read again when its files
 * change, client certificates when an authority for them is given. */
#ifndef METERLINE_NET_TLS_H
#define METERLINE_NET_TLS_H

#include "core/error.h"
#include "core/log.h"
#include <openssl/ssl.h>
#include <stdbool.h>

struct server_tls;

struct server_tls_options {
    const char *certificate_file; /* PEM: the server's and those between it and the root */
    const char *key_file;         /* PEM; NULL: in certificate_file */
    const char *client_ca_file;   /* PEM: who may sign client certificates; NULL: none are asked for */
    bool client_required;         /* a client without one is refused; otherwise it may come without */
};

/* Reads the files; what options point to outlives it. ERROR_INVALID names the file. */
int server_tls_open(const struct server_tls_options *options, struct server_tls **ret_tls, struct error *error);
struct server_tls *server_tls_close(struct server_tls *tls);
/* Reads the files again when one of them has changed, or `force`. A failure leaves what there was in use and fills
 * `error`. *ret_changed: new connections get the new certificate. Any one thread at a time. */
int server_tls_reload(struct server_tls *tls, bool force, bool *ret_changed, struct error *error);
/* A session of the certificate in use; the caller's. NULL: no memory. Any thread. */
SSL *server_tls_session(struct server_tls *tls);

#endif
