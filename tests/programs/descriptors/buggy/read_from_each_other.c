/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two threads each wait for the other's message before they send their own. */
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>

static int ends[2];

static void *talk(void *argument)
{
    int end = *(int *)argument;
    char byte;
    if (recv(end, &byte, 1, 0) == 1)
        send(end, "x", 1, 0);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return 2;
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, talk, &ends[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
