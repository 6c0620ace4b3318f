/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads and their records: made by the creator, so that numbers are in the order of creation, and given
 * back by the thread itself in the last round of destructors of its keys, since those before may still take
 * locks. Also the delays, which each thread draws from a sequence of its own.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lockcheck/native/native.h"

#define BEING_MADE (-1) /* tid of a record whose thread has not started yet */

__thread struct lcn_thread *lcn_thread __attribute__((tls_model("initial-exec")));
static pthread_key_t farewell_key;
static uint32_t first_free; /* no record before this one is free; a hint */

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull; /* the finaliser of SplitMix64 */
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

static struct lcn_thread *take_record(void)
{
    for (uint32_t i = __atomic_load_n(&first_free, __ATOMIC_RELAXED); i < LCN_THREADS; i++) {
        struct lcn_thread *t = &lcn_record.threads[i];
        int32_t none = 0;
        if (!__atomic_compare_exchange_n(&t->wait.tid, &none, BEING_MADE, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_RELAXED))
            continue;
        uint64_t number = t->wait.number;
        t->wait = (struct lcn_wait){.tid = BEING_MADE, .number = number};
        t->wait.thread = __atomic_add_fetch(&lcn_record.head.created, 1, __ATOMIC_RELAXED);
        t->handle = t->annotation = 0;
        t->holds_lost = t->farewells = 0;
        t->name[0] = 0;
        t->random = mix(lcn_channel->seed + t->wait.thread * 0x9e3779b97f4a7c15ull);
        __atomic_store_n(&first_free, i + 1, __ATOMIC_RELAXED);
        uint32_t used = __atomic_load_n(&lcn_record.head.used, __ATOMIC_RELAXED);
        while (used < i + 1 && !__atomic_compare_exchange_n(&lcn_record.head.used, &used, i + 1, false,
                                                            __ATOMIC_RELEASE, __ATOMIC_RELAXED))
            ;
        return t;
    }
    return NULL;
}

static void give_back(struct lcn_thread *t)
{
    uint32_t index = (uint32_t)(t - lcn_record.threads);
    __atomic_store_n(&t->wait.tid, 0, __ATOMIC_RELEASE);
    if (index < __atomic_load_n(&first_free, __ATOMIC_RELAXED))
        __atomic_store_n(&first_free, index, __ATOMIC_RELAXED);
}

static void farewell(void *record)
{
    struct lcn_thread *t = record;
    if (++t->farewells < PTHREAD_DESTRUCTOR_ITERATIONS) {
        pthread_setspecific(farewell_key, t);
        return;
    }
    lcn_thread = NULL;
    give_back(t);
}

static void settle(struct lcn_thread *t)
{
    t->handle = (uint64_t)pthread_self();
    lcn_thread = t;
    __atomic_store_n(&t->wait.tid, (int32_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
    pthread_setspecific(farewell_key, t);
}

void lcn_thread_first(void)
{
    pthread_key_create(&farewell_key, farewell);
    struct lcn_thread *t = take_record();
    strcpy(t->name, "main");
    settle(t);
}

void lcn_thread_alone(void)
{
    uint32_t used = lcn_record.head.used;
    for (uint32_t i = 0; i < used; i++)
        if (&lcn_record.threads[i] != lcn_thread)
            lcn_record.threads[i].wait.tid = 0;
    first_free = 0;
    lcn_record.head.lost = lcn_thread ? 0 : 1;
    if (lcn_thread)
        lcn_thread->wait.tid = (int32_t)syscall(SYS_gettid);
}

static void *begin(void *record)
{
    struct lcn_thread *t = record;
    settle(t);
    lcn_delay();
    return ((void *(*)(void *))t->start)((void *)t->argument);
}

int lcn_create(pthread_t *out, const pthread_attr_t *attr, void *(*start)(void *), void *argument,
               uint64_t pc)
{
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = LCN_REAL(pthread_create);
    struct lcn_thread *t = take_record();
    if (!t) {
        int error = create(out, attr, start, argument);
        if (!error)
            __atomic_fetch_add(&lcn_record.head.lost, 1, __ATOMIC_RELAXED);
        return error;
    }
    t->start = (uint64_t)start;
    t->argument = (uint64_t)argument;
    t->created = pc;
    int error = create(out, attr, begin, t);
    if (error)
        give_back(t);
    lcn_delay();
    return error;
}

LCN_EXPORT int pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*start)(void *),
                              void *argument)
{
    return lcn_create(out, attr, start, argument, LCN_CALLER);
}

int lcn_join(pthread_t thread, void **result, uint64_t pc)
{
    LCN_WAIT(LCN_OP_JOIN, LCN_KIND_THREAD, (void *)thread, false, pc);
    return LCN_REAL(pthread_join)(thread, result);
}

LCN_EXPORT int pthread_join(pthread_t thread, void **result)
{
    return lcn_join(thread, result, LCN_CALLER);
}

LCN_EXPORT int pthread_timedjoin_np(pthread_t thread, void **result, const struct timespec *until)
{
    LCN_WAIT(LCN_OP_JOIN, LCN_KIND_THREAD, (void *)thread, until != NULL, LCN_CALLER);
    return LCN_REAL(pthread_timedjoin_np)(thread, result, until);
}

LCN_EXPORT int pthread_clockjoin_np(pthread_t thread, void **result, clockid_t clock,
                                    const struct timespec *until)
{
    LCN_WAIT(LCN_OP_JOIN, LCN_KIND_THREAD, (void *)thread, until != NULL, LCN_CALLER);
    return LCN_REAL(pthread_clockjoin_np)(thread, result, clock, until);
}

/* ---- delays ---- */

/*
 * Of 64 operations on average, one is followed by a long sleep, four by a short one, and eight by a yield, or
 * some such numbers: each run draws its own, since a program that is slow everywhere alike is as orderly as a
 * quick one.
 */
#define ODDS 64u
#define SHORT_NS 50000u
#define LONG_NS 2000000u

static uint64_t draw(struct lcn_thread *t)
{
    t->random += 0x9e3779b97f4a7c15ull;
    return mix(t->random);
}

static void sleep_for(uint64_t ns)
{
    int error = errno;
    struct timespec time = {.tv_nsec = (long)ns};
    syscall(SYS_nanosleep, &time, NULL);
    errno = error;
}

void lcn_delay_now(void)
{
    struct lcn_thread *t = lcn_thread;
    if (!t)
        return;
    uint64_t temper = mix(lcn_channel->seed), lot = draw(t), which = lot % ODDS;
    uint64_t longs = temper % 3, shorts = temper / 3 % 8, yields = temper / 24 % 16;
    if (which < longs)
        sleep_for((lot >> 32) % LONG_NS);
    else if (which < longs + shorts)
        sleep_for((lot >> 32) % SHORT_NS);
    else if (which < longs + shorts + yields)
        syscall(SYS_sched_yield);
}
