/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks that the program gives two names, in opposite orders, although one function makes them all.
 *
 * Finding: lock-order
 * Correct: in one order.
 */
#include "detectors/threads.h"
#include <lockcheck.h>
#include <stdlib.h>

static pthread_mutex_t *new_lock(const char *name)
{
    pthread_mutex_t *lock = malloc(sizeof *lock);
    pthread_mutex_init(lock, NULL);
    lockcheck_name_object(lock, "mutex", name);
    return lock;
}

static void take(const char *first, const char *second)
{
    pthread_mutex_t *outer = new_lock(first), *inner = new_lock(second);
    pthread_mutex_lock(outer);
    pthread_mutex_lock(inner);
    pthread_mutex_unlock(inner);
    pthread_mutex_unlock(outer);
}

static void directory_first(void)
{
    take("directory", "file");
}

static void file_first(void)
{
    CORRECT ? take("directory", "file") : take("file", "directory");
}

int main(void)
{
    together(directory_first, file_first);
    return 0;
}
