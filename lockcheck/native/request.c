/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Client requests (see lockcheck.h), and what a thread reports: a finding of the program's own, a failed
 * assertion, a deadly signal. It tells the command, which stops the process to take all stacks, and goes on
 * to do what it would have done.
 */
#include <errno.h>
#include <lockcheck.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lockcheck/native/native.h"

#define LOOK_NS 2000000 /* how often to look whether the command has looked */
#define LOOKS 5000      /* after this many it will not */

static void wait_for_command(void)
{
    pid_t command = lcn_channel->command_pid;
    for (int i = 0; i < LOOKS && command > 0; i++) {
        if (__atomic_load_n(&lcn_record.head.report.state, __ATOMIC_ACQUIRE) == LCN_TAKEN ||
            (LCN_REAL(syscall)(SYS_kill, command, 0) != 0 && errno == ESRCH))
            return;
        struct timespec time = {.tv_nsec = LOOK_NS};
        LCN_REAL(syscall)(SYS_nanosleep, &time, NULL);
    }
}

void lcn_report(const char *kind, const char *text)
{
    int error = errno;
    struct lcn_report *report = &lcn_record.head.report;
    uint32_t nothing = LCN_NOTHING;
    /* The first one counts: an assertion that fails also ends in a signal. */
    if (__atomic_compare_exchange_n(&report->state, &nothing, LCN_BEING_WRITTEN, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED)) {
        report->thread = lcn_thread ? lcn_thread->wait.thread : 0;
        snprintf(report->kind, sizeof report->kind, "%s", kind);
        snprintf(report->text, sizeof report->text, "%s", text);
        __atomic_store_n(&report->state, LCN_REPORTED, __ATOMIC_RELEASE);
    }
    wait_for_command();
    errno = error;
}

LCN_EXPORT void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function)
{
    char text[sizeof lcn_record.head.report.text];
    const char *name = strrchr(file, '/');
    snprintf(text, sizeof text, "failed the assertion \"%s\" in %s() at %s:%u", assertion, function,
             name ? name + 1 : file, line);
    lcn_report("assertion", text);
    LCN_REAL(__assert_fail)(assertion, file, line, function);
    __builtin_unreachable();
}

static void count_work(const char *what, long delta)
{
    for (uint32_t i = 0; i < LCN_WORK; i++) {
        char *known = lcn_record.head.work[i].what;
        /* Names are few and early; two threads that bring one at once may enter it twice, and the sum is
         * right all the same when it is shown. */
        if (!known[0])
            snprintf(known, LCN_NAME, "%s", what);
        if (strncmp(known, what, LCN_NAME - 1) != 0)
            continue;
        __atomic_fetch_add(&lcn_record.head.work[i].count, delta, __ATOMIC_RELAXED);
        return;
    }
}

LCN_EXPORT void lockcheck_request(enum lockcheck_request request, const void *address, long argument,
                                  const char *text, const char *kind)
{
    struct lcn_thread *t = lcn_thread;
    switch (request) {
    case LOCKCHECK_NAME_THREAD:
        if (t)
            snprintf(t->name, sizeof t->name, "%s", text);
        break;
    case LOCKCHECK_NAME_OBJECT:
        lcn_place_named(address, kind, text, LCN_CALLER);
        break;
    case LOCKCHECK_OUTSTANDING:
        count_work(text, argument);
        break;
    case LOCKCHECK_FINDING:
        lcn_report(kind, text);
        break;
    case LOCKCHECK_SEM_INIT:
        lcn_place_named(address, "semaphore", NULL, LCN_CALLER);
        break;
    case LOCKCHECK_SEM_DOWN_BEGIN:
        if (t)
            t->annotation = (uint64_t)address;
        break;
    case LOCKCHECK_SEM_DOWN_END:
        if (t)
            t->annotation = 0;
        break;
    default:
        break;
    }
}

/* Start-up means nothing here. */
LCN_EXPORT void lockcheck_checkpoint_request(void) {}
