/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit start-up and initcalls.
 */
#include <stdbool.h>
#include <stddef.h>
#include <ddekit/ddekit.h>
#include <ddekit/initcall.h>
#include <ddekit/interrupt.h>
#include <ddekit/pgtab.h>
#include <ddekit/thread.h>

/* Constructors of several files add to this, before main. */
static struct ddekit_initcall *first_call, **last_link = &first_call;

void ddekit_initcall_register(struct ddekit_initcall *call)
{
    call->next = NULL;
    *last_link = call;
    last_link = &call->next;
}

void ddekit_init(void)
{
    static bool done;

    if (done)
        return;
    done = true;
    ddekit_init_threads();
    ddekit_pgtab_init();
    ddekit_init_irqs();
    for (struct ddekit_initcall *call = first_call; call; call = call->next)
        call->function();
}
