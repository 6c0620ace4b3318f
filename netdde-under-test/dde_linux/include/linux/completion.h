/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/completion.h>. A completion may live on the stack of the thread that waits. */
#ifndef DDE_LINUX_COMPLETION_H
#define DDE_LINUX_COMPLETION_H

#include <linux/wait.h>

struct completion {
    unsigned int done; /* UINT_MAX: completed for ever */
    wait_queue_head_t wait;
};

#define COMPLETION_INITIALIZER(work)                                                                         \
    {                                                                                                        \
        0, WAIT_QUEUE_HEAD_INIT((work).wait)                                                                 \
    }
#define DECLARE_COMPLETION(work) struct completion work = COMPLETION_INITIALIZER(work)
#define DECLARE_COMPLETION_ONSTACK(work) DECLARE_COMPLETION(work)

void init_completion(struct completion *x);
#define reinit_completion(x) ((void)((x)->done = 0))
void complete(struct completion *x);
void complete_all(struct completion *x);
void wait_for_completion(struct completion *x);
/* The jiffies left, at least 1; 0 when the time was over. */
unsigned long wait_for_completion_timeout(struct completion *x, unsigned long timeout);
bool try_wait_for_completion(struct completion *x);

#endif
