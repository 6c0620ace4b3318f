/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A counting semaphore from a mutex and a condition variable, announced to lockcheck call by call. Where a
 * program wants it broken it defines SEMAPHORE_DEFECT before including this file:
 *
 *   FORGETS_UP   an up while somebody waits wakes him and leaves no token: lost when he times out meanwhile
 *   TRUSTS_WAKE  a down that was woken takes its token without looking: stolen when another down comes first
 */
#ifndef HAND_MADE_SEMAPHORE_H
#define HAND_MADE_SEMAPHORE_H

#include <errno.h>
#include <lockcheck.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

#define FORGETS_UP 1
#define TRUSTS_WAKE 2
#ifndef SEMAPHORE_DEFECT
#define SEMAPHORE_DEFECT 0
#endif

struct semaphore {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int value, waiting, handed_over;
};

static inline void make(struct semaphore *s)
{
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->value = s->waiting = s->handed_over = 0;
    lockcheck_event(LOCKCHECK_SEM_INIT, s, 0);
    lockcheck_name_object(s, "semaphore", "the semaphore");
}

static inline void up(struct semaphore *s)
{
    lockcheck_event(LOCKCHECK_SEM_UP_BEGIN, s, 0);
    pthread_mutex_lock(&s->mutex);
    if (SEMAPHORE_DEFECT == FORGETS_UP && s->waiting > 0) {
        s->waiting--;
        s->handed_over++;
    } else {
        s->value++;
    }
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->mutex);
    lockcheck_event(LOCKCHECK_SEM_UP_END, s, 0);
}

/* Wait on the condition variable until it is signalled; 0, or ETIMEDOUT after so many milliseconds. */
static inline int wait_changed(struct semaphore *s, const struct timespec *until)
{
    return until ? pthread_cond_timedwait(&s->changed, &s->mutex, until)
                 : pthread_cond_wait(&s->changed, &s->mutex);
}

/* Returns 0 with a token, 1 without one after so many milliseconds; -1 waits for ever. */
static inline int down(struct semaphore *s, long ms)
{
    struct timespec until;
    int result = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ms > 0 ? ms * 1000000 : 0;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;

    lockcheck_event(LOCKCHECK_SEM_DOWN_BEGIN, s, ms);
    pthread_mutex_lock(&s->mutex);
    if (SEMAPHORE_DEFECT == TRUSTS_WAKE) {
        if (s->value == 0)
            result = wait_changed(s, ms < 0 ? NULL : &until);
        if (result == 0)
            s->value--;
    } else if (SEMAPHORE_DEFECT == FORGETS_UP) {
        while (s->value == 0 && s->handed_over == 0 && result == 0) {
            s->waiting++;
            result = wait_changed(s, ms < 0 ? NULL : &until);
        }
        if (result != 0 && s->handed_over == 0)
            s->waiting--;
        else if (s->handed_over > 0)
            s->handed_over--; /* also when the time is over: what was handed over is then lost */
        else if (result == 0)
            s->value--;
    } else {
        while (s->value == 0 && result == 0)
            result = wait_changed(s, ms < 0 ? NULL : &until);
        if (s->value > 0) {
            s->value--;
            result = 0;
        }
    }
    pthread_mutex_unlock(&s->mutex);
    lockcheck_event(LOCKCHECK_SEM_DOWN_END, s, result != 0);
    return result != 0;
}

#endif
