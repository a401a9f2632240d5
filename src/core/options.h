/* One table of options for each command: the parser, --help and the reference page are made from it.
 *
 * GNU style: -r 5, -r5, --rate 5, --rate=5, bundled flags (-vq), "--" ends options, operands anywhere. An unknown
 * option names the nearest one that exists. The value of an option comes from the command line, else from its
 * environment variable, else from its default. */
#ifndef METERLINE_CORE_OPTIONS_H
#define METERLINE_CORE_OPTIONS_H

#include "core/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_type {
    OPTION_FLAG,    /* bool */
    OPTION_INTEGER, /* int64_t, within [minimum, maximum] */
    OPTION_NUMBER,  /* double, finite, within [minimum, maximum] */
    /* int64_t ms: "90s", "5m", "2h", "1d", "500ms", "0"; another number without a unit is refused; within [minimum,
     * maximum] ms */
    OPTION_DURATION,
    OPTION_BYTES,  /* int64_t: "64M", "1G" (powers of 1024), bare = bytes */
    OPTION_STRING, /* const char * into argv, the environment or the table */
    OPTION_CHOICE, /* const char *, one of `choices` separated by '|' */
    OPTION_LIST,   /* struct option_list: repeatable */
};

struct option_list {
    const char **items; /* owned: free() */
    size_t count;
};

struct option {
    const char *name; /* long name, without dashes */
    char letter;      /* short name or 0 */
    enum option_type type;
    const char *argument;    /* placeholder in --help: "RATE"; NULL for flags */
    const char *fallback;    /* default as text, shown in --help; NULL: none (zero, false, NULL) */
    const char *environment; /* variable or NULL */
    const char *choices;     /* for OPTION_CHOICE */
    double minimum, maximum; /* both 0: not bounded */
    size_t offset;           /* of the member in the command's struct of settings */
    const char *help;        /* one or more sentences */
    unsigned use; /* of a common option: what it is for, bits as in command_line.uses; 0: for every command */
};

struct command_line {
    const char *command;          /* "replay" */
    const char *operands;         /* "[FILE|-]" as shown in the usage line; "" for none */
    const char *summary;          /* one line */
    const char *description;      /* paragraphs; may hold examples */
    const struct option *options; /* ends with name == NULL */
    const struct option *common;  /* a second table, e.g. of the options that all commands share; or NULL */
    unsigned uses;                /* --help shows common options of these uses; 0: of all. All are parsed */
    size_t operand_minimum, operand_maximum;
};

/* Parses argv[1..] into `settings` (offset of each option); operands are collected in order into `operands`, which
 * has room for operand_maximum. --help sets *ret_help and returns 0. ERROR_INVALID with the option, its value and
 * what was expected. */
int options_parse(const struct command_line *line, int argc, char **argv, void *settings, const char **operands,
                  size_t *ret_operand_count, bool *ret_help, struct error *error);
/* Wrapped at `width` columns; lines of the description that begin with a blank are left as they are. */
void options_print_help(const struct command_line *line, FILE *to, size_t width);
void options_print_markdown(const struct command_line *line, FILE *to);
/* "5m" and the like. ERROR_INVALID says what was expected, and for a number without a unit what may have been meant;
 * `name` is what the text was given for. */
int options_read_duration(const char *name, const char *text, int64_t *ret_milliseconds, struct error *error);
/* "64M" and the like. */
bool options_read_bytes(const char *text, int64_t *ret_bytes);
/* The nearest of `count` names within a small edit distance, also one that goes on where the word ends, or NULL; for
 * "did you mean". */
const char *options_nearest(const char *word, const char *const *names, size_t count);

#endif
