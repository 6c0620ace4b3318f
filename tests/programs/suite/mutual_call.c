/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two servers call each other. Each serves a request that is there already and then makes its call; when both
 * find nothing to serve and call, each waits for a reply that the other is not there to give.
 *
 * Class: message cycle
 * Finding: hang lost-wakeup
 * Correct: a server that waits for its reply goes on serving.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static struct server {
    pthread_cond_t message_came;
    bool request, reply;
    bool served;
    struct server *peer;
} servers[2] = {
    {.message_came = PTHREAD_COND_INITIALIZER, .peer = &servers[1]},
    {.message_came = PTHREAD_COND_INITIALIZER, .peer = &servers[0]},
};

static void serve(struct server *self)
{
    self->request = false;
    self->served = true;
    self->peer->reply = true;
    pthread_cond_signal(&self->peer->message_came);
}

static void *server(void *argument)
{
    struct server *self = argument;
    pthread_mutex_lock(&mutex);
    if (self->request)
        serve(self);
    pthread_mutex_unlock(&mutex);

    pthread_mutex_lock(&mutex);
    self->peer->request = true;
    pthread_cond_signal(&self->peer->message_came);
    while (!self->reply) {
        if (CORRECT && self->request)
            serve(self);
        else
            pthread_cond_wait(&self->message_came, &mutex);
    }
    while (!self->served) {
        if (self->request)
            serve(self);
        else
            pthread_cond_wait(&self->message_came, &mutex);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, server, &servers[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
