/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the other parts of lockcheck are: see locate.h. */
#include "lockcheck/tool/locate.h"
#include "lockcheck/tool/text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *locate_commands(void)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        return NULL;
    path[length] = 0;
    char *slash = strrchr(path, '/');
    if (!slash)
        return NULL;
    *slash = 0;
    return copy_text(path);
}

/* Takes candidate; returns it in its shortest form if it exists. */
static char *existing(char *candidate)
{
    char *path = realpath(candidate, NULL);
    free(candidate);
    return path;
}

char *locate_runtime(void)
{
    char *commands = locate_commands();
    if (!commands)
        return NULL;
    char *runtime = existing(print_text("%s/../lib/lockcheck/liblockcheck.so", commands));
    if (!runtime)
        runtime = existing(print_text("%s/../" LOCKCHECK_LIBDIR "/lockcheck/liblockcheck.so", commands));
    free(commands);
    return runtime;
}

char *locate_python(void)
{
    char *commands = locate_commands();
    if (!commands)
        return NULL;
    char *python = NULL;
    /* The package lies in the source tree; only the command of that very build tree may look there. */
    if (strcmp(commands, LOCKCHECK_BUILD_DIR "/bin") == 0)
        python = existing(copy_text(LOCKCHECK_SOURCE_DIR "/lockcheck/python"));
    if (!python)
        python = existing(print_text("%s/../share/lockcheck/python", commands));
    free(commands);
    return python;
}
