/* Scripts: tried on a copy, kept in parts, handed out. See session.h. */
#include "core/memory.h"
#include "sql/session/session_state.h"
#include "sql/syntax/lexer.h"
#include "sql/syntax/script.h"

/* Does what the statement does outlive the session? */
static bool session_lasts(enum statement_kind kind) {
    return kind == STATEMENT_CREATE || kind == STATEMENT_INSERT_SELECT || kind == STATEMENT_DROP ||
           kind == STATEMENT_ALTER || kind == STATEMENT_CREATE_CONNECTOR || kind == STATEMENT_CREATE_TYPE ||
           kind == STATEMENT_TERMINATE || kind == STATEMENT_INSERT_VALUES;
}

/* Does the session differ after the statement, also by what does not last? */
static bool session_changes(enum statement_kind kind) {
    return session_lasts(kind) || kind == STATEMENT_SET || kind == STATEMENT_UNSET || kind == STATEMENT_ALTER_SYSTEM ||
           kind == STATEMENT_DEFINE || kind == STATEMENT_UNDEFINE;
}

/* Effects before which everything that was said must be in the log, and those that cannot be taken back. */
static bool session_ends_part(enum session_effect_kind kind) {
    return kind == EFFECT_SELECT || kind == EFFECT_PRINT || kind == EFFECT_COUNTERS || kind == EFFECT_SHOW_TOPICS ||
           kind == EFFECT_RUN_SCRIPT || kind == EFFECT_TOPIC_DELETE;
}

/* Ends a part after the statement whose effects begin at `from`, if it is one that does. */
static int session_part(struct session_work *work, struct session_kept *before, size_t from, struct error *error) {
    struct session_kept *after = work->part_count ? work->parts[work->part_count - 1].after : before;
    bool ends = false;
    for (size_t i = from; i < work->count; i++)
        ends |= session_ends_part(work->effects[i].kind);
    if (!ends)
        return 0;
    if (!memory_reserve((void **)&work->parts, &work->part_capacity, work->part_count + 1, sizeof *work->parts))
        return error_no_memory(error);
    if (work->changed) {
        after = memory_zero(1, sizeof *after);
        int status = after ? session_kept_copy(&work->session->kept, after, error) : error_no_memory(error);
        if (status) {
            free(after);
            return status;
        }
    }
    work->changed = false;
    work->parts[work->part_count++] = (struct session_part){work->count, after};
    return 0;
}

static int session_keep_statement(struct session_work *work, const struct statement *statement, struct error *error) {
    struct session_effect effect = {
        .kind = EFFECT_STATEMENT, .text = statement->text, .ordinal = statement->kind == STATEMENT_INSERT_VALUES};
    if (!session_lasts(statement->kind) || work->passed_by)
        return 0;
    int status = session_used_settings(work, &effect.settings, error);
    return status ? status : session_add(work, &effect, error);
}

static int session_try(struct session_work *work, struct slice text, struct variables *variables,
                       struct session_kept *before, struct error *error) {
    struct script script;
    struct statement *statement = NULL;
    bool last = false; /* what follows could not know what the script makes that is run */
    int status;
    script_open(&script, text, variables);
    while ((status = script_next(&script, work->arena, &statement, error)) == 0 && statement) {
        size_t from = work->count;
        if (last)
            return place_error(error, statement->place, "RUN SCRIPT must be the last statement of a script");
        if (work->recalled && statement->kind == STATEMENT_INSERT_VALUES)
            continue; /* its row is in its topic, its text is counted */
        work->passed_by = false;
        status = session_statement(work, statement, error);
        if (!status)
            status = session_keep_statement(work, statement, error);
        work->changed |= session_changes(statement->kind);
        last = statement->kind == STATEMENT_RUN_SCRIPT;
        if (!status)
            status = session_part(work, before, from, error);
        if (status)
            return status;
    }
    return status ? status : session_number_inserts(work, error);
}

/* The arena of a script lasts as long as the session. */
static struct arena *session_arena(struct session *session) {
    if (!memory_reserve((void **)&session->arenas, &session->arena_capacity, session->arena_count + 1,
                        sizeof(struct arena *)))
        return NULL;
    struct arena *arena = memory_zero(1, sizeof *arena);
    if (arena)
        session->arenas[session->arena_count++] = arena;
    return arena;
}

/* The session as `kept` has it, which is empty then. */
static void session_go_back(struct session *session, struct session_kept *kept) {
    session_kept_release(&session->kept);
    session->kept = *kept;
    *kept = (struct session_kept){0};
}

static int session_hand_out(const struct session_door *door, const struct session_effect *effects, size_t count,
                            struct error *error) {
    int status = 0;
    for (size_t i = 0; i < count && !status && door->effect; i++)
        status = door->effect(door->context, &effects[i], error);
    return status;
}

/* Part by part: what cannot be kept has not been. */
static int session_take(struct session_work *work, const struct session_door *door, struct session_kept *before,
                        struct error *error) {
    int status = 0;
    for (size_t k = 0, from = 0; from < work->count && !status; k++) {
        size_t end = k < work->part_count ? work->parts[k].end : work->count;
        status = door->keep ? door->keep(door->context, &work->effects[from], end - from, error) : 0;
        if (status) {
            session_go_back(work->session, k ? work->parts[k - 1].after : before);
            return status;
        }
        status = session_hand_out(door, &work->effects[from], end - from, error);
        if (status && end < work->count)
            session_go_back(work->session, work->parts[k].after);
        from = end;
    }
    return status;
}

static void session_release_work(struct session_work *work, struct session_kept *before) {
    struct session_kept *last = before;
    for (size_t k = 0; k < work->part_count; k++)
        if (work->parts[k].after != last) {
            last = work->parts[k].after;
            session_kept_release(last);
            free(last);
        }
    session_kept_release(before);
    free(work->parts);
    free(work->effects);
}

int session_run(struct session *session, const struct session_script *script, const struct session_door *door,
                struct error *error) {
    struct session_kept before = session->kept;
    struct session_work work = {.session = session, .arena = session_arena(session), .recalled = script->recalled};
    struct slice copy = work.arena ? arena_copy(work.arena, script->text) : (struct slice){0}; /* trees point into it */
    int status = copy.data ? session_kept_copy(&before, &session->kept, error) : error_no_memory(error);
    if (status)
        return status;
    work.catalog = session->kept.catalog;
    session->planner.catalog = work.catalog;
    if (script->recalled)
        status = session_recall_settings(session, script->settings, error);
    if (!status)
        status = session_try(&work, copy, script->recalled ? NULL : &session->kept.variables, &before, error);
    if (status)
        session_go_back(session, &before);
    else
        status = session_take(&work, door, &before, error);
    session_release_work(&work, &before);
    session_apply_settings(session);
    return status;
}

int session_execute(struct session *session, struct slice text,
                    int (*effect)(void *context, const struct session_effect *effect, struct error *error),
                    void *context, struct error *error) {
    struct session_script script = {.text = text};
    struct session_door door = {.effect = effect, .context = context};
    return session_run(session, &script, &door, error);
}
