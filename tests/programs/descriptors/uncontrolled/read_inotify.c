/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread waits in read() for what only the system could send it. */
#include <pthread.h>
#include <stddef.h>
#include <sys/inotify.h>
#include <unistd.h>

static void *reader(void *unused)
{
    char event[256];
    int fd = inotify_init1(0);
    return read(fd, event, sizeof event) > 0 ? NULL : unused;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, reader, NULL);
    pthread_join(thread, NULL);
    return 0;
}
