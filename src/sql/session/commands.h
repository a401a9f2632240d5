/* The command topic: statements that last, in the order in which they were made, for every program on the same log.
 * What is said at a prompt is picked up by a running program, and found again by the next. One partition, kept for
 * ever. One thread. */
#ifndef METERLINE_SQL_SESSION_COMMANDS_H
#define METERLINE_SQL_SESSION_COMMANDS_H

#include "bus/bus.h"

#define COMMANDS_TOPIC "_meterline-commands"

struct commands;

/* The topic is made by the first statement that is kept; until then there is nothing to read. */
int commands_open(struct bus *bus, const struct clock *clock, struct commands **ret_commands, struct error *error);
struct commands *commands_close(struct commands *commands);
/* Hands out what others have said since the last call; returns when there is no more now. ERROR_BUSY, retriable: the
 * log gives nothing for long, though there is more. An error of `statement` ends the reading. */
int commands_read(struct commands *commands, int (*statement)(void *context, struct slice text, struct error *error),
                  void *context, struct error *error);
/* How many statements were given to `statement` or appended here. */
size_t commands_count(const struct commands *commands);
/* Is `text`, word for word, among the first `count` of them? */
bool commands_has(const struct commands *commands, size_t count, struct slice text);
int commands_append(struct commands *commands, struct slice text, struct error *error);

#endif
