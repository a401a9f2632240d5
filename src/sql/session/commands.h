/* The command topic: statements that last, in the order in which they were made, for every program on the same log;
 * and, between them, which queries cannot run, and why.
 * What is said at a prompt is picked up by a running program, and found again by the next. One partition, kept for
 * ever. One thread. */
#ifndef METERLINE_SQL_SESSION_COMMANDS_H
#define METERLINE_SQL_SESSION_COMMANDS_H

#include "bus/bus.h"

#define COMMANDS_TOPIC "_meterline-commands"

struct commands;

struct kept_statement {
    struct slice text;
    struct slice settings; /* what it means depends on: a JSON object; data NULL: nothing */
    struct slice query;    /* data not NULL: no statement, but what has become of the query: text says why it has */
                           /* failed; data NULL: it runs again */
};

/* The topic is made by the first statement that is kept; until then there is nothing to read. */
int commands_open(struct bus *bus, const struct clock *clock, struct commands **ret_commands, struct error *error);
struct commands *commands_close(struct commands *commands);
/* Hands out what others have said since the last call; returns when there is no more now. ERROR_BUSY, retriable: the
 * log gives nothing for long, though there is more. An error of `each` ends the reading: its statement is the first of
 * the next call. */
int commands_read(struct commands *commands,
                  int (*each)(void *context, const struct kept_statement *kept, struct error *error), void *context,
                  struct error *error);
/* How many statements were given to `each` or appended here. */
size_t commands_count(const struct commands *commands);
/* How often `text`, word for word, is among the first `count` of them. */
int commands_times(struct commands *commands, size_t count, struct slice text, size_t *ret_times, struct error *error);
/* Adds a statement to the transaction of `producer`. It counts when commands_settle says that this was committed. */
int commands_append(struct commands *commands, struct bus_producer *producer, const struct kept_statement *kept,
                    struct error *error);
void commands_settle(struct commands *commands, bool committed);

#endif
