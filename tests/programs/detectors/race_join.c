/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main() reads what a thread writes, before it joins it.
 *
 * Finding: data-race
 * Correct: after.
 */
#include <pthread.h>
#include <stddef.h>

static int value;

static void *writer(void *unused)
{
    value++;
    return unused;
}

int main(void)
{
    pthread_t thread;
    value = 1; /* before the thread is made */
    pthread_create(&thread, NULL, writer, NULL);
    int seen = CORRECT ? 0 : value;
    pthread_join(thread, NULL);
    return CORRECT ? value != 2 : seen < 0;
}
