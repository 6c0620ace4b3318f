/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calling Python: see python.h. */
#include "lockcheck/tool/python.h"
#include "lockcheck/tool/locate.h"
#include "lockcheck/tool/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PYTHON "/usr/bin/python3"

void python_become(const char *module, const char *const words[])
{
    char *package = locate_python();
    if (!package) {
        complain("a part is missing: ../share/lockcheck/python beside the directory of this command");
        return;
    }
    setenv("PYTHONPATH", package, 1);
    size_t count = 0;
    while (words[count])
        count++;
    /* -P: a directory named lockcheck where the user happens to be is not the package. */
    const char *first[] = {PYTHON, "-P", "-m", module};
    size_t before = sizeof first / sizeof *first;
    char **argv = allocate((before + count + 1) * sizeof *argv);
    memcpy(argv, first, sizeof first);
    memcpy(argv + before, words, (count + 1) * sizeof *argv);
    execv(PYTHON, argv);
    complain(PYTHON ": %s", strerror(errno));
    free(argv);
    free(package);
}

static char *read_all(int fd, size_t *length)
{
    char *text = allocate(1), part[65536];
    *length = 0;
    for (ssize_t n; (n = read(fd, part, sizeof part)) != 0;) {
        if (n < 0 && errno != EINTR)
            break;
        if (n <= 0)
            continue;
        text = reallocate(text, *length + (size_t)n + 1);
        memcpy(text + *length, part, (size_t)n);
        *length += (size_t)n;
    }
    text[*length] = 0;
    return text;
}

char *python_output(const char *module, const char *const words[], size_t *length)
{
    int out[2];
    if (pipe2(out, O_CLOEXEC) != 0) {
        complain("a pipe: %s", strerror(errno));
        return NULL;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(out[1], STDOUT_FILENO) >= 0)
            python_become(module, words);
        _exit(127);
    }
    close(out[1]);
    char *text = read_all(out[0], length);
    close(out[0]);
    int status = 0;
    if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return text;
    complain("python3 -m %s %s failed", module, words[0] ? words[0] : "");
    free(text);
    return NULL;
}
