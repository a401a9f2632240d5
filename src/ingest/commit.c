/* The thread takes all that waits, writes it, commits, and calls done() of each; a large heap is divided into several
 * transactions.
 *
 * Commits that take several deliveries begin COMMIT_INTERVAL_MS apart at least: each costs the same, however few it
 * takes, and under load the next ones gather meanwhile. A client alone waits for nothing.
 *
 * When the log does not take a transaction, everything that waits fails with it: the next attempt may take as long, and
 * clients are better answered 503 than kept waiting. From then on the thread looks once a second whether the log is
 * back. */
#include "ingest/commit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "core/memory.h"
#include "ingest/records.h"

enum { COMMIT_RECORDS = 50000, COMMIT_BYTES = 4 * 1024 * 1024, AWAY_LOOK_SECONDS = 1, COMMIT_INTERVAL_MS = 4 };

struct delivery_list {
    struct delivery *first, *last;
};

struct committer {
    struct commit_options options;
    pthread_t thread;
    pthread_mutex_t lock; /* of `queue` and `stop` */
    pthread_cond_t news;
    struct delivery_list queue;
    bool stop;
    _Atomic int64_t working_since; /* when the oldest delivery of the round was queued; 0: none is under way */
    atomic_bool away;
    _Atomic uint64_t deliveries, accepted, rejected, duplicates, failed, commits;

    /* the thread's own */
    struct record_writer writer;
    bool open; /* the writer is */
    struct arena arena;
};

static int64_t commit_now(const struct committer *committer) {
    return clock_monotonic_ns(committer->options.clock) / 1000000;
}

static void list_append(struct delivery_list *list, struct delivery *delivery) {
    delivery->next = NULL;
    if (list->last)
        list->last->next = delivery;
    else
        list->first = delivery;
    list->last = delivery;
}

static struct delivery *list_take(struct delivery_list *list) {
    struct delivery *delivery = list->first;
    if (delivery && !(list->first = delivery->next))
        list->last = NULL;
    return delivery;
}

/* The log is away, or back: said once. */
static void commit_note(struct committer *committer, const struct error *error) {
    bool away = error != NULL, before = atomic_exchange(&committer->away, away);
    if (away && !before)
        log_write(committer->options.log, LOG_WARNING, "the log takes nothing, clients are asked to come again: %s",
                  error->message);
    else if (!away && before)
        log_write(committer->options.log, LOG_INFO, "the log takes readings");
}

static int commit_open(struct committer *committer, struct error *error) {
    const struct commit_options *options = &committer->options;
    if (committer->open)
        return 0;
    int status = record_writer_open(&committer->writer, options->bus, options->topic, options->json, error);
    committer->open = status == 0;
    return status;
}

static void commit_end(struct committer *committer, struct delivery *delivery, const struct error *error) {
    delivery->status = error ? error->code : 0;
    if (error) {
        delivery->error = *error;
        atomic_fetch_add(&committer->failed, delivery->count);
    } else {
        atomic_fetch_add(&committer->accepted, delivery->count - delivery->duplicates);
        atomic_fetch_add(&committer->duplicates, delivery->duplicates);
        atomic_fetch_add(&committer->rejected, delivery->rejected);
    }
    atomic_fetch_add(&committer->deliveries, 1);
    delivery->done(delivery);
}

static void commit_end_all(struct committer *committer, struct delivery_list *list, const struct error *error) {
    for (struct delivery *delivery; (delivery = list_take(list));)
        commit_end(committer, delivery, error);
}

/* Produces a delivery. ret_refused: it was refused on its own, the transaction goes on without it. */
static int commit_write(struct committer *committer, struct delivery *delivery, bool *ret_refused,
                        struct error *error) {
    const struct commit_repeats *repeats = committer->options.repeats;
    bool *known = arena_allocate(&committer->arena, delivery->count + 1);
    *ret_refused = false;
    if (!known)
        return error_no_memory(error);
    memset(known, 0, delivery->count + 1);
    if (repeats && repeats->recognise) {
        int status = repeats->recognise(repeats->context, delivery, known, error);
        *ret_refused = status == ERROR_CONFLICT;
        if (status)
            return status;
    }
    delivery->duplicates = 0;
    for (size_t i = 0; i < delivery->count; i++)
        delivery->duplicates += known[i];
    return record_writer_write(&committer->writer, delivery, known, error);
}

/* The transaction has ended: with an error nothing of it was written, or it is not known (Kafka). */
static void commit_settle(struct committer *committer, struct delivery_list *written, struct error *error) {
    const struct commit_repeats *repeats = committer->options.repeats;
    if (repeats && repeats->ended)
        repeats->ended(repeats->context, error == NULL);
    if (error) {
        bus_producer_abort(committer->writer.producer);
        if (!error->retriable) {
            record_writer_close(&committer->writer);
            committer->open = false;
        }
    } else {
        atomic_fetch_add(&committer->commits, 1);
    }
    commit_note(committer, error);
    commit_end_all(committer, written, error);
    arena_reset(&committer->arena);
}

static bool commit_is_full(const struct committer *committer) {
    return bus_producer_pending_records(committer->writer.producer) >= COMMIT_RECORDS ||
           bus_producer_pending_bytes(committer->writer.producer) >= COMMIT_BYTES;
}

