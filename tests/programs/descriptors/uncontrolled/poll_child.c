/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread polls a pipe that both a child process, which sends nothing, and this one could write to. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static int ends[2];

static void *poller(void *unused)
{
    struct pollfd p = {.fd = ends[0], .events = POLLIN};
    poll(&p, 1, -1);
    return unused;
}

int main(void)
{
    pthread_t thread;
    if (pipe(ends) != 0)
        return 2;
    pid_t child = fork();
    if (child == 0) {
        for (;;)
            pause();
    }
    pthread_create(&thread, NULL, poller, NULL);
    pthread_join(thread, NULL);
    kill(child, SIGKILL);
    return 0;
}
