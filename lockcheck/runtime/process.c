/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a program ends badly, and what it does with processes. A failed assertion and abort() are findings. A
 * process that the program forks is its own affair: the runtime lets go of it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lockcheck/runtime/runtime.h"

LC_EXPORT void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function)
{
    if (lc_controlled()) {
        const char *name = strrchr(file, '/');
        lc_finding("assertion", "{t%u} failed the assertion \"%s\" in %s() at %s:%u", lc_self->id, assertion,
                   function, name ? name + 1 : file, line);
    }
    LC_REAL(__assert_fail)(assertion, file, line, function);
    __builtin_unreachable();
}

LC_EXPORT void abort(void)
{
    if (lc_controlled())
        lc_finding("crash", "{t%u} called abort()", lc_self->id);
    LC_REAL(abort)();
    __builtin_unreachable();
}

LC_EXPORT pid_t fork(void)
{
    pid_t child = LC_REAL(fork)();
    if (child == 0)
        lc.inside++; /* for good: nothing is controlled there */
    return child;
}
