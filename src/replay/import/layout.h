/* The layout of a file: how it is written and what each column is. Inside of import/ only. */
#ifndef METERLINE_REPLAY_IMPORT_LAYOUT_H
#define METERLINE_REPLAY_IMPORT_LAYOUT_H

#include "core/arena.h"
#include "replay/import/cell.h"
#include "replay/import/import.h"
#include "replay/import/rows.h"

enum column_role {
    ROLE_UNKNOWN,
    ROLE_IGNORED,
    ROLE_TIME,  /* a date, with the time of day or without */
    ROLE_CLOCK, /* the time of day beside it */
    ROLE_GATEWAY,
    ROLE_TYPE,
    ROLE_ATTRIBUTE,
    ROLE_VALUE, /* of a series whose names are settings or in other columns */
};

enum { EXAMPLE_SIZE = 40 };

/* A cell that shows something, and the line it is on; line 0: there is none. */
struct example {
    int64_t line;
    char text[EXAMPLE_SIZE];
};

/* What the cells of a column were, over the whole file. */
struct column_cells {
    int64_t filled, numbers, times, clocks, dates_alone; /* dates_alone: times without a time of day */
    int64_t forms[5];                                    /* of times: TIME_YEAR_FIRST, .. TIME_MILLISECONDS */
    struct example first;
    struct example day_first, month_first, either; /* dates: only the one, only the other, both and they differ */
    struct example point, comma, any;              /* numbers: likewise */
    bool offsets;                                  /* some times had an offset, */
    bool local;                                    /* some had none */
    bool dotted;                                   /* dates with dots: the day is first */
};

struct column {
    struct slice name, unit; /* of the header; "" without one */
    struct slice alias;      /* a name that was given in place of it */
    bool whole;              /* its series was given with all three names */
    enum column_role role;
    struct slice gateway, type, attribute; /* of a value, where this column alone has them; data NULL: as the others */
    const char *why;                       /* why it is not used; NULL: it is, or it was said so */
    struct column_cells cells;
};

struct layout {
    const char *file;
    char delimiter, decimal;
    unsigned date;                   /* one TIME_ form */
    bool decimal_open, date_open;    /* could be read two ways, by what this file shows */
    bool decimal_shown, date_shown;  /* this file decides it */
    int64_t header_rows, first_line; /* rows before the data; the line that those begin on */
    bool has_names, has_units, wide, descending;
    struct column *columns;
    size_t count;
    size_t time, clock, gateway, type, attribute; /* columns; SIZE_MAX: none */
    int64_t rows, interval;                       /* of data; the most common step of time, ms, 0: unknown */
    struct rows_counts lines;                     /* of the first reading */
    int64_t size;                                 /* bytes of the file then */
};

/* Opens a file's rows; what came in from standard input is read from a copy. */
struct import_file {
    const char *name;
    int copy; /* descriptor, -1: none */
};
int import_file_open(struct import_file *file, char delimiter, struct rows **ret_rows, struct error *error);

/* Reads a file and finds its layout out but for what it leaves open. */
int layout_sniff(const struct import_settings *settings, struct import_file *file, struct arena *arena,
                 struct layout *layout, struct error *error);
/* Decides what was left open, by the other files, and what the columns are. */
int layout_settle(const struct import_settings *settings, struct layout *layouts, size_t count, struct arena *arena,
                  struct error *error);
/* Reads the header and the roles given; ROLE_UNKNOWN where nothing is. */
int layout_roles(const struct import_settings *settings, struct layout *layout, struct arena *arena,
                 struct error *error);
void example_keep(struct example *example, int64_t line, struct slice text);
const char *role_word(enum column_role role);
/* "NAME=ROLE" apart; false: it is none. */
bool role_split(const char *text, struct slice *ret_name, struct slice *ret_role);
bool column_is_called(const struct layout *layout, size_t i, struct slice name); /* by its name or "column N" */
bool layout_is_sum(struct slice word);                                           /* "Summe", "Total" .. */

#endif
