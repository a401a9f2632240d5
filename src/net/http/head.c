#include "net/http/head.h"

#include <string.h>
#include <strings.h>

enum { TOKEN = 1, TARGET = 2, VALUE = 4, HOST = 8 };

/* Classes of characters (RFC 9110 5.6.2, RFC 3986). A target has no quotes, braces or bytes above 0x7e, which a proxy might
 * rewrite. */
static const unsigned char classes[256] = {
    ['\t'] = VALUE,
    [' '] = VALUE,
    ['"'] = VALUE,
    ['<'] = VALUE,
    ['>'] = VALUE,
    ['\\'] = VALUE,
    ['{'] = VALUE,
    ['}'] = VALUE,
    [0x80 ... 0xff] = VALUE,
    ['!'] = TOKEN | TARGET | VALUE,
    ['#'] = TOKEN | VALUE,
    ['$'] = TOKEN | TARGET | VALUE,
    ['%'] = TOKEN | TARGET | VALUE | HOST,
    ['&' ... '\''] = TOKEN | TARGET | VALUE,
    ['(' ... ')'] = TARGET | VALUE,
    ['*' ... '+'] = TOKEN | TARGET | VALUE,
    [','] = TARGET | VALUE,
    ['-' ... '.'] = TOKEN | TARGET | VALUE | HOST,
    ['/'] = TARGET | VALUE,
    ['0' ... '9'] = TOKEN | TARGET | VALUE | HOST,
    [':'] = TARGET | VALUE | HOST,
    [';'] = TARGET | VALUE,
    ['='] = TARGET | VALUE,
    ['?' ... '@'] = TARGET | VALUE,
    ['A' ... 'Z'] = TOKEN | TARGET | VALUE | HOST,
    ['['] = TARGET | VALUE | HOST,
    [']'] = TARGET | VALUE | HOST,
    ['^'] = TOKEN | VALUE,
    ['_'] = TOKEN | TARGET | VALUE | HOST,
    ['`'] = TOKEN | VALUE,
    ['a' ... 'z'] = TOKEN | TARGET | VALUE | HOST,
    ['|'] = TOKEN | VALUE,
    ['~'] = TOKEN | TARGET | VALUE | HOST,
};

static bool all_are(struct slice text, unsigned class) {
    for (size_t i = 0; i < text.length; i++)
        if (!(classes[(unsigned char)text.data[i]] & class))
            return false;
    return true;
}

static bool same_word(struct slice text, const char *word) {
    return text.length == strlen(word) && strncasecmp(text.data, word, text.length) == 0;
}

static struct slice trimmed(struct slice text) {
    while (text.length && (*text.data == ' ' || *text.data == '\t'))
        text = (struct slice){text.data + 1, text.length - 1};
    while (text.length && (text.data[text.length - 1] == ' ' || text.data[text.length - 1] == '\t'))
        text.length--;
    return text;
}

bool http_list_has(struct slice list, const char *token) {
    while (list.length) {
        const char *comma = memchr(list.data, ',', list.length);
        size_t length = comma ? (size_t)(comma - list.data) : list.length;
        if (same_word(trimmed((struct slice){list.data, length}), token))
            return true;
        length += comma != NULL;
        list = (struct slice){list.data + length, list.length - length};
    }
    return false;
}

struct slice http_head_field(const struct http_head *head, const char *name) {
    for (size_t i = 0; i < head->field_count; i++)
        if (same_word(head->fields[i].name, name))
            return head->fields[i].value;
    return (struct slice){0};
}

static int refuse(struct http_refusal *refusal, int status, const char *reason) {
    *refusal = (struct http_refusal){status, reason};
    return -1;
}

static enum http_method method_of(struct slice name) {
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {{"GET", HTTP_GET},       {"HEAD", HTTP_HEAD},       {"POST", HTTP_POST},  {"PUT", HTTP_PUT},
                   {"DELETE", HTTP_DELETE}, {"OPTIONS", HTTP_OPTIONS}, {"PATCH", HTTP_PATCH}};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (slice_equal(name, slice_of(methods[i].name)))
            return methods[i].method;
    return HTTP_OTHER;
}

