/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client gives up waiting for its first answer; the late wake-up for it stays in the semaphore and ends the
 * wait for the second answer before that is there.
 *
 * Class: signal by time-out
 * Finding: assertion
 * Correct: a woken client looks which question was answered.
 */
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t questions, answers;
static int asked, answered;

static int last_answered(void)
{
    pthread_mutex_lock(&mutex);
    int result = answered;
    pthread_mutex_unlock(&mutex);
    return result;
}

/* Returns true when the question was answered, false when that took more than 5 ms. */
static bool ask(int question)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 5000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;

    pthread_mutex_lock(&mutex);
    asked = question;
    pthread_mutex_unlock(&mutex);
    sem_post(&questions);
    do {
        if (sem_timedwait(&answers, &until) != 0)
            return false;
    } while (CORRECT && last_answered() != question);
    return true;
}

static void *server(void *unused)
{
    (void)unused;
    for (int i = 0; i < 2; i++) {
        sem_wait(&questions);
        pthread_mutex_lock(&mutex);
        answered = asked;
        pthread_mutex_unlock(&mutex);
        sem_post(&answers);
    }
    return NULL;
}

int main(void)
{
    pthread_t thread;
    sem_init(&questions, 0, 0);
    sem_init(&answers, 0, 0);
    pthread_create(&thread, NULL, server, NULL);
    for (int question = 1; question <= 2; question++) {
        if (ask(question))
            assert(last_answered() == question);
    }
    pthread_join(thread, NULL);
    return 0;
}
