/* Repartition topics: where a stage ends because its rows must go to the partition of another key, and the next one
 * begins.
 *
 * Rows of a stream are written as they are. A change of a table is split first, as what it takes away and what it
 * adds may belong to different partitions, and put together again after the topic (stream/change.h). */
#include "core/memory.h"
#include "sql/plan/plan_draft.h"

static enum format plan_key_format(const struct row_schema *schema) {
    enum type_kind kind = schema->key_count == 1 ? schema->columns[0].type->kind : TYPE_STRUCT;
    return kind == TYPE_INTEGER || kind == TYPE_BIGINT || kind == TYPE_DOUBLE || kind == TYPE_STRING ||
                   kind == TYPE_BYTES
               ? FORMAT_KAFKA
               : FORMAT_JSON;
}

/* Room for the topic's name, which is written when the query has its id. */
static char *plan_topic(struct plan_draft *draft) {
    size_t count = draft->sink_count;
    const struct node_plan **sinks = arena_allocate(draft->arena, (count + 1) * sizeof(struct node_plan *));
    char **topics = arena_allocate(draft->arena, (count + 1) * sizeof(char *)),
         *topic = arena_allocate(draft->arena, PLAN_TOPIC_SIZE);
    if (!sinks || !topics || !topic)
        return NULL;
    if (count) {
        memcpy(sinks, draft->sinks, count * sizeof(struct node_plan *));
        memcpy(topics, draft->topics, count * sizeof(char *));
    }
    *topic = '\0';
    topics[count] = topic;
    draft->sinks = sinks;
    draft->topics = topics;
    return topic;
}

/* The names of the halves of a change: what a column is now, and what it was. */
static int plan_split(struct plan_draft *draft, const struct node_plan *node, const struct node_plan **ret_node,
                      struct error *error) {
    const struct row_schema *schema = &node->schema;
    size_t values = schema->count - schema->key_count, at = schema->key_count;
    struct node_plan *split = plan_node(draft, NODE_SPLIT_CHANGE, node, error);
    struct row_column *columns;
    if (!split)
        return ERROR_NO_MEMORY;
    if (!plan_schema(draft, schema->key_count + 2 * values + 2, schema->key_count, false, &split->schema, &columns))
        return error_no_memory(error);
    for (size_t i = 0; i < schema->key_count; i++)
        columns[i] = schema->columns[i];
    for (size_t half = 0; half < 2; half++)
        for (size_t i = 0; i < values; i++) {
            struct expression *name = plan_reference(draft, half == 0 ? "N" : "O", i, draft->query->place);
            if (!name)
                return error_no_memory(error);
            columns[at++] = (struct row_column){{name->name.data + 1, name->name.length - 1},
                                                schema->columns[schema->key_count + i].type};
        }
    columns[at++] = (struct row_column){SLICE("IS"), &type_boolean};
    columns[at] = (struct row_column){SLICE("WAS"), &type_boolean};
    *ret_node = split;
    return 0;
}

static int plan_unite(struct plan_draft *draft, const struct node_plan *source, const struct row_schema *schema,
                      const struct node_plan **ret_node, struct error *error) {
    struct node_plan *unite = plan_node(draft, NODE_UNITE_CHANGE, source, error);
    if (!unite)
        return ERROR_NO_MEMORY;
    unite->schema = *schema;
    *ret_node = unite;
    return 0;
}

int plan_repartition(struct plan_draft *draft, const struct node_plan *node, const struct row_format *key,
                     const struct node_plan **ret_node, struct error *error) {
    const struct row_schema schema = node->schema;
    int status = draft->table ? plan_split(draft, node, &node, error) : 0;
    if (status)
        return status;
    struct source_plan *source = arena_allocate(draft->arena, sizeof *source);
    struct node_plan *sink = plan_node(draft, NODE_SINK, node, error),
                     *read = plan_node(draft, NODE_SOURCE, NULL, error);
    char *topic = plan_topic(draft);
    if (!source || !topic || !sink || !read)
        return error_no_memory(error);
    struct row_format keys =
        key ? *key
            : (struct row_format){.format = plan_key_format(&node->schema), .wrapped = node->schema.key_count > 1};
    struct row_format values = {.format = FORMAT_JSON, .wrapped = true};
    sink->schema.windowed = false;
    sink->sink = (struct sink_plan){.topic = topic,
                                    .internal = true,
                                    .retention = 7 * 86400000LL,
                                    .key = keys,
                                    .value = values,
                                    .schema = sink->schema};
    *source = (struct source_plan){.name = SLICE("REPARTITION"),
                                   .topic = topic,
                                   .internal = true,
                                   .key = keys,
                                   .value = values,
                                   .schema = sink->schema,
                                   .value_count = sink->schema.count - sink->schema.key_count};
    read->source = source;
    read->schema = sink->schema;
    sink->text = read->text = topic;
    draft->sinks[draft->sink_count++] = sink;
    *ret_node = read;
    return draft->table ? plan_unite(draft, read, &schema, ret_node, error) : 0;
}
