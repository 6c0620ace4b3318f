/* SPDX-License-Identifier: GPL-2.0-or-later */
/* C11's <threads.h>: threads, mutexes of each kind, conditions, thread storage, call_once, sleeping. */
#include <assert.h>
#include <stddef.h>
#include <threads.h>
#include <time.h>

static mtx_t plain, timed, recursive;
static cnd_t turn_changed;
static tss_t storage;
static once_flag once = ONCE_FLAG_INIT;
static int initialised, turn, destroyed;
static thread_local int own = 5;

static void initialise(void)
{
    initialised++;
}

static void destroy(void *unused)
{
    (void)unused;
    assert(mtx_lock(&plain) == thrd_success);
    destroyed++;
    assert(mtx_unlock(&plain) == thrd_success);
}

static int player(void *argument)
{
    int number = *(int *)argument;
    call_once(&once, initialise);
    assert(initialised == 1);
    assert(own++ == 5);
    assert(tss_set(storage, &own) == thrd_success);

    assert(mtx_lock(&plain) == thrd_success);
    for (int i = 0; i < 3; i++) {
        while (turn % 2 != number) {
            struct timespec soon;
            assert(timespec_get(&soon, TIME_UTC) == TIME_UTC);
            soon.tv_sec++;
            int result =
                i == 1 ? cnd_timedwait(&turn_changed, &plain, &soon) : cnd_wait(&turn_changed, &plain);
            assert(result == thrd_success || (i == 1 && result == thrd_timedout));
        }
        turn++;
        assert(cnd_broadcast(&turn_changed) == thrd_success);
    }
    assert(mtx_unlock(&plain) == thrd_success);

    assert(mtx_lock(&recursive) == thrd_success && mtx_lock(&recursive) == thrd_success);
    thrd_yield();
    assert(mtx_unlock(&recursive) == thrd_success && mtx_unlock(&recursive) == thrd_success);

    struct timespec soon;
    timespec_get(&soon, TIME_UTC);
    soon.tv_nsec = 0;
    soon.tv_sec++;
    int result = mtx_timedlock(&timed, &soon);
    if (result == thrd_success) {
        assert(thrd_sleep(&(struct timespec){.tv_nsec = 1000}, NULL) == 0);
        assert(mtx_unlock(&timed) == thrd_success);
    } else {
        assert(result == thrd_timedout);
    }
    assert(tss_get(storage) == &own);
    if (number == 0)
        thrd_exit(10);
    return 20;
}

int main(void)
{
    static int numbers[2] = {0, 1};
    thrd_t threads[2];
    int results[2];

    assert(mtx_init(&plain, mtx_plain) == thrd_success);
    assert(mtx_init(&timed, mtx_timed) == thrd_success);
    assert(mtx_init(&recursive, mtx_plain | mtx_recursive) == thrd_success);
    assert(cnd_init(&turn_changed) == thrd_success);
    assert(tss_create(&storage, destroy) == thrd_success);
    for (int i = 0; i < 2; i++)
        assert(thrd_create(&threads[i], player, &numbers[i]) == thrd_success);
    for (int i = 0; i < 2; i++)
        assert(thrd_join(threads[i], &results[i]) == thrd_success);
    assert(results[0] == 10 && results[1] == 20);
    assert(turn == 6 && destroyed == 2 && own == 5);

    assert(mtx_trylock(&plain) == thrd_success);
    assert(mtx_unlock(&plain) == thrd_success);
    tss_delete(storage);
    cnd_destroy(&turn_changed);
    mtx_destroy(&plain);
    mtx_destroy(&timed);
    mtx_destroy(&recursive);
    return 0;
}
