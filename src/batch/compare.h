/* Windows of batch against those of the store, window by window: what batch has folded, what the store has, and what
 * came late, three streams in the same order.
 *
 *     batch   A 10:00   A 11:00             B 10:00
 *     store   A 10:00             A 12:00   B 10:00
 *     late              A 11:00
 *              SAME      LATE     MISSING_   ..
 *                                  BATCH                              */
#ifndef METERLINE_BATCH_COMPARE_H
#define METERLINE_BATCH_COMPARE_H

#include "batch/duckdb/olap.h"
#include "batch/stream_progress.h"
#include "batch/window_file.h"
#include "store/store.h"

enum comparison_class {
    CLASS_SAME,          /* equal to the last bit, as the stream has written it */
    CLASS_REVISED,       /* equal to the last bit, after a correction */
    CLASS_LATE,          /* differs by what came late */
    CLASS_OPEN,          /* not in the store, and the stream has not closed it yet */
    CLASS_INCOMPLETE,    /* differs, and the stream itself has said that it lacks readings */
    CLASS_TOLERATED,     /* differs by rounding, where the order of folding is not known */
    CLASS_MISSING_SPEED, /* the store lacks it */
    CLASS_MISSING_BATCH, /* batch lacks it */
    CLASS_UNEXPLAINED,
    CLASSES
};
extern const char *const comparison_class_names[CLASSES];
static inline bool comparison_fails(enum comparison_class class) {
    return class >= CLASS_MISSING_SPEED;
}

struct comparison_values {
    bool there;
    uint64_t count;
    double minimum, maximum, sum;
    int64_t revision; /* of the store's */
};

struct comparison {
    enum comparison_class class;
    struct series series;
    struct slice key;
    size_t size_number;
    int64_t size, start; /* ms */
    struct comparison_values batch, store, late;
};

struct comparison_settings {
    struct store *store;
    struct olap_connection *connection; /* with a table batch_late; NULL: nothing is known of what came late */
    const int64_t *sizes;               /* ms */
    size_t size_count;
    int64_t from, to;                       /* window starts in [from, to) */
    bool late_only;                         /* only windows for which something came late */
    bool tolerate;                          /* rounding */
    const char *gateway, *type, *attribute; /* NULL: any */
    const struct stream_progress *progress;
    int64_t grace; /* ms */
};

/* Strings live during the call; anything but 0 ends the comparison. */
typedef int (*comparison_visit)(void *context, const struct comparison *comparison, struct error *error);
/* All windows of `file`, and all of the store's, by size, key and start. */
int comparison_run(const struct comparison_settings *settings, struct window_file *file, comparison_visit visit,
                   void *context, struct error *error);

/* Which class it is. */
enum comparison_class comparison_classify(const struct comparison *comparison, bool tolerate, bool closed);

#endif
