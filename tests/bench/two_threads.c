/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two threads take one lock once, correct, with as few steps as two threads can have: for a great many schedules. */
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int count;

static void *player(void *argument)
{
    pthread_mutex_lock(&mutex);
    count++;
    pthread_mutex_unlock(&mutex);
    return argument;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, player, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return count == 2 ? 0 : 1;
}
