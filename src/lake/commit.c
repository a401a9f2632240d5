/* Commits.
 *
 *     read the metadata ─▶ are the positions as expected, the removed files there? ─▶ manifests, their list ─▶ swap
 *          ▲                       │ no: ERROR_CONFLICT, nothing is changed                                     │
 *          └───────────────────── another program has swapped first: again, on top of it ◀──────────────────────┤
 *          └───────────────────── no answer: is our commit there? it has a name in its snapshot's summary ◀─────┘
 *
 * The positions are compared with what the metadata say that the swap replaces, so a batch of records that is there
 * already, of a lost answer or another process, is never added again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/memory.h"
#include "core/number.h"
#include "core/random.h"
#include "lake/iceberg/bound.h"
#include "lake/table.h"

enum {
    TRIES = 60,
    MANIFESTS_MERGED = 50,            /* as many small ones are made one */
    SMALL_MANIFEST = 4 * 1024 * 1024, /* bytes */
};
#define PAUSE_NS INT64_C(2000000)

struct commit {
    struct lake_table *table;
    const struct lake_change *change;
    char name[CATALOG_UUID_SIZE];
    struct arena arena; /* of one try */
    int64_t id, sequence, now;
    size_t names;                          /* of objects so far */
    struct manifest_list_entry *manifests; /* of the new snapshot */
    size_t manifest_count;
    int64_t removed_files, removed_records, removed_bytes;
    const char **written; /* locations of this try's objects, to be removed when it fails */
    size_t written_count;
};

/* --- conditions
 * ------------------------------------------------------------------------------------------------------------------ */

static int commit_check_origin(const struct commit *commit, struct error *error) {
    const struct lake_change *change = commit->change;
    char name[sizeof LAKE_ORIGIN_PROPERTY + 256];
    if (!change->origin)
        return 0;
    snprintf(name, sizeof name, "%s%s", LAKE_ORIGIN_PROPERTY, change->origin_topic);
    const char *there = table_metadata_property(&commit->table->metadata, name);
    return !there || strcmp(there, change->origin) == 0
               ? 0
               : error_set(error, ERROR_CONFLICT,
                           "table %s has records of topic %s of another log (%s, this one is %s)", commit->table->name,
                           change->origin_topic, there, change->origin);
}

static int commit_check_positions(const struct commit *commit, struct error *error) {
    char name[sizeof LAKE_OFFSET_PROPERTY + 300];
    for (size_t i = 0; i < commit->change->position_count; i++) {
        const struct lake_position *position = &commit->change->positions[i];
        snprintf(name, sizeof name, "%s%s.%d", LAKE_OFFSET_PROPERTY, position->topic, (int)position->partition);
        const char *value = table_metadata_property(&commit->table->metadata, name);
        int64_t there = -1;
        if (value && !number_read_integer(slice_of(value), &there))
            return error_set(error, ERROR_CORRUPT, "table %s: property %s is %s", commit->table->name, name, value);
        if (there != position->expected)
            return error_set(
                error, ERROR_CONFLICT,
                "table %s has records of %s/%d up to offset %lld, not %lld: another process has brought some",
                commit->table->name, position->topic, (int)position->partition, (long long)there,
                (long long)position->expected);
    }
    return commit_check_origin(commit, error);
}

/* Is a snapshot of this commit there? */
static bool commit_is_done(const struct commit *commit, int64_t *ret_snapshot) {
    const json_t *snapshots = json_object_get(commit->table->metadata.json, "snapshots");
    for (size_t i = json_array_size(snapshots); i-- > 0;) {
        const json_t *snapshot = json_array_get(snapshots, i);
        const char *name =
            json_string_value(json_object_get(json_object_get(snapshot, "summary"), LAKE_COMMIT_PROPERTY));
        if (name && strcmp(name, commit->name) == 0) {
            *ret_snapshot = json_integer_value(json_object_get(snapshot, "snapshot-id"));
            return true;
        }
    }
    return false;
}

/* --- manifests
 * ------------------------------------------------------------------------------------------------------------------ */

static int commit_put(struct commit *commit, const char *end, struct slice bytes, const char **ret_location,
                      struct error *error) {
    char name[128];
    snprintf(name, sizeof name, "metadata/%s-%zu%s", commit->name, commit->names++, end);
    const char *location = table_location(commit->table, &commit->arena, name),
               **grown = memory_resize(commit->written, commit->written_count + 1, sizeof *grown);
    if (grown)
        commit->written = grown;
    if (!location || !grown)
        return error_no_memory(error);
    int status = commit->table->objects->driver->put(commit->table->objects, name, bytes, false, error);
    if (status)
        return status;
    commit->written[commit->written_count++] = location;
    *ret_location = location;
    return 0;
}

