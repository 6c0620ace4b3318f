/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/list.h>: circular doubly linked lists with the links inside the elements. */
#ifndef DDE_LINUX_LIST_H
#define DDE_LINUX_LIST_H

#include <linux/container_of.h>
#include <linux/types.h>

#define LIST_HEAD_INIT(name)                                                                                 \
    {                                                                                                        \
        &(name), &(name)                                                                                     \
    }
#define LIST_HEAD(name) struct list_head name = LIST_HEAD_INIT(name)

static inline void INIT_LIST_HEAD(struct list_head *list)
{
    list->next = list->prev = list;
}

static inline void __list_link(struct list_head *prev, struct list_head *entry, struct list_head *next)
{
    entry->prev = prev;
    entry->next = next;
    prev->next = entry;
    next->prev = entry;
}

static inline void list_add(struct list_head *entry, struct list_head *head)
{
    __list_link(head, entry, head->next);
}

static inline void list_add_tail(struct list_head *entry, struct list_head *head)
{
    __list_link(head->prev, entry, head);
}

static inline void __list_unlink(struct list_head *entry)
{
    entry->prev->next = entry->next;
    entry->next->prev = entry->prev;
}

/* After list_del the entry's links are null, so that a second removal faults instead of corrupting a list. */
static inline void list_del(struct list_head *entry)
{
    __list_unlink(entry);
    entry->next = entry->prev = NULL;
}

static inline void list_del_init(struct list_head *entry)
{
    __list_unlink(entry);
    INIT_LIST_HEAD(entry);
}

static inline int list_empty(const struct list_head *head)
{
    return head->next == head;
}

static inline int list_is_last(const struct list_head *entry, const struct list_head *head)
{
    return entry->next == head;
}

/* Move all of from to the front (or the back) of to; from is empty afterwards. */
static inline void list_splice_init(struct list_head *from, struct list_head *to)
{
    if (list_empty(from))
        return;
    from->next->prev = to;
    from->prev->next = to->next;
    to->next->prev = from->prev;
    to->next = from->next;
    INIT_LIST_HEAD(from);
}

static inline void list_splice_tail_init(struct list_head *from, struct list_head *to)
{
    list_splice_init(from, to->prev);
}

/* A list with a head of one pointer. */
struct hlist_node {
    struct hlist_node *next, **pprev;
};

#define hlist_entry_safe(ptr, type, member)                                                                  \
    ({                                                                                                       \
        __typeof__(ptr) __node = (ptr);                                                                      \
        __node ? container_of(__node, type, member) : NULL;                                                  \
    })

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_first_entry_or_null(head, type, member)                                                         \
    (list_empty(head) ? NULL : list_first_entry(head, type, member))
#define list_last_entry(head, type, member) list_entry((head)->prev, type, member)
#define list_next_entry(pos, member) list_entry((pos)->member.next, __typeof__(*(pos)), member)
#define list_prev_entry(pos, member) list_entry((pos)->member.prev, __typeof__(*(pos)), member)

#define list_for_each(pos, head) for (pos = (head)->next; pos != (head); pos = pos->next)
#define list_for_each_safe(pos, n, head)                                                                     \
    for (pos = (head)->next, n = pos->next; pos != (head); pos = n, n = pos->next)
#define list_for_each_entry(pos, head, member)                                                               \
    for (pos = list_first_entry(head, __typeof__(*pos), member); &pos->member != (head);                     \
         pos = list_next_entry(pos, member))
#define list_for_each_entry_reverse(pos, head, member)                                                       \
    for (pos = list_last_entry(head, __typeof__(*pos), member); &pos->member != (head);                      \
         pos = list_prev_entry(pos, member))
#define list_for_each_entry_safe(pos, n, head, member)                                                       \
    for (pos = list_first_entry(head, __typeof__(*pos), member), n = list_next_entry(pos, member);           \
         &pos->member != (head); pos = n, n = list_next_entry(n, member))

#endif
