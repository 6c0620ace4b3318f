/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pointer to a message in allocated memory is published before the message is written.
 *
 * Correct: after it.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

struct message {
    int number, text;
};

static _Atomic(struct message *) published;

static void write_message(struct message *m)
{
    m->number = 1;
    m->text = 2;
}

static void *sender(void *unused)
{
    (void)unused;
    struct message *m = calloc(1, sizeof *m);
    if (CORRECT)
        write_message(m);
    published = m;
    if (!CORRECT)
        write_message(m);
    return NULL;
}

static void *receiver(void *unused)
{
    (void)unused;
    struct message *m = published;
    if (m)
        assert(m->number == 1 && m->text == 2);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, sender, NULL);
    pthread_create(&b, NULL, receiver, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    free(published);
    return 0;
}