/* Counts and bounds of the entries. */
static int commit_describe(struct commit *commit, const struct manifest_entry *entries, size_t count,
                           struct manifest_list_entry *to, struct error *error) {
    int64_t *files[] = {&to->existing_files, &to->added_files, &to->deleted_files};
    int64_t *rows[] = {&to->existing_rows, &to->added_rows, &to->deleted_rows};
    int64_t lower = INT64_MAX, upper = INT64_MIN;
    bool nulls = false;
    for (size_t i = 0; i < count; i++) {
        const struct manifest_entry *entry = &entries[i];
        int64_t sequence = entry->sequence < 0 ? commit->sequence : entry->sequence;
        ++*files[entry->status];
        *rows[entry->status] += entry->file.records;
        if (entry->status != MANIFEST_DELETED && sequence < to->min_sequence)
            to->min_sequence = sequence;
        nulls |= !entry->file.partitioned;
        lower = entry->file.partitioned && entry->file.partition < lower ? entry->file.partition : lower;
        upper = entry->file.partitioned && entry->file.partition > upper ? entry->file.partition : upper;
    }
    if (commit->table->shape.partition == LAKE_UNPARTITIONED)
        return 0;
    struct manifest_summary *summary = arena_allocate(&commit->arena, sizeof *summary);
    cleanup(bytes_release) struct bytes bytes = {0};
    struct value value = value_of_integer(lower);
    if (!summary)
        return error_no_memory(error);
    *summary = (struct manifest_summary){.contains_null = nulls};
    if (lower <= upper) {
        bound_write(&bytes, &type_integer, &value);
        value = value_of_integer(upper);
        bound_write(&bytes, &type_integer, &value);
        struct slice both = arena_copy(&commit->arena, bytes_slice(&bytes));
        if (!both.data || both.length != 8)
            return error_no_memory(error);
        summary->lower = (struct slice){both.data, 4};
        summary->upper = (struct slice){both.data + 4, 4};
    }
    to->summaries = summary;
    to->summary_count = 1;
    return 0;
}

static int commit_write_manifest(struct commit *commit, const struct manifest_entry *entries, size_t count,
                                 struct manifest_list_entry *ret_manifest, struct error *error) {
    cleanup(bytes_release) struct bytes bytes = {0};
    struct manifest_list_entry manifest = {.spec = commit->table->shape.spec,
                                           .sequence = commit->sequence,
                                           .min_sequence = commit->sequence,
                                           .added_snapshot = commit->id};
    int status = manifest_write(&commit->table->shape, entries, count, &bytes, error);
    if (!status)
        status = commit_describe(commit, entries, count, &manifest, error);
    if (!status)
        status = commit_put(commit, "-m.avro", bytes_slice(&bytes), &manifest.path, error);
    manifest.length = (int64_t)bytes.length;
    if (!status)
        *ret_manifest = manifest;
    return status;
}

static struct manifest_entry commit_entry(const struct commit *commit, const struct lake_new_file *added) {
    return (struct manifest_entry){.status = MANIFEST_ADDED,
                                   .snapshot = commit->id,
                                   .sequence = added->keep_sequence ? added->file.sequence : -1,
                                   .file_sequence = -1,
                                   .file = added->file};
}

/* The files that an append adds, in a manifest of their own. */
static int commit_added(struct commit *commit, struct error *error) {
    const struct lake_change *change = commit->change;
    if (change->added_count == 0)
        return 0;
    struct manifest_entry *entries = arena_allocate(&commit->arena, change->added_count * sizeof *entries);
    if (!entries)
        return error_no_memory(error);
    for (size_t i = 0; i < change->added_count; i++)
        entries[i] = commit_entry(commit, &change->added[i]);
    return commit_write_manifest(commit, entries, change->added_count, &commit->manifests[commit->manifest_count++],
                                 error);
}

static int commit_compare_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool commit_removes(const struct commit *commit, const char *const *sorted, const struct manifest_entry *entry) {
    return entry->status != MANIFEST_DELETED &&
           bsearch(&entry->file.location, sorted, commit->change->removed_count, sizeof *sorted, commit_compare_text);
}

