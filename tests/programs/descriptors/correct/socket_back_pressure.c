/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A blocking send() of more than a socket pair holds goes on as its reader makes room, and comes out whole.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES 400000

static int ends[2];
static char out[BYTES], in[BYTES];

static void *produce(void *unused)
{
    (void)unused;
    for (int i = 0; i < BYTES; i++)
        out[i] = (char)(i % 253);
    assert(send(ends[0], out, BYTES, 0) == BYTES);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    assert(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    pthread_create(&thread, NULL, produce, NULL);
    assert(recv(ends[1], in, BYTES, MSG_WAITALL) == BYTES);
    for (int i = 0; i < BYTES; i++)
        assert(in[i] == (char)(i % 253));
    pthread_join(thread, NULL);
    return 0;
}
