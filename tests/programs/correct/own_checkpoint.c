/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that says itself where its start-up is over: threads made and blocked before it go on after it.
 */
#include <assert.h>
#include <lockcheck.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t started, go;
static __thread int own;
static int total;

static void *worker(void *argument)
{
    own = *(int *)argument;
    assert(sem_post(&started) == 0);
    assert(sem_wait(&go) == 0);
    usleep(10);
    pthread_mutex_lock(&mutex);
    total += own;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    static int numbers[3] = {1, 10, 100};
    pthread_t threads[3];
    assert(sem_init(&started, 0, 0) == 0 && sem_init(&go, 0, 0) == 0);
    for (int i = 0; i < 3; i++)
        assert(pthread_create(&threads[i], NULL, worker, &numbers[i]) == 0);
    for (int i = 0; i < 3; i++)
        assert(sem_wait(&started) == 0);
    lockcheck_checkpoint();
    for (int i = 0; i < 3; i++)
        assert(sem_post(&go) == 0);
    for (int i = 0; i < 3; i++)
        assert(pthread_join(threads[i], NULL) == 0);
    assert(total == 111);
    return 0;
}