/* What takes the place of removed files stands where the last of them stood, so that the order of the log holds. */
static void commit_keep(struct commit *commit, const struct manifest_entry *entry, bool goes,
                        struct manifest_entry *kept, size_t *count) {
    const struct lake_change *change = commit->change;
    struct manifest_entry *to = &kept[(*count)++];
    *to = *entry;
    to->status = goes ? MANIFEST_DELETED : MANIFEST_EXISTING;
    if (!goes)
        return;
    to->snapshot = commit->id;
    commit->removed_files++;
    commit->removed_records += entry->file.records;
    commit->removed_bytes += entry->file.bytes;
    if (strcmp(entry->file.location, change->removed[change->removed_count - 1]) != 0)
        return;
    for (size_t i = 0; i < change->added_count; i++)
        kept[(*count)++] = commit_entry(commit, &change->added[i]);
}

/* A manifest without what is removed; the same one when nothing of it is. */
static int commit_rewrite(struct commit *commit, const struct manifest_list_entry *manifest, const char *const *sorted,
                          struct error *error) {
    struct manifest_entry *entries;
    size_t count, kept_count = 0, removed = 0;
    int status = table_manifest(commit->table, manifest, &commit->arena, &entries, &count, error);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++)
        removed += commit_removes(commit, sorted, &entries[i]);
    if (removed == 0) {
        commit->manifests[commit->manifest_count++] = *manifest;
        return 0;
    }
    if (manifest->spec != commit->table->shape.spec)
        return error_set(
            error, ERROR_UNSUPPORTED,
            "table %s: %s is partitioned as the table was before; it is left to the program that changed that",
            commit->table->name, manifest->path);
    struct manifest_entry *kept =
        arena_allocate(&commit->arena, (count + commit->change->added_count + 1) * sizeof *kept);
    if (!kept)
        return error_no_memory(error);
    for (size_t i = 0; i < count; i++)
        if (entries[i].status != MANIFEST_DELETED) /* by an earlier snapshot */
            commit_keep(commit, &entries[i], commit_removes(commit, sorted, &entries[i]), kept, &kept_count);
    return commit_write_manifest(commit, kept, kept_count, &commit->manifests[commit->manifest_count++], error);
}

static int commit_removed(struct commit *commit, const struct manifest_list_entry *manifests, size_t count,
                          struct error *error) {
    const struct lake_change *change = commit->change;
    const char **sorted = arena_allocate(&commit->arena, (change->removed_count + 1) * sizeof *sorted);
    int status = 0;
    if (!sorted)
        return error_no_memory(error);
    memcpy(sorted, change->removed, change->removed_count * sizeof *sorted);
    qsort(sorted, change->removed_count, sizeof *sorted, commit_compare_text);
    for (size_t i = 0; i < count && !status; i++) {
        if (!manifests[i].deletes) {
            status = commit_rewrite(commit, &manifests[i], sorted, error);
            continue;
        }
        if (manifests[i].sequence > change->base_sequence)
            return error_set(error, ERROR_CONFLICT, "table %s: another program has deleted rows meanwhile",
                             commit->table->name);
        commit->manifests[commit->manifest_count++] = manifests[i];
    }
    if (!status && commit->removed_files != (int64_t)change->removed_count)
        status = error_set(error, ERROR_CONFLICT, "table %s: another program has replaced files meanwhile",
                           commit->table->name);
    return status;
}

static bool commit_is_small(const struct commit *commit, const struct manifest_list_entry *manifest) {
    return !manifest->deletes && manifest->spec == commit->table->shape.spec && manifest->length < SMALL_MANIFEST;
}

static int commit_merge_one(struct commit *commit, const struct manifest_list_entry *manifest,
                            struct manifest_entry **entries, size_t *count, size_t *capacity, struct error *error) {
    struct manifest_entry *some;
    size_t found;
    int status = table_manifest(commit->table, manifest, &commit->arena, &some, &found, error);
    if (!status && !memory_reserve((void **)entries, capacity, *count + found + 1, sizeof **entries))
        status = error_no_memory(error);
    for (size_t i = 0; i < found && !status; i++) {
        if (some[i].status == MANIFEST_DELETED)
            continue;
        some[i].status = MANIFEST_EXISTING;
        (*entries)[(*count)++] = some[i];
    }
    return status;
}

