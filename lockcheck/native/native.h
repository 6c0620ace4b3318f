/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside a program that runs natively: what the files of interposers share. Nothing here takes a lock or
 * allocates; a thread's own record is reached by thread-local storage, and may be missing.
 */
#ifndef LOCKCHECK_NATIVE_NATIVE_H
#define LOCKCHECK_NATIVE_NATIVE_H

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "lockcheck/native/record.h"

#define LCN_EXPORT __attribute__((visibility("default")))
#define LCN_COLD __attribute__((cold, noinline))
#define LCN_CALLER ((uint64_t)__builtin_return_address(0))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

extern struct lcn_record lcn_record;
#pragma GCC visibility push(hidden)
extern struct lcn_channel *lcn_channel; /* never NULL: without a command it is memory of our own */
extern bool lcn_delays;

/* ---- the C library's own functions ---- */

/* Names with the version that has today's meaning where there is an older one. */
#define LCN_FUNCTIONS(X)                                                                                     \
    X(pthread_create, NULL)                                                                                  \
    X(pthread_join, NULL)                                                                                    \
    X(pthread_timedjoin_np, NULL)                                                                            \
    X(pthread_clockjoin_np, NULL)                                                                            \
    X(pthread_once, NULL)                                                                                    \
    X(pthread_mutex_init, NULL)                                                                              \
    X(pthread_mutex_lock, NULL)                                                                              \
    X(pthread_mutex_trylock, NULL)                                                                           \
    X(pthread_mutex_timedlock, NULL)                                                                         \
    X(pthread_mutex_clocklock, NULL)                                                                         \
    X(pthread_mutex_unlock, NULL)                                                                            \
    X(pthread_rwlock_init, NULL)                                                                             \
    X(pthread_rwlock_rdlock, NULL)                                                                           \
    X(pthread_rwlock_tryrdlock, NULL)                                                                        \
    X(pthread_rwlock_timedrdlock, NULL)                                                                      \
    X(pthread_rwlock_clockrdlock, NULL)                                                                      \
    X(pthread_rwlock_wrlock, NULL)                                                                           \
    X(pthread_rwlock_trywrlock, NULL)                                                                        \
    X(pthread_rwlock_timedwrlock, NULL)                                                                      \
    X(pthread_rwlock_clockwrlock, NULL)                                                                      \
    X(pthread_rwlock_unlock, NULL)                                                                           \
    X(pthread_spin_init, NULL)                                                                               \
    X(pthread_spin_lock, NULL)                                                                               \
    X(pthread_spin_trylock, NULL)                                                                            \
    X(pthread_spin_unlock, NULL)                                                                             \
    X(pthread_cond_init, "GLIBC_2.3.2")                                                                      \
    X(pthread_cond_wait, "GLIBC_2.3.2")                                                                      \
    X(pthread_cond_timedwait, "GLIBC_2.3.2")                                                                 \
    X(pthread_cond_clockwait, NULL)                                                                          \
    X(pthread_cond_signal, "GLIBC_2.3.2")                                                                    \
    X(pthread_cond_broadcast, "GLIBC_2.3.2")                                                                 \
    X(pthread_barrier_init, NULL)                                                                            \
    X(pthread_barrier_wait, NULL)                                                                            \
    X(sem_init, NULL)                                                                                        \
    X(sem_wait, NULL)                                                                                        \
    X(sem_timedwait, NULL)                                                                                   \
    X(sem_clockwait, NULL)                                                                                   \
    X(sem_post, NULL)                                                                                        \
    X(clock_nanosleep, NULL)                                                                                 \
    X(poll, NULL)                                                                                            \
    X(ppoll, NULL)                                                                                           \
    X(select, NULL)                                                                                          \
    X(pselect, NULL)                                                                                         \
    X(epoll_wait, NULL)                                                                                      \
    X(epoll_pwait, NULL)                                                                                     \
    X(syscall, NULL)                                                                                         \
    X(__assert_fail, NULL)

#define LCN_DECLARE(name, version) __typeof__(&name) name;
struct lcn_functions {
    LCN_FUNCTIONS(LCN_DECLARE)
};
extern struct lcn_functions lcn_real;
extern bool lcn_ready;
/* Finds them all. Called at the library's start, or by another library that starts before it. */
LCN_COLD void lcn_start(void);

/* How often the calling thread has been interrupted by SIGQUIT. */
extern __thread uint32_t lcn_quits __attribute__((tls_model("initial-exec")));

#define LCN_REAL(name)                                                                                       \
    ({                                                                                                       \
        if (unlikely(!lcn_ready))                                                                            \
            lcn_start();                                                                                     \
        lcn_real.name;                                                                                       \
    })

