#include "net/http/site.h"

#include "net/http/credential.h"

enum { CERTIFICATE_LOOK_MS = 5000 };

int http_site_check_address(const struct http_site *site, const char *address, struct error *error) {
    struct sockaddr_storage socket_address = {0};
    socklen_t length = 0;
    bool tokens = token_store_count(site->tokens) > 0;
    int status = net_address_resolve(address, &socket_address, &length, error);
    if (status)
        return status;
    struct net_address wanted = net_address_of((const struct sockaddr *)&socket_address);
    if (net_address_is_loopback(&wanted) || site->options.insecure || (tokens && site->tls))
        return 0;
    return error_set(error, ERROR_INVALID,
                     "%s can be reached from other machines, and there is no %s%s%s: make tokens with 'meterline token "
                     "create' and give --tls-certificate, or say --insecure to go without",
                     address, tokens ? "" : "token", tokens || site->tls ? "" : " and no ",
                     site->tls ? "" : "TLS certificate");
}

static int site_listen(struct http_site *site, const struct http_route *routes, void *context, struct error *error) {
    const struct http_site_options *options = &site->options;
    site->http = (struct http_server){.routes = routes,
                                      .context = context,
                                      .clock = options->clock,
                                      .body_maximum = options->body_maximum,
                                      .head_timeout = options->head_timeout,
                                      .idle_timeout = options->idle_timeout,
                                      .body_grace = options->body_grace};
    struct net_listener listener = {.address = options->address,
                                    .protocol = &http_protocol,
                                    .context = &site->http,
                                    .tls = site->tls,
                                    .proxied = options->proxied};
    int status = http_site_check_address(site, options->address, error);
    return status ? status : net_server_listen(site->server, &listener, &site->bound, error);
}

int http_site_open(struct http_site *site, const struct http_site_options *options, const struct http_route *routes,
                   void *context, struct error *error) {
    const struct net_server_options server = {.workers = options->workers,
                                              .connections = options->connections,
                                              .connections_of_address = options->connections_of_address,
                                              .bytes = options->bytes,
                                              .head_timeout = options->head_timeout,
                                              .send_timeout = options->send_timeout,
                                              .clock = options->clock,
                                              .log = options->log};
    *site = (struct http_site){.options = *options};
    int status = token_store_open(options->tokens_file, &site->tokens, error);
    if (!status && options->tls.certificate_file)
        status = server_tls_open(&options->tls, &site->tls, error);
    if (!status)
        status = net_server_open(&server, &site->server, error);
    if (!status && options->address)
        status = site_listen(site, routes, context, error);
    return status;
}

int http_site_start(struct http_site *site, struct error *error) {
    return net_server_start(site->server, error);
}

void http_site_refresh(struct http_site *site, bool force) {
    struct error error = {0};
    const struct http_site_options *options = &site->options;
    int64_t now = clock_monotonic_ns(options->clock) / 1000000;
    bool changed = false;
    if (token_store_refresh(site->tokens, &error))
        log_write(options->log, LOG_ERROR, "the tokens stay as they were: %s", error.message);
    if (!site->tls || (!force && now - site->certificates_looked_at < CERTIFICATE_LOOK_MS))
        return;
    site->certificates_looked_at = now;
    if (server_tls_reload(site->tls, force, &changed, &error))
        log_write(options->log, LOG_ERROR, "the certificate stays as it was: %s", error.message);
    else if (changed)
        log_write(options->log, LOG_INFO, "new connections get the certificate that is now in %s",
                  options->tls.certificate_file);
}

void http_site_leave(struct http_site *site) {
    atomic_store(&site->http.leaving, true);
}

void http_site_drain(struct http_site *site, int64_t timeout) {
    if (site->server)
        net_server_drain(site->server, timeout);
}

void http_site_close(struct http_site *site) {
    net_server_close(site->server);
    token_store_close(site->tokens);
    server_tls_close(site->tls);
    *site = (struct http_site){0};
}

int http_site_refusal(const struct http_site *site, const struct http_exchange *exchange, struct slice part,
                      const char *parameter, enum token_right right, struct token *ret_token, bool *ret_known) {
    struct token token;
    *ret_known = http_credential_find(exchange, part, parameter, site->tokens, clock_wall(site->options.clock), &token);
    if (*ret_known && ret_token)
        *ret_token = token;
    if (*ret_known)
        return token_allows(&token, right) ? 0 : 403;
    bool open = http_is_local(exchange) || (site->options.insecure && token_store_count(site->tokens) == 0);
    return open ? 0 : 401;
}