/* An append takes the manifests as they are, but for many small ones, which become one. */
static int commit_kept(struct commit *commit, const struct manifest_list_entry *manifests, size_t count,
                       struct error *error) {
    struct manifest_entry *entries = NULL;
    size_t small = 0, merged = 0, capacity = 0;
    int status = 0;
    for (size_t i = 0; i < count; i++)
        small += commit_is_small(commit, &manifests[i]);
    bool merges = small >= MANIFESTS_MERGED;
    for (size_t i = 0; i < count && !status; i++) {
        if (merges && commit_is_small(commit, &manifests[i]))
            status = commit_merge_one(commit, &manifests[i], &entries, &merged, &capacity, error);
        else
            commit->manifests[commit->manifest_count++] = manifests[i];
    }
    if (!status && merged)
        status = commit_write_manifest(commit, entries, merged, &commit->manifests[commit->manifest_count++], error);
    free(entries);
    return status;
}

static int commit_manifests(struct commit *commit, const json_t *parent, struct error *error) {
    struct manifest_list_entry *manifests;
    size_t count;
    int status = table_manifests(commit->table, parent, &commit->arena, &manifests, &count, error);
    if (status)
        return status;
    commit->manifests = arena_allocate(&commit->arena, (count + 2) * sizeof *commit->manifests);
    if (!commit->manifests)
        return error_no_memory(error);
    if (commit->change->removed_count)
        return commit_removed(commit, manifests, count, error);
    status = commit_kept(commit, manifests, count, error);
    return status ? status : commit_added(commit, error);
}

/* --- the snapshot
 * ------------------------------------------------------------------------------------------------------------------ */

static int summary_put(json_t *summary, const char *name, int64_t number) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    return json_object_set_new(summary, name, json_string(text));
}

/* What the parent has in all, and what this commit makes of it; nothing when the parent does not say. */
static int summary_put_total(json_t *summary, const json_t *parent, const char *name, int64_t more) {
    const char *text = json_string_value(json_object_get(json_object_get(parent, "summary"), name));
    int64_t before = 0;
    if (parent && (!text || !number_read_integer(slice_of(text), &before)))
        return 0;
    return summary_put(summary, name, before + more);
}

static json_t *commit_summary(const struct commit *commit, const json_t *parent) {
    static const char *const operations[] = {"append", "overwrite", "replace"};
    const struct lake_change *change = commit->change;
    int64_t records = 0, bytes = 0;
    json_t *summary =
        json_pack("{s:s,s:s}", "operation", operations[change->operation], LAKE_COMMIT_PROPERTY, commit->name);
    int failed = !summary;
    for (size_t i = 0; i < change->added_count; i++) {
        records += change->added[i].file.records;
        bytes += change->added[i].file.bytes;
    }
    const struct {
        const char *name;
        int64_t number;
    } counts[] = {{"added-data-files", (int64_t)change->added_count},
                  {"added-records", records},
                  {"added-files-size", bytes},
                  {"deleted-data-files", commit->removed_files},
                  {"deleted-records", commit->removed_records},
                  {"removed-files-size", commit->removed_bytes}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts && !failed; i++)
        failed = counts[i].number && summary_put(summary, counts[i].name, counts[i].number);
    for (size_t i = 0; i < change->summary_count && !failed; i++)
        failed = json_object_set_new(summary, change->summary[i].name, json_string(change->summary[i].value));
    for (size_t i = 0; i < change->position_count && !failed; i++) {
        char name[320];
        snprintf(name, sizeof name, "%s%s.%d", LAKE_OFFSET_PROPERTY, change->positions[i].topic,
                 (int)change->positions[i].partition);
        failed = summary_put(summary, name, change->positions[i].offset);
    }
    int64_t files = (int64_t)change->added_count - commit->removed_files;
    if (failed || summary_put_total(summary, parent, "total-data-files", files) ||
        summary_put_total(summary, parent, "total-records", records - commit->removed_records) ||
        summary_put_total(summary, parent, "total-files-size", bytes - commit->removed_bytes) ||
        summary_put_total(summary, parent, "total-delete-files", 0) ||
        summary_put_total(summary, parent, "total-position-deletes", 0) ||
        summary_put_total(summary, parent, "total-equality-deletes", 0)) {
        json_decref(summary);
        return NULL;
    }
    return summary;
}

