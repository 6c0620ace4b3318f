/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two threads poll one blocking pipe: both are told of the byte, one reads it, and the other waits in read()
 * for ever, with the stop request unseen. */
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static int work[2], stop[2];

static void *worker(void *unused)
{
    (void)unused;
    for (;;) {
        struct pollfd fds[2] = {{.fd = work[0], .events = POLLIN}, {.fd = stop[0], .events = POLLIN}};
        char byte;
        poll(fds, 2, -1);
        if ((fds[0].revents & POLLIN) && read(work[0], &byte, 1) != 1)
            return &work;
        if (fds[1].revents & POLLIN)
            return NULL;
    }
}

int main(void)
{
    pthread_t threads[2];
    if (pipe(work) != 0 || pipe(stop) != 0)
        return 2;
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, worker, NULL);
    if (write(work[1], "w", 1) != 1 || write(stop[1], "s", 1) != 1)
        return 2;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
