/* The end of a run (--until-end, --final), when queries read what others write. Workers of a group come to it together,
 * level by level: a member's level is 0 when no member of the group writes what it reads, otherwise one more than the
 * highest of those that do.
 *
 *     worker 0   ── reads ──┃ at the end of 0 ┐         ┌ finishes 0, commits ──┃ at the end of 1 ┐         ┌ finishes 1
 *                           ┃                 ├ level 1 ┤                       ┃                 ├ level 2 ┤
 *     worker 1   ──── reads ────┃ at the end  ┘         └ finishes 0, commits ──────┃ at the end  ┘         └ finishes 1
 *
 * A worker is at the end when all groups that write its topics have gone, the end offsets that these topics had then
 * have been worked on, and so has what the group itself has written so far. What a worker commits to topics of its
 * own group moves that end for all: each worker marks (commits to own topics, level) for which it has reached it, and
 * the group's level rises when the marks of all workers are the same and current.
 *
 * To finish a level closes what is open in its members (--final) and commits. When that commit is undone, the worker
 * goes back to its positions and must reach the end anew before it finishes the level again: the others are done with
 * it, or wait for its mark at the next one. */
#ifndef METERLINE_STREAM_RUNTIME_END_H
#define METERLINE_STREAM_RUNTIME_END_H

#include <stdbool.h>

struct query_worker;

/* Marks whether the worker is at the end, and raises the group's level when all are. */
void query_end_mark(struct query_worker *worker);
/* The group has risen above the worker's level, and the worker is at the end: it is to finish the level. */
bool query_end_is_due(struct query_worker *worker);

#endif
