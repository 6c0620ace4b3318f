/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Synchronisation objects, found by address. Their state is kept here and not in the program's memory, so
 * that any bit pattern that the C library accepts as an initialised object is one for us as well.
 *
 * Numbers are given in the order of first use and never again: they are what executions are compared by.
 */
#include <string.h>

#include "lockcheck/runtime/runtime.h"

#define SITE_FRAMES 8u     /* of the stack of who makes a lock: enough to look past a program's wrappers */
#define FIRST_BUCKETS 512u /* one page: every schedule copies what it touches */

struct lc_object *lc_objects;
LC_WRITTEN static struct lc_object **all_tail = &lc_objects;
static struct lc_object **buckets;
LC_WRITTEN static struct lc_object *free_list;
static size_t bucket_count;
LC_WRITTEN static size_t object_count;
LC_WRITTEN static uint32_t last_id;

static size_t hash(uintptr_t address, size_t count)
{
    return (size_t)((address * 0x9e3779b97f4a7c15ull) >> 32) & (count - 1);
}

static void grow(void)
{
    size_t count = bucket_count ? bucket_count * 2 : FIRST_BUCKETS;
    struct lc_object **larger = lc_allocate(count * sizeof *larger);
    for (size_t i = 0; i < bucket_count; i++)
        for (struct lc_object *o = buckets[i], *next; o; o = next) {
            next = o->next;
            struct lc_object **bucket = &larger[hash(o->address, count)];
            o->next = *bucket;
            *bucket = o;
        }
    buckets = larger;
    bucket_count = count;
}

struct lc_object *lc_object_find(const void *address)
{
    if (unlikely(!bucket_count))
        return NULL;
    struct lc_object *o = buckets[hash((uintptr_t)address, bucket_count)];
    while (o && o->address != (uintptr_t)address)
        o = o->next;
    return o;
}

static void unlink_object(struct lc_object *object)
{
    struct lc_object **link = &buckets[hash(object->address, bucket_count)];
    while (*link != object)
        link = &(*link)->next;
    *link = object->next;
    object_count--;
}

/* Another thread stands before an operation on it: what comes of that is told of this object, and not of the
 * next that would have its place. */
static bool about_to_be_used(const struct lc_object *object)
{
    for (uint32_t i = 1; i <= lc_thread_count(); i++) {
        const struct lc_thread *t = lc_thread_by_number(i);
        if (t != lc_self && t->state != LC_FINISHED && (t->object == object || t->object2 == object))
            return true;
    }
    return false;
}

void lc_object_forget(struct lc_object *object)
{
    unlink_object(object);
    object->destroyed = true;
    /* With evidence its history may still be asked for, and a detector or a waiter may still point to it. */
    if (lc.evidence || object->waiters.first || object->detector || about_to_be_used(object))
        return;
    object->next = free_list;
    free_list = object;
}

static struct lc_object *allocate(void)
{
    struct lc_object *o = free_list;
    if (o) {
        free_list = o->next;
        struct lc_object *all_next = o->all_next;
        memset(o, 0, sizeof *o);
        o->all_next = all_next;
        return o;
    }
    o = lc_allocate(sizeof *o);
    *all_tail = o;
    all_tail = &o->all_next;
    return o;
}

struct lc_object *lc_object_new(const void *address, enum lc_kind kind)
{
    struct lc_object *o = lc_object_find(address);
    if (o)
        lc_object_forget(o);
    if (object_count >= bucket_count)
        grow();
    o = allocate();
    o->address = (uintptr_t)address;
    o->id = ++last_id;
    o->kind = kind;
    struct lc_object **bucket = &buckets[hash(o->address, bucket_count)];
    o->next = *bucket;
    *bucket = o;
    object_count++;
    if (lc.evidence) {
        void *stack[LC_MAX_STACK];
        o->created_frames = lc_backtrace(stack, LC_MAX_STACK);
        o->created = lc_allocate(o->created_frames * sizeof *stack);
        memcpy(o->created, stack, o->created_frames * sizeof *stack);
    }
    if (unlikely(lc.tracing))
        lc_trace_object(o, true);
    return o;
}

struct lc_object *lc_object_new_made(const void *address, enum lc_kind kind)
{
    struct lc_object *o = lc_object_new(address, kind);
    void *stack[LC_MAX_STACK];
    uint32_t frames = lc_backtrace(stack, SITE_FRAMES);
    for (uint32_t i = 0; i < frames; i++)
        o->site = (o->site ^ (uintptr_t)stack[i]) * 0x9e3779b97f4a7c15ull;
    return o;
}

struct lc_object *lc_object_at(const void *address, enum lc_kind kind)
{
    struct lc_object *o = lc_object_find(address);
    if (likely(o != NULL)) {
        if (likely(o->kind == kind || kind == LC_KIND_NONE))
            return o;
        if (o->kind == LC_KIND_NAMED) { /* named before its first use */
            o->kind = kind;
            if (lc.tracing)
                lc_trace_object(o, false);
            return o;
        }
    }
    return lc_object_new(address, kind == LC_KIND_NONE ? LC_KIND_NAMED : kind);
}

const char *lc_object_kind_name(const struct lc_object *object)
{
    static const char *const names[] = {
        [LC_KIND_NONE] = "object",           [LC_KIND_THREAD] = "thread", [LC_KIND_MUTEX] = "mutex",
        [LC_KIND_COND] = "condition",        [LC_KIND_RWLOCK] = "rwlock", [LC_KIND_SPINLOCK] = "spin lock",
        [LC_KIND_BARRIER] = "barrier",       [LC_KIND_ONCE] = "once",     [LC_KIND_SEMAPHORE] = "semaphore",
        [LC_KIND_DESCRIPTOR] = "descriptor", [LC_KIND_FUTEX] = "futex",   [LC_KIND_MEMORY] = "memory",
        [LC_KIND_NAMED] = "object",
    };
    return object->kind_name ? object->kind_name : names[object->kind];
}

static char *copy(const char *text)
{
    size_t size = strnlen(text, LC_NAME_MAX - 1);
    char *to = lc_allocate(size + 1);
    memcpy(to, text, size);
    return to;
}

void lc_object_name(struct lc_object *object, const char *kind, const char *name)
{
    if (kind && *kind) {
        object->kind_name = copy(kind);
        object->called_spin_lock = strcmp(kind, "spin lock") == 0;
    }
    if (name && *name)
        object->name = copy(name);
    object->class = 0;
    if (lc.tracing)
        lc_trace_object(object, false);
}
