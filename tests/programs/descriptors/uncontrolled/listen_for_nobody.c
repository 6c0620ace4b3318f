/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server waits for a connection that no thread of the program makes. */
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static void *server(void *unused)
{
    struct sockaddr_un any = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&any, sizeof(sa_family_t)) == 0 && listen(fd, 1) == 0)
        accept(fd, NULL, NULL);
    return unused;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, server, NULL);
    pthread_join(thread, NULL);
    return 0;
}
