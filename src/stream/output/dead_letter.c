#include "stream/output/dead_letter.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"

int mail_open(struct mail *mail, struct bus_producer *producer, const char *name, struct error *error) {
    static const struct bus_topic_settings kept = {.retention_time = -1, .retention_bytes = -1};
    *mail = (struct mail){.producer = producer, .headers = mail->headers, .header_capacity = mail->header_capacity};
    return bus_producer_topic(producer, name, &kept, &mail->topic, &mail->partitions, error);
}

void mail_open_later(struct mail *mail, struct bus_producer *producer, const char *name) {
    *mail = (struct mail){.producer = producer, .name = name};
}

void mail_release(struct mail *mail) {
    free(mail->headers);
    *mail = (struct mail){0};
}

static struct bus_header header_of(const char *name, const char *value) {
    return (struct bus_header){slice_of(name), slice_of(value)};
}

int mail_produce(struct mail *mail, const struct bus_batch *batch, size_t index, const struct bus_header *why,
                 size_t why_count, struct error *error) {
    struct bus_record record = batch->records[index];
    int status = mail->name ? mail_open(mail, mail->producer, mail->name, error) : 0;
    if (status)
        return status;
    size_t count = record.header_count;
    if (!memory_reserve((void **)&mail->headers, &mail->header_capacity, count + why_count + 3, sizeof *mail->headers))
        return error_no_memory(error);
    char partition[16], offset[24];
    snprintf(partition, sizeof partition, "%d", (int)batch->partition);
    snprintf(offset, sizeof offset, "%lld", (long long)(batch->base_offset + (int64_t)index));
    if (count)
        memcpy(mail->headers, record.headers, count * sizeof *record.headers);
    memcpy(mail->headers + count, why, why_count * sizeof *why);
    count += why_count;
    mail->headers[count++] = header_of("origin.topic", batch->topic);
    mail->headers[count++] = header_of("origin.partition", partition);
    mail->headers[count++] = header_of("origin.offset", offset);
    record.headers = mail->headers;
    record.header_count = count;
    return bus_produce(mail->producer, mail->topic, batch->partition % mail->partitions, &record, error);
}

int mail_reject(struct mail *mail, const struct bus_batch *batch, size_t index, const char *reason,
                struct error *error) {
    struct bus_header header = header_of("error", reason);
    return mail_produce(mail, batch, index, &header, 1, error);
}
