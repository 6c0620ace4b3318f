/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The library's start: the C library's functions, the command's channel, SIGQUIT, and what a forked process
 * does first. Nothing here starts a thread or keeps a descriptor open.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lockcheck/native/native.h"

LCN_EXPORT struct lcn_record lcn_record;
struct lcn_functions lcn_real;
bool lcn_ready, lcn_delays;

/* Where nobody reads: a program that runs with the library alone. */
static struct lcn_channel no_channel;
struct lcn_channel *lcn_channel = &no_channel;
static struct lcn_process *own_entry; /* in the channel, or NULL */

static void *find(const char *name, const char *version)
{
    void *function = version ? dlvsym(RTLD_NEXT, name, version) : NULL;
    if (!function)
        function = dlsym(RTLD_NEXT, name);
    if (!function) {
        dprintf(STDERR_FILENO, "lockcheck: the C library has no function %s\n", name);
        _exit(EXIT_FAILURE);
    }
    return function;
}

static void open_channel(void)
{
    const char *path = getenv(LCN_CHANNEL_ENV);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *channel = mmap(NULL, sizeof *lcn_channel, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (channel == MAP_FAILED)
        return;
    lcn_channel = channel;
    if (lcn_channel->magic == LCN_MAGIC && lcn_channel->version == LCN_VERSION) {
        lcn_delays = lcn_channel->delays;
        return;
    }
    dprintf(STDERR_FILENO, "lockcheck: the native library and the command are of different versions\n");
    _exit(EXIT_FAILURE);
}

/* Enters this process into the command's list. */
static void enlist(void)
{
    own_entry = NULL;
    if (lcn_channel == &no_channel)
        return;
    int32_t pid = lcn_record.head.pid;
    for (uint32_t i = 0; i < LCN_PROCESSES; i++) {
        struct lcn_process *entry = &lcn_channel->processes[i];
        int32_t free_pid = 0;
        /* What a process becomes is at home in the same entry. */
        if (entry->pid != pid && !__atomic_compare_exchange_n(&entry->pid, &free_pid, pid, false,
                                                              __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            continue;
        __atomic_store_n(&entry->record, (uint64_t)&lcn_record, __ATOMIC_RELEASE);
        own_entry = entry;
        return;
    }
    __atomic_fetch_add(&lcn_channel->unlisted, 1, __ATOMIC_RELAXED);
}

static void in_forked_process(void)
{
    int error = errno;
    lcn_record.head.pid = (int32_t)syscall(SYS_getpid);
    lcn_record.head.report.state = LCN_NOTHING;
    lcn_thread_alone();
    enlist();
    errno = error;
}

static void handle_if_default(int signal, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction old,
        action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    if (sigaction(signal, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
        sigaction(signal, &action, NULL);
}

/* The program dies as it would have; but first the command sees where. */
static void crashed(int signal, siginfo_t *info, void *context)
{
    (void)context;
    char text[128];
    if (signal == SIGSEGV || signal == SIGBUS)
        snprintf(text, sizeof text, "died of signal %d (%s) at address %p", signal, sigdescr_np(signal),
                 info->si_addr);
    else
        snprintf(text, sizeof text, "died of signal %d (%s)", signal, sigdescr_np(signal));
    lcn_report("crash", text);
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(signal, &action, NULL);
    syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), signal); /* once this handler returns */
}

/* The command prints the wait graph; it looks here some hundred times a second. */
static void quit(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
    lcn_quits++;
    if (own_entry)
        __atomic_fetch_add(&own_entry->asked, 1, __ATOMIC_RELAXED);
}

__attribute__((constructor)) static void start(void)
{
    lcn_start();
}

void lcn_start(void)
{
    if (lcn_ready)
        return;
#define FIND(name, version) lcn_real.name = (__typeof__(lcn_real.name))find(#name, version);
    LCN_FUNCTIONS(FIND)
    lcn_ready = true;
    lcn_record.head.magic = LCN_MAGIC;
    lcn_record.head.version = LCN_VERSION;
    lcn_record.head.pid = (int32_t)syscall(SYS_getpid);
    open_channel();
    lcn_thread_first();
    pthread_atfork(NULL, NULL, in_forked_process);
    /* `lockcheck attach` is no ancestor of the program, as the Yama security module wants it to be. */
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    if (lcn_channel != &no_channel) {
        handle_if_default(SIGQUIT, quit);
        static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
        for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
            handle_if_default(deadly[i], crashed);
    }
    enlist(); /* last: from here on the command reads */
}
