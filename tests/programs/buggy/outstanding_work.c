/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A service that announces its work to lockcheck. The clerk sleeps on a signal that may come before it
 * sleeps: a hang with a request outstanding.
 */
#include <lockcheck.h>
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t request_came = PTHREAD_COND_INITIALIZER;
static int requests;

static void *clerk(void *unused)
{
    (void)unused;
    lockcheck_name_thread("clerk");
    for (int served = 0; served < 2;) {
        pthread_mutex_lock(&mutex);
        int mine = requests;
        requests = 0;
        pthread_mutex_unlock(&mutex);
        if (mine > 0) {
            lockcheck_outstanding("requests", -mine);
            served += mine;
            continue;
        }
        /* Wrong: a request may come here, and its signal is lost. */
        pthread_mutex_lock(&mutex);
        pthread_cond_wait(&request_came, &mutex);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

int main(void)
{
    pthread_t thread;
    lockcheck_name_object(&request_came, "cond", "request_came");
    pthread_create(&thread, NULL, clerk, NULL);
    for (int i = 0; i < 2; i++) {
        pthread_mutex_lock(&mutex);
        lockcheck_outstanding("requests", 1);
        requests++;
        pthread_cond_signal(&request_came);
        pthread_mutex_unlock(&mutex);
    }
    pthread_join(thread, NULL);
    return 0;
}
