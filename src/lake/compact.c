/* Compaction: the small files of a month become few large ones.
 *
 *     files of a month, in the order of the log     L  s s s s  L  s s      (L: large enough)
 *                                                      └──┬──┘     └┬┘
 *                                                         L         s
 *
 * A run of small files is replaced by what they are merged into, under the largest of their sequence numbers, so that
 * files that were added meanwhile come after. A few at a time are merged, in rounds, until no run is left; each merge is
 * a commit of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "lake/maintain.h"
#include "lake/merge.h"
#include "lake/table.h"

enum { TARGET = 128 << 20, SMALLEST = 2 };

struct compact {
    struct lake_table *table;
    int64_t target;
    size_t smallest;
    bool sorted;
    struct lake_compacted done;
    int64_t *given_up; /* partitions that changed meanwhile */
    size_t given_up_count, given_up_capacity;
};

static bool compact_is_given_up(const struct compact *compact, int64_t partition) {
    for (size_t i = 0; i < compact->given_up_count; i++)
        if (compact->given_up[i] == partition)
            return true;
    return false;
}

/* A file is large enough from three quarters of the target on: with what would be added it would be too large. */
static bool compact_is_small(const struct compact *compact, const struct lake_file *file) {
    return file->bytes < compact->target / 4 * 3;
}

/* The files of one partition, in order, as places in the snapshot. */
static size_t compact_partition(const struct lake_snapshot *snapshot, size_t first, const struct lake_file **to) {
    const struct lake_file *like = &snapshot->files[first];
    size_t count = 0;
    for (size_t i = first; i < snapshot->file_count; i++)
        if (snapshot->files[i].partitioned == like->partitioned && snapshot->files[i].partition == like->partition)
            to[count++] = &snapshot->files[i];
    return count;
}

/* How many of `files` from `begin` on can be merged. */
static size_t compact_run(const struct compact *compact, const struct lake_file *const *files, size_t count,
                          size_t begin) {
    size_t end = begin;
    while (end < count && end - begin < MERGE_FILES_MAXIMUM && compact_is_small(compact, files[end]))
        end++;
    return end - begin;
}

/* Some files that stand one after the other. */
struct compact_choice {
    const struct lake_file *files[MERGE_FILES_MAXIMUM];
    size_t count;
    int64_t cost; /* bytes for each file that there will be less */
};

static void compact_consider(const struct compact *compact, const struct lake_file *const *files, size_t count,
                             struct compact_choice *best) {
    for (size_t at = 0; at < count; at++) {
        size_t run = compact_run(compact, files, count, at);
        int64_t bytes = 0;
        if (run < compact->smallest)
            continue;
        for (size_t i = 0; i < run; i++)
            bytes += files[at + i]->bytes;
        int64_t cost = bytes / (int64_t)(run - 1);
        if (best->count && cost >= best->cost)
            continue;
        memcpy(best->files, files + at, run * sizeof *files);
        best->count = run;
        best->cost = cost;
    }
}

/* The cheapest run of all partitions: small files are merged before the files that they have become, so that each byte
 * is written a few times only. */
static void compact_choose(const struct compact *compact, const struct lake_snapshot *snapshot,
                           const struct lake_file **room, struct compact_choice *best) {
    best->count = 0;
    for (size_t first = 0; first < snapshot->file_count; first++) {
        const struct lake_file *file = &snapshot->files[first];
        bool seen = compact_is_given_up(compact, file->partition) ||
                    (snapshot->partition != LAKE_UNPARTITIONED && !file->partitioned);
        for (size_t i = 0; i < first && !seen; i++)
            seen =
                snapshot->files[i].partitioned == file->partitioned && snapshot->files[i].partition == file->partition;
        if (!seen)
            compact_consider(compact, room, compact_partition(snapshot, first, room), best);
    }
}

