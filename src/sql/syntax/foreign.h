/* What other dialects of SQL have and this one has not, by the word that it is told by. */
#ifndef METERLINE_SQL_SYNTAX_FOREIGN_H
#define METERLINE_SQL_SYNTAX_FOREIGN_H

#include "core/slice.h"

struct foreign_word {
    const char *word; /* in upper case */
    const char *what; /* what it is called */
    const char *instead;
};

/* In any case; NULL: no such word is known. */
const struct foreign_word *foreign_find(struct slice word);

#endif
