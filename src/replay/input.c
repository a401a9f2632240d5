/* Lines out of blocks: the buffer holds what was read and not yet given, [begin, end); a refill moves it to the
 * front and reads after it. A read gives what is there: a line of a pipe is given as soon as it has come. */
#include "replay/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/memory.h"
#include "replay/utf16.h"

enum { INPUT_BUFFER = 256 * 1024, INPUT_RAW = 64 * 1024, INPUT_MEMORY_BLOCK = 4096 };
enum { INPUT_WIDE = INPUT_BUFFER / 2, INPUT_ROOM = 4096 };
enum input_kind { INPUT_UNKNOWN, INPUT_PLAIN, INPUT_GZIP };

struct input {
    int descriptor;      /* -1: memory */
    struct slice memory; /* what is left of it */
    enum input_kind kind;
    bool live; /* a pipe, socket or terminal: more may come later */
    z_stream stream;
    bool inside;        /* a member of the compressed data */
    unsigned char *raw; /* what was read to learn the kind, then what is to be expanded: [raw_begin, raw_end) */
    size_t raw_begin, raw_end;
    char *name;
    char *buffer;
    size_t capacity, begin, end;
    int64_t line;
    bool at_end;
    bool ended;           /* the line last given ended in a line feed */
    bool began;           /* something has been read, so that `utf16` is known */
    struct utf16 utf16;   /* what the text is in */
    char *wide;           /* UTF-16 to be decoded, INPUT_WIDE bytes; NULL: it is none */
    struct error failure; /* met after the last whole line; code 0: none */
};

static int input_new(const char *name, struct input **ret_input, struct error *error) {
    struct input *input = memory_zero(1, sizeof(*input));
    if (!input)
        return error_no_memory(error);
    input->descriptor = -1;
    input->name = strdup(name);
    input->buffer = malloc(INPUT_BUFFER);
    input->capacity = INPUT_BUFFER;
    if (!input->name || !input->buffer) {
        input_close(input);
        return error_no_memory(error);
    }
    *ret_input = input;
    return 0;
}

static int input_open_descriptor(const char *file, int *ret_descriptor, bool *ret_live, struct error *error) {
    int descriptor = strcmp(file, "-") == 0 ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat about = {0};
    if (descriptor < 0 && (errno == ENOENT || errno == ENOTDIR))
        return error_set(error, ERROR_NOT_FOUND, "%s: there is no such file", file);
    if (descriptor < 0)
        return error_set_errno(error, errno, "opening %s", file);
    if (fstat(descriptor, &about) == 0 && S_ISDIR(about.st_mode)) {
        close(descriptor);
        return error_set(error, ERROR_INVALID, "%s is a folder: give one file of it", file);
    }
    *ret_descriptor = descriptor;
    *ret_live = !S_ISREG(about.st_mode);
    return 0;
}

/* Takes the descriptor over, also on failure. */
static int input_of(int descriptor, bool live, const char *name, struct input **ret_input, struct error *error) {
    struct input *input = NULL;
    int status = input_new(name, &input, error);
    if (!status && !(input->raw = malloc(INPUT_RAW)))
        status = error_no_memory(error);
    if (status) {
        close(descriptor);
        input_close(input);
        return status;
    }
    input->descriptor = descriptor;
    input->live = live;
    *ret_input = input;
    return 0;
}

int input_open(const char *file, struct input **ret_input, struct error *error) {
    int descriptor = -1;
    bool live = false;
    int status = input_open_descriptor(file, &descriptor, &live, error);
    if (status)
        return status;
    return input_of(descriptor, live, strcmp(file, "-") == 0 ? "standard input" : file, ret_input, error);
}

int input_open_file(int descriptor, const char *name, struct input **ret_input, struct error *error) {
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    int again = open(path, O_RDONLY | O_CLOEXEC); /* a place of its own */
    if (again < 0)
        return error_set_errno(error, errno, "opening %s again", name);
    return input_of(again, false, name, ret_input, error);
}

int input_open_memory(struct slice text, struct input **ret_input, struct error *error) {
    struct input *input;
    int status = input_new("memory", &input, error);
    if (status)
        return status;
    input->memory = text;
    *ret_input = input;
    return 0;
}

