/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The floating-point environment is each thread's own: rounding modes survive blocking, and are inherited. */
#include <assert.h>
#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>

static volatile double one = 1.0, three = 3.0;
static volatile long double long_one = 1.0L, long_three = 3.0L;

static void *worker(void *argument)
{
    int mode = *(int *)argument;
    assert(fegetround() == FE_TONEAREST);
    assert(fesetround(mode) == 0);
    double third = one / three;
    long double long_third = long_one / long_three;
    for (int i = 0; i < 4; i++) {
        sched_yield();
        assert(fegetround() == mode);
        assert(one / three == third && long_one / long_three == long_third);
    }
    return NULL;
}

int main(void)
{
    static int modes[3] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert(pthread_create(&threads[i], NULL, worker, &modes[i]) == 0);
    for (int i = 0; i < 3; i++)
        assert(pthread_join(threads[i], NULL) == 0);
    assert(fegetround() == FE_TONEAREST);
    return 0;
}
