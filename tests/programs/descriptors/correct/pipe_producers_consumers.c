/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two producers and two consumers of records in a pipe: each record comes out once, and whole. The consumers
 * end at the end of file. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

#define RECORDS 3

static int ends[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int sum;

static void *produce(void *first)
{
    for (int i = 0; i < RECORDS; i++) {
        int record = *(int *)first + i;
        assert(write(ends[1], &record, sizeof record) == sizeof record);
    }
    return NULL;
}

static void *consume(void *unused)
{
    (void)unused;
    int record;
    ssize_t n;
    while ((n = read(ends[0], &record, sizeof record)) > 0) {
        assert(n == sizeof record);
        pthread_mutex_lock(&mutex);
        sum += record;
        pthread_mutex_unlock(&mutex);
    }
    assert(n == 0);
    return NULL;
}

int main(void)
{
    static int first[2] = {1, 101};
    pthread_t producers[2], consumers[2];
    assert(pipe(ends) == 0);
    for (int i = 0; i < 2; i++) {
        pthread_create(&consumers[i], NULL, consume, NULL);
        pthread_create(&producers[i], NULL, produce, &first[i]);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(producers[i], NULL);
    close(ends[1]);
    for (int i = 0; i < 2; i++)
        pthread_join(consumers[i], NULL);
    assert(sum == 1 + 2 + 3 + 101 + 102 + 103);
    return 0;
}
