/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signals between fibers: each has a mask of its own, and what is sent to it by pthread_kill() or raise() it
 * gets when it runs next. A signal to a blocked fiber ends its wait where signal(7) says so: in sleeps, in
 * waits for descriptors, semaphores and futexes. One from outside goes to the fiber that runs.
 */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lockcheck/runtime/interpose.h"

/* Signals that the runtime needs, and two of the C library's own. */
#define NEVER_BLOCKED (1ull << (LC_STUCK_SIGNAL - 1) | 1ull << 31 | 1ull << 32)

void lc_raise(int sig)
{
    syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), sig);
}

LC_WRITTEN uint64_t lc_carriers_mask;

/* The kernel's mask is the carrier's; it is changed at a switch when the next fiber's differs. */
void lc_set_mask(uint64_t mask)
{
    lc_carriers_mask = mask;
    lc_system_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, sizeof mask);
}

static int change_mask(int how, const sigset_t *change, sigset_t *before)
{
    if (change && how != SIG_BLOCK && how != SIG_UNBLOCK && how != SIG_SETMASK)
        return EINVAL;
    uint64_t now = lc_self->mask;
    if (change) {
        uint64_t bits = change->__val[0] & ~NEVER_BLOCKED;
        lc_self->mask = how == SIG_BLOCK ? now | bits : how == SIG_UNBLOCK ? now & ~bits : bits;
        lc_set_mask(lc_self->mask);
    }
    if (before) {
        sigemptyset(before);
        before->__val[0] = now;
    }
    if (change)
        lc_deliver_signals();
    return 0;
}

LC_EXPORT int pthread_sigmask(int how, const sigset_t *change, sigset_t *before)
{
    if (!lc_controlled())
        return LC_REAL(pthread_sigmask)(how, change, before);
    return change_mask(how, change, before);
}

LC_EXPORT int sigprocmask(int how, const sigset_t *change, sigset_t *before)
{
    if (!lc_controlled())
        return LC_REAL(sigprocmask)(how, change, before);
    int error = change_mask(how, change, before);
    if (error)
        errno = error;
    return error ? -1 : 0;
}

static bool is_ignored(int sig, const struct sigaction *action)
{
    if (action->sa_handler == SIG_DFL)
        return sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH || sig == SIGCONT;
    return action->sa_handler == SIG_IGN;
}

bool lc_sends_signals;

void lc_send_signal(struct lc_thread *t, int sig)
{
    lc_sends_signals = true;
    uint64_t bit = 1ull << (sig - 1);
    struct sigaction action;
    t->signals |= bit;
    if (t->signals_awaited & bit) {
        t->signals_awaited = 0;
        lc_wake(t);
    } else if (t == lc_self) {
        lc_deliver_signals();
    } else if (t->state == LC_BLOCKED && !(t->mask & bit) && sigaction(sig, NULL, &action) == 0 &&
               !is_ignored(sig, &action)) {
        if (t->interruptible)
            t->interrupted = action.sa_flags & SA_RESTART ? LC_RESTARTED : LC_INTERRUPTED;
        lc_enable(t); /* to run the handler; a wait that it does not end goes on afterwards */
    }
}

LC_EXPORT int pthread_kill(pthread_t real, int sig)
{
    if (!lc_controlled())
        return LC_REAL(pthread_kill)(real, sig);
    struct lc_thread *t = lc_thread_of(real);
    if (!t || t->joined)
        return ESRCH;
    if (sig < 0 || sig > 64)
        return EINVAL;
    if (t != lc_self)
        lc_point(LC_OP_KILL, t->self);
    if (sig == 0 || t->state == LC_FINISHED) /* one that has ended and is not joined is still there */
        return 0;
    lc_send_signal(t, sig);
    return 0;
}

LC_EXPORT int raise(int sig)
{
    if (!lc_controlled())
        return LC_REAL(raise)(sig);
    int error = pthread_kill(pthread_self(), sig);
    if (error)
        errno = error;
    return error ? -1 : 0;
}
