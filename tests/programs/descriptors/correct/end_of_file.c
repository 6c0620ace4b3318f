/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last writer's close() ends a read(); the last reader's makes a write() fail with EPIPE. A duplicate
 * keeps a pipe open. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static int in[2], out[2];

static void *reader(void *unused)
{
    (void)unused;
    char byte;
    assert(read(in[0], &byte, 1) == 0);
    return NULL;
}

static void *writer(void *unused)
{
    (void)unused;
    static char block[4096];
    ssize_t n;
    while ((n = write(out[1], block, sizeof block)) == sizeof block)
        ;
    assert(n == -1 && errno == EPIPE);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    signal(SIGPIPE, SIG_IGN);
    assert(pipe(in) == 0 && pipe(out) == 0);
    fcntl(out[1], F_SETPIPE_SZ, 8192);
    int copy = dup(in[1]);
    pthread_create(&threads[0], NULL, reader, NULL);
    pthread_create(&threads[1], NULL, writer, NULL);
    close(in[1]);
    close(copy);
    close(out[0]);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return 0;
}
