#include "net/tls.h"

#include <openssl/err.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "core/memory.h"

enum { TLS_FILES = 3 };

struct tls_stamp {
    struct timespec modified;
    off_t size;
    ino_t number;
};

struct server_tls {
    struct server_tls_options options;
    struct tls_stamp stamps[TLS_FILES]; /* of the files when they were read */
    pthread_mutex_t lock;               /* of `context` */
    SSL_CTX *context;
};

static int tls_failed(struct error *error, const char *what, const char *file) {
    unsigned long code = ERR_peek_last_error();
    char reason[160] = "it cannot be used";
    if (code)
        ERR_error_string_n(code, reason, sizeof reason);
    ERR_clear_error();
    return error_set(error, ERROR_INVALID, "%s %s: %s", what, file, reason);
}

static const char *tls_key_file(const struct server_tls_options *options) {
    return options->key_file ? options->key_file : options->certificate_file;
}

static int tls_load_authority(SSL_CTX *context, const struct server_tls_options *options, struct error *error) {
    if (!options->client_ca_file)
        return 0;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(options->client_ca_file);
    if (!names || SSL_CTX_load_verify_file(context, options->client_ca_file) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return tls_failed(error, "client certificate authority", options->client_ca_file);
    }
    SSL_CTX_set_client_CA_list(context, names); /* the context's from now on */
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (options->client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       NULL);
    return 0;
}

static int tls_load(const struct server_tls_options *options, SSL_CTX **ret_context, struct error *error) {
    static const unsigned char session_context[] = "meterline";
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context)
        return error_no_memory(error);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_id_context(context, session_context, sizeof session_context - 1);
    int status = 0;
    if (SSL_CTX_use_certificate_chain_file(context, options->certificate_file) != 1)
        status = tls_failed(error, "certificate", options->certificate_file);
    else if (SSL_CTX_use_PrivateKey_file(context, tls_key_file(options), SSL_FILETYPE_PEM) != 1 ||
             SSL_CTX_check_private_key(context) != 1)
        status = tls_failed(error, "private key", tls_key_file(options));
    else
        status = tls_load_authority(context, options, error);
    if (status)
        SSL_CTX_free(context);
    else
        *ret_context = context;
    return status;
}

static void tls_stamp_files(const struct server_tls *tls, struct tls_stamp stamps[TLS_FILES]) {
    const char *files[TLS_FILES] = {tls->options.certificate_file, tls->options.key_file, tls->options.client_ca_file};
    struct stat file;
    for (size_t i = 0; i < TLS_FILES; i++) {
        memset(&stamps[i], 0, sizeof stamps[i]);
        if (files[i] && stat(files[i], &file) == 0)
            stamps[i] = (struct tls_stamp){file.st_mtim, file.st_size, file.st_ino};
    }
}

static bool tls_files_differ(const struct tls_stamp *a, const struct tls_stamp *b) {
    for (size_t i = 0; i < TLS_FILES; i++)
        if (a[i].modified.tv_sec != b[i].modified.tv_sec || a[i].modified.tv_nsec != b[i].modified.tv_nsec ||
            a[i].size != b[i].size || a[i].number != b[i].number)
            return true;
    return false;
}

int server_tls_open(const struct server_tls_options *options, struct server_tls **ret_tls, struct error *error) {
    struct server_tls *tls = memory_zero(1, sizeof *tls);
    if (!tls)
        return error_no_memory(error);
    tls->options = *options;
    pthread_mutex_init(&tls->lock, NULL);
    tls_stamp_files(tls, tls->stamps);
    int status = tls_load(options, &tls->context, error);
    if (status)
        server_tls_close(tls);
    else
        *ret_tls = tls;
    return status;
}

struct server_tls *server_tls_close(struct server_tls *tls) {
    if (!tls)
        return NULL;
    SSL_CTX_free(tls->context);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
    return NULL;
}

/* Files that cannot be used are not tried again until they change once more: half of a pair may have been replaced. */
int server_tls_reload(struct server_tls *tls, bool force, bool *ret_changed, struct error *error) {
    struct tls_stamp stamps[TLS_FILES];
    SSL_CTX *context = NULL;
    tls_stamp_files(tls, stamps);
    *ret_changed = false;
    if (!force && !tls_files_differ(stamps, tls->stamps))
        return 0;
    memcpy(tls->stamps, stamps, sizeof stamps);
    int status = tls_load(&tls->options, &context, error);
    if (status)
        return status;
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *old = tls->context;
    tls->context = context;
    pthread_mutex_unlock(&tls->lock);
    SSL_CTX_free(old); /* sessions hold it as long as they need it */
    *ret_changed = true;
    return 0;
}

SSL *server_tls_session(struct server_tls *tls) {
    pthread_mutex_lock(&tls->lock);
    SSL *session = SSL_new(tls->context);
    pthread_mutex_unlock(&tls->lock);
    return session;
}
