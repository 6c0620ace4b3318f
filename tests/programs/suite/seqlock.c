/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reader of a sequence lock looks that no write is under way before it reads, and not again after it.
 *
 * Class: torn read
 * Finding: assertion
 * Points: memory
 * Correct: it looks again, and takes nothing when the sequence has changed.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_uint sequence;
static atomic_int seconds, nanoseconds;

static void *writer(void *unused)
{
    (void)unused;
    for (int i = 1; i <= 2; i++) {
        sequence++;
        seconds = i;
        nanoseconds = i;
        sequence++;
    }
    return NULL;
}

static void *reader(void *unused)
{
    (void)unused;
    unsigned before = sequence;
    if (before % 2 == 1)
        return NULL;
    int high = seconds;
    int low = nanoseconds;
    if (CORRECT && sequence != before)
        return NULL;
    assert(high == low);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, writer, NULL);
    pthread_create(&b, NULL, reader, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
