/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that runs with real threads as a child of this command. It ends when the command ends, and what
 * it leaves behind becomes a child of the command, so that all of it can be ended.
 */
#ifndef LOCKCHECK_TOOL_CHILD_H
#define LOCKCHECK_TOOL_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What is to be run. */
struct child_program {
    const char *path; /* looked for in PATH when it has no slash */
    char *const *argv;
    const char *preload;              /* a library, to come before those in LD_PRELOAD; or NULL */
    int (*prepare)(const void *more); /* in the child, as the last thing; 0, or -1 with errno. Or NULL */
    const void *more;
};

/* Can that library be preloaded? Says so when not. */
bool child_preloads(const char *library);

/* Returns 0 with the child running the program, or the errno of what failed. */
int child_start(pid_t *pid, const struct child_program *program);

/* Has it ended? It stays to be waited for. */
bool child_ended(pid_t pid);

/* Returns whether it ended in that time. */
bool child_await_end(pid_t pid, uint64_t ns);

/* To a program that ends by itself on Ctrl-C, which the terminal has sent to it too; else by SIGTERM, if
 * that does it. */
void child_interrupt(pid_t pid);

/* Kills the child, unless it is 0, and every other process that this one is the parent of by then. */
void children_kill(pid_t pid);

#endif
