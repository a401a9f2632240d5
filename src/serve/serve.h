/* Serving as one: the server with its listeners, its tasks, tokens and certificates. What `meterline serve` runs, and
 * what `meterline up` runs beside the rest. */
#ifndef METERLINE_SERVE_SERVE_H
#define METERLINE_SERVE_SERVE_H

#include "bus/bus.h"
#include "net/http/site.h"

struct serve;

struct serve_options {
    struct http_site_options site;
    struct bus *bus;
    const char *version;                  /* of the program */
    const char *index_folder, *index_log; /* of keys that SELECT has asked for, as answer_options has them */
    size_t tasks;                         /* requests that have a thread of their own at once: statements and queries */
};

/* Listens and starts. What options point to outlives it. */
int serve_open(const struct serve_options *options, struct serve **ret_serve, struct error *error);
struct net_address serve_http_address(const struct serve *serve); /* with the port that it got */
/* To be called now and then: reads tokens and certificates again that have changed, `force`: certificates in any case. */
void serve_refresh(struct serve *serve, bool force);
/* Ends what is under way, and all. NULL is fine; returns NULL. */
struct serve *serve_close(struct serve *serve, int64_t timeout);

#endif
