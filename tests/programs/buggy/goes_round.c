/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread yields for ever while another waits for it. Its argument says what it does each time round
 * besides, or what the program has, that makes it more than that: "counts", "reads the clock", "reads the
 * processor's clock", "calls the kernel", "looks for input", "tells of progress", "handles a signal", "waits
 * for a signal", "shares memory", "sleeps" instead; with "nothing" it is a livelock.
 */
#include <lockcheck.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char *what;
static unsigned count;
static int ends[2];

static bool does(const char *name)
{
    return strcmp(what, name) == 0;
}

static void handler(int sig)
{
    (void)sig;
}

static void *go_round(void *unused)
{
    struct timespec now, pause = {.tv_nsec = 1000000};
    struct pollfd input = {.fd = ends[0], .events = POLLIN};
    for (;;) {
        if (does("counts"))
            count++;
        if (does("reads the clock"))
            clock_gettime(CLOCK_MONOTONIC, &now);
        if (does("reads the processor's clock"))
            __builtin_ia32_rdtsc();
        if (does("calls the kernel"))
            syscall(SYS_getppid);
        if (does("looks for input"))
            poll(&input, 1, 10);
        if (does("tells of progress"))
            lockcheck_event(LOCKCHECK_PROGRESS, NULL, 0);
        if (does("sleeps"))
            nanosleep(&pause, NULL);
        else
            sched_yield();
    }
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    sigset_t set;
    int sig;
    what = argc > 1 ? argv[1] : "nothing";
    if (pipe(ends) != 0)
        return 1;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    if (does("handles a signal"))
        signal(SIGTERM, handler);
    if (does("shares memory"))
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_create(&thread, NULL, go_round, NULL);
    if (does("waits for a signal"))
        sigwait(&set, &sig);
    pthread_join(thread, NULL);
    return 0;
}
