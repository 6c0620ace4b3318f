/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks: mutexes, read-write locks, spin locks, and pthread_once(), which is a lock while its routine runs.
 * Also the list of those that a thread holds, and of what is known of objects by address.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lockcheck/native/native.h"

/* ---- what a thread holds ---- */

static bool take_out(struct lcn_thread *t, const void *object)
{
    uint32_t n = t->wait.holds;
    for (uint32_t i = n; i-- > 0;) {
        if (t->holds[i].object != (uint64_t)object)
            continue;
        t->holds[i].object = 0; /* a reader from outside must not see one of the others twice and this one */
        memmove(&t->holds[i], &t->holds[i + 1], (n - i - 1) * sizeof t->holds[0]);
        __atomic_store_n(&t->wait.holds, n - 1, __ATOMIC_RELEASE);
        return true;
    }
    return false;
}

bool lcn_release_other(struct lcn_thread *t, const void *object)
{
    if (take_out(t, object))
        return true;
    if (t->holds_lost) {
        t->holds_lost--;
        return false;
    }
    /* Given back by another thread than took it. Its entry becomes void; it may be moving entries itself just
     * now, so whoever reads the list does not rely on it alone. */
    uint32_t used = __atomic_load_n(&lcn_record.head.used, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < used; i++) {
        struct lcn_thread *other = &lcn_record.threads[i];
        uint32_t n = __atomic_load_n(&other->wait.holds, __ATOMIC_ACQUIRE);
        if (other == t || other->wait.tid <= 0)
            continue;
        for (uint32_t k = 0; k < n && k < LCN_HOLDS; k++) {
            uint64_t held = (uint64_t)object;
            if (__atomic_compare_exchange_n(&other->holds[k].object, &held, 0, false, __ATOMIC_ACQ_REL,
                                            __ATOMIC_RELAXED))
                return false;
        }
    }
    return false;
}

/* ---- what is known of objects ---- */

static void copy_name(char *to, const char *from, size_t size)
{
    if (from && *from)
        snprintf(to, size, "%s", from);
}

/* The place of the object, or a free one, or that of another. Two threads that make objects at once may get
 * one place; the loser's object is then known by its address alone. */
static struct lcn_place *place_for(const void *object)
{
    uint32_t first = lcn_place_of((uint64_t)object);
    struct lcn_place *free_place = NULL;
    for (uint32_t i = 0; i < LCN_PROBES; i++) {
        struct lcn_place *place = &lcn_record.places[(first + i) % LCN_PLACES];
        if (place->address == (uint64_t)object)
            return place;
        if (!place->address && !free_place)
            free_place = place;
    }
    struct lcn_place *place = free_place ? free_place : &lcn_record.places[first];
    memset(place, 0, sizeof *place);
    return place;
}

void lcn_place_made(const void *object, enum lcn_kind kind, uint64_t pc)
{
    struct lcn_place *place = place_for(object);
    place->kind_name[0] = place->name[0] = 0;
    place->kind = kind;
    place->pc = pc;
    __atomic_store_n(&place->address, (uint64_t)object, __ATOMIC_RELEASE);
}

void lcn_place_named(const void *object, const char *kind, const char *name, uint64_t pc)
{
    struct lcn_place *place = place_for(object);
    if (place->address != (uint64_t)object) {
        place->kind = LCN_KIND_NAMED;
        place->pc = pc;
    }
    copy_name(place->kind_name, kind, sizeof place->kind_name);
    copy_name(place->name, name, sizeof place->name);
    __atomic_store_n(&place->address, (uint64_t)object, __ATOMIC_RELEASE);
}

/* ---- mutexes ---- */

/* A robust mutex whose owner died is the caller's all the same. */
static inline int took_mutex(int error, const pthread_mutex_t *m, uint64_t pc)
{
    if (likely(error == 0) || error == EOWNERDEAD)
        lcn_hold(LCN_OP_LOCK, LCN_KIND_MUTEX, m, pc);
    return error;
}

LCN_EXPORT int pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr)
{
    lcn_place_made(m, LCN_KIND_MUTEX, LCN_CALLER);
    return LCN_REAL(pthread_mutex_init)(m, attr);
}

static inline __attribute__((always_inline)) int lock_mutex(pthread_mutex_t *m, uint64_t pc)
{
    lcn_delay();
    struct lcn_thread *wait = lcn_wait_begin(LCN_OP_LOCK, LCN_KIND_MUTEX, m, false, pc);
    int error = took_mutex(LCN_REAL(pthread_mutex_lock)(m), m, pc);
    lcn_wait_end(wait);
    lcn_delay();
    return error;
}

