/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes to a small pipe wait until there is room: one larger than the pipe, and many small ones. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define PIPE_BYTES 4096
#define LARGE (3 * PIPE_BYTES)
#define SMALL 1000
#define SMALLS 9

static int ends[2];

static void *produce(void *unused)
{
    (void)unused;
    static char block[LARGE];
    for (int i = 0; i < LARGE; i++)
        block[i] = (char)(i % 251);
    assert(write(ends[1], block, LARGE) == LARGE);
    for (int i = 0; i < SMALLS; i++) {
        memset(block, i, SMALL);
        assert(write(ends[1], block, SMALL) == SMALL);
    }
    close(ends[1]);
    return NULL;
}

int main(void)
{
    static char block[LARGE + SMALLS * SMALL + 1];
    pthread_t thread;
    assert(pipe(ends) == 0);
    assert(fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES) == PIPE_BYTES);
    pthread_create(&thread, NULL, produce, NULL);
    size_t got = 0;
    for (ssize_t n; (n = read(ends[0], block + got, sizeof block - got)) > 0;)
        got += (size_t)n;
    assert(got == LARGE + SMALLS * SMALL);
    for (int i = 0; i < LARGE; i++)
        assert(block[i] == (char)(i % 251));
    for (int i = 0; i < SMALLS; i++)
        assert(block[LARGE + i * SMALL] == i && block[LARGE + (i + 1) * SMALL - 1] == i);
    pthread_join(thread, NULL);
    return 0;
}
