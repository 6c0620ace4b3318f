/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs as children of the command: see child.h. */
#include "lockcheck/tool/child.h"
#include "lockcheck/tool/launch.h"
#include "lockcheck/tool/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 10
#define END_GRACE_NS 1000000000ull /* for the program to end by itself after Ctrl-C, and then by SIGTERM */

bool child_preloads(const char *library)
{
    if (!strpbrk(library, " :"))
        return true;
    complain("%s: the path has a space or a colon, so the library cannot be preloaded", library);
    return false;
}

/* In the child. Returns only on failure, with errno. */
static void become(const struct child_program *program)
{
    static const int ours[] = {SIGINT, SIGTERM, SIGHUP, SIGXFSZ, SIGPIPE, SIGQUIT};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        signal(ours[i], SIG_DFL);
    pass_on_descriptors(true);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const char *others = getenv("LD_PRELOAD");
    if (program->preload) {
        char *preload =
            others && *others ? print_text("%s:%s", program->preload, others) : copy_text(program->preload);
        setenv("LD_PRELOAD", preload, 1);
    }
    if (!program->prepare || program->prepare(program->more) == 0)
        execvp(program->path, program->argv);
}

int child_start(pid_t *pid, const struct child_program *program)
{
    int report[2];
    /* All that the program starts is to be ended with it, also what it has left behind. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pass_on_descriptors(false);
    if (pipe2(report, O_CLOEXEC) != 0)
        return errno;
    fflush(NULL);
    *pid = fork();
    if (*pid == 0) {
        become(program);
        int error = errno;
        ssize_t written = write(report[1], &error, sizeof error);
        _exit(written == sizeof error ? 126 : 127);
    }
    int error = *pid < 0 ? errno : 0;
    close(report[1]);
    while (*pid > 0 && read(report[0], &error, sizeof error) < 0 && errno == EINTR)
        ;
    close(report[0]);
    return error;
}

bool child_ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

bool child_await_end(pid_t pid, uint64_t ns)
{
    for (uint64_t begin = now_ns(); !child_ended(pid);) {
        if (now_ns() - begin > ns)
            return false;
        usleep(LOOK_MS * 1000);
    }
    return true;
}

void child_interrupt(pid_t pid)
{
    if (child_await_end(pid, END_GRACE_NS))
        return;
    kill(pid, SIGTERM);
    child_await_end(pid, END_GRACE_NS);
}

void children_kill(pid_t pid)
{
    if (pid > 0)
        kill(pid, SIGKILL);
    while (kill_children() || pid > 0)
        if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD)
            break;
}
