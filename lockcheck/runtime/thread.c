/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads as fibers with a real thread's identity.
 *
 * pthread_create() makes a real thread, which notes its thread pointer, goes to sleep for good near the top
 * of its stack, and lends the rest of that stack and its thread-local storage to the fiber. The carrier runs
 * the fiber by switching stack pointer and FS base, so errno, __thread variables, malloc's caches and
 * pthread_self() are the thread's own. The sleeper blocks all signals and makes bare system calls only: errno
 * is not its own to write.
 *
 * When a fiber has ended its sleeper is let go, so that the C library frees the stack; in a forked process
 * the sleepers of the template do not exist, and their stacks stay.
 *
 * Corners: restartable sequences are registered for the kernel thread, so sched_getcpu() reads the carrier's;
 * signal masks are the carrier's; gettid() is a number of ours.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lockcheck/detect/race.h"
#include "lockcheck/runtime/interpose.h"
#include "lockcheck/runtime/runtime.h"

#define HWCAP2_FSGSBASE_BIT 2u /* Linux Documentation/x86/x86_64/fsgs.rst */
#define REAP_HEAP 64u          /* ended threads whose stacks are given back at once */
#define MAX_KEYS 1024u         /* PTHREAD_KEYS_MAX of the C library */

int lc_has_fsgsbase;
LC_WRITTEN struct lc_thread *lc_self;

#define FEW 64u /* most programs have no more threads, and then a page less is written in each schedule */
LC_WRITTEN static struct lc_thread *few[FEW];
LC_WRITTEN struct lc_thread **lc_threads = few;

LC_WRITTEN static uint32_t thread_count;
LC_WRITTEN static struct lc_thread *to_reap;
LC_WRITTEN static uint32_t to_reap_count;

uint32_t lc_thread_count(void)
{
    return thread_count;
}

struct lc_thread *lc_thread_of(pthread_t real)
{
    struct lc_object *o = lc_object_find((void *)real);
    return o && o->kind == LC_KIND_THREAD ? lc_threads[o->value] : NULL;
}

/* By hand: what snprintf() touches would be mapped anew in each schedule's process. */
static void name_by_number(struct lc_thread *t)
{
    char digits[12], *d = digits + sizeof digits;
    *--d = 0;
    for (uint32_t n = t->id; n; n /= 10)
        *--d = (char)('0' + n % 10);
    char *name = t->name;
    for (const char *word = "thread "; *word;)
        *name++ = *word++;
    while ((*name++ = *d++))
        ;
}

static struct lc_thread *add_thread(void)
{
    if (thread_count + 1 >= LC_MAX_THREADS)
        return NULL;
    struct lc_thread *t = lc_allocate(sizeof *t);
    t->id = ++thread_count;
    if (t->id == FEW) {
        lc_threads = lc_allocate(LC_MAX_THREADS * sizeof *lc_threads);
        memcpy(lc_threads, few, sizeof few);
    }
    lc_threads[t->id] = t;
    t->deadline_ns = LC_NEVER;
    return t;
}

static void give_object(struct lc_thread *t)
{
    t->self = lc_object_new((void *)t->real, LC_KIND_THREAD);
    t->self->value = t->id;
}

void lc_threads_init(void)
{
    lc_has_fsgsbase = (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT) != 0;
    lc_real.pthread_create =
        (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))lc_next("pthread_create");
    lc_real.pthread_join = (int (*)(pthread_t, void **))lc_next("pthread_join");
    /* Private to the C library, and the only way to run destructors of C++ thread_local objects. */
    lc_real.call_tls_dtors = (void (*)(void))dlsym(RTLD_DEFAULT, "__call_tls_dtors");
    struct lc_thread *t = add_thread();
    t->is_main = true;
    t->real = pthread_self();
    t->tp = (uintptr_t)t->real; /* on x86-64 the C library's pthread_t is the thread pointer */
    strcpy(t->name, "main");
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &t->mask, sizeof t->mask);
    lc_set_mask(t->mask);
    lc_self = t;
    give_object(t);
    lc_enable(t);
}

/* ---- keys: their destructors run in the fiber, before the sleeper gets the chance ---- */

static struct {
    bool used;
    void (*destructor)(void *);
} keys[MAX_KEYS];
static pthread_key_t key_count; /* none of those from this one on has a destructor */

LC_EXPORT int pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
    /* The sleeper must not run it too. */
    int error = LC_REAL(pthread_key_create)(key, lc.active ? NULL : destructor);
    /* The unwinder keeps a cache per thread, and takes a lock to give it back: steps that only an execution
     * with evidence would have. The cache is left to the process's end. */
    if (!error && *key < MAX_KEYS && !lc.inside) {
        keys[*key].used = true;
        keys[*key].destructor = destructor;
        if (destructor && *key >= key_count)
            key_count = *key + 1;
    }
    return error;
}

