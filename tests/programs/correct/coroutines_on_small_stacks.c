/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads each go to and fro between their own stack and a coroutine's, which is small, and lies behind
 * memory that nobody writes to. How often is the argument.
 */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { STACK = 4096, BEHIND = 8192, PATTERN = 0x5a };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long total;
static int rounds = 10;
static struct pair {
    ucontext_t thread, coroutine;
    unsigned char memory[BEHIND + STACK] __attribute__((aligned(64)));
} pairs[2];

static void coroutine(int number)
{
    for (;;) {
        pthread_mutex_lock(&mutex);
        total++;
        pthread_mutex_unlock(&mutex);
        sched_yield();
        swapcontext(&pairs[number].coroutine, &pairs[number].thread);
    }
}

static void *go_to_and_fro(void *pair)
{
    struct pair *p = pair;
    memset(p->memory, PATTERN, BEHIND);
    assert(getcontext(&p->coroutine) == 0);
    p->coroutine.uc_stack.ss_sp = p->memory + BEHIND;
    p->coroutine.uc_stack.ss_size = STACK;
    p->coroutine.uc_link = &p->thread;
    makecontext(&p->coroutine, (void (*)(void))coroutine, 1, (int)(p - pairs));
    for (int i = 0; i < rounds; i++)
        assert(swapcontext(&p->thread, &p->coroutine) == 0);
    for (size_t i = 0; i < BEHIND; i++)
        assert(p->memory[i] == PATTERN);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[2];
    rounds = argc > 1 ? atoi(argv[1]) : rounds;
    for (int i = 0; i < 2; i++)
        assert(pthread_create(&threads[i], NULL, go_to_and_fro, &pairs[i]) == 0);
    for (int i = 0; i < 2; i++)
        assert(pthread_join(threads[i], NULL) == 0);
    assert(total == 2 * rounds);
    return 0;
}