int lcn_mutex_trylock(pthread_mutex_t *m, uint64_t pc)
{
    lcn_delay();
    return took_mutex(LCN_REAL(pthread_mutex_trylock)(m), m, pc);
}

int lcn_mutex_timedlock(pthread_mutex_t *m, const struct timespec *until, uint64_t pc)
{
    lcn_delay();
    struct lcn_thread *wait = lcn_wait_begin(LCN_OP_LOCK, LCN_KIND_MUTEX, m, true, pc);
    int error = took_mutex(LCN_REAL(pthread_mutex_timedlock)(m, until), m, pc);
    lcn_wait_end(wait);
    return error;
}

static inline __attribute__((always_inline)) int unlock_mutex(pthread_mutex_t *m)
{
    bool held = lcn_release(m);
    int error = LCN_REAL(pthread_mutex_unlock)(m);
    if (unlikely(error) && held)
        lcn_hold(LCN_OP_LOCK, LCN_KIND_MUTEX, m, LCN_CALLER);
    lcn_delay();
    return error;
}

int lcn_mutex_lock(pthread_mutex_t *m, uint64_t pc)
{
    return lock_mutex(m, pc);
}

LCN_EXPORT int pthread_mutex_lock(pthread_mutex_t *m)
{
    return lock_mutex(m, LCN_CALLER);
}

LCN_EXPORT int pthread_mutex_trylock(pthread_mutex_t *m)
{
    return lcn_mutex_trylock(m, LCN_CALLER);
}

LCN_EXPORT int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *until)
{
    return lcn_mutex_timedlock(m, until, LCN_CALLER);
}

LCN_EXPORT int pthread_mutex_clocklock(pthread_mutex_t *m, clockid_t clock, const struct timespec *until)
{
    lcn_delay();
    struct lcn_thread *wait = lcn_wait_begin(LCN_OP_LOCK, LCN_KIND_MUTEX, m, true, LCN_CALLER);
    int error = took_mutex(LCN_REAL(pthread_mutex_clocklock)(m, clock, until), m, LCN_CALLER);
    lcn_wait_end(wait);
    return error;
}

int lcn_mutex_unlock(pthread_mutex_t *m)
{
    return unlock_mutex(m);
}

LCN_EXPORT int pthread_mutex_unlock(pthread_mutex_t *m)
{
    return unlock_mutex(m);
}

/* ---- read-write locks ---- */

static inline int took_rwlock(int error, enum lcn_op op, const pthread_rwlock_t *l, uint64_t pc)
{
    if (likely(error == 0))
        lcn_hold(op, LCN_KIND_RWLOCK, l, pc);
    return error;
}

#define RWLOCK_WAIT(op, timed, call)                                                                         \
    lcn_delay();                                                                                             \
    struct lcn_thread *wait = lcn_wait_begin(op, LCN_KIND_RWLOCK, l, timed, LCN_CALLER);                     \
    int error = took_rwlock(call, op, l, LCN_CALLER);                                                        \
    lcn_wait_end(wait);                                                                                      \
    lcn_delay();                                                                                             \
    return error

LCN_EXPORT int pthread_rwlock_init(pthread_rwlock_t *l, const pthread_rwlockattr_t *attr)
{
    lcn_place_made(l, LCN_KIND_RWLOCK, LCN_CALLER);
    return LCN_REAL(pthread_rwlock_init)(l, attr);
}

LCN_EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
    RWLOCK_WAIT(LCN_OP_READ_LOCK, false, LCN_REAL(pthread_rwlock_rdlock)(l));
}

LCN_EXPORT int pthread_rwlock_timedrdlock(pthread_rwlock_t *l, const struct timespec *until)
{
    RWLOCK_WAIT(LCN_OP_READ_LOCK, true, LCN_REAL(pthread_rwlock_timedrdlock)(l, until));
}

LCN_EXPORT int pthread_rwlock_clockrdlock(pthread_rwlock_t *l, clockid_t clock, const struct timespec *until)
{
    RWLOCK_WAIT(LCN_OP_READ_LOCK, true, LCN_REAL(pthread_rwlock_clockrdlock)(l, clock, until));
}

