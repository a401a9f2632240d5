/* Fuzz target: any bytes as the head of a request. What is taken must be what a strict reader sees: one Host, one way of telling the
 * length, no control characters; and taking it must not depend on what comes after it, nor on how much has come yet. */
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "net/http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_named(struct slice name, const char *word) {
    return name.length == strlen(word) && strncasecmp(name.data, word, name.length) == 0;
}

static void check_fields(const struct http_head *head) {
    size_t hosts = 0, lengths = 0, codings = 0;
    for (size_t i = 0; i < head->field_count; i++) {
        struct slice name = head->fields[i].name, value = head->fields[i].value;
        if (name.length == 0 || memchr(value.data, '\n', value.length) || memchr(value.data, '\r', value.length) ||
            memchr(value.data, '\0', value.length) || memchr(name.data, ' ', name.length))
            abort();
        hosts += is_named(name, "host");
        lengths += is_named(name, "content-length");
        codings += is_named(name, "transfer-encoding");
    }
    if (hosts > 1 || lengths + codings > 1 || (head->minor == 1 && hosts == 0) || (codings == 1) != head->chunked ||
        (lengths == 1) != (head->content_length >= 0) || (head->chunked && head->minor == 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct http_head head, again;
    struct http_refusal refusal = {0};
    struct slice bytes = {(const char *)data, size};
    char value[64];
    size_t length;
    ssize_t taken = http_head_read(bytes, &head, &refusal);
    if (taken < 0 && (refusal.status < 400 || refusal.status > 505 || !refusal.reason))
        abort();
    if (taken <= 0)
        return 0;
    check_fields(&head);
    http_query_parameter(head.query, "p", value, sizeof value, &length);
    if (http_head_read((struct slice){bytes.data, (size_t)taken}, &again, &refusal) != taken ||
        again.field_count != head.field_count || again.content_length != head.content_length)
        abort();
    for (size_t less = 0; less < (size_t)taken; less += 1 + (size_t)taken / 16)
        if (http_head_read((struct slice){bytes.data, less}, &again, &refusal) != 0)
            abort();
    return 0;
}
