/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that first closes all descriptors that it may have been given, as servers do, and makes its own
 * then. */
#include <assert.h>
#include <errno.h>
#include <lockcheck.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static int ends[2];

static void *writer(void *unused)
{
    (void)unused;
    assert(write(ends[1], "x", 1) == 1);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    char byte;
    int early[2];
    assert(pipe(early) == 0);
    closefrom(STDERR_FILENO + 1);
    assert(read(early[0], &byte, 1) == -1 && errno == EBADF);
    lockcheck_checkpoint();
    assert(pipe(ends) == 0);
    pthread_create(&thread, NULL, writer, NULL);
    assert(read(ends[0], &byte, 1) == 1);
    for (int fd = STDERR_FILENO + 1; fd < 1024; fd++)
        close(fd);
    pthread_join(thread, NULL);
    return 0;
}
