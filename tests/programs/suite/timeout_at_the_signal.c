/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A timed wait that believes its return value: when the time runs out just as the answer arrives, the caller
 * goes away with "no answer" although the answer has been given, and the answer is left for the next caller.
 *
 * Class: signal by time-out
 * Finding: assertion
 * Correct: it looks for the answer, and forgets the question when there is none.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static int asked, answer;

static void *responder(void *unused)
{
    (void)unused;
    struct timespec work = {0, 1000000};
    nanosleep(&work, NULL);
    pthread_mutex_lock(&mutex);
    answer = asked;
    pthread_cond_signal(&answered);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

/* Returns the answer to the question, or 0 when none came within 10 ms. */
static int ask(int question)
{
    struct timespec when;
    clock_gettime(CLOCK_REALTIME, &when);
    when.tv_nsec += 10000000;
    when.tv_sec += when.tv_nsec / 1000000000;
    when.tv_nsec %= 1000000000;

    pthread_mutex_lock(&mutex);
    asked = question;
    int result = 0;
    while (answer == 0 && result == 0)
        result = pthread_cond_timedwait(&answered, &mutex, &when);
    int got = !CORRECT && result == ETIMEDOUT ? 0 : answer;
    if (got)
        answer = 0;
    else if (CORRECT)
        asked = 0;
    pthread_mutex_unlock(&mutex);
    return got;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, responder, NULL);
    int first = ask(1);
    if (first == 0) {
        int second = ask(2);
        assert(second != 1);
    }
    pthread_join(thread, NULL);
    return 0;
}
