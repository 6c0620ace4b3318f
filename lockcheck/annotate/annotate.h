/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a checker of another project is told: that something happened before something else. There is one file
 * for each of Valgrind's tools, whose headers do not go together. A key is an address within this library,
 * which no object of the program has. Outside its tool each function does nothing.
 */
#ifndef LOCKCHECK_ANNOTATE_ANNOTATE_H
#define LOCKCHECK_ANNOTATE_ANNOTATE_H

#include <stdbool.h>

bool on_valgrind(void);

/* All that this thread has done comes before what others do after an acquire of the same key. */
void helgrind_release(const void *key);
void drd_release(const void *key);

void helgrind_acquire(const void *key);
void drd_acquire(const void *key);

/* Nothing will acquire what was released so far. A tool keeps, and looks through, whatever it is not told
 * this of. */
void helgrind_forget(const void *key);
void drd_forget(const void *key);

/* The same to all tools, of an object of the program. */
void annotate_release(const void *object);
void annotate_acquire(const void *object);

#endif
