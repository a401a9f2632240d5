/* One POST at a time: what was acknowledged is done, whatever becomes of the next. */
#include "stream/sink/webhook_sink.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdlib.h>

#include "codec/avro/avro_text.h"
#include "codec/json/json.h"
#include "core/memory.h"

enum { WEBHOOK_TIMEOUT_MS = 10000 };
#define WEBHOOK_PAUSE_MAXIMUM_S INT64_C(3600) /* no server makes an alarm wait longer than that */

struct webhook {
    CURL *curl;
    struct curl_slist *headers;
    struct bytes body;
    struct avro_text *avro;
    int64_t pause_ns; /* Retry-After of the last answer that was to be tried again; 0: it named none */
};

static void webhook_close(void *context) {
    struct webhook *webhook = context;
    curl_easy_cleanup(webhook->curl);
    curl_slist_free_all(webhook->headers);
    bytes_release(&webhook->body);
    avro_text_free(webhook->avro);
    free(webhook);
}

static size_t webhook_ignore(char *data, size_t size, size_t count, void *context) {
    (void)data, (void)context;
    return size * count;
}

static bool webhook_add_header(struct webhook *webhook, const char *name, const char *value) {
    cleanup(bytes_release) struct bytes line = {0};
    bytes_append_format(&line, "%s: %s", name, value);
    bytes_append_char(&line, '\0');
    struct curl_slist *headers = line.failed ? NULL : curl_slist_append(webhook->headers, line.data);
    if (headers)
        webhook->headers = headers;
    return headers != NULL;
}

int webhook_validate(const char *url, const char *authorization, struct error *error) {
    for (const char *at = authorization; at && *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return error_set(error, ERROR_INVALID,
                             "the authorization of a webhook has a line break or another control character");
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return error_set(error, ERROR_INVALID, "the url of a webhook begins with http:// or https://");
    CURLU *parts = curl_url();
    CURLUcode wrong = parts ? curl_url_set(parts, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;
    curl_url_cleanup(parts);
    if (wrong == CURLUE_OUT_OF_MEMORY)
        return error_no_memory(error);
    return wrong ? error_set(error, ERROR_INVALID, "the url of a webhook cannot be read: %s", curl_url_strerror(wrong))
                 : 0;
}

int webhook_sink_new(const char *url, const char *authorization, const struct registry *registry, void **ret_context,
                     struct error *error) {
    int status = webhook_validate(url, authorization, error);
    struct webhook *webhook = status ? NULL : memory_zero(1, sizeof *webhook);
    if (!webhook)
        return status ? status : error_no_memory(error);
    status = avro_text_new(registry, &webhook->avro, error);
    if (status) {
        webhook_close(webhook);
        return status;
    }
    webhook->curl = curl_easy_init();
    if (!webhook->curl || !webhook_add_header(webhook, "Content-Type", "application/json") ||
        (authorization && !webhook_add_header(webhook, "Authorization", authorization))) {
        webhook_close(webhook);
        return error_no_memory(error);
    }
    curl_easy_setopt(webhook->curl, CURLOPT_URL, url);
    curl_easy_setopt(webhook->curl, CURLOPT_HTTPHEADER, webhook->headers);
    curl_easy_setopt(webhook->curl, CURLOPT_WRITEFUNCTION, webhook_ignore);
    curl_easy_setopt(webhook->curl, CURLOPT_TIMEOUT_MS, (long)WEBHOOK_TIMEOUT_MS);
    curl_easy_setopt(webhook->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(webhook->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    *ret_context = webhook;
    return 0;
}

static int webhook_value(struct webhook *webhook, struct slice value, struct error *error) {
    struct bytes *to = &webhook->body;
    bool written = false;
    int status = value.data ? avro_text_write(webhook->avro, value, to, &written, error) : 0;
    if (!value.data)
        bytes_append_string(to, "null");
    else if (!written && json_object_valid(value))
        bytes_append_slice(to, value);
    else if (!written)
        json_write_string(to, value);
    return status;
}

static int webhook_body(struct webhook *webhook, const struct bus_batch *records, size_t index, struct error *error) {
    const struct bus_record *record = &records->records[index];
    struct bytes *body = &webhook->body;
    body->length = 0;
    bytes_append_string(body, "{\"topic\":");
    json_write_string(body, slice_of(records->topic));
    bytes_append_format(body, ",\"partition\":%" PRId32 ",\"offset\":%" PRId64 ",\"timestamp\":%" PRId64 ",\"key\":",
                        records->partition, records->base_offset + (int64_t)index, record->timestamp);
    int status = webhook_value(webhook, record->key, error);
    bytes_append_string(body, ",\"value\":");
    if (!status)
        status = webhook_value(webhook, record->value, error);
    bytes_append_char(body, '}');
    return !status && body->failed ? error_no_memory(error) : status;
}

static int webhook_post(struct webhook *webhook, const struct bus_batch *records, size_t index,
                        struct dead_letters *dead_letters, struct error *error) {
    long answer = 0;
    curl_off_t retry_after = 0;
    char reason[128];
    int status = webhook_body(webhook, records, index, error);
    webhook->pause_ns = 0;
    if (status)
        return status;
    curl_easy_setopt(webhook->curl, CURLOPT_POSTFIELDS, webhook->body.data);
    curl_easy_setopt(webhook->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)webhook->body.length);
    CURLcode code = curl_easy_perform(webhook->curl);
    curl_easy_getinfo(webhook->curl, CURLINFO_RESPONSE_CODE, &answer);
    if (code == CURLE_OK && answer >= 200 && answer < 300)
        return 0;
    if (code == CURLE_OK && answer < 500 && answer != 408 && answer != 429) {
        snprintf(reason, sizeof reason, "the webhook answered %ld", answer);
        return dead_letters_reject(dead_letters, records, index, reason, error);
    }
    if (code == CURLE_OK) {
        curl_easy_getinfo(webhook->curl, CURLINFO_RETRY_AFTER, &retry_after);
        retry_after = retry_after < WEBHOOK_PAUSE_MAXIMUM_S ? retry_after : WEBHOOK_PAUSE_MAXIMUM_S;
        webhook->pause_ns = retry_after > 0 ? retry_after * INT64_C(1000000000) : 0;
        error_set(error, ERROR_IO, "the webhook answered %ld", answer);
    } else
        error_set(error, ERROR_IO, "the webhook cannot be reached: %s", curl_easy_strerror(code));
    error->retriable = true;
    return ERROR_IO;
}

static int webhook_write(void *context, const struct bus_batch *records, struct dead_letters *dead_letters,
                         size_t *ret_done, struct error *error) {
    int status = webhook_post(context, records, 0, dead_letters, error);
    *ret_done = !status;
    return status;
}

static int64_t webhook_pause(const void *context) {
    return ((const struct webhook *)context)->pause_ns;
}

static int webhook_flush(void *context, struct error *error) {
    (void)context, (void)error;
    return 0; /* each record was acknowledged as it was written */
}

const struct sink_target webhook_sink_target = {.name = "the webhook",
                                                .write = webhook_write,
                                                .flush = webhook_flush,
                                                .pause_ns = webhook_pause,
                                                .close = webhook_close};