static int commit_snapshot(struct commit *commit, const json_t *parent, json_t **ret_snapshot, struct error *error) {
    cleanup(bytes_release) struct bytes list = {0};
    const char *location;
    int64_t parent_id = json_integer_value(json_object_get(parent, "snapshot-id"));
    int status = manifest_list_write(commit->manifests, commit->manifest_count, commit->id, parent_id, commit->sequence,
                                     &list, error);
    if (!status)
        status = commit_put(commit, "-list.avro", bytes_slice(&list), &location, error);
    if (status)
        return status;
    json_t *summary = commit_summary(commit, parent), *snapshot = NULL;
    if (summary)
        snapshot = json_pack("{s:I,s:I,s:I,s:s,s:o,s:I}", "snapshot-id", (json_int_t)commit->id, "sequence-number",
                             (json_int_t)commit->sequence, "timestamp-ms", (json_int_t)commit->now, "manifest-list",
                             location, "summary", summary, "schema-id", (json_int_t)commit->table->shape.schema_id);
    if (!snapshot || (parent && json_object_set_new(snapshot, "parent-snapshot-id", json_integer(parent_id)))) {
        json_decref(snapshot);
        return error_no_memory(error);
    }
    *ret_snapshot = snapshot;
    return 0;
}

/* --- the swap
 * ------------------------------------------------------------------------------------------------------------------ */

static bool commit_is_referred_to(const json_t *metadata, json_int_t id) {
    json_t *refs = json_object_get(metadata, "refs"), *ref;
    const char *name;
    json_object_foreach(refs, name, ref) {
        if (json_integer_value(json_object_get(ref, "snapshot-id")) == id)
            return true;
    }
    return false;
}

/* Snapshots that are old and that no branch or tag names; not the parent, whose files the new one is made of. */
static size_t commit_expired(const struct commit *commit, int64_t *ids) {
    const json_t *json = commit->table->metadata.json, *snapshots = json_object_get(json, "snapshots");
    size_t count = 0;
    if (commit->change->keep_for == 0 || json_object_size(json_object_get(json, "refs")) > 1)
        return 0;
    for (size_t i = 0; i < json_array_size(snapshots); i++) {
        const json_t *snapshot = json_array_get(snapshots, i);
        json_int_t id = json_integer_value(json_object_get(snapshot, "snapshot-id"));
        int64_t age = commit->now - json_integer_value(json_object_get(snapshot, "timestamp-ms"));
        if (age > commit->change->keep_for && !commit_is_referred_to(json, id) &&
            id != table_metadata_current(&commit->table->metadata))
            ids[count++] = id;
    }
    return count;
}

static int commit_property(struct commit *commit, struct metadata_property *to, const char *begin, const char *topic,
                           int32_t partition, const char *value, struct error *error) {
    char name[400];
    if (partition < 0)
        snprintf(name, sizeof name, "%s%s", begin, topic);
    else
        snprintf(name, sizeof name, "%s%s.%d", begin, topic, (int)partition);
    to->name = arena_copy(&commit->arena, slice_of(name)).data;
    to->value = arena_copy(&commit->arena, slice_of(value)).data;
    return to->name && to->value ? 0 : error_no_memory(error);
}

/* What the table has counted so far, and more. */
static int commit_count(struct commit *commit, struct metadata_property *to, const char *begin, int64_t more,
                        struct error *error) {
    char name[400], count[24];
    int64_t before = 0;
    snprintf(name, sizeof name, "%s%s", begin, commit->change->origin_topic);
    const char *value = table_metadata_property(&commit->table->metadata, name);
    if (value && !number_read_integer(slice_of(value), &before))
        return error_set(error, ERROR_CORRUPT, "table %s: property %s is %s", commit->table->name, name, value);
    snprintf(count, sizeof count, "%lld", (long long)(before + more));
    return commit_property(commit, to, begin, commit->change->origin_topic, -1, count, error);
}

static int commit_properties(struct commit *commit, struct metadata_property **ret_properties, size_t *ret_count,
                             struct error *error) {
    const struct lake_change *change = commit->change;
    struct metadata_property *properties =
        arena_allocate(&commit->arena, (change->position_count + 3) * sizeof *properties);
    size_t count = 0;
    int status = properties ? 0 : error_no_memory(error);
    for (size_t i = 0; i < change->position_count && !status; i++) {
        char offset[24];
        snprintf(offset, sizeof offset, "%lld", (long long)change->positions[i].offset);
        status = commit_property(commit, &properties[count++], LAKE_OFFSET_PROPERTY, change->positions[i].topic,
                                 change->positions[i].partition, offset, error);
    }
    if (!status && change->origin)
        status = commit_property(commit, &properties[count++], LAKE_ORIGIN_PROPERTY, change->origin_topic, -1,
                                 change->origin, error);
    if (!status && change->origin)
        status = commit_count(commit, &properties[count++], LAKE_ROWS_PROPERTY, change->rows, error);
    if (!status && change->origin)
        status = commit_count(commit, &properties[count++], LAKE_PASSED_PROPERTY, change->passed, error);
    *ret_properties = properties;
    *ret_count = count;
    return status;
}

