/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Suppressions that the program brings along: the text of its lockcheck_default_suppressions() goes to the
 * command, which knows what it means.
 *
 * The function is found by its name where the dynamic linker knows it: in a library, or in a program that
 * exports it. Other programs do not, but the command has looked the address up in the program's symbols.
 */
#include <dlfcn.h>
#include <link.h>
#include <lockcheck.h>
#include <string.h>

#include "lockcheck/runtime/runtime.h"

typedef const char *suppressions_function(void);

/* The first object is the program. */
static int take_bias(struct dl_phdr_info *info, size_t size, void *bias)
{
    (void)size;
    *(uintptr_t *)bias = info->dlpi_addr;
    return 1;
}

static suppressions_function *find_function(void)
{
    suppressions_function *exported =
        (suppressions_function *)dlsym(RTLD_DEFAULT, "lockcheck_default_suppressions");
    if (exported || !lc.channel->suppressions_at)
        return exported;
    uintptr_t bias = 0;
    dl_iterate_phdr(take_bias, &bias);
    return (suppressions_function *)(bias + lc.channel->suppressions_at);
}

void lc_suppressions_tell(void)
{
    suppressions_function *function = find_function();
    const char *text = function ? function() : NULL;
    if (!text)
        return;
    size_t length = strlen(text);
    if (length >= LC_SUPPRESSIONS_SIZE)
        lc_internal("lockcheck_default_suppressions() returns more than %llu bytes", LC_SUPPRESSIONS_SIZE);
    memcpy((char *)lc.channel + LC_SUPPRESSIONS_OFFSET, text, length + 1);
}
