/* SPDX-License-Identifier: GPL-2.0-or-later */
/* close() is taken for a way to end another thread's read(). It is none: the reader keeps its end of the
 * socket pair, and nobody writes to the other. */
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2];

static void *reader(void *unused)
{
    (void)unused;
    char byte;
    return read(ends[0], &byte, 1) == 1 ? &ends : NULL;
}

int main(void)
{
    pthread_t thread;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return 2;
    pthread_create(&thread, NULL, reader, NULL);
    close(ends[0]);
    pthread_join(thread, NULL);
    return 0;
}