struct input *input_close(struct input *input) {
    if (!input)
        return NULL;
    if (input->descriptor >= 0)
        close(input->descriptor);
    if (input->kind == INPUT_GZIP)
        inflateEnd(&input->stream);
    free(input->raw);
    free(input->wide);
    free(input->buffer);
    free(input->name);
    free(input);
    return NULL;
}

int64_t input_line(const struct input *input) {
    return input->line;
}
const char *input_name(const struct input *input) {
    return input->name;
}

static size_t input_read_memory(struct input *input, char *to, size_t room) {
    size_t length = input->memory.length;
    length = length < room ? length : room;
    length = length < INPUT_MEMORY_BLOCK ? length : INPUT_MEMORY_BLOCK;
    if (length)
        memcpy(to, input->memory.data, length);
    input->memory.data += length;
    input->memory.length -= length;
    input->at_end = input->memory.length == 0;
    return length;
}

/* One read(2): 0 at the end, or when it failed, which is noted. */
static size_t input_read_some(struct input *input, void *to, size_t room) {
    ssize_t length = read(input->descriptor, to, room);
    input->at_end = length <= 0;
    if (length < 0 && errno == EINTR)
        error_set(&input->failure, ERROR_INTERRUPTED, "interrupted while reading");
    else if (length < 0)
        error_set_errno(&input->failure, errno, "reading");
    return length > 0 ? (size_t)length : 0;
}

static void input_learn_kind(struct input *input) {
    while (input->raw_end < 2 && !input->at_end)
        input->raw_end += input_read_some(input, input->raw + input->raw_end, INPUT_RAW - input->raw_end);
    bool gzip = input->raw_end >= 2 && input->raw[0] == 0x1f && input->raw[1] == 0x8b;
    if (gzip && inflateInit2(&input->stream, 15 + 16) != Z_OK) {
        error_set(&input->failure, ERROR_NO_MEMORY, "out of memory");
        input->at_end = true;
        gzip = false;
    }
    input->kind = gzip ? INPUT_GZIP : INPUT_PLAIN;
    input->inside = gzip;
}

/* After a member another one may follow; what is no member is the end. */
static bool input_next_member(struct input *input) {
    bool more = input->raw_begin < input->raw_end && input->raw[input->raw_begin] == 0x1f;
    input->inside = more && inflateReset(&input->stream) == Z_OK;
    return input->inside;
}

static size_t input_expand(struct input *input, char *to, size_t room) {
    for (;;) {
        if (input->raw_begin == input->raw_end && !input->at_end) {
            input->raw_end = input_read_some(input, input->raw, INPUT_RAW);
            input->raw_begin = 0;
        }
        if (input->raw_begin == input->raw_end || (!input->inside && !input_next_member(input))) {
            if (input->inside && !input->failure.code)
                error_set(&input->failure, ERROR_CORRUPT, "compressed data ends early");
            input->at_end = true;
            return 0;
        }
        input->at_end = false;
        input->stream.next_in = input->raw + input->raw_begin;
        input->stream.avail_in = (uInt)(input->raw_end - input->raw_begin);
        input->stream.next_out = (Bytef *)to;
        input->stream.avail_out = (uInt)room;
        int code = inflate(&input->stream, Z_NO_FLUSH);
        input->raw_begin = input->raw_end - input->stream.avail_in;
        input->inside = code != Z_STREAM_END;
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
            error_set(&input->failure, ERROR_CORRUPT, "compressed data is damaged (%s)",
                      input->stream.msg ? input->stream.msg : "unknown");
            input->at_end = true;
        }
        if (input->stream.avail_out < room || input->at_end)
            return room - input->stream.avail_out;
    }
}

static size_t input_read_bytes(struct input *input, char *to, size_t room) {
    if (input->descriptor < 0)
        return input_read_memory(input, to, room);
    if (input->kind == INPUT_UNKNOWN)
        input_learn_kind(input);
    if (input->kind == INPUT_GZIP)
        return input_expand(input, to, room);
    size_t length = input->raw_end - input->raw_begin;
    if (!length)
        return input->at_end ? 0 : input_read_some(input, to, room);
    length = length < room ? length : room;
    memcpy(to, input->raw + input->raw_begin, length);
    input->raw_begin += length;
    return length;
}