LC_EXPORT int pthread_key_delete(pthread_key_t key)
{
    if (key < MAX_KEYS)
        keys[key].used = false;
    return LC_REAL(pthread_key_delete)(key);
}

static void run_key_destructors(void)
{
    for (int round = 0; round < PTHREAD_DESTRUCTOR_ITERATIONS; round++) {
        bool again = false;
        for (pthread_key_t k = 0; k < key_count; k++) {
            if (!keys[k].used || !keys[k].destructor)
                continue;
            void *value = pthread_getspecific(k);
            if (!value)
                continue;
            pthread_setspecific(k, NULL);
            keys[k].destructor(value);
            again = true;
        }
        if (!again)
            return;
    }
}

/* ---- life ---- */

static _Noreturn void finish(struct lc_thread *t)
{
    t->exiting = true;
    if (lc_real.call_tls_dtors)
        lc_real.call_tls_dtors();
    run_key_destructors();
    lc_robust_mutexes_of_ended(t);
    lc_point(LC_OP_THREAD_EXIT, t->self);
    bool last = true;
    for (uint32_t i = 1; i <= thread_count && last; i++)
        last = lc_threads[i] == t || lc_threads[i]->state == LC_FINISHED;
    if (last)
        exit(0);
    lc_thread_ended(t);
}

/* main() ended by pthread_exit(): the process goes on until its last thread ends. */
void lc_main_thread_exited(void)
{
    finish(lc_self);
}

/* Joiners may go on; this thread never does. */
void lc_thread_ended(struct lc_thread *t)
{
    for (struct lc_thread *w = t->self->waiters.first; w; w = w->queue_next)
        lc_enable(w);
    lc_schedule_away();
}

/* In a function of its own: setjmp() and locals do not mix. */
static void run_start_routine(struct lc_thread *t)
{
    jmp_buf base;
    t->unwind_base = base;
    if (setjmp(base) == 0)
        t->result = t->start(t->argument);
    t->unwind_base = NULL;
}

static _Noreturn void fiber_main(struct lc_thread *t)
{
    lc_mask_of_running();
    lc_debugger_at_step();
    lc_deliver_signals();
    if (lc.evidence)
        t->frames = lc_backtrace(t->stack, LC_MAX_STACK);
    lc_emit(LC_OP_THREAD_START, t->self, 0);
    run_start_routine(t);
    finish(t);
}

/* What the trampoline in switch.S finds when the fiber is switched to for the first time: see lc_switch. */
static void lay_first_frame(struct lc_thread *t, char *stack_top)
{
    uintptr_t *sp = (uintptr_t *)((uintptr_t)stack_top & ~(uintptr_t)63);
    uint32_t mxcsr;
    uint16_t x87;
    __asm__("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87));
    *--sp = 0; /* so that the stack is aligned as the ABI wants it at the trampoline's call */
    *--sp = 0;
    *--sp = (uintptr_t)lc_fiber_trampoline;
    *--sp = 0;                     /* rbp */
    *--sp = 0;                     /* rbx */
    *--sp = (uintptr_t)fiber_main; /* r12 */
    *--sp = (uintptr_t)t;          /* r13 */
    *--sp = 0;                     /* r14 */
    *--sp = 0;                     /* r15 */
    *--sp = (uint64_t)x87 << 32 | mxcsr;
    t->sp = sp;
}

/* The kernel threads of ended fibers are let go in heaps: each costs two switches between kernel threads. One
 * that may sleep on a stack of the program's own is let go at once, since the program may now take the stack
 * back. */
static void reap(struct lc_thread *t)
{
    if (!t->sleeper) /* the main thread has the process's stack */
        return;
    if (t->sleeper->own_attributes) {
        lc_sleeper_release(t->sleeper);
        return;
    }
    t->reap_next = to_reap;
    to_reap = t;
    if (++to_reap_count < REAP_HEAP)
        return;
    for (; to_reap; to_reap = to_reap->reap_next)
        lc_sleeper_release(to_reap->sleeper);
    to_reap_count = 0;
}

LC_EXPORT int pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*start)(void *),
                             void *argument)
{
    if (!lc_controlled())
        return LC_REAL(pthread_create)(out, attr, start, argument);
    lc_point(LC_OP_THREAD_CREATE, NULL);
    pthread_attr_t own;
    bool detached = false;
    if (attr) {
        int state;
        pthread_attr_getdetachstate(attr, &state);
        detached = state == PTHREAD_CREATE_DETACHED;
        own = *attr;
        pthread_attr_setdetachstate(&own, PTHREAD_CREATE_JOINABLE);
    }
    struct lc_thread *t = add_thread();
    if (!t)
        lc_uncontrolled(
            "{t%u} makes thread number %u, and lockcheck controls %u in one execution, those that have "
            "ended among them",
            lc_self->id, LC_MAX_THREADS, LC_MAX_THREADS - 1);
    t->start = start;
    t->argument = argument;
    t->detached = detached;
    t->op = LC_OP_THREAD_START;
    t->mask = lc_self->mask;
    int error;
    t->sleeper = lc_sleeper_take(attr ? &own : NULL, &error);
    if (!t->sleeper) {
        lc_threads[t->id] = NULL;
        thread_count--;
        return error;
    }
    t->real = t->sleeper->real;
    t->tp = t->sleeper->tp;
    lay_first_frame(t, t->sleeper->stack_top);
    lc_race_forget(t->tp - t->sleeper->stack_bytes, t->sleeper->stack_bytes); /* another's before */
    name_by_number(t);
    if (lc.evidence)
        t->created_frames = lc_backtrace(t->created, LC_MAX_STACK);
    give_object(t);
    if (lc.tracing)
        lc_trace_thread(t);
    *out = t->real;
    lc_emit(LC_OP_INIT, t->self, t->id);
    lc_enable(t);
    lc_point(LC_OP_THREAD_CREATE, NULL); /* it may run before its creator does anything more */
    return 0;
}

