/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DDEKit semaphore interface in front of its generations (sync/), and the choice of the generation.
 */
#include <string.h>
#include <ddekit/assert.h>
#include <ddekit/semaphore.h>
#include <ddekit/sync.h>
#include "sync/sync_ops.h"

static const struct sync_ops *const generations[] = {&sync_legacy, &sync_drain, &sync_posix};
static const char *const generation_names[] = {"legacy", "drain", "posix", NULL};

/* One for the whole system, as the library that a program is linked with would be. */
static const struct sync_ops *generation = &sync_posix;

int ddekit_sync_select(const char *name)
{
    for (size_t i = 0; i < sizeof generations / sizeof *generations; i++) {
        if (!strcmp(generations[i]->name, name)) {
            generation = generations[i];
            return 0;
        }
    }
    return -1;
}

const char *ddekit_sync_name(void)
{
    return generation->name;
}

const char *const *ddekit_sync_names(void)
{
    return generation_names;
}

ddekit_sem_t *ddekit_sem_init(int value)
{
    ddekit_assert(value >= 0);
    return generation->create(value);
}

void ddekit_sem_deinit(ddekit_sem_t *sem)
{
    sem->ops->destroy(sem);
}

void ddekit_sem_down(ddekit_sem_t *sem)
{
    sem->ops->down(sem);
}

int ddekit_sem_down_try(ddekit_sem_t *sem)
{
    return sem->ops->down_try(sem) ? 0 : -1;
}

int ddekit_sem_down_timed(ddekit_sem_t *sem, int timo)
{
    /* Mach takes a time-out of 0 to mean something else than no wait, and none of the generations has an end
     * for a negative one: neither gets past here. */
    bool taken = timo > 0 ? sem->ops->down_timed(sem, timo) : sem->ops->down_try(sem);

    return taken ? 0 : -1;
}

void ddekit_sem_up(ddekit_sem_t *sem)
{
    sem->ops->up(sem);
}
