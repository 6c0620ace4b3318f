/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slabs: caches of objects of one size. Memory is taken in chunks and kept until the cache is destroyed; free
 * objects are linked through themselves, the one freed last comes first.
 *
 * Left out: constructors, giving empty chunks back, a page cache.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <ddekit/memory.h>
#include <ddekit/pgtab.h>
#include "pages.h"

#define OBJECT_ALIGNMENT 16u
#define CHUNK_BYTES (16 * DDEKIT_PAGE_SIZE)

struct free_object {
    struct free_object *next;
};

struct chunk {
    struct chunk *next;
    char *memory;
};

struct ddekit_slab {
    size_t object_size;
    bool contiguous;
    void *data;

    pthread_mutex_t lock; /* for what follows */
    struct free_object *free;
    struct chunk *chunks;
};

struct ddekit_slab *ddekit_slab_init(unsigned size, int contiguous)
{
    struct ddekit_slab *slab = calloc(1, sizeof *slab);

    if (!slab)
        return NULL;
    slab->object_size = ((size_t)size + OBJECT_ALIGNMENT - 1) & ~(size_t)(OBJECT_ALIGNMENT - 1);
    if (!slab->object_size)
        slab->object_size = OBJECT_ALIGNMENT;
    slab->contiguous = contiguous;
    pthread_mutex_init(&slab->lock, NULL);
    return slab;
}

static void free_memory(struct ddekit_slab *slab, char *memory)
{
    if (slab->contiguous)
        pages_free(memory, PTE_TYPE_UMA);
    else
        free(memory);
}

void ddekit_slab_destroy(struct ddekit_slab *slab)
{
    while (slab->chunks) {
        struct chunk *chunk = slab->chunks;

        slab->chunks = chunk->next;
        free_memory(slab, chunk->memory);
        free(chunk);
    }
    pthread_mutex_destroy(&slab->lock);
    free(slab);
}

/* slab->lock is held. Links the objects of a chunk so that they are given out in the order of their
 * addresses. */
static void link_objects(struct ddekit_slab *slab, char *memory, size_t bytes)
{
    struct free_object **link = &slab->free;
    size_t unit = slab->object_size > DDEKIT_PAGE_SIZE ? bytes : DDEKIT_PAGE_SIZE;

    for (size_t page = 0; page < bytes; page += unit) {
        for (size_t offset = 0; offset + slab->object_size <= unit; offset += slab->object_size) {
            *link = (struct free_object *)(memory + page + offset);
            link = &(*link)->next;
        }
    }
    *link = NULL;
}

/* slab->lock is held. Adds one chunk; without memory the free list stays empty. */
static void grow(struct ddekit_slab *slab)
{
    size_t bytes = slab->object_size > CHUNK_BYTES ? slab->object_size : CHUNK_BYTES;
    struct chunk *chunk = malloc(sizeof *chunk);

    if (!chunk)
        return;
    if (slab->contiguous)
        chunk->memory = pages_allocate(bytes, 0, UINTPTR_MAX, DDEKIT_PAGE_SIZE, PTE_TYPE_UMA);
    else
        chunk->memory = malloc(bytes);
    if (!chunk->memory) {
        free(chunk);
        return;
    }
    chunk->next = slab->chunks;
    slab->chunks = chunk;
    link_objects(slab, chunk->memory, bytes);
}

void *ddekit_slab_alloc(struct ddekit_slab *slab)
{
    struct free_object *object;

    pthread_mutex_lock(&slab->lock);
    if (!slab->free)
        grow(slab);
    object = slab->free;
    if (object)
        slab->free = object->next;
    pthread_mutex_unlock(&slab->lock);
    return object;
}

void ddekit_slab_free(struct ddekit_slab *slab, void *objp)
{
    struct free_object *object = objp;

    pthread_mutex_lock(&slab->lock);
    object->next = slab->free;
    slab->free = object;
    pthread_mutex_unlock(&slab->lock);
}

void ddekit_slab_set_data(struct ddekit_slab *slab, void *data)
{
    slab->data = data;
}

void *ddekit_slab_get_data(struct ddekit_slab *slab)
{
    return slab->data;
}

void ddekit_slab_setup_page_cache(unsigned pages)
{
    (void)pages;
}
