/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Readers of what is replaced, and freed when synchronize_rcu says that nobody reads it any more. linux_rcu.c
 * is built with this program, by its compiler hooks: a reader may be held up between any two of its accesses,
 * so also between the choice of a counter and its addition to it. With the argument `unprotected` it reads
 * outside of read sides.
 */
#include <assert.h>

#include <ddekit/ddekit.h>
#include <ddekit/printf.h>
#include <ddekit/timer.h>
#include <dde_linux/dde_linux.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>

#include "harness/machine/machine.h"

#define READS 2
#define REPLACEMENTS 2 /* a reader that is held up outlives the first, and is forgotten by the second */

static int versions[REPLACEMENTS + 1];
static int *current_version = &versions[0];
static struct completion over;

static bool is_protected = true;

static int read_versions(void *unused __always_unused)
{
    for (int i = 0; i < READS; i++) {
        const int *version;

        if (is_protected)
            rcu_read_lock();
        version = rcu_dereference(current_version);
        ddekit_yield();
        assert(READ_ONCE(*version) == 0);
        if (is_protected)
            rcu_read_unlock();
    }
    complete(&over);
    return 0;
}

static void replace_by(int number)
{
    int *old = current_version;

    rcu_assign_pointer(current_version, &versions[number]);
    synchronize_rcu();
    WRITE_ONCE(*old, 1); /* freed */
}

int main(int argc, char **argv)
{
    is_protected = argc == 1 || strcmp(argv[1], "unprotected") != 0;
    machine_init();
    ddekit_init();
    ddekit_init_timers();
    ddekit_print_to(-1);
    dde_linux_init();
    init_completion(&over);
    machine_boot_finished();
    kthread_run(read_versions, NULL, "reader");
    for (int i = 1; i <= REPLACEMENTS; i++)
        replace_by(i);
    wait_for_completion(&over);
    return 0;
}
