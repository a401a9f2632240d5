/* Records of a topic as HTTP POSTs to a URL: {"topic", "partition", "offset", "timestamp", "key", "value"}; a value
 * that is JSON stands as it is, Avro as JSON, other bytes as a string.
 *
 * At least once: a record counts when the server has answered 2xx. No answer, 408, 429 and 5xx are tried again,
 * after the time that Retry-After names; any other answer rejects the record. */
#ifndef METERLINE_STREAM_SINK_WEBHOOK_SINK_H
#define METERLINE_STREAM_SINK_WEBHOOK_SINK_H

#include "model/registry.h"
#include "stream/sink/sink.h"

extern const struct sink_target webhook_sink_target;
/* `url`: http or https. `authorization`: of the header of that name, or NULL. Copied; no message shows them.
 * `registry`: of Avro's schemas. ERROR_INVALID: no such URL, or control
 * characters in the header. */
/* ERROR_INVALID: the url is none of http or https, or the authorization could not be a header. */
int webhook_validate(const char *url, const char *authorization, struct error *error);
int webhook_sink_new(const char *url, const char *authorization, const struct registry *registry, void **ret_context,
                     struct error *error);

#endif
