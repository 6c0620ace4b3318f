/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program sees its own arguments, environment and working directory, and nothing of lockcheck's. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
    for (char **variable = environ; *variable; variable++)
        assert(strncmp(*variable, "LOCKCHECK_CHANNEL", 17) != 0);
    assert(!getenv("LD_PRELOAD") || !strstr(getenv("LD_PRELOAD"), "liblockcheck"));
    char directory[4096];
    assert(getcwd(directory, sizeof directory));
    for (int i = 1; i < argc; i++)
        printf("%s\n", argv[i]);
    return 0;
}
