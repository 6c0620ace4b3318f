/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A descriptor is closed while another thread is about to write to it: its number has come to mean another
 * pipe, and the byte goes there. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static int log_ends[2];

static void *logger(void *unused)
{
    (void)unused;
    ssize_t n = write(log_ends[1], "log", 3);
    (void)n; /* the log may be closed */
    return NULL;
}

int main(void)
{
    pthread_t thread;
    int data[2];
    char byte;
    signal(SIGPIPE, SIG_IGN);
    if (pipe(log_ends) != 0)
        return 2;
    pthread_create(&thread, NULL, logger, NULL);
    close(log_ends[0]);
    close(log_ends[1]);
    if (pipe2(data, O_NONBLOCK) != 0)
        return 2;
    pthread_join(thread, NULL);
    assert(read(data[0], &byte, 1) != 1);
    return 0;
}
