/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A token is taken by polling and given back only if there is another one: the last wait hangs when two
 * pollers meet.
 *
 * Class: semaphore misuse
 * Finding: hang lost-wakeup
 * Correct: a token that was taken is given back.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>

static sem_t tokens;

static void *poller(void *unused)
{
    (void)unused;
    if (sem_trywait(&tokens) == 0) {
        int left;
        sem_getvalue(&tokens, &left);
        if (CORRECT || left > 0)
            sem_post(&tokens);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    sem_init(&tokens, 0, 2);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, poller, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    /* At least one token is expected to be left for each of these two. */
    sem_wait(&tokens);
    sem_wait(&tokens);
    return 0;
}
