/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program itself sees that something went wrong and says so with its exit status, in some schedules. */
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int last;

static void *worker(void *argument)
{
    pthread_mutex_lock(&mutex);
    last = *(int *)argument;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    static int numbers[2] = {1, 2};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, worker, &numbers[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return last == 2 ? 0 : 1;
}
