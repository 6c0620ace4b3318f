/* SPDX-License-Identifier: GPL-2.0-or-later */
/* errno, __thread variables and pthread_self stay each thread's own across blocking and yielding. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <unistd.h>

static __thread int own = 100;
static __thread char big[4096];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *worker(void *argument)
{
    int number = *(int *)argument;
    pthread_t self = pthread_self();
    own += number;
    big[number] = (char)number;
    errno = number;
    for (int i = 0; i < 4; i++) {
        sched_yield();
        assert(errno == number);
        assert(pthread_mutex_lock(&mutex) == 0);
        usleep(10);
        assert(pthread_mutex_unlock(&mutex) == 0);
        assert(errno == number);
        assert(own == 100 + number && big[number] == number && big[number + 1] == 0);
        assert(pthread_equal(self, pthread_self()));
        if (number == 1) {
            assert(open("/nonexistent/file", O_RDONLY) == -1 && errno == ENOENT);
            sched_yield();
            assert(errno == ENOENT);
            errno = number;
        }
    }
    return NULL;
}

int main(void)
{
    static int numbers[3] = {1, 2, 3};
    pthread_t threads[3];
    errno = 77;
    for (int i = 0; i < 3; i++)
        assert(pthread_create(&threads[i], NULL, worker, &numbers[i]) == 0);
    for (int i = 0; i < 3; i++)
        assert(pthread_join(threads[i], NULL) == 0);
    assert(errno == 77 && own == 100);
    return 0;
}
