/* The keys that operators have something open for: key bytes -> a number, looked up once for each row of a batch,
 * however many operators group by it.
 *
 *     key bytes ──hash──▶ slot ─▶ entry 7: key, hash, head[lane 0] ─▶ newest cell of the first operator (windows.c)
 *                                                     head[lane 1] ─▶ ... of the second
 *
 * An operator has a lane: its own column of heads, whose meaning is the operator's (KEY_NONE: nothing). A key whose
 * heads are all KEY_NONE is forgotten when the next batch begins, so memory follows what is open. Numbers stay the
 * same for as long as the key is kept; key bytes stay in place until a key is added or the next batch begins.
 *
 * Meters report in the same order again and again, so while keys are few the one that came after the last one the time
 * before is tried first, without a hash.
 *
 * When the key is made of columns with points between (KEY_OF of the source), those are its `parts`: they are read back
 * from the key, and keys of the same bytes are two when their parts differ ("a.b" + "c", "a" + "b.c").
 *
 * One owner, one thread. */
#ifndef METERLINE_STREAM_STATE_KEY_DICTIONARY_H
#define METERLINE_STREAM_STATE_KEY_DICTIONARY_H

#include "model/vector.h"
#include "stream/state/slabs.h"

#define KEY_NONE UINT32_MAX

struct key_dictionary {
    struct slabs entries;
    size_t lane_count;
    uint32_t used, live, free; /* entries ever used, those in use, the list of free ones */
    uint32_t *slots;           /* entry + 1; 0: free */
    size_t slot_count;
    char **blocks; /* key bytes */
    size_t block_count, block_capacity;
    size_t block_used;            /* of the last block */
    size_t block_memory;          /* of all blocks */
    size_t key_bytes, dead_bytes; /* of live keys, of forgotten ones */
    uint32_t *idle;               /* entries that may have nothing open */
    size_t idle_count, idle_capacity;
    uint32_t *ids;                   /* of the batch, by row; KEY_NONE: not looked up yet */
    size_t id_capacity, rows, found; /* of the batch: how many rows it has, and how many of them have an id */
    uint32_t *followers;             /* by entry: which key came after it the last time; for few keys only */
    size_t follower_capacity;
    uint32_t last;   /* the entry that was found last */
    unsigned unlike; /* so many runs are looked up without a guess: keys do not come in their last order */
    uint64_t batch;
    const struct vector *columns; /* of the batch */
    const size_t *parts;          /* their numbers */
    size_t part_count;
    struct bytes scratch;
};

struct key_entry {
    uint32_t key;  /* block << 16 | offset; free: the next free one */
    uint32_t hash; /* 31 bits, and KEY_LISTED */
    uint32_t heads[];
};

bool key_dictionary_open(struct key_dictionary *keys, const size_t *parts, size_t part_count);
void key_dictionary_close(struct key_dictionary *keys);
size_t key_dictionary_memory(const struct key_dictionary *keys);

/* A new lane, all of whose heads are KEY_NONE. False: no memory. */
bool key_dictionary_join(struct key_dictionary *keys, unsigned *ret_lane);

/* The lane is not used any more. */
void key_dictionary_leave(struct key_dictionary *keys, unsigned lane);

/* A batch of `rows` rows with these columns: forgets keys, and knows no ids. False: no memory. */
bool key_dictionary_begin(struct key_dictionary *keys, uint64_t batch, const struct vector *columns, size_t rows);
/* Looks keys up, or makes them: sets ids[rows[i]] for keys[i]. False: no memory. */
enum { KEY_RUN = 64 }; /* at most so many at a time */
bool key_dictionary_find(struct key_dictionary *keys, const struct slice *run, const uint32_t *rows, size_t count);

/* Are there ids for all rows of the batch? */
static inline bool key_dictionary_complete(const struct key_dictionary *keys) {
    return keys->found == keys->rows;
}

static inline struct key_entry *key_dictionary_entry(const struct key_dictionary *keys, uint32_t id) {
    return slabs_at(&keys->entries, id);
}

/* Valid until a key is added or a lane joins. */
static inline uint32_t *key_dictionary_head(const struct key_dictionary *keys, uint32_t id, unsigned lane) {
    return &key_dictionary_entry(keys, id)->heads[lane];
}

/* A head of the key has become KEY_NONE. False: no memory; the key stays until it is closed once more. */
bool key_dictionary_idle(struct key_dictionary *keys, uint32_t id);

struct slice key_dictionary_key(const struct key_dictionary *keys, uint32_t id);
/* By their bytes, then by the lengths of their parts. */
int key_dictionary_compare(const struct key_dictionary *keys, uint32_t a, uint32_t b);
/* Part `number` of the key. */
struct slice key_dictionary_part(const struct key_dictionary *keys, uint32_t id, size_t number);

/* The dictionaries of a task, by what their keys are: a source and the numbers of its columns. */
struct key_dictionaries {
    struct shared_dictionary **dictionaries;
    size_t count, capacity;
};

/* The dictionary of `key_count` columns of a source (by address), with the columns that are its parts; the arrays are
 * the plan's. NULL: no memory. */
struct key_dictionary *key_dictionaries_find(struct key_dictionaries *all, const void *source, const unsigned *columns,
                                             size_t key_count, const size_t *parts, size_t part_count);
size_t key_dictionaries_memory(const struct key_dictionaries *all);
/* After the operators that use them. */
void key_dictionaries_release(struct key_dictionaries *all);

#endif
