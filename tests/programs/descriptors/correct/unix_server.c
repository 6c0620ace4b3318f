/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server and two clients in one process, over a socket with an abstract name. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS 2

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_size;

static void *ask(void *unused)
{
    (void)unused;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    char answer;
    assert(connect(fd, (struct sockaddr *)&address, address_size) == 0);
    assert(write(fd, "?", 1) == 1);
    assert(read(fd, &answer, 1) == 1 && answer == '!');
    assert(read(fd, &answer, 1) == 0);
    close(fd);
    return NULL;
}

int main(void)
{
    pthread_t threads[CLIENTS];
    /* The kernel chooses the name: other schedules run at the same time. */
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
    address_size = sizeof address;
    assert(getsockname(listener, (struct sockaddr *)&address, &address_size) == 0);
    assert(listen(listener, 1) == 0);
    for (int i = 0; i < CLIENTS; i++)
        pthread_create(&threads[i], NULL, ask, NULL);
    for (int i = 0; i < CLIENTS; i++) {
        char question;
        int fd = accept(listener, NULL, NULL);
        assert(fd >= 0 && read(fd, &question, 1) == 1 && question == '?');
        assert(write(fd, "!", 1) == 1);
        close(fd);
    }
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
