/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DRD's client requests: see annotate.h, and DRD's manual, section 8.2.5. */
#include "lockcheck/annotate/annotate.h"

#include <valgrind/drd.h>

void drd_release(const void *key)
{
    ANNOTATE_HAPPENS_BEFORE(key);
}

void drd_acquire(const void *key)
{
    ANNOTATE_HAPPENS_AFTER(key);
}

/* That memory begins anew also ends what is known of objects in it, and with that the segments that they
 * keep. */
void drd_forget(const void *key)
{
    ANNOTATE_NEW_MEMORY(key, 1);
}
