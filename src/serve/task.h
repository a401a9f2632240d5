/* Tasks: requests that take a thread of their own, as they wait for the log. A task either answers as a whole, by `reply`
 * (task_answer), or as a stream that it writes to while it goes on (task->stream).
 *
 *     handle() in a loop ── task_start ──▶ thread: run(task) ──▶ back to the loop: the answer */
#ifndef METERLINE_SERVE_TASK_H
#define METERLINE_SERVE_TASK_H

#include "core/error.h"
#include "net/http/http.h"
#include "net/http/stream.h"
#include <stdatomic.h>

struct serve;

enum { TASK_ID_SIZE = 40 };

struct task {
    struct serve *serve;
    struct http_exchange *exchange;
    struct http_stream *stream;
    atomic_bool stop;      /* the client has gone, the query was closed, or the server ends */
    char id[TASK_ID_SIZE]; /* of a push query, for task_stop; empty: none */
    struct task *next;     /* tasks/ only, as the next */
    void (*run)(struct task *task);
};

struct tasks;

struct tasks *tasks_open(size_t maximum); /* NULL: no memory */
/* Stops all, and waits for them; no more are started. */
void tasks_stop(struct tasks *tasks);
/* When no handler is called any more. NULL is fine; returns NULL. */
struct tasks *tasks_free(struct tasks *tasks);
/* From handle(). Answers 503 when there are too many. `run` has begun and ended the stream's answer when it returns, by
 * the functions below. */
void task_start(struct tasks *tasks, struct serve *serve, struct http_exchange *exchange,
                void (*run)(struct task *task));
/* A whole answer. */
void task_answer(struct task *task, int status, const char *type, struct slice body);
/* Gives the task an id that no other has: PREFIX_N. */
void task_name(struct tasks *tasks, struct task *task, const char *prefix);
/* Ends the task of this id; false: there is none. Any thread. */
bool task_stop(struct tasks *tasks, struct slice id);

#endif
