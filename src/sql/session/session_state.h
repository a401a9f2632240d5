/* Inside of a session. The door is session.h. */
#ifndef METERLINE_SQL_SESSION_SESSION_STATE_H
#define METERLINE_SQL_SESSION_SESSION_STATE_H

#include "sql/session/session.h"

/* What statements change: a script is tried on a copy of it. */
struct session_kept {
    struct catalog *catalog;
    struct variables variables, settings;
    const struct session_connector **connectors; /* in the arenas of their scripts */
    size_t connector_count, connector_capacity;
};

struct session {
    struct session_options options;
    struct session_kept kept;
    struct plan_sources *sources;
    struct variables failures; /* by query id: why it cannot run */
    bool pass_known;
    struct planner planner; /* its catalog is that of the script under way */
    struct source_defaults defaults;
    struct source_notes source_notes; /* defaults.notes: of the statement under way */
    struct compile_notes notes;       /* planner.settings.notes: of the statement under way */
    struct arena **arenas;            /* of scripts that made something that lasts */
    size_t arena_count, arena_capacity;
};

/* A part of a script, see session.h. */
struct session_part {
    size_t end;                 /* of its effects */
    struct session_kept *after; /* the session as the part leaves it; may be that of the part before */
};

/* A script under way. */
struct session_work {
    struct session *session;
    struct catalog *catalog; /* session->kept's */
    struct arena *arena;     /* trees, plans and effects */
    struct session_effect *effects;
    size_t count, capacity;
    const struct statement *statement;
    bool recalled;              /* the script is a statement that was kept: whether it can run is seen where it runs */
    bool passed_by;             /* the statement was known and has done nothing */
    bool changed;               /* a statement has changed the session since the last part */
    struct session_part *parts; /* but the last one, which leaves the session as it is */
    size_t part_count, part_capacity;
};

void session_kept_release(struct session_kept *kept);
int session_kept_copy(const struct session_kept *kept, struct session_kept *ret_copy, struct error *error);
int session_statement(struct session_work *work, const struct statement *statement, struct error *error);

int session_add(struct session_work *work, const struct session_effect *effect, struct error *error);
/* "text" as an effect; in the arena. */
int session_say(struct session_work *work, struct error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* session_settings.c. A value that the setting cannot have is ERROR_INVALID. */
int session_check_setting(struct slice name, struct slice value, struct place place, struct error *error);
void session_apply_settings(struct session *session);
/* Settings that mean something, and what they are; texts live as long as the script. */
size_t session_setting_count(void);
bool session_is_setting(struct slice name);
int session_setting_at(struct session_work *work, size_t index, struct slice *ret_name, struct slice *ret_value,
                       struct error *error);
/* The planner's settings as a kept statement has them. */
int session_recall_settings(struct session *session, struct slice recorded, struct error *error);
/* Those that the statement under way depends on, in the arena; data NULL: none. */
int session_used_settings(struct session_work *work, struct slice *ret_text, struct error *error);
/* ERROR_INVALID: they are not what they were when the query was made. */
int session_same_settings(struct session_work *work, struct slice recorded, struct place place, struct error *error);

/* session_check.c. ERROR_INVALID: it could not run. */
int session_check_connector(struct session_work *work, const struct connector_statement *statement,
                            struct error *error);
int session_check_circle(struct session_work *work, struct slice id, struct place place, struct error *error);
int session_check_partitions(struct session_work *work, const struct query_plan *plan, struct place place,
                             struct error *error);

int session_create(struct session_work *work, const struct create_statement *create,
                   struct error *error); /* session_create.c */
int session_insert_select(struct session_work *work, const struct insert_statement *insert,
                          struct error *error); /* session_create.c */
int session_select(struct session_work *work, const struct select_query *select,
                   struct error *error); /* session_create.c */
int session_explain(struct session_work *work, const struct explain_statement *explain,
                    struct error *error); /* session_create.c */
int session_insert_values(struct session_work *work, const struct insert_statement *insert,
                          struct error *error); /* session_insert.c */
/* Counts inserts of one text, when the script is complete. */
int session_number_inserts(struct session_work *work, struct error *error); /* session_insert.c */
int session_show(struct session_work *work, const struct show_statement *show,
                 struct error *error); /* session_show.c */
int session_describe(struct session_work *work, const struct describe_statement *describe,
                     struct error *error); /* session_show.c */
/* The statement of a query that is running. */
int session_parse_query(struct session_work *work, const struct identifier *id, const struct statement **ret_statement,
                        struct error *error);

#endif
