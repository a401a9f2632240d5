/* One row a word; what stands after the colon of a message says what there is instead. */
#include "sql/syntax/foreign.h"

#include <string.h>
#include <strings.h>

#define BY_RECORDS "rows come as records of a topic: INSERT INTO .. VALUES"
#define BY_COMMITS "every statement, and every commit of a query, is a transaction"
#define BY_CLUSTER "rights are those of the log's cluster"
#define BY_QUERY   "CREATE STREAM .. AS SELECT and CREATE TABLE .. AS SELECT name a query"

static const struct foreign_word foreign_words[] = {
    {"ORDER", "ORDER BY", "the rows of a query have no end, and so no order"},
    {"DISTINCT", "DISTINCT", "GROUP BY makes one row for each group"},
    {"UNION", "UNION", "INSERT INTO .. SELECT brings several queries into one stream"},
    {"INTERSECT", "INTERSECT", "a join finds what two sources have in common"},
    {"EXCEPT", "EXCEPT", "a LEFT JOIN with WHERE .. IS NULL finds what only one source has"},
    {"OFFSET", "OFFSET", "LIMIT counts from the first row"},
    {"FETCH", "FETCH", "LIMIT n ends a query at the prompt"},
    {"OVER", "OVER", "WINDOW .. GROUP BY folds the rows of a time"},
    {"CROSS", "CROSS JOIN", "a join needs ON with an equality"},
    {"NATURAL", "NATURAL JOIN", "a join needs ON with an equality"},
    {"USING", "USING", "a join needs ON with an equality"},
    {"EXISTS", "EXISTS", "a join finds rows of another source"},
    {"ILIKE", "ILIKE", "UCASE(text) LIKE .. minds no case"},
    {"RLIKE", "RLIKE", "REGEXP_EXTRACT(pattern, text) IS NOT NULL matches a regular expression"},
    {"UPDATE", "UPDATE", BY_RECORDS},
    {"DELETE", "DELETE", "a record without a value deletes the row of its key"},
    {"MERGE", "MERGE", BY_RECORDS},
    {"UPSERT", "UPSERT", BY_RECORDS},
    {"TRUNCATE", "TRUNCATE", "DROP .. DELETE TOPIC deletes the records of a topic"},
    {"GRANT", "GRANT", BY_CLUSTER},
    {"REVOKE", "REVOKE", BY_CLUSTER},
    {"BEGIN", "BEGIN", BY_COMMITS},
    {"COMMIT", "COMMIT", BY_COMMITS},
    {"ROLLBACK", "ROLLBACK", BY_COMMITS},
    {"VIEW", "CREATE VIEW", BY_QUERY},
    {"MATERIALIZED", "CREATE MATERIALIZED VIEW", BY_QUERY},
    {"INDEX", "CREATE INDEX", "a table is looked up by its key"},
    {"FUNCTION", "CREATE FUNCTION", "the functions are those that SHOW FUNCTIONS lists"},
    {"DATABASE", "DATABASE", "a data folder or a cluster has one catalog"},
    {"CLUSTER", "CLUSTER", "a cluster is looked at and ended by its own tools"},
};

const struct foreign_word *foreign_find(struct slice word) {
    for (size_t i = 0; i < sizeof foreign_words / sizeof *foreign_words; i++)
        if (strlen(foreign_words[i].word) == word.length &&
            strncasecmp(foreign_words[i].word, word.data, word.length) == 0)
            return &foreign_words[i];
    return NULL;
}
