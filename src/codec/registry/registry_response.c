/* Bodies are read as trees of jansson; what is shown of them later has no control characters. */
#include "codec/registry/registry_response.h"

#include "codec/json/json_tree.h"

static int response_object(struct slice body, json_t **ret_object, struct error *error) {
    struct error problem;
    json_t *json = NULL;
    int status = json_tree_read(body, &json, &problem);
    if (status == ERROR_NO_MEMORY)
        return error_no_memory(error);
    if (status || !json_is_object(json)) {
        json_decref(json);
        return error_set(error, ERROR_IO, "the answer is not a JSON object");
    }
    *ret_object = json;
    return 0;
}

/* A copy that can be shown: control characters become '?'. */
static void response_show(char *to, size_t size, const char *from) {
    size_t length = 0;
    for (; from && from[length] && length < size - 1; length++)
        to[length] = (unsigned char)from[length] < 0x20 || from[length] == 0x7f ? '?' : from[length];
    to[length] = '\0';
}

static int response_read_schema(const json_t *object, enum schema_kind kind, int32_t id, struct arena *arena,
                                struct slice *ret_schema, struct error *error) {
    const json_t *type = json_object_get(object, "schemaType"), *schema = json_object_get(object, "schema");
    char shown[40];
    response_show(shown, sizeof shown, json_string_value(type));
    if (!json_is_string(schema))
        return error_set(error, ERROR_IO, "the answer has no string 'schema'");
    if (strcmp(json_is_string(type) ? shown : "AVRO", schema_kind_name(kind)) != 0)
        return error_set(error, ERROR_UNSUPPORTED, "schema %d is %s, not %s", (int)id,
                         json_is_string(type) ? shown : "AVRO", schema_kind_name(kind));
    if (json_array_size(json_object_get(object, "references")) > 0)
        return error_set(error, ERROR_UNSUPPORTED,
                         "schema %d refers to other schemas, which is not supported: register it in one piece",
                         (int)id);
    struct slice copy = arena_copy(arena, (struct slice){json_string_value(schema), json_string_length(schema)});
    if (!copy.data)
        return error_no_memory(error);
    *ret_schema = copy;
    return 0;
}

int registry_response_schema(struct slice body, enum schema_kind kind, int32_t id, struct arena *arena,
                             struct slice *ret_schema, struct error *error) {
    json_t *object = NULL;
    int status = response_object(body, &object, error);
    if (!status)
        status = response_read_schema(object, kind, id, arena, ret_schema, error);
    json_decref(object);
    return status;
}

int registry_response_id(struct slice body, int32_t *ret_id, struct error *error) {
    json_t *object = NULL;
    int status = response_object(body, &object, error);
    const json_t *id = json_object_get(object, "id");
    if (!status && (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > INT32_MAX))
        status = error_set(error, ERROR_IO, "the answer has no 'id' between 0 and %d", INT32_MAX);
    if (!status)
        *ret_id = (int32_t)json_integer_value(id);
    json_decref(object);
    return status;
}

bool registry_response_lists_avro(struct slice body) {
    struct error problem;
    json_t *json = NULL;
    bool found = false;
    int status = json_tree_read(body, &json, &problem);
    for (size_t i = 0; !status && i < json_array_size(json) && !found; i++) {
        const json_t *type = json_array_get(json, i);
        found = json_is_string(type) && strcmp(json_string_value(type), "AVRO") == 0;
    }
    json_decref(json);
    return found;
}

void registry_response_problem(struct slice body, struct registry_problem *ret_problem) {
    json_t *object = NULL;
    *ret_problem = (struct registry_problem){0};
    if (response_object(body, &object, NULL))
        return;
    ret_problem->code = json_integer_value(json_object_get(object, "error_code"));
    response_show(ret_problem->message, sizeof ret_problem->message,
                  json_string_value(json_object_get(object, "message")));
    json_decref(object);
}
