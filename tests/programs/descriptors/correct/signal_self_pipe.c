/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A signal handler writes to a pipe that the interrupted thread waits for: the wait ends with EINTR or with
 * the byte, and a read() with SA_RESTART only with a byte. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static int ends[2];

static void on_signal(int sig)
{
    (void)sig;
    int saved = errno;
    assert(write(ends[1], "s", 1) == 1);
    errno = saved;
}

static void *loop(void *unused)
{
    (void)unused;
    struct pollfd p = {.fd = ends[0], .events = POLLIN};
    char byte;
    int ready = poll(&p, 1, -1);
    assert(ready == 1 || (ready == -1 && errno == EINTR));
    assert(read(ends[0], &byte, 1) == 1 && byte == 's');
    assert(read(ends[0], &byte, 1) == 1 && byte == 's'); /* restarted */
    return NULL;
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    assert(pipe(ends) == 0);
    pthread_t thread;
    pthread_create(&thread, NULL, loop, NULL);
    pthread_kill(thread, SIGUSR1);
    usleep(1000);
    /* A second one before the first is handled would be the same. */
    struct pollfd p = {.fd = ends[0], .events = POLLIN};
    while (poll(&p, 1, 0) == 1)
        usleep(1000);
    assert(write(ends[1], "s", 1) == 1);
    pthread_join(thread, NULL);
    return 0;
}
