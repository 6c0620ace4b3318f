/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main ends by pthread_exit; the process goes on until its last thread ends, and ends with 0. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static pthread_t first_thread;

static void *last(void *unused)
{
    (void)unused;
    assert(pthread_join(first_thread, NULL) == 0);
    usleep(2000);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    first_thread = pthread_self();
    assert(pthread_create(&thread, NULL, last, NULL) == 0);
    assert(pthread_detach(thread) == 0);
    pthread_exit(NULL);
}
