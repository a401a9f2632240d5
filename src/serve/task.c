#include "serve/task.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"

struct tasks {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    struct task *first; /* under lock, as the next */
    size_t count, maximum;
    uint64_t named;
    bool closing;
};

struct tasks *tasks_open(size_t maximum) {
    struct tasks *tasks = memory_zero(1, sizeof *tasks);
    if (!tasks)
        return NULL;
    pthread_mutex_init(&tasks->lock, NULL);
    pthread_cond_init(&tasks->ended, NULL);
    tasks->maximum = maximum;
    return tasks;
}

void tasks_stop(struct tasks *tasks) {
    pthread_mutex_lock(&tasks->lock);
    tasks->closing = true;
    for (struct task *task = tasks->first; task; task = task->next)
        atomic_store(&task->stop, true);
    while (tasks->count)
        pthread_cond_wait(&tasks->ended, &tasks->lock);
    pthread_mutex_unlock(&tasks->lock);
}

struct tasks *tasks_free(struct tasks *tasks) {
    if (!tasks)
        return NULL;
    pthread_mutex_destroy(&tasks->lock);
    pthread_cond_destroy(&tasks->ended);
    free(tasks);
    return NULL;
}

struct task_thread {
    struct task task;
    struct tasks *tasks;
};

static void task_remove(struct tasks *tasks, struct task *task) {
    pthread_mutex_lock(&tasks->lock);
    struct task **at = &tasks->first;
    while (*at != task)
        at = &(*at)->next;
    *at = task->next;
    tasks->count--;
    pthread_cond_broadcast(&tasks->ended);
    pthread_mutex_unlock(&tasks->lock);
}

static void task_gone(void *context) {
    atomic_store(&((struct task *)context)->stop, true);
}

/* The stream is closed first: after that nothing calls task_gone. */
static void *task_main(void *context) {
    struct task_thread *thread = context;
    thread->task.run(&thread->task);
    http_stream_close(thread->task.stream, false);
    task_remove(thread->tasks, &thread->task);
    free(thread);
    return NULL;
}

static bool tasks_add(struct tasks *tasks, struct task *task) {
    pthread_mutex_lock(&tasks->lock);
    bool room = !tasks->closing && tasks->count < tasks->maximum;
    if (room) {
        task->next = tasks->first;
        tasks->first = task;
        tasks->count++;
    }
    pthread_mutex_unlock(&tasks->lock);
    return room;
}

static bool task_begin(struct task_thread *thread) {
    pthread_t handle;
    if (!tasks_add(thread->tasks, &thread->task)) {
        free(thread);
        return false;
    }
    thread->task.stream = http_stream_open(thread->task.exchange, task_gone, &thread->task);
    if (thread->task.stream && pthread_create(&handle, NULL, task_main, thread) == 0) {
        pthread_detach(handle);
        return true;
    }
    if (thread->task.stream) {
        task_answer(&thread->task, 503, "application/json", SLICE("{\"error\":\"no thread can be started now\"}"));
        http_stream_close(thread->task.stream, false);
    }
    task_remove(thread->tasks, &thread->task);
    bool answered = thread->task.stream != NULL;
    free(thread);
    return answered;
}

void task_start(struct tasks *tasks, struct serve *serve, struct http_exchange *exchange,
                void (*run)(struct task *task)) {
    struct task_thread *thread = memory_zero(1, sizeof *thread);
    if (thread)
        *thread = (struct task_thread){.task = {.serve = serve, .exchange = exchange, .run = run}, .tasks = tasks};
    if (!thread || !task_begin(thread))
        http_answer_error(exchange, 503, "too many statements and queries are under way", 1);
}

void task_answer(struct task *task, int status, const char *type, struct slice body) {
    http_stream_begin(task->stream, status, type);
    http_stream_write(task->stream, body);
}

void task_name(struct tasks *tasks, struct task *task, const char *prefix) {
    pthread_mutex_lock(&tasks->lock);
    snprintf(task->id, sizeof task->id, "%.20s_%" PRIu64, prefix, ++tasks->named);
    pthread_mutex_unlock(&tasks->lock);
}

bool task_stop(struct tasks *tasks, struct slice id) {
    bool found = false;
    pthread_mutex_lock(&tasks->lock);
    for (struct task *task = tasks->first; task && !found; task = task->next) {
        found = task->id[0] && slice_equal(slice_of(task->id), id);
        if (found)
            atomic_store(&task->stop, true);
    }
    pthread_mutex_unlock(&tasks->lock);
    return found;
}
