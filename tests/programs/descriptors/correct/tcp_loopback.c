/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TCP server and a client in one process, over the loopback. */
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 3

static struct sockaddr_in address = {.sin_family = AF_INET};

static void *client(void *unused)
{
    (void)unused;
    int fd = socket(AF_INET, SOCK_STREAM, 0), n = 0;
    assert(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        assert(send(fd, &n, sizeof n, 0) == sizeof n);
        assert(recv(fd, &n, sizeof n, MSG_WAITALL) == sizeof n);
    }
    assert(n == ROUNDS);
    close(fd);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), n;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    assert(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    assert(listen(listener, 1) == 0);
    pthread_create(&thread, NULL, client, NULL);
    int fd = accept(listener, NULL, NULL);
    while (recv(fd, &n, sizeof n, MSG_WAITALL) == sizeof n) {
        n++;
        assert(send(fd, &n, sizeof n, 0) == sizeof n);
    }
    pthread_join(thread, NULL);
    return 0;
}