/* Origin form, absolute form, or "*" (RFC 9112 3.2). Of a URL only the path counts: Host must be there as well. */
static int read_target(struct slice target, struct http_head *head, struct http_refusal *refusal) {
    if (target.length == 0 || !all_are(target, TARGET))
        return refuse(refusal, 400, "the request target has characters that must be percent-encoded");
    if (target.length > 7 && strncasecmp(target.data, "http://", 7) == 0)
        target = (struct slice){target.data + 7, target.length - 7};
    else if (target.length > 8 && strncasecmp(target.data, "https://", 8) == 0)
        target = (struct slice){target.data + 8, target.length - 8};
    else if (target.data[0] != '/' && !(head->method == HTTP_OPTIONS && slice_equal(target, SLICE("*"))))
        return refuse(refusal, 400, "the request target is neither a path nor a URL");
    const char *path = target.data[0] == '*' ? target.data : memchr(target.data, '/', target.length);
    const char *end = target.data + target.length;
    if (!path)
        return refuse(refusal, 400, "the request target has no path");
    const char *question = memchr(path, '?', (size_t)(end - path));
    head->path = (struct slice){path, (size_t)((question ? question : end) - path)};
    head->query = question ? (struct slice){question + 1, (size_t)(end - question - 1)} : (struct slice){0};
    return 0;
}

static int read_request_line(struct slice line, struct http_head *head, struct http_refusal *refusal) {
    const char *space = memchr(line.data, ' ', line.length);
    size_t method = space ? (size_t)(space - line.data) : 0;
    if (method == 0 || !all_are((struct slice){line.data, method}, TOKEN))
        return refuse(refusal, 400, "the request line does not begin with a method");
    head->method = method_of((struct slice){line.data, method});
    struct slice rest = {space + 1, line.length - method - 1};
    space = memchr(rest.data, ' ', rest.length);
    if (!space)
        return refuse(refusal, 400, "the request line has no HTTP version");
    struct slice target = {rest.data, (size_t)(space - rest.data)};
    struct slice version = {space + 1, rest.length - target.length - 1};
    if (version.length != 8 || memcmp(version.data, "HTTP/", 5) != 0 || version.data[6] != '.' ||
        version.data[5] < '0' || version.data[5] > '9' || version.data[7] < '0' || version.data[7] > '9')
        return refuse(refusal, 400, "the request line does not end with an HTTP version");
    if (version.data[5] != '1' || version.data[7] > '1')
        return refuse(refusal, 505, "HTTP/1.0 and HTTP/1.1 are spoken here");
    head->minor = version.data[7] - '0';
    return read_target(target, head, refusal);
}

static int read_length(struct slice value, struct http_head *head, struct http_refusal *refusal) {
    int64_t length = 0;
    if (head->content_length >= 0)
        return refuse(refusal, 400, "there are two Content-Length fields");
    if (value.length == 0 || value.length > 18)
        return refuse(refusal, 400, "Content-Length is not a number");
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return refuse(refusal, 400, "Content-Length is not a number");
        length = length * 10 + (value.data[i] - '0');
    }
    head->content_length = length;
    return 0;
}

/* What the fields mean for the message itself. */
static int read_meaning(struct slice name, struct slice value, struct http_head *head, struct http_refusal *refusal) {
    if (same_word(name, "content-length"))
        return read_length(value, head, refusal);
    if (same_word(name, "transfer-encoding")) {
        if (head->chunked)
            return refuse(refusal, 400, "there are two Transfer-Encoding fields");
        if (!same_word(value, "chunked"))
            return refuse(refusal, 501, "Transfer-Encoding: only chunked is understood");
        head->chunked = true;
    } else if (same_word(name, "host")) {
        if (head->host.data)
            return refuse(refusal, 400, "there are two Host fields");
        if (!all_are(value, HOST))
            return refuse(refusal, 400, "Host is no host");
        head->host = value;
    } else if (same_word(name, "expect")) {
        if (!same_word(value, "100-continue"))
            return refuse(refusal, 417, "Expect: only 100-continue is understood");
        head->expects_continue = true;
    } else if (same_word(name, "connection")) {
        if (http_list_has(value, "close"))
            head->keep_alive = false;
        else if (head->minor == 0 && http_list_has(value, "keep-alive"))
            head->keep_alive = true;
    }
    return 0;
}

static int read_field(struct slice line, struct http_head *head, struct http_refusal *refusal) {
    const char *colon = memchr(line.data, ':', line.length);
    size_t length = colon ? (size_t)(colon - line.data) : 0;
    struct slice name = {line.data, length};
    if (length == 0 || !all_are(name, TOKEN)) /* a folded line and a space before the colon, too */
        return refuse(refusal, 400, "a header line does not begin with a name and a colon");
    struct slice value = trimmed((struct slice){colon + 1, line.length - length - 1});
    if (!all_are(value, VALUE))
        return refuse(refusal, 400, "a header field has control characters");
    if (head->field_count == HTTP_FIELDS_MAXIMUM)
        return refuse(refusal, 431, "there are more than 100 header fields");
    head->fields[head->field_count++] = (struct http_field){name, value};
    return read_meaning(name, value, head, refusal);
}

