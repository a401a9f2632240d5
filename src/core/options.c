/* The parser walks the words once and sets fields of the settings by the offset in the table; --help and the
 * reference page print the same table. */
#include "core/options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/number.h"

enum { HELP_COLUMN = 30, NAMES_MAXIMUM = 128 };

/* Calls for both tables of a command. */
static const struct option *options_table(const struct command_line *line, int which) {
    return which == 0 ? line->options : line->common;
}

static const struct option *options_find(const struct command_line *line, const char *name, size_t length,
                                         char letter) {
    for (int t = 0; t < 2; t++)
        for (const struct option *option = options_table(line, t); option && option->name; option++)
            if (letter ? option->letter == letter
                       : strlen(option->name) == length && memcmp(option->name, name, length) == 0)
                return option;
    return NULL;
}

/* --- values
 * ------------------------------------------------------------------------------------------------------------------ */

static bool options_read_units(const char *text, const char *const *units, const double *factors, size_t count,
                               int64_t *ret_value) {
    size_t digits = strspn(text, "0123456789.");
    double number, factor = 0;
    if (!number_read_double((struct slice){text, digits}, &number))
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(text + digits, units[i]) == 0)
            factor = factors[i];
    if (factor == 0 || number * factor > 9e18)
        return false;
    *ret_value = (int64_t)llround(number * factor);
    return true;
}

int options_read_duration(const char *name, const char *text, int64_t *ret_milliseconds, struct error *error) {
    static const char *const units[] = {"ms", "s", "m", "h", "d"};
    static const double factors[] = {1, 1000, 60e3, 3600e3, 86400e3};
    if (strcmp(text, "0") == 0) {
        *ret_milliseconds = 0;
        return 0;
    }
    if (options_read_units(text, units, factors, 5, ret_milliseconds))
        return 0;
    if (*text && strlen(text) < 20 && strspn(text, "0123456789.") == strlen(text))
        return error_set(error, ERROR_INVALID, "%s: '%s' has no unit: did you mean %ss, %sm, %sh or %sd?", name, text,
                         text, text, text, text);
    return error_set(error, ERROR_INVALID, "%s: '%.100s' is not a duration (for example 500ms, 90s, 5m, 2h, 1d)", name,
                     text);
}

bool options_read_bytes(const char *text, int64_t *ret_bytes) {
    static const char *const units[] = {"", "K", "M", "G", "T"};
    static const double factors[] = {1, 1024, 1048576, 1073741824, 1099511627776};
    return options_read_units(text, units, factors, 5, ret_bytes);
}

static bool options_is_choice(const char *choices, const char *value) {
    size_t length = strlen(value);
    for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (strncmp(at, value, length) == 0 && length > 0 && (at[length] == '|' || at[length] == '\0'))
            return true;
    return false;
}

static int options_bad(const struct option *option, const char *value, const char *expected, struct error *error) {
    return error_set(error, ERROR_INVALID, "--%s: '%.100s' is not %s", option->name, value, expected);
}

static int options_check_range(const struct option *option, double number, struct error *error) {
    if ((option->minimum == 0 && option->maximum == 0) || (number >= option->minimum && number <= option->maximum))
        return 0;
    double scale = option->type == OPTION_DURATION ? 1000 : 1;
    return error_set(error, ERROR_INVALID, "--%s: %.15g is out of range: %.15g to %.15g%s", option->name,
                     number / scale, option->minimum / scale, option->maximum / scale,
                     option->type == OPTION_DURATION ? " seconds" : "");
}

static int options_set_number(const struct option *option, const char *value, void *member, struct error *error) {
    int64_t integer = 0;
    double number = 0;
    bool good = false;
    const char *expected = "a whole number";
    if (option->type == OPTION_INTEGER) {
        good = number_read_integer(slice_of(value), &integer);
    } else if (option->type == OPTION_DURATION) {
        char name[80];
        snprintf(name, sizeof name, "--%s", option->name);
        int status = options_read_duration(name, value, &integer, error);
        if (status)
            return status;
        good = true;
    } else if (option->type == OPTION_BYTES) {
        good = options_read_bytes(value, &integer);
        expected = "a size (for example 4096, 64M, 10G)";
    } else {
        good = number_read_double(slice_of(value), &number);
        expected = "a number";
    }
    if (!good)
        return options_bad(option, value, expected, error);
    int status = options_check_range(option, option->type == OPTION_NUMBER ? number : (double)integer, error);
    if (status)
        return status;
    if (option->type == OPTION_NUMBER)
        memcpy(member, &number, sizeof number);
    else
        memcpy(member, &integer, sizeof integer);
    return 0;
}

static int options_append(struct option_list *list, const char *value, struct error *error) {
    const char **items = memory_resize(list->items, list->count + 1, sizeof *items);
    if (!items)
        return error_no_memory(error);
    list->items = items;
    list->items[list->count++] = value;
    return 0;
}

