/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A write that would take an eventfd beyond its largest value waits until somebody reads. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>

static int event;

static void *add(void *unused)
{
    (void)unused;
    assert(eventfd_write(event, UINT64_MAX - 1) == 0);
    assert(eventfd_write(event, 5) == 0);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    eventfd_t value;
    event = eventfd(0, 0);
    pthread_create(&thread, NULL, add, NULL);
    assert(eventfd_read(event, &value) == 0 && value == UINT64_MAX - 1);
    assert(eventfd_read(event, &value) == 0 && value == 5);
    pthread_join(thread, NULL);
    return 0;
}
