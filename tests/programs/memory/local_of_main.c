/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A local variable of main() that a thread shares is no private memory, also not for main().
 *
 * Correct: main() adds after it has joined the thread.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

static void *increment(void *argument)
{
    int *count = argument;
    ++*count;
    return NULL;
}

int main(void)
{
    int count = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, increment, &count);
    if (!CORRECT)
        ++count;
    pthread_join(thread, NULL);
    if (CORRECT)
        ++count;
    assert(count == 2);
    return 0;
}
