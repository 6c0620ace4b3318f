/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helgrind's client requests: see annotate.h, and Helgrind's manual, section 7.6. */
#include "lockcheck/annotate/annotate.h"

#include <valgrind/helgrind.h>

bool on_valgrind(void)
{
    return RUNNING_ON_VALGRIND != 0;
}

void helgrind_release(const void *key)
{
    ANNOTATE_HAPPENS_BEFORE(key);
}

void helgrind_acquire(const void *key)
{
    ANNOTATE_HAPPENS_AFTER(key);
}

void helgrind_forget(const void *key)
{
    ANNOTATE_HAPPENS_BEFORE_FORGET_ALL(key);
}