static int options_set(const struct option *option, const char *value, void *settings, struct error *error) {
    void *member = (char *)settings + option->offset;
    switch (option->type) {
    case OPTION_FLAG:
        *(bool *)member = true;
        return 0;
    case OPTION_CHOICE:
        if (!options_is_choice(option->choices, value))
            return error_set(error, ERROR_INVALID, "--%s: '%.100s' is not one of %s", option->name, value,
                             option->choices);
        memcpy(member, &value, sizeof value);
        return 0;
    case OPTION_STRING:
        memcpy(member, &value, sizeof value);
        return 0;
    case OPTION_LIST:
        return options_append(member, value, error);
    default:
        return options_set_number(option, value, member, error);
    }
}

/* Environment, then defaults; the command line comes later and wins. */
static int options_set_defaults(const struct command_line *line, void *settings, struct error *error) {
    for (int t = 0; t < 2; t++)
        for (const struct option *option = options_table(line, t); option && option->name; option++) {
            const char *environment = option->environment ? getenv(option->environment) : NULL;
            const char *value = environment && *environment ? environment : option->fallback;
            int status = value ? options_set(option, value, settings, error) : 0;
            if (status)
                return environment && value == environment
                           ? error_wrap(error, "environment variable %s", option->environment)
                           : status;
        }
    return 0;
}

/* --- names
 * ------------------------------------------------------------------------------------------------------------------ */

/* Levenshtein's distance, for words up to 63 characters. */
static size_t options_distance(const char *a, const char *b) {
    size_t row[64], length_b = strlen(b);
    if (length_b >= 64 || strlen(a) >= 64)
        return 64;
    for (size_t j = 0; j <= length_b; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length_b; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            size_t least = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;
            row[j] = change < least ? change : least;
        }
    }
    return row[length_b];
}

enum { OPTIONS_BEGINNING = 3 /* letters that a longer name is known by */ };

const char *options_nearest(const char *word, const char *const *names, size_t count) {
    const char *best = NULL;
    size_t length = strlen(word), best_distance = length / 2 + 2 < 4 ? length / 2 + 2 : 4;
    for (size_t i = 0; i < count; i++) {
        size_t distance = options_distance(word, names[i]);
        if (length >= OPTIONS_BEGINNING && strncmp(word, names[i], length) == 0 && distance > 2)
            distance = 2;
        if (distance < best_distance) {
            best = names[i];
            best_distance = distance;
        }
    }
    return best;
}

static int options_unknown(const struct command_line *line, const char *word, size_t length, struct error *error) {
    const char *names[NAMES_MAXIMUM];
    size_t count = 0;
    char name[64];
    for (int t = 0; t < 2; t++)
        for (const struct option *option = options_table(line, t); option && option->name && count < NAMES_MAXIMUM;
             option++)
            names[count++] = option->name;
    snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), word);
    const char *nearest = options_nearest(name, names, count);
    return error_set(error, ERROR_INVALID, "unknown option --%s%s%s%s", name, nearest ? "; did you mean --" : "",
                     nearest ? nearest : "", nearest ? "?" : "");
}

/* --- parsing
 * ------------------------------------------------------------------------------------------------------------------ */

struct option_walk {
    const struct command_line *line;
    int argc, at;
    char **argv;
    void *settings;
    bool help;
    struct error *error;
};

static int walk_value(struct option_walk *walk, const struct option *option, const char *attached) {
    if (option->type == OPTION_FLAG) {
        if (attached)
            return error_set(walk->error, ERROR_INVALID, "--%s takes no value", option->name);
        return options_set(option, NULL, walk->settings, walk->error);
    }
    const char *value = attached ? attached : walk->at + 1 < walk->argc ? walk->argv[++walk->at] : NULL;
    if (!value)
        return error_set(walk->error, ERROR_INVALID, "--%s needs a value: --%s %s", option->name, option->name,
                         option->argument);
    return options_set(option, value, walk->settings, walk->error);
}

static int walk_long(struct option_walk *walk, const char *word) {
    size_t length = strcspn(word, "=");
    const struct option *option = options_find(walk->line, word, length, 0);
    if (option)
        return walk_value(walk, option, word[length] == '=' ? word + length + 1 : NULL);
    if (strcmp(word, "help") == 0) {
        walk->help = true;
        return 0;
    }
    return options_unknown(walk->line, word, length, walk->error);
}

static int walk_short(struct option_walk *walk, const char *letters) {
    for (; *letters; letters++) {
        const struct option *option = options_find(walk->line, NULL, 0, *letters);
        if (!option && *letters == 'h') {
            walk->help = true;
            return 0;
        }
        if (!option)
            return error_set(walk->error, ERROR_INVALID, "unknown option -%c; 'meterline %s --help' lists them",
                             *letters, walk->line->command);
        if (option->type != OPTION_FLAG)
            return walk_value(walk, option, letters[1] ? letters + 1 : NULL);
        int status = walk_value(walk, option, NULL);
        if (status)
            return status;
    }
    return 0;
}

