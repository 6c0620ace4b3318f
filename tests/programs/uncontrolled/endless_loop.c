/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread spins on a plain flag without any call that lockcheck could see: it never gives way. */
#include <pthread.h>
#include <stddef.h>

static volatile int flag;

static void *spinner(void *unused)
{
    (void)unused;
    while (!flag)
        ;
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, spinner, NULL);
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    for (int i = 0; i < 50; i++) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
    flag = 1;
    pthread_join(thread, NULL);
    return 0;
}
