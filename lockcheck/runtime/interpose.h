/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of interposers share. */
#ifndef LOCKCHECK_RUNTIME_INTERPOSE_H
#define LOCKCHECK_RUNTIME_INTERPOSE_H

#include <setjmp.h>

#include "lockcheck/runtime/runtime.h"

/* mutex.c: the mutexes that a thread held when it ended. */
void lc_robust_mutexes_of_ended(struct lc_thread *thread);
/* For condition variables: give up and take again a mutex, without a scheduling point of its own. */
int lc_mutex_release_for_wait(struct lc_object *mutex);
int lc_mutex_took(struct lc_object *mutex);
struct lc_object *lc_mutex_object(pthread_mutex_t *mutex);

/* time.c: what every sleep is; a cancellation point. False when a signal's handler has ended it. */
bool lc_sleep_until(int64_t deadline_ns);

/* signal.c: the thread gets it when it runs next, or ends a wait for it. */
void lc_send_signal(struct lc_thread *thread, int sig);

/* thread.c */
_Noreturn void lc_thread_ended(struct lc_thread *thread);
_Noreturn void lc_main_thread_exited(void);

/* longjmp() without the C library's check that the jump goes up the same stack. */
_Noreturn static inline void lc_longjmp(struct __jmp_buf_tag *buffer)
{
    __asm__(
        ""
        : "+r"(
            buffer)); /* a cleanup buffer is shorter than a jmp_buf: it lacks the saved mask, unused here */
    _longjmp(buffer, 1);
    __builtin_unreachable();
}

#endif
