/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hang: no thread can run, no deadline is due, and the program has not ended. Time cannot help, so this is
 * exact: there is no watchdog and no guess.
 */
#include <stdio.h>

#include "lockcheck/detect/detect.h"

static void quiescent(void)
{
    uint32_t blocked = 0;
    struct lc_thread *last = NULL;
    for (uint32_t i = 1; i <= lc_thread_count(); i++) {
        struct lc_thread *t = lc_thread_by_number(i);
        if (t->state != LC_BLOCKED)
            continue;
        blocked++;
        /* The one that blocked last is most likely the one that missed something. */
        if (!last || t->blocked_step > last->blocked_step)
            last = t;
    }
    if (!last)
        lc_finding("hang", "no thread is left and the program has not ended");
    char work[256];
    size_t n = lc_outstanding_write(work, sizeof work, false);
    char wait[64] = "waits for something that will never come";
    if (last->object)
        snprintf(wait, sizeof wait, "waits for {o%u}", last->object->id);
    lc_finding("hang",
               "nothing can run: %u thread%s blocked for ever, the last of them {t%u}, which %s%s%s%s",
               blocked, blocked == 1 ? " is" : "s are", last->id, wait, n ? " (outstanding: " : "", work,
               n ? ")" : "");
}

const struct lc_detector lc_detector_hang = {.name = "hang", .quiescent = quiescent};
