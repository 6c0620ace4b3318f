/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of objects: nothing in DDEKit listens, see ddekit/debug.h. In a file of their own, so that calls from
 * every other file can be wrapped at link time.
 */
#include <ddekit/debug.h>

void ddekit_sem_set_name(ddekit_sem_t *sem, const char *name)
{
    (void)sem;
    (void)name;
}

void ddekit_lock_set_name(ddekit_lock_t *mtx, const char *name)
{
    (void)mtx;
    (void)name;
}

void ddekit_condvar_set_name(ddekit_condvar_t *cvp, const char *name)
{
    (void)cvp;
    (void)name;
}
