/* JSON as a tree, for what is not on the hot path: schemas and the answers of servers. */
#ifndef METERLINE_CODEC_JSON_JSON_TREE_H
#define METERLINE_CODEC_JSON_JSON_TREE_H

#include <jansson.h>

#include "core/error.h"
#include "core/slice.h"

/* Reads the whole text, of any kind of value; the tree is the caller's (json_decref). ERROR_INVALID with what is
 * wrong, or ERROR_NO_MEMORY. */
int json_tree_read(struct slice text, json_t **ret_tree, struct error *error);

/* The text of a string without NUL characters, which lives as long as the tree; NULL for anything else, and for
 * NULL. */
const char *json_tree_word(const json_t *tree);

#endif
