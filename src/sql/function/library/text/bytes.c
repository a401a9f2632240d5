/* BYTES: texts in an encoding, and numbers as they lie in memory. */
#include "sql/function/library/functions.h"

#include "sql/function/library/text/byte_text.h"
#include <strings.h>

static bool find_encoding(struct function_call *call, struct slice name, enum byte_text *ret_encoding) {
    return byte_text_encoding(name, ret_encoding) ||
           function_fail(call, "'%.*s' is no encoding; hex, utf8, ascii and base64 are", function_shown(name),
                         name.data);
}

static bool read_text(struct function_call *call, enum byte_text encoding, struct slice text, struct slice name,
                      struct bytes *to) {
    return byte_text_read(encoding, text, to) ||
           function_fail(call, "'%.*s' is not in encoding %.*s", function_shown(text), text.data, function_shown(name),
                         name.data);
}

static bool to_bytes(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    enum byte_text encoding;
    struct bytes bytes = {0};
    if (!find_encoding(call, arguments[1].text, &encoding))
        return false;
    if (read_text(call, encoding, arguments[0].text, arguments[1].text, &bytes))
        return function_give_bytes(call, &bytes, ret_value);
    bytes_release(&bytes);
    return false;
}

static bool from_bytes(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    enum byte_text encoding;
    struct bytes text = {0};
    if (!find_encoding(call, arguments[1].text, &encoding))
        return false;
    byte_text_write(encoding, arguments[0].text, &text);
    return function_give_bytes(call, &text, ret_value);
}

/* Hexadecimal digits in lower case, as ENCODE gives them. */
static void lower_digits(struct bytes *text) {
    for (size_t i = 0; i < text->length; i++)
        text->data[i] = (char)(text->data[i] >= 'A' && text->data[i] <= 'F' ? text->data[i] + 32 : text->data[i]);
}

static bool encode(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    enum byte_text from, to;
    struct bytes bytes = {0}, text = {0};
    if (!find_encoding(call, arguments[1].text, &from) || !find_encoding(call, arguments[2].text, &to))
        return false;
    bool read = read_text(call, from, arguments[0].text, arguments[1].text, &bytes) && !bytes.failed;
    if (read)
        byte_text_write(to, bytes_slice(&bytes), &text);
    bytes_release(&bytes);
    if (to == BYTE_TEXT_HEX)
        lower_digits(&text);
    return read && function_give_bytes(call, &text, ret_value);
}

/* --- numbers
 * ------------------------------------------------------------------------------------------------------------------ */

/* `size` bytes in the order that may be argument 1. */
static bool read_number(struct function_call *call, const struct value *arguments, size_t size, uint64_t *ret_bits) {
    struct slice bytes = arguments[0].text, order = call->count > 1 ? arguments[1].text : SLICE("BIG_ENDIAN");
    bool little = order.length == 13 && strncasecmp(order.data, "LITTLE_ENDIAN", 13) == 0;
    if (!little && !(order.length == 10 && strncasecmp(order.data, "BIG_ENDIAN", 10) == 0))
        return function_fail(call, "'%.*s' is no order of bytes; BIG_ENDIAN and LITTLE_ENDIAN are",
                             function_shown(order), order.data);
    if (bytes.length != size)
        return function_fail(call, "%zu bytes are expected, not %zu", size, bytes.length);
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits = bits << 8 | (unsigned char)bytes.data[little ? size - 1 - i : i];
    *ret_bits = bits;
    return true;
}

static bool integer_from_bytes(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    uint64_t bits;
    if (!read_number(call, arguments, 4, &bits))
        return false;
    *ret_value = value_of_integer((int32_t)(uint32_t)bits);
    return true;
}

static bool bigint_from_bytes(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    uint64_t bits;
    if (!read_number(call, arguments, 8, &bits))
        return false;
    *ret_value = value_of_integer((int64_t)bits);
    return true;
}

static bool double_from_bytes(struct function_call *call, const struct value *arguments, struct value *ret_value) {
    uint64_t bits;
    double number;
    if (!read_number(call, arguments, 8, &bits))
        return false;
    memcpy(&number, &bits, sizeof number);
    *ret_value = value_of_number(number);
    return true;
}

#define NUMBER(type, function)                                                                                         \
    {TAKES(PARAMETER_BYTES), .result = &type, .null_in_null_out = true, .call = function}, {                           \
        TAKES(PARAMETER_BYTES, PARAMETER_STRING), .result = &type, .null_in_null_out = true, .call = function          \
    }

FUNCTION_LIST(functions_bytes,
              {.name = "BIGINT_FROM_BYTES",
               .category = "Bytes",
               .signature = "BIGINT_FROM_BYTES(bytes[, order])",
               .description = "8 bytes as a BIGINT, 'BIG_ENDIAN' (if not given) or 'LITTLE_ENDIAN'.",
               VARIANTS(NUMBER(type_bigint, bigint_from_bytes))},
              {.name = "DOUBLE_FROM_BYTES",
               .category = "Bytes",
               .signature = "DOUBLE_FROM_BYTES(bytes[, order])",
               .description = "8 bytes as a DOUBLE, 'BIG_ENDIAN' (if not given) or 'LITTLE_ENDIAN'.",
               VARIANTS(NUMBER(type_double, double_from_bytes))},
              {.name = "ENCODE",
               .category = "String",
               .signature = "ENCODE(text, from, to)",
               .description = "A text in one encoding written in another: 'hex', 'utf8', 'ascii', 'base64'.",
               VARIANTS({TAKES(PARAMETER_STRING, PARAMETER_STRING, PARAMETER_STRING), .result = &type_string,
                         .null_in_null_out = true, .call = encode})},
              {.name = "FROM_BYTES",
               .category = "Bytes",
               .signature = "FROM_BYTES(bytes, encoding)",
               .description = "BYTES as a text: 'hex', 'utf8', 'ascii', 'base64'.",
               VARIANTS({TAKES(PARAMETER_BYTES, PARAMETER_STRING), .result = &type_string, .null_in_null_out = true,
                         .call = from_bytes})},
              {.name = "INT_FROM_BYTES",
               .category = "Bytes",
               .signature = "INT_FROM_BYTES(bytes[, order])",
               .description = "4 bytes as an INTEGER, 'BIG_ENDIAN' (if not given) or 'LITTLE_ENDIAN'.",
               VARIANTS(NUMBER(type_integer, integer_from_bytes))},
              {.name = "TO_BYTES",
               .category = "Bytes",
               .signature = "TO_BYTES(text, encoding)",
               .description = "The BYTES that a text means: 'hex', 'utf8', 'ascii', 'base64'.",
               VARIANTS({TAKES(PARAMETER_STRING, PARAMETER_STRING), .result = &type_bytes, .null_in_null_out = true,
                         .call = to_bytes})});
