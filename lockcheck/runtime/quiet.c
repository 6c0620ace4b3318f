/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does the program make system calls? Those change what the kernel keeps for the process, or tell it what
 * nobody here can know. With Syscall User Dispatch (Linux 5.11,
 * Documentation/admin-guide/syscall-user-dispatch.rst) the first one is a SIGSYS instead, whose handler notes
 * it and has it done after all. Exempt are the runtime's own that leave nothing behind, see lc_quiet_call().
 *
 * And does it read the processor's clock? That is no system call, but can be forbidden: then it is a SIGSEGV
 * (prctl(2), PR_SET_TSC).
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "lockcheck/runtime/runtime.h"

/* What rt_sigaction(2) writes, unlike the C library's structure. */
struct kernel_action {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

bool lc_handles_signal(int sig, const void **handler)
{
    struct kernel_action action = {0};
    if (lc_quiet_call(SYS_rt_sigaction, sig, 0, (long)&action, sizeof action.mask) != 0)
        return false;
    *handler = action.handler;
    return action.handler != SIG_DFL && action.handler != SIG_IGN;
}

bool lc_quiet_possible(void)
{
    const void *handler;
    return lc_handles_signal(SIGSYS, &handler) && handler == (const void *)lc_crashed &&
           !(lc_carriers_mask & 1ull << (SIGSYS - 1));
}

/* In the channel, since rewinding does not put that back. */
static volatile uint8_t *selector(void)
{
    return &lc.channel->dispatch_selector;
}

bool lc_quiet_begin(void)
{
    if (!lc_quiet_possible())
        return false;
    *selector() = SYSCALL_DISPATCH_FILTER_ALLOW;
    int saved = errno;
    int result = prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, lc_quiet_call_start,
                       lc_quiet_call_end - lc_quiet_call_start, selector());
    errno = saved;
    if (result == 0)
        *selector() = SYSCALL_DISPATCH_FILTER_BLOCK;
    return result == 0;
}

bool lc_quiet_so_far(void)
{
    return *selector() == SYSCALL_DISPATCH_FILTER_BLOCK;
}

uint8_t lc_quiet_pause(void)
{
    if (!lc.channel)
        return SYSCALL_DISPATCH_FILTER_ALLOW;
    uint8_t before = *selector();
    *selector() = SYSCALL_DISPATCH_FILTER_ALLOW;
    return before;
}

void lc_quiet_resume(uint8_t paused)
{
    if (lc.channel)
        *selector() = paused;
}

bool lc_quiet_interrupted(const siginfo_t *info, void *context)
{
    if (info->si_code != LC_BY_DISPATCH || !lc.channel)
        return false;
    *selector() = SYSCALL_DISPATCH_FILTER_ALLOW;
    lc_rewind_noise();
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] -= 2; /* to the SYSCALL instruction */
    return true;
}

/* ---- the processor's clock ---- */

bool lc_cycles_begin(void)
{
    const void *handler;
    if (lc.channel->flags & LC_FLAG_DEBUGGER) /* which would be shown the signal */
        return true;
    return lc_handles_signal(SIGSEGV, &handler) && handler == (const void *)lc_crashed &&
           lc_quiet_call(SYS_prctl, PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0) == 0;
}

void lc_cycles_end(void)
{
    lc_quiet_call(SYS_prctl, PR_SET_TSC, PR_TSC_ENABLE, 0, 0);
}

static bool reads_cycles(const unsigned char *pc)
{
    static const unsigned char rdtsc[] = {0x0f, 0x31}, rdtscp[] = {0x0f, 0x01, 0xf9};
    return memcmp(pc, rdtsc, sizeof rdtsc) == 0 || memcmp(pc, rdtscp, sizeof rdtscp) == 0;
}

bool lc_cycles_interrupted(const siginfo_t *info, const void *context)
{
    const greg_t pc = ((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    int allowed = PR_TSC_ENABLE;
    if (info->si_code != SI_KERNEL || !lc.channel || !reads_cycles((const unsigned char *)pc))
        return false;
    lc_quiet_call(SYS_prctl, PR_GET_TSC, (long)&allowed, 0, 0);
    if (allowed != PR_TSC_SIGSEGV)
        return false;
    lc_cycles_end();
    lc.learned++;
    return true;
}
