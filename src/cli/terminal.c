#include "cli/terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <uniwidth.h>

#include "core/number.h"
#include "core/text.h"

enum { TERMINAL_NARROWEST = 20, TERMINAL_WIDEST = 1000 };

size_t terminal_width(int descriptor) {
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    int64_t width = 0;
    if (!columns || !number_read_integer(slice_of(columns), &width))
        width = ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
    if (width <= 0)
        return 0;
    return width < TERMINAL_NARROWEST ? TERMINAL_NARROWEST : width > TERMINAL_WIDEST ? TERMINAL_WIDEST : (size_t)width;
}

/* The next character: its bytes and columns. What is no UTF-8 is a byte of one column. */
static size_t terminal_step(struct slice text, size_t at, size_t *ret_width) {
    size_t length = utf8_length(text.data + at, text.length - at);
    int width = length ? u8_width((const uint8_t *)text.data + at, length, "UTF-8") : 1;
    *ret_width = width > 0 ? (size_t)width : 0;
    return length ? length : 1;
}

size_t terminal_text_width(struct slice text) {
    size_t width = 0, step;
    for (size_t at = 0; at < text.length; width += step)
        at += terminal_step(text, at, &step);
    return width;
}

size_t terminal_text_fit(struct slice text, size_t width) {
    size_t at = 0, step;
    while (at < text.length) {
        size_t length = terminal_step(text, at, &step);
        if (step > width)
            break;
        width -= step;
        at += length;
    }
    return at;
}
