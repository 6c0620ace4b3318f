/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One thread serves two others, whose requests come in two pipes, by select(). */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/select.h>
#include <unistd.h>

#define REQUESTS 3

static int pipes[2][2];

static void *request(void *argument)
{
    int out = *(int *)argument;
    for (int i = 0; i < REQUESTS; i++)
        assert(write(out, "r", 1) == 1);
    close(out);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        assert(pipe(pipes[i]) == 0);
        pthread_create(&threads[i], NULL, request, &pipes[i][1]);
    }
    int got[2] = {0}, open_pipes = 2;
    while (open_pipes) {
        fd_set set;
        FD_ZERO(&set);
        int largest = -1;
        for (int i = 0; i < 2; i++)
            if (got[i] >= 0) {
                FD_SET(pipes[i][0], &set);
                largest = pipes[i][0] > largest ? pipes[i][0] : largest;
            }
        int ready = select(largest + 1, &set, NULL, NULL, NULL);
        assert(ready >= 1 && ready <= open_pipes);
        for (int i = 0; i < 2; i++) {
            char byte;
            if (got[i] < 0 || !FD_ISSET(pipes[i][0], &set))
                continue;
            if (read(pipes[i][0], &byte, 1) == 1) {
                got[i]++;
            } else {
                assert(got[i] == REQUESTS);
                got[i] = -1;
                open_pipes--;
            }
        }
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    /* A pipe with room is writable at once, and with a time-out of nothing select() does not wait. */
    int more[2];
    struct timeval none = {0};
    fd_set in, out;
    assert(pipe(more) == 0);
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(more[0], &in);
    FD_SET(more[1], &out);
    assert(select(more[1] + 1, &in, &out, NULL, &none) == 1);
    assert(!FD_ISSET(more[0], &in) && FD_ISSET(more[1], &out));
    return 0;
}
