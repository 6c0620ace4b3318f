/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread waits for another in a blocking read, which lockcheck does not control. */
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

static int ends[2];

static void *reader(void *unused)
{
    (void)unused;
    char byte;
    return read(ends[0], &byte, 1) == 1 ? NULL : &ends[0];
}

int main(void)
{
    pthread_t thread;
    void *failed;
    if (pipe(ends) != 0)
        return 1;
    pthread_create(&thread, NULL, reader, NULL);
    /* Yields, so that the reader may come first; a schedule where it does stays in the read. */
    for (int i = 0; i < 10; i++)
        usleep(1);
    if (write(ends[1], "x", 1) != 1)
        return 1;
    pthread_join(thread, &failed);
    return failed != NULL;
}
