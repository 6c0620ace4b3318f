/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pieces of memory for received frames, see netdev_alloc_frag in <linux/skbuff.h>. They are cut from chunks,
 * one behind the other, each with its own lifetime; a chunk is freed with its last piece. Drivers give pieces
 * back by an address inside of them: chunks are aligned to their size, so that leads to the chunk.
 *
 * Linux has a chunk per CPU. Here each thread has one of its own, which is what its threads take a CPU for.
 */
#include <linux/kernel.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

#include "netdde-under-test/dde_linux/internal.h"

#define CHUNK_SIZE 32768UL

struct frag_chunk {
    atomic_t users; /* pieces, and the thread that cuts them */
    size_t used;    /* bytes, with this header; the thread's own */
    void *memory;   /* that it lies in: DDEKit aligns nothing so far */
};

static void put_chunk(struct frag_chunk *chunk)
{
    if (chunk && atomic_dec_and_test(&chunk->users))
        kfree(chunk->memory);
}

static struct frag_chunk *new_chunk(void)
{
    void *memory = kmalloc(2 * CHUNK_SIZE - 1, GFP_ATOMIC);
    struct frag_chunk *chunk = (struct frag_chunk *)ALIGN((uintptr_t)memory, CHUNK_SIZE);

    if (!memory)
        return NULL;
    chunk->memory = memory;
    atomic_set(&chunk->users, 1);
    chunk->used = SKB_DATA_ALIGN(sizeof(*chunk));
    return chunk;
}

void *netdev_alloc_frag(unsigned int size)
{
    struct task_struct *task = current;
    struct frag_chunk *chunk = task->frag_chunk;
    size_t length = SKB_DATA_ALIGN((size_t)size);
    void *piece;

    BUG_ON(length > PAGE_SIZE);
    if (!chunk || length > CHUNK_SIZE - chunk->used) {
        put_chunk(chunk);
        chunk = task->frag_chunk = new_chunk();
    }
    if (!chunk)
        return NULL;
    piece = (char *)chunk + chunk->used;
    chunk->used += length;
    atomic_inc(&chunk->users);
    return piece;
}

void skb_free_frag(void *memory)
{
    put_chunk((struct frag_chunk *)((uintptr_t)memory & ~(CHUNK_SIZE - 1)));
}

void frag_release(struct task_struct *task)
{
    put_chunk(task->frag_chunk);
    task->frag_chunk = NULL;
}