/* The first bytes tell whether the text is UTF-16. Decoded, it is at most one and a half times as long. */
static size_t input_read_file(struct input *input, char *to, size_t room) {
    size_t wanted = room / 2 < INPUT_WIDE ? room / 2 : INPUT_WIDE, skip = 0;
    if (input->began && input->utf16.kind == UTF16_NOT)
        return input_read_bytes(input, to, room);
    char *from = input->began ? input->wide : to;
    size_t length = input_read_bytes(input, from, wanted);
    if (!input->began) {
        input->began = true;
        input->utf16.kind = utf16_recognise((unsigned char *)to, length, &skip);
        if (input->utf16.kind == UTF16_NOT)
            return length;
        input->wide = malloc(INPUT_WIDE);
        if (!input->wide) {
            error_set(&input->failure, ERROR_NO_MEMORY, "out of memory");
            input->at_end = true;
            return 0;
        }
        memcpy(input->wide, to + skip, length - skip);
    }
    return utf16_decode(&input->utf16, (unsigned char *)input->wide, length - skip, to);
}

bool input_is_ended(const struct input *input) {
    return input->ended;
}

bool input_is_wide(const struct input *input) {
    return input->utf16.kind != UTF16_NOT;
}

int64_t input_size(const struct input *input) {
    struct stat about;
    return input->descriptor >= 0 && fstat(input->descriptor, &about) == 0 && S_ISREG(about.st_mode) ? about.st_size
                                                                                                     : -1;
}

bool input_is_live(const struct input *input) {
    return input->live;
}

bool input_waits(const struct input *input, int64_t timeout) {
    struct pollfd news = {input->descriptor, POLLIN, 0};
    if (!input->live || input->at_end || input->raw_begin < input->raw_end ||
        memchr(input->buffer + input->begin, '\n', input->end - input->begin))
        return false;
    return poll(&news, 1, (int)timeout) <= 0;
}

static int input_fill(struct input *input, struct error *error) {
    if (input->begin) {
        memmove(input->buffer, input->buffer + input->begin, input->end - input->begin);
        input->end -= input->begin;
        input->begin = 0;
    }
    if (input->capacity - input->end < INPUT_ROOM) {
        char *larger = memory_resize(input->buffer, input->capacity, 2);
        if (!larger)
            return error_no_memory(error);
        input->buffer = larger;
        input->capacity *= 2;
    }
    char *to = input->buffer + input->end;
    size_t room = input->capacity - input->end;
    input->end += input_read_file(input, to, room);
    return 0;
}

static int input_take(struct input *input, size_t length, size_t terminator, bool too_long, struct slice *ret_line) {
    struct slice line = {input->buffer + input->begin, length};
    input->begin += length + terminator;
    input->line++;
    input->ended = terminator > 0;
    if (too_long || length > INPUT_LINE_MAXIMUM)
        return INPUT_TOO_LONG;
    if (line.length && line.data[line.length - 1] == '\r')
        line.length--;
    if (input->line == 1 && line.length >= 3 && memcmp(line.data, "\xef\xbb\xbf", 3) == 0)
        line = (struct slice){line.data + 3, line.length - 3};
    *ret_line = line;
    return INPUT_LINE;
}

static int input_finish(struct input *input, bool too_long, struct slice *ret_line, struct error *error) {
    if (input->failure.code) {
        error_set(error, input->failure.code, "%s: %s after line %lld", input->name, input->failure.message,
                  (long long)input->line);
        return input->failure.code;
    }
    size_t rest = input->end - input->begin;
    return rest || too_long ? input_take(input, rest, 0, too_long, ret_line) : INPUT_END;
}

int input_next(struct input *input, struct slice *ret_line, struct error *error) {
    size_t scanned = 0;
    bool too_long = false;
    for (;;) {
        const char *from = input->buffer + input->begin;
        const char *newline = memchr(from + scanned, '\n', input->end - input->begin - scanned);
        if (newline)
            return input_take(input, (size_t)(newline - from), 1, too_long, ret_line);
        if (input->at_end)
            return input_finish(input, too_long, ret_line, error);
        scanned = input->end - input->begin;
        if (scanned > INPUT_LINE_MAXIMUM) {
            too_long = true;
            input->begin = input->end;
            scanned = 0;
        }
        int status = input_fill(input, error);
        if (status)
            return status;
    }
}
