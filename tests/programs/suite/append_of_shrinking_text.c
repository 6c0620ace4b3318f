/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One text is appended to another: its length is asked for, then that much is copied. In between it is cut.
 *
 * Class: atomicity violation
 * Finding: assertion
 * Correct: one critical section asks and copies.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

static struct text {
    pthread_mutex_t mutex;
    size_t length;
    char bytes[16];
} source = {PTHREAD_MUTEX_INITIALIZER, 5, "hello"}, target = {PTHREAD_MUTEX_INITIALIZER, 0, ""};

static void *append(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&target.mutex);
    pthread_mutex_lock(&source.mutex);
    size_t length = source.length;
    if (!CORRECT) {
        pthread_mutex_unlock(&source.mutex);
        pthread_mutex_lock(&source.mutex);
    }
    assert(length <= source.length);
    memcpy(target.bytes + target.length, source.bytes, length);
    target.length += length;
    pthread_mutex_unlock(&source.mutex);
    pthread_mutex_unlock(&target.mutex);
    return NULL;
}

static void *cut(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&source.mutex);
    source.length = 0;
    pthread_mutex_unlock(&source.mutex);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, append, NULL);
    pthread_create(&b, NULL, cut, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
