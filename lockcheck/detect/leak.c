/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * leak: what is left when the program ends.
 *
 *   - threads that were neither joined nor detached (pthread_join): their stacks are kept for ever
 *   - what a call made and none destroyed: mutexes, spin locks, rwlocks, condition variables, barriers,
 *     semaphores, also those that client requests tell of. Those in static memory are as good as destroyed
 *     and not counted; nor is what a static initialiser made.
 *
 * Things that one place in the program made count as one finding.
 */
#include <link.h>

#include "lockcheck/detect/detect.h"

static int holds_address(struct dl_phdr_info *info, size_t size, void *address)
{
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_LOAD && *(uintptr_t *)address - (info->dlpi_addr + p->p_vaddr) < p->p_memsz)
            return 1;
    }
    return 0;
}

static bool is_static(uintptr_t address)
{
    return dl_iterate_phdr(holds_address, &address);
}

static bool left(const struct lc_object *o)
{
    return o->site && !o->destroyed && o->kind != LC_KIND_THREAD && !is_static(o->address);
}

static void look_at_objects(void)
{
    for (const struct lc_object *o = lc_objects; o; o = o->all_next) {
        if (!left(o) || !lc_report(lc_mix(o->site + o->kind)))
            continue;
        uint32_t more = 0;
        for (const struct lc_object *other = o->all_next; other; other = other->all_next)
            more += other->site == o->site && other->kind == o->kind && left(other);
        lc_show_stack(lc_self->id, o->created, o->created_frames, "{o%u} was made", o->id);
        if (more)
            lc_finding("leak", "{o%u} was not destroyed, nor %u more that the same place made", o->id, more);
        lc_finding("leak", "{o%u} was not destroyed", o->id);
    }
}

static void look_at_threads(void)
{
    for (uint32_t i = 1; i <= lc_thread_count(); i++) {
        const struct lc_thread *t = lc_thread_by_number(i);
        if (t->is_main || t->joined || t->detached || !lc_report(lc_mix((uintptr_t)t->start)))
            continue;
        lc_show_stack(t->id, t->created, t->created_frames, "{t%u} was made", t->id);
        lc_finding("leak", "{t%u} was neither joined nor detached", t->id);
    }
}

static void event(unsigned op, struct lc_object *object, int64_t argument)
{
    (void)object, (void)argument;
    if (op != LC_OP_PROCESS_EXIT)
        return;
    look_at_threads();
    look_at_objects();
}

const struct lc_detector lc_detector_leak = {
    .name = "leak", .serves = LC_DETECT_LEAK, .ops = LC_BIT(LC_OP_PROCESS_EXIT), .event = event};
