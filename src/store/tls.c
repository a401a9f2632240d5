/* OpenSSL between two memory buffers. What the library wants to send is drained after every call. */
#include "store/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "core/memory.h"

enum { TLS_RECORD = 16 << 10 }; /* plain bytes of a record, at most */

struct tls_context {
    SSL_CTX *openssl;
    bool trust_any;
};

struct tls {
    SSL *openssl; /* owns both BIOs */
    BIO *from_network, *to_network;
};

/* OpenSSL's newest reason, and an empty queue. */
static const char *tls_reason(void) {
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return reason ? reason : "no reason given";
}

/* Asked for the pass phrase of an encrypted key: there is none, and the terminal is not to be asked. */
static int tls_no_pass_phrase(char *to, int room, int writing, void *context) {
    (void)to, (void)room, (void)writing, (void)context;
    return -1;
}

static int tls_trust(SSL_CTX *openssl, const struct tls_settings *settings, struct error *error) {
    SSL_CTX_set_verify(openssl, settings->trust_any ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (settings->trust_any)
        return 0;
    int good = settings->authorities ? SSL_CTX_load_verify_file(openssl, settings->authorities)
                                     : SSL_CTX_set_default_verify_paths(openssl);
    if (good == 1)
        return 0;
    return error_set(error, ERROR_INVALID, "cannot read trusted certificates from %s: %s; a PEM file is expected",
                     settings->authorities ? settings->authorities : "the system's folder", tls_reason());
}

static int tls_identify(SSL_CTX *openssl, const struct tls_settings *settings, struct error *error) {
    if (!settings->certificate)
        return 0;
    const char *key = settings->key ? settings->key : settings->certificate;
    if (SSL_CTX_use_certificate_chain_file(openssl, settings->certificate) != 1)
        return error_set(error, ERROR_INVALID,
                         "cannot read the client's certificate from %s: %s; a PEM file is expected",
                         settings->certificate, tls_reason());
    if (SSL_CTX_use_PrivateKey_file(openssl, key, SSL_FILETYPE_PEM) != 1)
        return error_set(
            error, ERROR_INVALID,
            "cannot read the client's key from %s: %s; an unencrypted PEM file that fits the certificate is expected",
            key, tls_reason());
    return 0;
}

int tls_context_open(const struct tls_settings *settings, struct tls_context **ret_context, struct error *error) {
    ERR_clear_error();
    struct tls_context *context = memory_zero(1, sizeof *context);
    if (!context || !(context->openssl = SSL_CTX_new(TLS_client_method()))) {
        free(context);
        return error_no_memory(error);
    }
    context->trust_any = settings->trust_any;
    SSL_CTX_set_min_proto_version(context->openssl, TLS1_2_VERSION);
    SSL_CTX_set_default_passwd_cb(context->openssl, tls_no_pass_phrase);
    SSL_CTX_set_mode(context->openssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context->openssl, SSL_OP_NO_RENEGOTIATION);
    int status = tls_trust(context->openssl, settings, error);
    if (!status)
        status = tls_identify(context->openssl, settings, error);
    if (status) {
        tls_context_close(context);
        return status;
    }
    *ret_context = context;
    return 0;
}

struct tls_context *tls_context_close(struct tls_context *context) {
    if (context)
        SSL_CTX_free(context->openssl);
    free(context);
    return NULL;
}

static bool tls_is_address(const char *host) {
    unsigned char address[16];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

bool tls_is_loopback(const char *host) {
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0;
}

/* The name to be found in the certificate, and (RFC 6066) the name that is asked for, which an address is not. */
static bool tls_expect(SSL *openssl, const char *host, bool trust_any) {
    bool address = tls_is_address(host);
    if (!address && SSL_set_tlsext_host_name(openssl, host) != 1)
        return false;
    X509_VERIFY_PARAM *parameters = SSL_get0_param(openssl);
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return trust_any || (address ? X509_VERIFY_PARAM_set1_ip_asc(parameters, host)
                                 : X509_VERIFY_PARAM_set1_host(parameters, host, 0)) == 1;
}

int tls_open(struct tls_context *context, const char *host, struct tls **ret_tls, struct error *error) {
    struct tls *tls = memory_zero(1, sizeof *tls);
    if (tls)
        tls->openssl = SSL_new(context->openssl);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    if (!tls || !tls->openssl || !in || !out) {
        BIO_free(in);
        BIO_free(out);
        tls_close(tls);
        return error_no_memory(error);
    }
    SSL_set_bio(tls->openssl, in, out);
    tls->from_network = in;
    tls->to_network = out;
    SSL_set_connect_state(tls->openssl);
    if (!tls_expect(tls->openssl, host, context->trust_any)) {
        tls_close(tls);
        return error_set(error, ERROR_INVALID, "%s is not a host name for TLS: %s", host, tls_reason());
    }
    *ret_tls = tls;
    return 0;
}

struct tls *tls_close(struct tls *tls) {
    if (tls)
        SSL_free(tls->openssl);
    free(tls);
    return NULL;
}

int tls_feed(struct tls *tls, struct slice wire, struct error *error) {
    if (!wire.length || BIO_write(tls->from_network, wire.data, (int)wire.length) == (int)wire.length)
        return 0;
    return error_no_memory(error);
}

static int tls_drain(struct tls *tls, struct bytes *wire, struct error *error) {
    size_t waiting = BIO_ctrl_pending(tls->to_network);
    if (!waiting)
        return 0;
    char *to = bytes_reserve(wire, waiting);
    if (!to)
        return error_no_memory(error);
    int got = BIO_read(tls->to_network, to, (int)waiting);
    wire->length += got > 0 ? (size_t)got : 0;
    return 0;
}

static int tls_failed(struct tls *tls, const char *doing, struct error *error) {
    long verdict = SSL_get_verify_result(tls->openssl);
    if (verdict != X509_V_OK && SSL_get_verify_mode(tls->openssl) != SSL_VERIFY_NONE) {
        ERR_clear_error();
        return error_set(error, ERROR_INVALID, "the server's TLS certificate is not accepted: %s",
                         X509_verify_cert_error_string(verdict));
    }
    int code = error_set(error, ERROR_IO, "TLS %s failed: %s", doing, tls_reason());
    if (error)
        error->retriable = true;
    return code;
}

static bool tls_waits(int reason) {
    return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE;
}

int tls_handshake(struct tls *tls, struct bytes *wire, struct error *error) {
    ERR_clear_error();
    int result = SSL_do_handshake(tls->openssl), reason = SSL_get_error(tls->openssl, result);
    int status = tls_drain(tls, wire, error); /* also the alert that says why it failed */
    if (status)
        return status;
    if (result == 1)
        return 1;
    return tls_waits(reason) ? 0 : tls_failed(tls, "handshake", error);
}

int tls_read(struct tls *tls, struct bytes *to, bool *ret_closed, struct error *error) {
    ERR_clear_error();
    for (;;) {
        char *room = bytes_reserve(to, TLS_RECORD);
        if (!room)
            return error_no_memory(error);
        int got = SSL_read(tls->openssl, room, TLS_RECORD);
        if (got > 0) {
            to->length += (size_t)got;
            continue;
        }
        int reason = SSL_get_error(tls->openssl, got);
        if (reason != SSL_ERROR_ZERO_RETURN && !tls_waits(reason))
            return tls_failed(tls, "reading", error);
        *ret_closed = reason == SSL_ERROR_ZERO_RETURN;
        return 0;
    }
}

int tls_write(struct tls *tls, struct slice plain, struct bytes *wire, struct error *error) {
    ERR_clear_error();
    while (plain.length) {
        int part = plain.length < TLS_RECORD ? (int)plain.length : TLS_RECORD;
        int sent = SSL_write(tls->openssl, plain.data, part);
        if (sent <= 0)
            return tls_failed(tls, "writing", error);
        plain.data += sent;
        plain.length -= (size_t)sent;
    }
    return tls_drain(tls, wire, error);
}
