/* Inside of serve/: what handlers and tasks have at hand. */
#ifndef METERLINE_SERVE_SERVICE_H
#define METERLINE_SERVE_SERVICE_H

#include "serve/serve.h"
#include "serve/task.h"

struct serve {
    struct serve_options options;
    struct http_site site;
    struct tasks *tasks;
};

static inline struct serve *serve_of(const struct http_exchange *exchange) {
    return exchange->server->context;
}

/* May the request do this? 0, or 401 or 403. A request of this machine needs no token. */
int serve_refusal(const struct http_exchange *exchange, enum token_right right);

#endif