/* Rules about several fields. */
static int check_together(const struct http_head *head, struct http_refusal *refusal) {
    if (head->minor == 1 && !head->host.data)
        return refuse(refusal, 400, "there is no Host field");
    if (head->chunked && head->content_length >= 0)
        return refuse(refusal, 400, "Content-Length beside Transfer-Encoding");
    if (head->chunked && head->minor == 0)
        return refuse(refusal, 400, "Transfer-Encoding in HTTP/1.0");
    return 0;
}

/* The next line, without CRLF. 1, 0: it is not whole, -1: a bare LF, or a CR within. */
static int next_line(struct slice *rest, struct slice *ret_line) {
    const char *end = memchr(rest->data, '\n', rest->length);
    if (!end)
        return 0;
    size_t length = (size_t)(end - rest->data);
    if (length == 0 || end[-1] != '\r' || memchr(rest->data, '\r', length - 1))
        return -1;
    *ret_line = (struct slice){rest->data, length - 1};
    *rest = (struct slice){end + 1, rest->length - length - 1};
    return 1;
}

/* Lines of `bytes` one after another; like http_head_read. */
static ssize_t read_lines(struct slice bytes, struct http_head *head, struct http_refusal *refusal) {
    struct slice rest = bytes, line;
    int found = 0;
    bool begun = false;
    while (rest.length && (found = next_line(&rest, &line)) > 0) {
        if (line.length == 0 && begun)
            return check_together(head, refusal) ? -1 : (ssize_t)(bytes.length - rest.length);
        if (line.length == 0 && rest.data - bytes.data > 2)
            return refuse(refusal, 400, "the request begins with empty lines"); /* one is allowed (RFC 9112 2.2) */
        if (line.length == 0)
            continue;
        if (begun ? read_field(line, head, refusal) : read_request_line(line, head, refusal))
            return -1;
        if (!begun)
            head->keep_alive = head->minor == 1;
        begun = true;
    }
    if (found < 0)
        return refuse(refusal, 400, "a line of the head does not end with CR LF");
    if (!begun && rest.length && !(classes[(unsigned char)rest.data[0]] & TOKEN) && rest.data[0] != '\r')
        return refuse(refusal, 400, "this is no HTTP request"); /* such as a TLS handshake on a plain port */
    return 0;
}

ssize_t http_head_read(struct slice bytes, struct http_head *ret_head, struct http_refusal *ret_refusal) {
    struct slice limited = {bytes.data, bytes.length < HTTP_HEAD_MAXIMUM ? bytes.length : HTTP_HEAD_MAXIMUM};
    ret_head->field_count = 0;
    ret_head->content_length = -1;
    ret_head->host = (struct slice){0};
    ret_head->chunked = ret_head->keep_alive = ret_head->expects_continue = false;
    ssize_t length = read_lines(limited, ret_head, ret_refusal);
    if (length == 0 && bytes.length >= HTTP_HEAD_MAXIMUM)
        return refuse(ret_refusal, 431, "the head has more than 16384 bytes");
    return length;
}

static int hex_digit(char c) {
    int lower = c | 0x20;
    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool percent_decode(struct slice text, char *to, size_t room, size_t *ret_length) {
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '%') {
            int high = text.length - i > 2 ? hex_digit(text.data[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_digit(text.data[i + 2]);
            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if (length == room)
            return false;
        to[length++] = c;
    }
    *ret_length = length;
    return true;
}

bool http_query_parameter(struct slice query, const char *name, char *to, size_t room, size_t *ret_length) {
    size_t name_length = strlen(name);
    while (query.length) {
        const char *and = memchr(query.data, '&', query.length);
        size_t length = and? (size_t)(and-query.data) : query.length;
        if (length > name_length && memcmp(query.data, name, name_length) == 0 && query.data[name_length] == '=')
            return percent_decode((struct slice){query.data + name_length + 1, length - name_length - 1}, to, room,
                                  ret_length);
        length += and != NULL;
        query = (struct slice){query.data + length, query.length - length};
    }
    return false;
}