static int join(pthread_t real, void **result, enum lc_op op, int64_t deadline_ns, bool try)
{
    struct lc_thread *t = lc_thread_of(real);
    if (!t || t->joined)
        return ESRCH;
    if (t->detached)
        return EINVAL;
    if (t == lc_self)
        return EDEADLK;
    if (try) {
        lc_point(op, t->self);
        if (t->state != LC_FINISHED)
            return EBUSY;
        lc_emit(LC_OP_JOINED, t->self, 0);
    } else {
        lc_self->cancellable = true;
        bool ended = lc_acquire(op, t->self, deadline_ns);
        lc_self->cancellable = false;
        if (!ended) {
            lc_test_cancel();
            return ETIMEDOUT;
        }
    }
    t->joined = true;
    if (result)
        *result = t->result;
    reap(t);
    return 0;
}

LC_EXPORT int pthread_join(pthread_t real, void **result)
{
    if (!lc_controlled())
        return LC_REAL(pthread_join)(real, result);
    return join(real, result, LC_OP_THREAD_JOIN, LC_NEVER, false);
}

LC_EXPORT int pthread_tryjoin_np(pthread_t real, void **result)
{
    if (!lc_controlled())
        return LC_REAL(pthread_tryjoin_np)(real, result);
    return join(real, result, LC_OP_THREAD_JOIN, LC_NEVER, true);
}

LC_EXPORT int pthread_clockjoin_np(pthread_t real, void **result, clockid_t clock,
                                   const struct timespec *until)
{
    if (!lc_controlled())
        return LC_REAL(pthread_clockjoin_np)(real, result, clock, until);
    if (!lc_clock_waits(clock))
        return EINVAL;
    int late;
    int64_t deadline_ns = lc_deadline_or_error(clock, until, &late);
    if (late != ETIMEDOUT)
        deadline_ns = LC_NEVER; /* the C library then waits as long as it takes */
    return join(real, result, LC_OP_THREAD_JOIN, deadline_ns, false);
}

LC_EXPORT int pthread_timedjoin_np(pthread_t real, void **result, const struct timespec *until)
{
    if (!lc_controlled())
        return LC_REAL(pthread_timedjoin_np)(real, result, until);
    return pthread_clockjoin_np(real, result, CLOCK_REALTIME, until);
}

LC_EXPORT int pthread_detach(pthread_t real)
{
    if (!lc_controlled())
        return LC_REAL(pthread_detach)(real);
    struct lc_thread *t = lc_thread_of(real);
    if (!t || t->joined)
        return ESRCH;
    if (t->detached)
        return EINVAL;
    lc_point(LC_OP_THREAD_DETACH, t->self);
    t->detached = true;
    if (t->state == LC_FINISHED)
        reap(t);
    return 0;
}

/* ---- names and numbers ---- */

LC_EXPORT int pthread_setname_np(pthread_t real, const char *name)
{
    if (!lc_controlled())
        return LC_REAL(pthread_setname_np)(real, name);
    struct lc_thread *t = lc_thread_of(real);
    if (!t)
        return ESRCH;
    if (strlen(name) > 15) /* pthread_setname_np(3): 16 bytes with the end */
        return ERANGE;
    strcpy(t->name, name);
    if (lc.tracing)
        lc_trace_thread(t);
    return 0;
}

LC_EXPORT int pthread_getname_np(pthread_t real, char *name, size_t size)
{
    if (!lc_controlled())
        return LC_REAL(pthread_getname_np)(real, name, size);
    struct lc_thread *t = lc_thread_of(real);
    if (!t)
        return ESRCH;
    if (size < 16)
        return ERANGE;
    snprintf(name, size, "%.15s", t->name);
    return 0;
}

LC_EXPORT pid_t gettid(void)
{
    if (!lc_controlled() || lc_self->is_main)
        return (pid_t)syscall(SYS_getpid);
    return (pid_t)syscall(SYS_getpid) + (pid_t)lc_self->id;
}
