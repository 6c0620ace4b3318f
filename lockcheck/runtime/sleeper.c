/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sleepers: the real threads that lend their stacks and thread-local storage to fibers (see thread.c).
 *
 * Making one takes two switches between kernel threads, much more than a short schedule does in all. So some
 * are made in the template, for its forked processes to use: their kernel threads do not exist there, and
 * need not.
 */
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "lockcheck/runtime/interpose.h"

#define SLEEPER_ROOM 2048u /* bytes of stack kept for the sleeping thread */
#define POOL_MAX 64u       /* each sleeper makes the fork of a schedule a little slower */

LC_WRITTEN static struct lc_sleeper *pool;
static struct lc_sleeper **pool_tail = &pool; /* in the order in which they will be used */
static uint32_t pool_size;

static void sleep_until_set(int *word)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == 0)
        lc_system_call(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, 0, 0);
}

static void set(int *word)
{
    __atomic_store_n(word, 1, __ATOMIC_RELEASE);
    lc_system_call(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, INT_MAX, 0);
}

static void *sleep_for_good(void *argument)
{
    struct lc_sleeper *s = argument;
    s->tp = (uintptr_t)pthread_self();
    s->stack_top = (char *)__builtin_frame_address(0) - SLEEPER_ROOM;
    set(&s->ready);
    sleep_until_set(&s->release);
    return NULL;
}

static struct lc_sleeper *make(const pthread_attr_t *attr, int *error)
{
    struct lc_sleeper *s = lc_allocate(sizeof *s);
    s->generation = lc.generation;
    s->own_attributes = attr != NULL;
    pthread_attr_t usual;
    pthread_getattr_default_np(&usual);
    pthread_attr_getstacksize(attr ? attr : &usual, &s->stack_bytes);
    lc_set_mask(~0ull); /* for the sleeper to inherit */
    lc.inside++;
    *error = lc_real.pthread_create(&s->real, attr, sleep_for_good, s);
    lc.inside--;
    lc_set_mask(lc_self->mask);
    if (*error)
        return NULL;
    sleep_until_set(&s->ready);
    return s;
}

void lc_sleepers_prepare(void)
{
    while (pool_size < lc.channel->sleepers && pool_size < POOL_MAX) {
        int error;
        struct lc_sleeper *s = make(NULL, &error);
        if (!s)
            return; /* each schedule will find out for itself */
        *pool_tail = s;
        pool_tail = &s->next;
        pool_size++;
    }
}

struct lc_sleeper *lc_sleeper_take(const pthread_attr_t *attr, int *error)
{
    struct lc_sleeper *s = attr ? NULL : pool;
    if (!attr && lc.scheduled)
        lc.channel->sleepers_used++;
    if (!s)
        return make(attr, error);
    pool = s->next;
    *error = 0;
    return s;
}

void lc_sleeper_release(struct lc_sleeper *s)
{
    if (s->generation != lc.generation)
        return;
    set(&s->release);
    lc.inside++;
    lc_real.pthread_join(s->real, NULL);
    lc.inside--;
}