/* One transaction of what fits into it. */
static int commit_once(struct committer *committer, struct delivery_list *list, struct error *error) {
    struct delivery_list written = {0};
    int status = commit_open(committer, error);
    if (status) {
        commit_note(committer, error);
        return status;
    }
    while (list->first && !status && !commit_is_full(committer)) {
        struct delivery *delivery = list_take(list);
        bool refused;
        status = commit_write(committer, delivery, &refused, error);
        if (refused) {
            commit_end(committer, delivery, error);
            status = 0;
        } else {
            list_append(&written, delivery);
        }
    }
    if (!status)
        status = bus_producer_commit(committer->writer.producer, NULL, 0, error);
    commit_settle(committer, &written, status ? error : NULL);
    return status;
}

static void commit_round(struct committer *committer, struct delivery_list *list) {
    const struct clock *clock = committer->options.clock;
    struct error error = {0};
    int status = 0;
    bool several = list->first != list->last;
    int64_t begun = clock_monotonic_ns(clock);
    atomic_store(&committer->working_since, list->first->queued);
    while (list->first && !status)
        status = commit_once(committer, list, &error);
    if (status)
        commit_end_all(committer, list, &error);
    atomic_store(&committer->working_since, 0);
    int64_t left = begun + COMMIT_INTERVAL_MS * 1000000 - clock_monotonic_ns(clock);
    if (several && left > 0)
        clock_sleep_ns(clock, left);
}

/* Asks a log that did not answer whether it does now. */
static void commit_look(struct committer *committer) {
    struct error error = {0};
    int32_t partitions;
    int status = commit_open(committer, &error);
    if (!status)
        status = bus_topic_ensure(committer->options.bus, committer->options.topic, NULL, &partitions, &error);
    commit_note(committer, status ? &error : NULL);
}

/* Waits for deliveries, the end, or when the log is away for the time to look again. With the lock. */
static bool commit_wait(struct committer *committer) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += AWAY_LOOK_SECONDS;
    while (!committer->queue.first && !committer->stop) {
        if (!atomic_load(&committer->away))
            pthread_cond_wait(&committer->news, &committer->lock);
        else if (pthread_cond_timedwait(&committer->news, &committer->lock, &until) == ETIMEDOUT)
            return true;
    }
    return false;
}

static void *commit_run(void *context) {
    struct committer *committer = context;
    commit_look(committer);
    pthread_mutex_lock(&committer->lock);
    for (;;) {
        bool look = commit_wait(committer);
        struct delivery_list list = committer->queue;
        committer->queue = (struct delivery_list){0};
        if (!list.first && committer->stop)
            break;
        pthread_mutex_unlock(&committer->lock);
        if (list.first)
            commit_round(committer, &list);
        else if (look)
            commit_look(committer);
        pthread_mutex_lock(&committer->lock);
    }
    pthread_mutex_unlock(&committer->lock);
    return NULL;
}

int committer_open(const struct commit_options *options, struct committer **ret_committer, struct error *error) {
    struct committer *committer = memory_zero(1, sizeof *committer);
    pthread_condattr_t attributes;
    sigset_t all, before;
    if (!committer)
        return error_no_memory(error);
    committer->options = *options;
    atomic_store(&committer->away, true); /* until the thread has looked */
    pthread_mutex_init(&committer->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&committer->news, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all); /* signals are for the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&committer->thread, NULL, commit_run, committer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure) {
        pthread_mutex_destroy(&committer->lock);
        pthread_cond_destroy(&committer->news);
        free(committer);
        return error_set_errno(error, failure, "cannot start the committing thread");
    }
    *ret_committer = committer;
    return 0;
}

void committer_submit(struct committer *committer, struct delivery *delivery) {
    delivery->queued = commit_now(committer);
    pthread_mutex_lock(&committer->lock);
    list_append(&committer->queue, delivery);
    pthread_cond_signal(&committer->news);
    pthread_mutex_unlock(&committer->lock);
}

int64_t committer_waiting(struct committer *committer) {
    int64_t since = atomic_load(&committer->working_since);
    if (!since) {
        pthread_mutex_lock(&committer->lock);
        since = committer->queue.first ? committer->queue.first->queued : 0;
        pthread_mutex_unlock(&committer->lock);
    }
    int64_t waiting = since ? commit_now(committer) - since : 0;
    return waiting > 0 ? waiting : 0;
}

bool committer_log_is_away(struct committer *committer) {
    return atomic_load(&committer->away);
}

void committer_counts(struct committer *committer, struct commit_counts *ret_counts) {
    *ret_counts = (struct commit_counts){.deliveries = atomic_load(&committer->deliveries),
                                         .accepted = atomic_load(&committer->accepted),
                                         .rejected = atomic_load(&committer->rejected),
                                         .duplicates = atomic_load(&committer->duplicates),
                                         .failed = atomic_load(&committer->failed),
                                         .commits = atomic_load(&committer->commits)};
}

struct committer *committer_close(struct committer *committer, struct commit_counts *ret_counts) {
    if (!committer)
        return NULL;
    pthread_mutex_lock(&committer->lock);
    committer->stop = true;
    pthread_cond_signal(&committer->news);
    pthread_mutex_unlock(&committer->lock);
    pthread_join(committer->thread, NULL);
    if (ret_counts)
        committer_counts(committer, ret_counts);
    if (committer->open)
        record_writer_close(&committer->writer);
    arena_release(&committer->arena);
    pthread_mutex_destroy(&committer->lock);
    pthread_cond_destroy(&committer->news);
    free(committer);
    return NULL;
}
