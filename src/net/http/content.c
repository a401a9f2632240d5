/* Both decoders are one function that fills what room there is; the limits are checked before there is more. */
#include "net/http/content.h"

#include <strings.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "core/memory.h"

enum {
    STEP_MINIMUM = 4096,
    STEP_MAXIMUM = 64 * 1024,
    CONTENT_WINDOW_LOG = 23 /* zstd: 8 MiB, what every decoder must take */
};

enum step { STEP_MORE, STEP_DONE, STEP_BROKEN, STEP_NO_MEMORY };

/* Decodes from *from, which moves on, into `to`; *ret_written bytes. STEP_DONE: the coding has ended, all was read. */
struct content_driver {
    void *(*open)(void);
    enum step (*fill)(void *state, struct slice *from, char *to, size_t room, size_t *ret_written);
    void (*close)(void *state);
};

static void *gzip_open(void) {
    z_stream *stream = memory_zero(1, sizeof *stream);
    if (stream && inflateInit2(stream, 15 + 16) != Z_OK) {
        free(stream);
        return NULL;
    }
    return stream;
}

static enum step gzip_fill(void *state, struct slice *from, char *to, size_t room, size_t *ret_written) {
    z_stream *stream = state;
    stream->next_in = (Bytef *)(uintptr_t)from->data;
    stream->avail_in = (uInt)from->length;
    stream->next_out = (Bytef *)to;
    stream->avail_out = (uInt)room;
    int result = inflate(stream, Z_NO_FLUSH);
    *from = (struct slice){(const char *)stream->next_in, stream->avail_in};
    *ret_written = room - stream->avail_out;
    if (result == Z_STREAM_END)
        return from->length == 0              ? STEP_DONE
               : inflateReset(stream) == Z_OK ? STEP_MORE /* the next member */
                                              : STEP_BROKEN;
    if (result == Z_MEM_ERROR)
        return STEP_NO_MEMORY;
    return result == Z_OK && (from->length || stream->avail_out == 0) ? STEP_MORE : STEP_BROKEN;
}

static void gzip_close(void *state) {
    inflateEnd(state);
    free(state);
}

static void *zstd_open(void) {
    ZSTD_DStream *stream = ZSTD_createDStream();
    if (stream)
        ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, CONTENT_WINDOW_LOG);
    return stream;
}

static enum step zstd_fill(void *state, struct slice *from, char *to, size_t room, size_t *ret_written) {
    ZSTD_inBuffer in = {from->data, from->length, 0};
    ZSTD_outBuffer out = {to, room, 0};
    size_t result = ZSTD_decompressStream(state, &out, &in);
    *from = (struct slice){from->data + in.pos, from->length - in.pos};
    *ret_written = out.pos;
    if (ZSTD_isError(result))
        return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? STEP_NO_MEMORY : STEP_BROKEN;
    if (result == 0 && from->length == 0)
        return STEP_DONE;
    return from->length || out.pos == room ? STEP_MORE : STEP_BROKEN;
}

static void zstd_close(void *state) {
    ZSTD_freeDStream(state);
}

static const struct content_driver gzip_driver = {gzip_open, gzip_fill, gzip_close};
static const struct content_driver zstd_driver = {zstd_open, zstd_fill, zstd_close};

enum http_coding http_coding_of(struct slice name) {
    static const struct {
        const char *name;
        enum http_coding coding;
    } codings[] = {{"gzip", HTTP_GZIP}, {"x-gzip", HTTP_GZIP}, {"zstd", HTTP_ZSTD}, {"identity", HTTP_IDENTITY}};
    if (!name.data)
        return HTTP_IDENTITY;
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++)
        if (name.length == strlen(codings[i].name) && strncasecmp(name.data, codings[i].name, name.length) == 0)
            return codings[i].coding;
    return HTTP_CODING_UNKNOWN;
}

static int content_refuse(int status, const char *reason, const char **ret_reason) {
    *ret_reason = reason;
    return status;
}

/* May the body become `length` bytes? */
static int content_check(size_t length, struct slice from, const struct http_content_limits *limits,
                         const char **ret_reason) {
    if (length > limits->maximum)
        return content_refuse(413, "the body is too long when it is decompressed", ret_reason);
    if (length > HTTP_RATIO_FREE && (length - HTTP_RATIO_FREE) / HTTP_RATIO_MAXIMUM > from.length)
        return content_refuse(413, "the body is more than 200 times as long when it is decompressed", ret_reason);
    return 0;
}

static int content_run(const struct content_driver *driver, void *state, struct slice from,
                       const struct http_content_limits *limits, struct bytes *to, const char **ret_reason) {
    struct slice left = from;
    size_t room = from.length < STEP_MINIMUM / 4   ? STEP_MINIMUM
                  : from.length < STEP_MAXIMUM / 4 ? from.length * 4
                                                   : STEP_MAXIMUM;
    for (;;) {
        size_t written = 0;
        if (!limits->hold(limits->context, room))
            return content_refuse(503, "there is no room for the body now", ret_reason);
        char *at = bytes_reserve(to, room);
        enum step step = at ? driver->fill(state, &left, at, room, &written) : STEP_NO_MEMORY;
        to->length += written;
        if (step == STEP_NO_MEMORY)
            return content_refuse(503, "out of memory", ret_reason);
        if (step == STEP_BROKEN)
            return content_refuse(400, "the body is not whole, or not in the coding that Content-Encoding names",
                                  ret_reason);
        int status = content_check(to->length, from, limits, ret_reason);
        if (status || step == STEP_DONE)
            return status;
    }
}

int http_content_decode(enum http_coding coding, struct slice from, const struct http_content_limits *limits,
                        struct bytes *to, const char **ret_reason) {
    const struct content_driver *driver = coding == HTTP_GZIP ? &gzip_driver : &zstd_driver;
    if (from.length == 0)
        return 0;
    void *state = driver->open();
    if (!state)
        return content_refuse(503, "out of memory", ret_reason);
    int status = content_run(driver, state, from, limits, to, ret_reason);
    driver->close(state);
    return status;
}