int options_parse(const struct command_line *line, int argc, char **argv, void *settings, const char **operands,
                  size_t *ret_operand_count, bool *ret_help, struct error *error) {
    struct option_walk walk = {.line = line, .argc = argc, .at = 1, .argv = argv, .settings = settings, .error = error};
    size_t count = 0;
    bool only_operands = false;
    int status = options_set_defaults(line, settings, error);
    for (; walk.at < argc && !status && !walk.help; walk.at++) {
        const char *word = argv[walk.at];
        if (!only_operands && strcmp(word, "--") == 0)
            only_operands = true;
        else if (!only_operands && strncmp(word, "--", 2) == 0)
            status = walk_long(&walk, word + 2);
        else if (!only_operands && word[0] == '-' && word[1])
            status = walk_short(&walk, word + 1);
        else if (count == line->operand_maximum)
            status = error_set(error, ERROR_INVALID, "unexpected argument '%.100s'", word);
        else
            operands[count++] = word;
    }
    if (status)
        return status;
    if (!walk.help && count < line->operand_minimum)
        return error_set(error, ERROR_INVALID, "an argument is missing: meterline %s [options] %s", line->command,
                         line->operands);
    *ret_operand_count = count;
    *ret_help = walk.help;
    return 0;
}

/* --- help
 * ------------------------------------------------------------------------------------------------------------------ */

/* Words of `text` wrapped at `width`, continued at `indent`; the column after them. */
static size_t help_words(FILE *to, const char *text, const char *end, size_t column, size_t indent, size_t width) {
    while (text < end) {
        size_t length = strcspn(text, " \n");
        length = length < (size_t)(end - text) ? length : (size_t)(end - text);
        bool first = column == indent;
        if (!first && column + 1 + length > width) {
            fprintf(to, "\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        fprintf(to, "%s%.*s", first ? "" : " ", (int)length, text);
        column += length + !first;
        for (text += length; text < end && *text == ' '; text++)
            ;
    }
    return column;
}

/* Paragraphs: lines that follow each other are one, but for blank lines and those that begin with a blank. */
static void help_description(FILE *to, const char *text, size_t width) {
    size_t column = 0;
    while (*text) {
        const char *end = strchrnul(text, '\n');
        bool apart = text == end || *text == ' ';
        if (apart) {
            fprintf(to, "%s%.*s\n", column ? "\n" : "", (int)(end - text), text);
            column = 0;
        } else {
            column = help_words(to, text, end, column, 0, width);
        }
        text = *end ? end + 1 : end;
    }
    fputs(column ? "\n" : "", to);
}

static void help_text(const struct option *option, char *to, size_t size) {
    size_t length = (size_t)snprintf(to, size, "%s", option->help);
    if (option->choices && length < size)
        length += (size_t)snprintf(to + length, size - length, " One of %s.", option->choices);
    if (option->fallback && length < size)
        length += (size_t)snprintf(to + length, size - length, " Default: %s.", option->fallback);
    if (option->environment && length < size)
        snprintf(to + length, size - length, " Environment: %s.", option->environment);
}

static void help_option(const struct option *option, FILE *to, size_t width) {
    char left[80], text[1000];
    char letter[8] = "    ";
    if (option->letter)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    int length = snprintf(left, sizeof left, "  %s--%s%s%s", letter, option->name, option->argument ? " " : "",
                          option->argument ? option->argument : "");
    help_text(option, text, sizeof text);
    if (length + 2 > HELP_COLUMN)
        fprintf(to, "%s\n%*s", left, HELP_COLUMN, "");
    else
        fprintf(to, "%-*s", HELP_COLUMN, left);
    help_words(to, text, text + strlen(text), HELP_COLUMN, HELP_COLUMN, width);
    fputc('\n', to);
}

void options_print_help(const struct command_line *line, FILE *to, size_t width) {
    fprintf(to, "Usage: meterline %s [options]%s%s\n", line->command, *line->operands ? " " : "", line->operands);
    help_description(to, line->summary, width);
    fputc('\n', to);
    help_description(to, line->description, width);
    for (int t = 0; t < 2; t++) {
        const struct option *option = options_table(line, t);
        if (!option)
            continue;
        fprintf(to, t == 0 ? "\nOptions:\n" : "\nCommon options:\n");
        for (; option->name; option++)
            if (t == 0 || !option->use || !line->uses || option->use & line->uses)
                help_option(option, to, width);
    }
    fprintf(to, "  -h, --help                  This text.\n");
}

void options_print_markdown(const struct command_line *line, FILE *to) {
    char text[1000];
    fprintf(to, "## %s\n\n%s\n\n```\nmeterline %s [options]%s%s\n```\n\n```\n%s\n```\n", line->command, line->summary,
            line->command, *line->operands ? " " : "", line->operands, line->description);
    if (line->options->name)
        fprintf(to, "\n| option | meaning |\n|---|---|\n");
    for (const struct option *option = line->options; option->name; option++) {
        help_text(option, text, sizeof text);
        fprintf(to, "| `");
        if (option->letter)
            fprintf(to, "-%c, ", option->letter);
        fprintf(to, "--%s%s%s` | ", option->name, option->argument ? " " : "",
                option->argument ? option->argument : "");
        for (const char *c = text; *c; c++)
            fprintf(to, *c == '|' ? "\\|" : "%c", *c);
        fprintf(to, " |\n");
    }
    fputc('\n', to);
}