static int commit_swap(struct commit *commit, json_t *snapshot, struct error *error) {
    struct lake_table *table = commit->table;
    struct metadata_property *properties;
    size_t count, snapshots = json_array_size(json_object_get(table->metadata.json, "snapshots"));
    int64_t *expired = arena_allocate(&commit->arena, (snapshots + 1) * sizeof *expired);
    int status = expired ? commit_properties(commit, &properties, &count, error) : error_no_memory(error);
    if (status)
        return status;
    struct metadata_change change = {.base = &table->metadata,
                                     .snapshot = snapshot,
                                     .properties = properties,
                                     .property_count = count,
                                     .expired = expired,
                                     .expired_count = commit_expired(commit, expired),
                                     .now = commit->now};
    return table->lake->catalog->driver->commit(table->lake->catalog, table->name, &change, error);
}

static void commit_begin_try(struct commit *commit, const json_t *parent) {
    uint64_t bits = 0;
    int64_t last = json_integer_value(json_object_get(parent, "timestamp-ms"));
    if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits)
        bits = random_mix((uint64_t)lake_now(commit->table->lake));
    commit->id = (int64_t)(bits >> 2) + 1;
    commit->sequence = table_metadata_sequence(&commit->table->metadata) + 1;
    commit->now = lake_now(commit->table->lake);
    commit->now = commit->now > last ? commit->now : last;
    commit->written_count = commit->manifest_count = 0;
    commit->removed_files = commit->removed_records = commit->removed_bytes = 0;
}

/* Nothing refers to them. What cannot be removed is found by `meterline lake expire`. */
static void commit_drop_written(struct commit *commit) {
    struct error ignored;
    for (size_t i = 0; i < commit->written_count; i++)
        lake_file_remove(commit->table, commit->written[i], &ignored);
    commit->written_count = 0;
}

/* On top of the metadata as they were read. */
static int commit_try(struct commit *commit, struct error *error) {
    const json_t *parent = table_metadata_snapshot(&commit->table->metadata, 0);
    json_t *snapshot = NULL;
    commit_begin_try(commit, parent);
    int status = commit_check_positions(commit, error);
    if (!status)
        status = commit_manifests(commit, parent, error);
    if (!status)
        status = commit_snapshot(commit, parent, &snapshot, error);
    if (status) {
        commit_drop_written(commit);
        error->retriable = false; /* surely not done */
        return status;
    }
    status = commit_swap(commit, snapshot, error);
    json_decref(snapshot);
    if (!status)
        return 0;
    if (!error->retriable)
        commit_drop_written(commit);
    if (status == ERROR_CONFLICT)
        error->retriable = true; /* read again, and see */
    return status;
}

static void commit_pause(const struct commit *commit, int tries) {
    uint64_t part = random_mix((uint64_t)commit->id) % 16;
    clock_sleep_ns(commit->table->lake->options.clock, PAUSE_NS * (1 + (int64_t)part) * (tries < 10 ? tries + 1 : 10));
}

/* Until it is done, or surely not; or after many tries. */
static int commit_loop(struct commit *commit, int64_t *ret_snapshot, struct error *error) {
    bool unknown = false; /* did a swap before succeed? */
    int status = 0;
    for (int tries = 0; tries < TRIES; tries++) {
        arena_reset(&commit->arena);
        status = table_refresh(commit->table, error);
        if (!status && tries && commit_is_done(commit, ret_snapshot)) /* also what an answer said was not */
            return 0;
        if (!status) {
            unknown = false;
            status = commit_try(commit, error);
            *ret_snapshot = commit->id;
            unknown = status && status != ERROR_CONFLICT && error->retriable;
        }
        if (!status || !(error->retriable || unknown))
            break;
        commit_pause(commit, tries);
    }
    if (status && unknown)
        error->retriable = true;
    else if (status)
        error->retriable = status == ERROR_CONFLICT ? false : error->retriable;
    return status;
}

int lake_commit(struct lake_table *table, const struct lake_change *change, int64_t *ret_snapshot,
                struct error *error) {
    struct commit commit = {.table = table, .change = change};
    int64_t snapshot;
    catalog_uuid(commit.name);
    int status = commit_loop(&commit, &snapshot, error);
    arena_release(&commit.arena);
    free(commit.written);
    if (!status && ret_snapshot)
        *ret_snapshot = snapshot;
    return status;
}
