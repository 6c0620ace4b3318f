/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spin locks keep each other out; a waiting spinner does not keep the holder from going on. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>

static pthread_spinlock_t lock;
static int inside, total;
static atomic_int found_busy;

static void *worker(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        assert(pthread_spin_lock(&lock) == 0);
        assert(++inside == 1);
        sched_yield();
        total++;
        inside--;
        assert(pthread_spin_unlock(&lock) == 0);
        if (pthread_spin_trylock(&lock) == 0) {
            total++;
            assert(pthread_spin_unlock(&lock) == 0);
        }
    }
    return NULL;
}

static void *finds_it_busy(void *unused)
{
    (void)unused;
    assert(pthread_spin_trylock(&lock) == EBUSY);
    found_busy = 1;
    return NULL;
}

int main(void)
{
    pthread_t threads[3], other;
    assert(pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE) == 0);
    for (int i = 0; i < 3; i++)
        assert(pthread_create(&threads[i], NULL, worker, NULL) == 0);
    for (int i = 0; i < 3; i++)
        assert(pthread_join(threads[i], NULL) == 0);
    assert(total >= 9 && total <= 18);
    assert(pthread_spin_lock(&lock) == 0);
    assert(pthread_create(&other, NULL, finds_it_busy, NULL) == 0);
    while (!found_busy) /* to wait for its end would be to sleep with a spin lock held */
        sched_yield();
    assert(pthread_spin_unlock(&lock) == 0);
    assert(pthread_join(other, NULL) == 0);
    assert(pthread_spin_destroy(&lock) == 0);
    return 0;
}
