/* Where the last record of each key of a topic lies, kept in a file of its own beside the data:
 *
 *     FOLDER/meterline.db    indexed_partitions: log, topic, partition ─▶ read up to, and its last record
 *                            indexed_keys:       partition, key        ─▶ offset
 *
 * It follows the topic: a refresh reads what has come since the last one, whoever did that, and keys alone; the first
 * one reads the topic. The record that was the last must still be there, or else the topic is another one by now and
 * is read anew. Deleted keys are not in it. One thread; several processes may share the file. */
#ifndef METERLINE_SQL_SESSION_KEY_INDEX_H
#define METERLINE_SQL_SESSION_KEY_INDEX_H

#include "bus/bus.h"
#include <stdatomic.h>

struct key_index;

/* `log` tells logs apart that share a folder. Makes the folder. */
int key_index_open(const char *folder, const char *log, struct key_index **ret_index, struct error *error);
struct key_index *key_index_close(struct key_index *index); /* NULL is fine; returns NULL */

/* Reads the topic up to what is its end now. `consumer` reads nothing else, and stands anywhere afterwards. Ends early
 * at *stop. */
int key_index_refresh(struct key_index *index, struct bus_consumer *consumer, const char *topic, int32_t partitions,
                      const atomic_bool *stop, struct error *error);

/* The keys of a partition, in the order of their bytes, from the first to the last bytes, both included; `first` with
 * data NULL: all. Stops at a status that is not 0, and returns it. `key` lives until `each` returns. */
int key_index_each(struct key_index *index, const char *topic, int32_t partition, struct slice first, struct slice last,
                   int (*each)(void *context, struct slice key, int64_t offset, struct error *error), void *context,
                   struct error *error);

#endif