LCN_EXPORT int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
    lcn_delay();
    return took_rwlock(LCN_REAL(pthread_rwlock_tryrdlock)(l), LCN_OP_READ_LOCK, l, LCN_CALLER);
}

LCN_EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
    RWLOCK_WAIT(LCN_OP_WRITE_LOCK, false, LCN_REAL(pthread_rwlock_wrlock)(l));
}

LCN_EXPORT int pthread_rwlock_timedwrlock(pthread_rwlock_t *l, const struct timespec *until)
{
    RWLOCK_WAIT(LCN_OP_WRITE_LOCK, true, LCN_REAL(pthread_rwlock_timedwrlock)(l, until));
}

LCN_EXPORT int pthread_rwlock_clockwrlock(pthread_rwlock_t *l, clockid_t clock, const struct timespec *until)
{
    RWLOCK_WAIT(LCN_OP_WRITE_LOCK, true, LCN_REAL(pthread_rwlock_clockwrlock)(l, clock, until));
}

LCN_EXPORT int pthread_rwlock_trywrlock(pthread_rwlock_t *l)
{
    lcn_delay();
    return took_rwlock(LCN_REAL(pthread_rwlock_trywrlock)(l), LCN_OP_WRITE_LOCK, l, LCN_CALLER);
}

LCN_EXPORT int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
    lcn_release(l);
    int error = LCN_REAL(pthread_rwlock_unlock)(l);
    lcn_delay();
    return error;
}

/* ---- spin locks ---- */

LCN_EXPORT int pthread_spin_init(pthread_spinlock_t *l, int shared)
{
    lcn_place_made((const void *)l, LCN_KIND_SPINLOCK, LCN_CALLER);
    return LCN_REAL(pthread_spin_init)(l, shared);
}

LCN_EXPORT int pthread_spin_lock(pthread_spinlock_t *l)
{
    lcn_delay();
    struct lcn_thread *wait =
        lcn_wait_begin(LCN_OP_LOCK, LCN_KIND_SPINLOCK, (const void *)l, false, LCN_CALLER);
    int error = LCN_REAL(pthread_spin_lock)(l);
    if (likely(!error))
        lcn_hold(LCN_OP_LOCK, LCN_KIND_SPINLOCK, (const void *)l, LCN_CALLER);
    lcn_wait_end(wait);
    return error;
}

LCN_EXPORT int pthread_spin_trylock(pthread_spinlock_t *l)
{
    lcn_delay();
    int error = LCN_REAL(pthread_spin_trylock)(l);
    if (!error)
        lcn_hold(LCN_OP_LOCK, LCN_KIND_SPINLOCK, (const void *)l, LCN_CALLER);
    return error;
}

LCN_EXPORT int pthread_spin_unlock(pthread_spinlock_t *l)
{
    lcn_release((const void *)l);
    int error = LCN_REAL(pthread_spin_unlock)(l);
    lcn_delay();
    return error;
}

/* ---- once ---- */

#define ONCE_DONE 2 /* in the C library's pthread_once_t */

/* The call that the calling thread is in; they nest. */
struct once {
    struct once *outer;
    pthread_once_t *once;
    void (*routine)(void);
    struct lcn_thread *wait;
    uint64_t pc;
    bool runs;
};
static __thread struct once *current_once __attribute__((tls_model("initial-exec")));

static void leave_once(struct once *call)
{
    current_once = call->outer;
    if (call->runs)
        lcn_release(call->once);
    else
        lcn_wait_end(call->wait);
}

static void run_once(void)
{
    struct once *call = current_once;
    lcn_wait_end(call->wait);
    call->runs = true;
    lcn_hold(LCN_OP_ONCE, LCN_KIND_ONCE, call->once, call->pc);
    call->routine();
}

int lcn_once(pthread_once_t *once, void (*routine)(void), uint64_t pc)
{
    if (likely(__atomic_load_n(once, __ATOMIC_ACQUIRE) & ONCE_DONE))
        return 0;
    struct once call __attribute__((cleanup(leave_once))) = {
        .outer = current_once, .once = once, .routine = routine, .pc = pc};
    call.wait = lcn_wait_begin(LCN_OP_ONCE, LCN_KIND_ONCE, once, false, pc);
    current_once = &call;
    return LCN_REAL(pthread_once)(once, run_once);
}

LCN_EXPORT int pthread_once(pthread_once_t *once, void (*routine)(void))
{
    return lcn_once(once, routine, LCN_CALLER);
}
