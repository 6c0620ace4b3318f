/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for signals: sigwait() and its relatives, pause(), sigsuspend(); and signals that the program sends
 * to itself as a whole, which go to one of its threads (POSIX.1-2017, 2.4.1): to the main thread if it takes
 * them, as Linux prefers it, else to the oldest that does. What no thread takes stays with the kernel until
 * one asks for it.
 *
 * Signals from outside are not awaited: when nothing can run but them, see detect/hang.c.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lockcheck/runtime/interpose.h"

static int fail(int error)
{
    errno = error;
    return -1;
}

/* ---- signals taken by asking for them ---- */

/* Takes one of the set that is there for this thread or for the process, and tells of it. Returns 0 for none.
 */
static int take(uint64_t set, siginfo_t *info)
{
    struct lc_thread *me = lc_self;
    static const struct timespec at_once;
    uint64_t due = me->signals & set;
    if (!due) {
        long sig = lc_system_call(SYS_rt_sigtimedwait, (long)&set, (long)info, (long)&at_once, sizeof set);
        return sig > 0 ? (int)sig : 0;
    }
    me->signals &= ~(due & -due);
    memset(info, 0, sizeof *info);
    info->si_signo = __builtin_ctzll(due) + 1;
    info->si_code = SI_TKILL;
    info->si_pid = getpid();
    info->si_uid = getuid();
    return info->si_signo;
}

/* Returns the signal, or -1 with errno. */
static int wait_for(const sigset_t *signals, siginfo_t *info, int64_t deadline_ns)
{
    struct lc_thread *me = lc_self;
    uint64_t set = signals->__val[0];
    bool late = false;
    int sig;
    lc_test_cancel();
    lc_point(LC_OP_SIGNAL_WAIT, NULL);
    while (!(sig = take(set, info))) {
        if (late)
            return fail(EAGAIN);
        me->signals_awaited = set;
        me->cancellable = me->interruptible = true;
        me->interrupted = LC_NOT_INTERRUPTED;
        bool woken = lc_wait(LC_OP_SIGNAL_WAIT, NULL, deadline_ns);
        me->cancellable = me->interruptible = false;
        me->signals_awaited = 0;
        bool interrupted = !woken && me->interrupted != LC_NOT_INTERRUPTED;
        me->interrupted = LC_NOT_INTERRUPTED;
        lc_test_cancel();
        if (interrupted)
            return fail(EINTR);
        late = !woken;
    }
    return sig;
}

LC_EXPORT int sigtimedwait(const sigset_t *signals, siginfo_t *info, const struct timespec *timeout)
{
    if (!lc_controlled())
        return LC_REAL(sigtimedwait)(signals, info, timeout);
    if (timeout && (!lc_timespec_valid(timeout) || timeout->tv_sec < 0))
        return fail(EINVAL);
    siginfo_t own;
    return wait_for(signals, info ? info : &own, timeout ? lc_deadline_in(timeout) : LC_NEVER);
}

LC_EXPORT int sigwaitinfo(const sigset_t *signals, siginfo_t *info)
{
    if (!lc_controlled())
        return LC_REAL(sigwaitinfo)(signals, info);
    return sigtimedwait(signals, info, NULL);
}

LC_EXPORT int sigwait(const sigset_t *signals, int *which)
{
    if (!lc_controlled())
        return LC_REAL(sigwait)(signals, which);
    siginfo_t info;
    int sig;
    do
        sig = wait_for(signals, &info, LC_NEVER);
    while (sig < 0 && errno == EINTR);
    if (sig < 0)
        return errno;
    *which = sig;
    return 0;
}

/* ---- until a handler has run ---- */

static int wait_for_handler(void)
{
    struct lc_thread *me = lc_self;
    me->cancellable = me->interruptible = true;
    me->interrupted = LC_NOT_INTERRUPTED;
    lc_wait(LC_OP_SIGNAL_WAIT, NULL, LC_NEVER);
    me->cancellable = me->interruptible = false;
    me->interrupted = LC_NOT_INTERRUPTED;
    lc_test_cancel();
    return fail(EINTR);
}

LC_EXPORT int pause(void)
{
    if (!lc_controlled())
        return LC_REAL(pause)();
    lc_test_cancel();
    lc_point(LC_OP_SIGNAL_WAIT, NULL);
    return wait_for_handler();
}

LC_EXPORT int sigsuspend(const sigset_t *mask)
{
    if (!lc_controlled())
        return LC_REAL(sigsuspend)(mask);
    lc_test_cancel();
    lc_point(LC_OP_SIGNAL_WAIT, NULL);
    uint64_t pending = 0;
    lc_system_call(SYS_rt_sigpending, (long)&pending, sizeof pending, 0, 0);
    bool due = (lc_self->signals | pending) & ~mask->__val[0];
    sigset_t before;
    pthread_sigmask(SIG_SETMASK, mask, &before); /* handlers of those that are due run here */
    if (!due)
        wait_for_handler();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return fail(EINTR);
}

/* ---- signals to the whole program ---- */

static struct lc_thread *receiver(int sig)
{
    uint64_t bit = 1ull << (sig - 1);
    for (uint32_t i = 1; i <= lc_thread_count(); i++) {
        struct lc_thread *t = lc_thread_by_number(i);
        if (t->state != LC_FINISHED && ((t->signals_awaited & bit) || !(t->mask & bit)))
            return t;
    }
    return NULL;
}

/* Ends or stops the program whichever thread it goes to. */
static bool needs_no_thread(int sig)
{
    struct sigaction action;
    return sigaction(sig, NULL, &action) != 0 || action.sa_handler == SIG_DFL;
}

/* The program's group is that of the process it was forked from, too, which is not the program's to send to.
 */
static bool is_program(pid_t pid)
{
    return pid == getpid() || pid == 0 || pid == -getpgrp();
}

LC_EXPORT int kill(pid_t pid, int sig)
{
    if (!lc_controlled() || !is_program(pid) || sig <= 0 || sig > SIGRTMAX)
        return LC_REAL(kill)(pid, sig);
    lc_point(LC_OP_KILL, NULL);
    lc_sends_signals = true;
    struct lc_thread *t = receiver(sig);
    if (!t || (needs_no_thread(sig) && !(t->signals_awaited >> (sig - 1) & 1)))
        return LC_REAL(kill)(getpid(), sig);
    lc_send_signal(t, sig);
    return 0;
}

LC_EXPORT int killpg(pid_t group, int sig)
{
    if (!lc_controlled())
        return LC_REAL(killpg)(group, sig);
    return group < 0 ? fail(EINVAL) : kill(-group, sig);
}

/* The kernel keeps the value until it is taken. */
LC_EXPORT int sigqueue(pid_t pid, int sig, const union sigval value)
{
    if (!lc_controlled() || pid != getpid() || sig <= 0 || sig > SIGRTMAX)
        return LC_REAL(sigqueue)(pid, sig, value);
    lc_point(LC_OP_KILL, NULL);
    lc_sends_signals = true;
    int result = LC_REAL(sigqueue)(pid, sig, value);
    struct lc_thread *t = result == 0 ? receiver(sig) : NULL;
    if (t && (t->signals_awaited >> (sig - 1) & 1)) {
        t->signals_awaited = 0;
        lc_wake(t);
    }
    return result;
}
