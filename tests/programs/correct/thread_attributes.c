/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread gets the stack that its attributes ask for, own or allocated, knows its bounds, and has a name. */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char *own_stack;
static size_t own_size = 256 * 1024;

static void check_bounds(void **base, size_t *size)
{
    pthread_attr_t attributes;
    assert(pthread_getattr_np(pthread_self(), &attributes) == 0);
    assert(pthread_attr_getstack(&attributes, base, size) == 0);
    assert(pthread_attr_destroy(&attributes) == 0);
    char here;
    assert((uintptr_t)&here > (uintptr_t)*base && (uintptr_t)&here < (uintptr_t)*base + *size);
}

static void *on_big_stack(void *unused)
{
    (void)unused;
    void *base;
    size_t size;
    check_bounds(&base, &size);
    assert(size >= 4u << 20);
    volatile char deep[3u << 20];
    for (size_t i = 0; i < sizeof deep; i += 4096)
        deep[i] = 1;
    sched_yield();
    assert(deep[0] == 1 && deep[sizeof deep / 4096 * 4096 - 4096] == 1);
    return NULL;
}

static void *on_own_stack(void *unused)
{
    (void)unused;
    void *base;
    size_t size;
    check_bounds(&base, &size);
    assert(base == own_stack && size == own_size);
    sched_yield();
    return NULL;
}

static void *named(void *unused)
{
    (void)unused;
    char name[16];
    assert(pthread_setname_np(pthread_self(), "a worker") == 0);
    sched_yield();
    assert(pthread_getname_np(pthread_self(), name, sizeof name) == 0);
    assert(strcmp(name, "a worker") == 0);
    return NULL;
}

int main(void)
{
    pthread_t big, own, with_name;
    pthread_attr_t attributes;

    assert(pthread_attr_init(&attributes) == 0);
    assert(pthread_attr_setstacksize(&attributes, 4u << 20) == 0);
    assert(pthread_create(&big, &attributes, on_big_stack, NULL) == 0);
    own_stack = aligned_alloc(4096, own_size);
    assert(own_stack);
    assert(pthread_attr_setstack(&attributes, own_stack, own_size) == 0);
    assert(pthread_create(&own, &attributes, on_own_stack, NULL) == 0);
    assert(pthread_attr_destroy(&attributes) == 0);
    assert(pthread_create(&with_name, NULL, named, NULL) == 0);
    assert(pthread_join(with_name, NULL) == 0);
    assert(pthread_join(own, NULL) == 0);
    assert(pthread_join(big, NULL) == 0);
    free(own_stack);
    return 0;
}
