#include "stream/group/internal_topic.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "stream/group/position.h"

enum { PART_MAXIMUM = 60, PART_SIZE = PART_MAXIMUM + 2 + 16 + 1 };

static const char part_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

static void topic_part(const char *text, char *ret_part) {
    size_t length = strlen(text), kept = length < PART_MAXIMUM ? length : PART_MAXIMUM;
    bool whole = kept == length && length > 0;
    for (size_t i = 0; i < kept; i++) {
        bool fits = strchr(part_characters, text[i]) != NULL;
        ret_part[i] = fits ? text[i] : '_';
        whole &= fits;
    }
    ret_part[kept] = '\0';
    if (!whole)
        snprintf(ret_part + kept, PART_SIZE - kept, "..%016" PRIx64, query_position_hash(text));
}

void internal_topic_name(enum internal_topic kind, const char *group, const char *query, size_t stage, char *ret_name) {
    char group_part[PART_SIZE], query_part[PART_SIZE];
    topic_part(group, group_part);
    topic_part(query, query_part);
    snprintf(ret_name, BUS_TOPIC_NAME_MAXIMUM + 1, "_meterline-%s.%s.%s-%zu", group_part, query_part,
             kind == INTERNAL_CHANGELOG ? "changelog" : "repartition", stage);
}

/* A name that was cut goes on with a second dot where a whole one ends with its first. */
bool internal_topic_belongs(const char *topic, const char *group, const char *query) {
    char part[PART_SIZE], prefix[2 * PART_SIZE + 16];
    topic_part(group, part);
    int length = snprintf(prefix, sizeof prefix, "_meterline-%s.", part);
    if (query) {
        topic_part(query, part);
        length += snprintf(prefix + length, sizeof prefix - (size_t)length, "%s.", part);
    }
    return strncmp(topic, prefix, (size_t)length) == 0 && topic[length] != '.';
}
