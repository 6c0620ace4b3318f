/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A named semaphore, opened twice in one process, is one semaphore. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

static sem_t *mine, *theirs;

static void *poster(void *unused)
{
    (void)unused;
    assert(sem_post(theirs) == 0);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    char name[64];
    /* Two runs at once on one machine must not meet. */
    snprintf(name, sizeof name, "/lockcheck-test-%ld", (long)getpid());
    mine = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
    assert(mine != SEM_FAILED);
    theirs = sem_open(name, 0);
    assert(sem_unlink(name) == 0);
    assert(theirs == mine);
    assert(pthread_create(&thread, NULL, poster, NULL) == 0);
    assert(sem_wait(mine) == 0);
    assert(pthread_join(thread, NULL) == 0);
    assert(sem_close(theirs) == 0 && sem_close(mine) == 0);
    return 0;
}