static int compact_commit(struct compact *compact, const struct lake_snapshot *snapshot,
                          const struct lake_file *const *files, size_t count, struct merge_output *output,
                          struct error *error) {
    const char *removed[MERGE_FILES_MAXIMUM];
    int64_t sequence = 0;
    for (size_t i = 0; i < count; i++) {
        removed[i] = files[i]->location;
        sequence = files[i]->sequence > sequence ? files[i]->sequence : sequence;
    }
    for (size_t i = 0; i < output->count; i++) {
        output->files[i].keep_sequence = true;
        output->files[i].file.sequence = sequence;
    }
    struct lake_change change = {.operation = LAKE_REPLACE,
                                 .added = output->files,
                                 .added_count = output->count,
                                 .removed = removed,
                                 .removed_count = count,
                                 .base_sequence = snapshot->sequence};
    return lake_commit(compact->table, &change, NULL, error);
}

static void compact_note(struct compact *compact, const struct lake_file *const *files, size_t count,
                         const struct merge_output *output) {
    compact->done.files += (int64_t)count;
    compact->done.new_files += (int64_t)output->count;
    compact->done.rows += output->rows;
    for (size_t i = 0; i < count; i++)
        compact->done.bytes += files[i]->bytes;
    for (size_t i = 0; i < output->count; i++)
        compact->done.new_bytes += output->files[i].file.bytes;
}

static int compact_give_up(struct compact *compact, int64_t partition, struct error *error) {
    if (!memory_reserve((void **)&compact->given_up, &compact->given_up_capacity, compact->given_up_count + 1,
                        sizeof *compact->given_up))
        return error_no_memory(error);
    compact->given_up[compact->given_up_count++] = partition;
    compact->done.conflicts++;
    return 0;
}

static int compact_merge(struct compact *compact, const struct lake_snapshot *snapshot,
                         const struct lake_file *const *files, size_t count, struct arena *arena, struct error *error) {
    struct merge_output output = {.target = compact->target};
    struct error ignored;
    int status = merge_files(compact->table, snapshot, files, count, compact->sorted, arena, &output, error);
    if (!status)
        status = compact_commit(compact, snapshot, files, count, &output, error);
    else
        error->retriable = false;
    if (!status)
        compact_note(compact, files, count, &output);
    for (size_t i = 0; i < output.count && status && !error->retriable; i++)
        lake_file_remove(compact->table, output.files[i].file.location, &ignored);
    free(output.files);
    return status == ERROR_CONFLICT ? compact_give_up(compact, files[0]->partition, error) : status;
}

/* One merge, of what there is now. *ret_more false: there is nothing to merge. */
static int compact_round(struct compact *compact, bool *ret_more, struct error *error) {
    cleanup(arena_release) struct arena arena = {0};
    struct lake_snapshot snapshot;
    struct compact_choice best;
    int status = lake_snapshot_read(compact->table, 0, &arena, &snapshot, error);
    if (status)
        return status;
    const struct lake_file **room = arena_allocate(&arena, (snapshot.file_count + 1) * sizeof *room);
    if (!room)
        return error_no_memory(error);
    compact->sorted = strcmp(compact->table->name, LAKE_READINGS) == 0 && snapshot.column_count >= LAKE_READING_COLUMNS;
    compact_choose(compact, &snapshot, room, &best);
    *ret_more = best.count > 0;
    return best.count ? compact_merge(compact, &snapshot, best.files, best.count, &arena, error) : 0;
}

int lake_compact(struct lake_table *table, const struct lake_compaction *compaction,
                 struct lake_compacted *ret_compacted, struct error *error) {
    struct compact compact = {.table = table,
                              .target = compaction->target ? compaction->target : TARGET,
                              .smallest = compaction->smallest ? compaction->smallest : SMALLEST};
    bool more = true;
    int status = 0;
    while (more && !status && !(compaction->stop && atomic_load(compaction->stop)))
        status = compact_round(&compact, &more, error);
    free(compact.given_up);
    if (!status)
        *ret_compacted = compact.done;
    return status;
}