/* ---- the calling thread's record ---- */

extern __thread struct lcn_thread *lcn_thread __attribute__((tls_model("initial-exec")));
void lcn_thread_first(void); /* that of the main thread */
/* In a forked process: of all threads only the calling one is left. */
void lcn_thread_alone(void);

/* Begins a wait. Returns the record to end it with, or NULL when there is nothing to end: the thread has no
 * record, or this is a signal handler within a wait. */
static inline struct lcn_thread *lcn_wait_begin(enum lcn_op op, enum lcn_kind kind, const void *object,
                                                bool timed, uint64_t pc)
{
    struct lcn_thread *t = lcn_thread;
    if (unlikely(!t || t->wait.object))
        return NULL;
    t->wait.number++;
    t->wait.pc = pc;
    t->wait.since = lcn_channel->clock_ns;
    t->wait.op = (uint8_t)op;
    t->wait.kind = (uint8_t)kind;
    t->wait.timed = timed;
    __atomic_store_n(&t->wait.object, (uint64_t)object, __ATOMIC_RELEASE);
    return t;
}

static inline void lcn_wait_end(struct lcn_thread *t)
{
    if (likely(t != NULL))
        __atomic_store_n(&t->wait.object, 0, __ATOMIC_RELEASE);
}

/* The same at the end of a block, also when the thread is cancelled in it. */
static inline void lcn_wait_leave(struct lcn_thread **t)
{
    lcn_wait_end(*t);
}
#define LCN_WAIT(...)                                                                                        \
    struct lcn_thread *wait_ __attribute__((cleanup(lcn_wait_leave))) = lcn_wait_begin(__VA_ARGS__);         \
    (void)wait_

static inline void lcn_hold(enum lcn_op op, enum lcn_kind kind, const void *object, uint64_t pc)
{
    struct lcn_thread *t = lcn_thread;
    if (unlikely(!t))
        return;
    uint32_t n = t->wait.holds;
    if (unlikely(n >= LCN_HOLDS)) {
        t->holds_lost++;
        return;
    }
    struct lcn_hold *hold = &t->holds[n];
    hold->object = (uint64_t)object;
    hold->pc = pc;
    hold->since = lcn_channel->clock_ns;
    hold->op = op;
    hold->kind = kind;
    __atomic_store_n(&t->wait.holds, n + 1, __ATOMIC_RELEASE);
}

/* The rest of lcn_release() for a lock that was not the last one taken. */
LCN_COLD bool lcn_release_other(struct lcn_thread *t, const void *object);

/* Returns whether the thread held it, as far as is known. */
static inline bool lcn_release(const void *object)
{
    struct lcn_thread *t = lcn_thread;
    if (unlikely(!t))
        return false;
    uint32_t n = t->wait.holds;
    if (unlikely(n == 0 || t->holds[n - 1].object != (uint64_t)object))
        return lcn_release_other(t, object);
    __atomic_store_n(&t->wait.holds, n - 1, __ATOMIC_RELEASE);
    return true;
}

/* ---- what is known of an object ---- */

/* It was initialised there. */
void lcn_place_made(const void *object, enum lcn_kind kind, uint64_t pc);
/* It was given a name; either text may be NULL. */
void lcn_place_named(const void *object, const char *kind, const char *name, uint64_t pc);

/* ---- delays ---- */

LCN_COLD void lcn_delay_now(void);
/* A point at which the thread may be delayed, when the command wants that. */
static inline void lcn_delay(void)
{
    if (unlikely(lcn_delays))
        lcn_delay_now();
}

/* ---- reports ---- */

/* Tells the command, and waits until it has looked, unless there is none. text may be shortened. */
void lcn_report(const char *kind, const char *text);

/* ---- the interposed functions, for those that have other names for them ---- */

int lcn_mutex_lock(pthread_mutex_t *m, uint64_t pc);
int lcn_mutex_trylock(pthread_mutex_t *m, uint64_t pc);
int lcn_mutex_timedlock(pthread_mutex_t *m, const struct timespec *until, uint64_t pc);
int lcn_mutex_unlock(pthread_mutex_t *m);
int lcn_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, uint64_t pc);
int lcn_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until, uint64_t pc);
int lcn_create(pthread_t *out, const pthread_attr_t *attr, void *(*start)(void *), void *argument,
               uint64_t pc);
int lcn_join(pthread_t thread, void **result, uint64_t pc);
int lcn_once(pthread_once_t *once, void (*routine)(void), uint64_t pc);

#pragma GCC visibility pop

#endif
