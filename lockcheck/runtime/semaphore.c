/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * POSIX semaphores and pthread_once(). A semaphore that was not made under our eyes (sem_open(), or before
 * the program was controlled) starts from the value that the C library sees in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "lockcheck/runtime/interpose.h"

#define ONCE_DONE 2 /* what the C library leaves in a pthread_once_t whose routine has run */

static struct lc_object *sem_object(sem_t *s)
{
    struct lc_object *o = lc_object_find(s);
    if (likely(o && o->kind == LC_KIND_SEMAPHORE))
        return o;
    int value = 0;
    LC_REAL(sem_getvalue)(s, &value);
    o = lc_object_at(s, LC_KIND_SEMAPHORE);
    o->value = value;
    return o;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

LC_EXPORT int sem_init(sem_t *s, int shared, unsigned value)
{
    int result = LC_REAL(sem_init)(s, shared, value);
    if (result || !lc_controlled())
        return result;
    struct lc_object *o = lc_object_new_made(s, LC_KIND_SEMAPHORE);
    o->value = value;
    o->shared = shared;
    return 0;
}

LC_EXPORT int sem_destroy(sem_t *s)
{
    struct lc_object *o = lc_controlled() ? lc_object_find(s) : NULL;
    if (o) {
        lc_emit(LC_OP_DESTROY, o, 0);
        lc_object_forget(o);
    }
    return LC_REAL(sem_destroy)(s);
}

/* ---- named semaphores: kept here, since a real one would be shared by all schedules that run at once ----
 */

struct named_semaphore {
    struct named_semaphore *next;
    sem_t semaphore;
    unsigned opens;
    bool unlinked;
    char name[NAME_MAX];
};
static struct named_semaphore *named;

static struct named_semaphore *find_name(const char *name)
{
    struct named_semaphore *n = named;
    while (n && (n->unlinked || strcmp(n->name, name) != 0))
        n = n->next;
    return n;
}

static sem_t *refuse(int error)
{
    errno = error;
    return SEM_FAILED;
}

/* sem_overview(7): a slash, then at most NAME_MAX - 4 characters, none of them a slash. */
static sem_t *make_named(const char *name, unsigned value)
{
    if (name[0] != '/' || !name[1] || strchr(name + 1, '/') || value > SEM_VALUE_MAX)
        return refuse(EINVAL);
    if (strlen(name + 1) > NAME_MAX - 4)
        return refuse(ENAMETOOLONG);
    struct named_semaphore *n = lc_allocate(sizeof *n);
    strcpy(n->name, name);
    LC_REAL(sem_init)(&n->semaphore, 0, value);
    struct lc_object *o = lc_object_new(&n->semaphore, LC_KIND_SEMAPHORE);
    o->value = value;
    o->shared = true;
    lc_object_name(o, NULL, name);
    n->opens = 1;
    n->next = named;
    named = n;
    return &n->semaphore;
}

LC_EXPORT sem_t *sem_open(const char *name, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
    unsigned value = flags & O_CREAT ? va_arg(arguments, unsigned) : 0;
    va_end(arguments);
    if (!lc_controlled())
        return LC_REAL(sem_open)(name, flags, mode, value);
    struct named_semaphore *n = find_name(name);
    if (!n)
        return flags & O_CREAT ? make_named(name, value) : LC_REAL(sem_open)(name, flags);
    if ((flags & O_CREAT) && (flags & O_EXCL))
        return refuse(EEXIST);
    n->opens++;
    return &n->semaphore;
}

static void drop_when_unused(struct named_semaphore *n)
{
    if (n->opens || !n->unlinked)
        return;
    struct lc_object *o = lc_object_find(&n->semaphore);
    if (o)
        lc_object_forget(o);
    struct named_semaphore **link = &named;
    while (*link != n)
        link = &(*link)->next;
    *link = n->next;
}

LC_EXPORT int sem_close(sem_t *s)
{
    struct named_semaphore *n = lc_controlled() ? named : NULL;
    while (n && &n->semaphore != s)
        n = n->next;
    if (!n)
        return LC_REAL(sem_close)(s);
    if (n->opens == 0)
        return fail(EINVAL);
    n->opens--;
    drop_when_unused(n);
    return 0;
}

LC_EXPORT int sem_unlink(const char *name)
{
    struct named_semaphore *n = lc_controlled() ? find_name(name) : NULL;
    if (!n)
        return LC_REAL(sem_unlink)(name);
    n->unlinked = true;
    drop_when_unused(n);
    return 0;
}

/* After a handler the call is restarted when that says so, but not one with a time: Linux gives that up
 * (signal(7) says otherwise of sem_timedwait()). */
static int wait_for_token(sem_t *s, int64_t deadline_ns, bool timed)
{
    struct lc_object *o = sem_object(s);
    struct lc_thread *me = lc_self;
    enum lc_interruption interrupted;
    bool taken;
    do {
        lc_test_cancel();
        me->cancellable = me->interruptible = true;
        taken = lc_acquire(LC_OP_SEM_WAIT, o, deadline_ns);
        me->cancellable = me->interruptible = false;
        interrupted = me->interrupted;
        me->interrupted = LC_NOT_INTERRUPTED;
    } while (!taken && interrupted == LC_RESTARTED && !timed);
    if (!taken) {
        lc_test_cancel();
        return fail(interrupted != LC_NOT_INTERRUPTED ? EINTR : ETIMEDOUT);
    }
    o->value--;
    lc_availability_changed(o);
    return 0;
}

LC_EXPORT int sem_wait(sem_t *s)
{
    if (!lc_controlled())
        return LC_REAL(sem_wait)(s);
    return wait_for_token(s, LC_NEVER, false);
}

LC_EXPORT int sem_clockwait(sem_t *s, clockid_t clock, const struct timespec *until)
{
    if (!lc_controlled())
        return LC_REAL(sem_clockwait)(s, clock, until);
    if (!lc_clock_waits(clock) || !lc_timespec_valid(until))
        return fail(EINVAL);
    return wait_for_token(s, lc_deadline(clock, until), true);
}

LC_EXPORT int sem_timedwait(sem_t *s, const struct timespec *until)
{
    if (!lc_controlled())
        return LC_REAL(sem_timedwait)(s, until);
    return sem_clockwait(s, CLOCK_REALTIME, until);
}

LC_EXPORT int sem_trywait(sem_t *s)
{
    if (!lc_controlled())
        return LC_REAL(sem_trywait)(s);
    struct lc_object *o = sem_object(s);
    lc_point(LC_OP_SEM_TRYWAIT, o);
    if (o->value == 0) {
        lc_emit(LC_OP_BUSY, o, 0);
        return fail(EAGAIN);
    }
    lc_emit(LC_OP_ACQUIRED, o, 0);
    o->value--;
    lc_availability_changed(o);
    return 0;
}

LC_EXPORT int sem_post(sem_t *s)
{
    if (!lc_controlled())
        return LC_REAL(sem_post)(s);
    struct lc_object *o = sem_object(s);
    lc_point(LC_OP_SEM_POST, o);
    if (o->value == SEM_VALUE_MAX)
        return fail(EOVERFLOW);
    o->value++;
    lc_availability_changed(o);
    return 0;
}

LC_EXPORT int sem_getvalue(sem_t *s, int *value)
{
    if (!lc_controlled())
        return LC_REAL(sem_getvalue)(s, value);
    struct lc_object *o = sem_object(s);
    lc_point(LC_OP_READ, o);
    *value = (int)o->value;
    return 0;
}

/* ---- once ---- */

struct once_call {
    struct lc_object *object;
    pthread_once_t *control;
    bool done;
};

/* Also runs when the routine throws or its thread is cancelled: then the next caller tries again. */
static void once_ends(struct once_call *call)
{
    lc_emit(LC_OP_UNLOCK, call->object, 0);
    call->object->owner = NULL;
    if (call->done) {
        __atomic_store_n(call->control, ONCE_DONE, __ATOMIC_RELEASE);
        call->object->value = 1;
    }
    lc_availability_changed(call->object);
}

LC_EXPORT int pthread_once(pthread_once_t *control, void (*routine)(void))
{
    if (!lc_controlled())
        return LC_REAL(pthread_once)(control, routine);
    struct lc_object *o = lc_object_at(control, LC_KIND_ONCE);
    /* A point also where there is nothing left to do: whether that is so depends on who came before. */
    if (__atomic_load_n(control, __ATOMIC_ACQUIRE) & ONCE_DONE)
        o->value = 1;
    lc_acquire(LC_OP_ONCE, o, LC_NEVER);
    if (*control & ONCE_DONE)
        return 0;
    o->owner = lc_self;
    lc_availability_changed(o);
    __attribute__((cleanup(once_ends))) struct once_call call = {.object = o, .control = control};
    routine();
    call.done = true;
    return 0;
}
