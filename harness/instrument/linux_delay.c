/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Delay loops of a Linux environment and other waits that Linux spends spinning, as lockcheck sees them: made
 * of sleeps, since each thread is a processor. */
#include <lockcheck.h>
#include <linux/delay.h>
#include <linux/wait.h>
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

void WRAP(spin_until)(wait_queue_head_t *wq, bool (*done)(const void *what), const void *what);
void REAL(spin_until)(wait_queue_head_t *wq, bool (*done)(const void *what), const void *what);

void WRAP(spin_until)(wait_queue_head_t *wq, bool (*done)(const void *what), const void *what)
{
    lockcheck_event(LOCKCHECK_BUSY_BEGIN, NULL, 0);
    REAL(spin_until)(wq, done, what);
    lockcheck_event(LOCKCHECK_BUSY_END, NULL, 0);
}
