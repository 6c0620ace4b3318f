/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pipe from a child process: the read waits for the world outside, and gets what it sends. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

static void *idle(void *unused)
{
    return unused;
}

int main(void)
{
    int ends[2];
    char byte;
    pthread_t thread;
    assert(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        _exit(write(ends[1], "c", 1) != 1);
    }
    close(ends[1]);
    pthread_create(&thread, NULL, idle, NULL);
    assert(read(ends[0], &byte, 1) == 1 && byte == 'c');
    assert(read(ends[0], &byte, 1) == 0);
    pthread_join(thread, NULL);
    assert(waitpid(child, NULL, 0) == child);
    return 0;
}
