/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client sends all its requests before it reads an answer: both pipes are full, and both sides wait for
 * room. */
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

#define PIPE_BYTES 4096
#define REQUESTS 10

static int to_server[2], to_client[2];

static void *server(void *unused)
{
    (void)unused;
    static char request[PIPE_BYTES / 2];
    while (read(to_server[0], request, sizeof request) > 0)
        if (write(to_client[1], request, sizeof request) < 0)
            break;
    return NULL;
}

int main(void)
{
    pthread_t thread;
    static char message[PIPE_BYTES / 2];
    if (pipe(to_server) != 0 || pipe(to_client) != 0)
        return 2;
    fcntl(to_server[1], F_SETPIPE_SZ, PIPE_BYTES);
    fcntl(to_client[1], F_SETPIPE_SZ, PIPE_BYTES);
    pthread_create(&thread, NULL, server, NULL);
    for (int i = 0; i < REQUESTS; i++)
        if (write(to_server[1], message, sizeof message) < 0)
            return 2;
    for (int i = 0; i < REQUESTS; i++)
        if (read(to_client[0], message, sizeof message) < 0)
            return 2;
    close(to_server[1]);
    pthread_join(thread, NULL);
    return 0;
}
