/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Delay loops of a Linux environment, as lockcheck sees them: made of sleeps, since each thread is a
 * processor. */
#include <lockcheck.h>
#include <linux/delay.h>
#include "wrap.h"

#define DELAY(name)                                                                                          \
    void WRAP(name)(unsigned long amount);                                                                   \
    void REAL(name)(unsigned long amount);                                                                   \
    void WRAP(name)(unsigned long amount)                                                                    \
    {                                                                                                        \
        lockcheck_event(LOCKCHECK_BUSY_BEGIN, NULL, 0);                                                      \
        REAL(name)(amount);                                                                                  \
        lockcheck_event(LOCKCHECK_BUSY_END, NULL, 0);                                                        \
    }

DELAY(ndelay)
DELAY(udelay)
DELAY(mdelay)
