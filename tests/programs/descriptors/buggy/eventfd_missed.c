/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An eventfd adds up: a consumer that takes one item for each read() misses those that were posted together.
 */
#include <pthread.h>
#include <stddef.h>
#include <sys/eventfd.h>

#define ITEMS 2

static int event;

static void *produce(void *unused)
{
    (void)unused;
    for (int i = 0; i < ITEMS; i++)
        eventfd_write(event, 1);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    eventfd_t value;
    event = eventfd(0, 0);
    pthread_create(&thread, NULL, produce, NULL);
    for (int taken = 0; taken < ITEMS; taken++)
        eventfd_read(event, &value);
    pthread_join(thread, NULL);
    return 0;
}
