/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processors. A template and its schedules take turns, and a turn that crosses processors costs several times
 * a turn that does not, so the command gives each template a processor of its own. The program is not to see
 * that: it is told of the processors that it would have, and what it sets is only remembered.
 *
 * The C library has the kernel write the number of the processor into each thread's restartable sequences
 * area (rseq(2)). The carrier's is given up, so that sched_getcpu() asks the kernel there: those of the other
 * fibers are never written to, and each schedule's process would begin by copying a page for it.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "lockcheck/runtime/interpose.h"

static cpu_set_t programs_own;
static bool pinned;

void lc_processor_forget(void)
{
    if (__rseq_size == 0)
        return;
    long area = (long)lc_self->tp + __rseq_offset;
    lc_system_call(SYS_rseq, area, sizeof(struct rseq), RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

void lc_processor_pin(void)
{
    if (pinned || !lc.channel->processor)
        return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(lc.channel->processor - 1, &one);
    LC_REAL(sched_getaffinity)(0, sizeof programs_own, &programs_own);
    pinned = LC_REAL(sched_setaffinity)(0, sizeof one, &one) == 0;
}

static bool told(void)
{
    return pinned && lc_controlled();
}

LC_EXPORT int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
    if (!told())
        return LC_REAL(sched_getaffinity)(pid, size, set);
    memset(set, 0, size);
    memcpy(set, &programs_own, size < sizeof programs_own ? size : sizeof programs_own);
    return 0;
}

LC_EXPORT int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
    if (!told())
        return LC_REAL(sched_setaffinity)(pid, size, set);
    CPU_ZERO(&programs_own);
    memcpy(&programs_own, set, size < sizeof programs_own ? size : sizeof programs_own);
    return 0;
}

LC_EXPORT int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set)
{
    if (!told())
        return LC_REAL(pthread_getaffinity_np)(thread, size, set);
    return sched_getaffinity(0, size, set);
}

LC_EXPORT int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set)
{
    if (!told())
        return LC_REAL(pthread_setaffinity_np)(thread, size, set);
    return sched_setaffinity(0, size, set);
}

LC_EXPORT int get_nprocs(void)
{
    return told() ? CPU_COUNT(&programs_own) : LC_REAL(get_nprocs)();
}

LC_EXPORT long sysconf(int name)
{
    if (name == _SC_NPROCESSORS_ONLN && told())
        return CPU_COUNT(&programs_own);
    return LC_REAL(sysconf)(name);
}
