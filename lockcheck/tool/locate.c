/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the other parts of lockcheck are: see locate.h. */
#include "lockcheck/tool/locate.h"
#include "lockcheck/native/record.h"
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

static char *locate_library(const char *name)
{
    char *commands = locate_commands();
    if (!commands)
        return NULL;
    char *library = existing(print_text("%s/../lib/lockcheck/%s", commands, name));
    if (!library)
        library = existing(print_text("%s/../" LOCKCHECK_LIBDIR "/lockcheck/%s", commands, name));
    free(commands);
    return library;
}

char *locate_runtime(void)
{
    return locate_library("liblockcheck.so");
}

char *locate_annotate(bool valgrind)
{
    return locate_library(valgrind ? "liblockcheck-annotate-valgrind.so" : "liblockcheck-annotate.so");
}

char *locate_native(void)
{
    return locate_library(LCN_LIBRARY);
}

/* What is not compiled lies in the source tree; only the command of that very build tree may look there. */
static char *locate_shared(const char *name)
{
    char *commands = locate_commands();
    if (!commands)
        return NULL;
    char *path = NULL;
    if (strcmp(commands, LOCKCHECK_BUILD_DIR "/bin") == 0)
        path = existing(print_text(LOCKCHECK_SOURCE_DIR "/lockcheck/%s", name));
    if (!path)
        path = existing(print_text("%s/../share/lockcheck/%s", commands, name));
    free(commands);
    return path;
}

char *locate_python(void)
{
    return locate_shared("python");
}

char *locate_gdb_commands(void)
{
    return locate_shared("gdb/lockcheck-gdb.py");
}
