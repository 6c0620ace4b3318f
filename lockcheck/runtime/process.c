/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a program ends badly, and what it does with processes. A failed assertion and abort() are findings. A
 * process that the program forks is its own affair, until the schedule ends: the runtime lets go of it, and
 * notes that it has the program's descriptors. vfork() is fork() here: its child may close and duplicate
 * descriptors, which must not be taken for the program's. A program that becomes another one, or a daemon,
 * cannot be followed.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lockcheck/runtime/runtime.h"

#define MAX_ARGUMENTS 4096 /* of execl() and the like, in a process that is not controlled */

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

/* ---- other processes ---- */

bool lc_made_processes;

static void made_process(void)
{
    lc_made_processes = true;
    lc_descriptors_shared();
}

LC_EXPORT pid_t fork(void)
{
    pid_t child = LC_REAL(fork)();
    if (child == 0)
        lc.inside++; /* for good: nothing is controlled there */
    else if (child > 0 && lc_controlled())
        made_process();
    return child;
}

LC_EXPORT pid_t vfork(void)
{
    return fork();
}

LC_EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                          const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    int error = LC_REAL(posix_spawn)(pid, path, actions, attributes, argv, envp);
    if (!error && lc_controlled())
        made_process();
    return error;
}

LC_EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                           const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    int error = LC_REAL(posix_spawnp)(pid, file, actions, attributes, argv, envp);
    if (!error && lc_controlled())
        made_process();
    return error;
}

LC_EXPORT FILE *popen(const char *command, const char *type)
{
    FILE *stream = LC_REAL(popen)(command, type);
    if (stream && lc_controlled())
        made_process();
    return stream;
}

/* ---- what a schedule leaves running: the template adopts it and ends it ---- */

#define MAX_LEFTOVERS 64 /* ended at a time */
#define GRACE_MS 300     /* for a process that is about to end by itself */
#define GRACE_STEP_MS 10

static bool adopts;
static struct sigaction programs_sigchld;

void lc_leftovers_prepare(void)
{
    /* The template's children are not the program's: no handler of it is to wait for them. */
    struct sigaction plain = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &plain, &programs_sigchld);
    siginfo_t info;
    /* A program that has made processes before its checkpoint may need them in every schedule. */
    bool none = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
    adopts = none && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

void lc_leftovers_begin(void)
{
    if (programs_sigchld.sa_handler != SIG_DFL)
        sigaction(SIGCHLD, &programs_sigchld, NULL);
}

/* Waits for those that have ended. True when others are left. */
static bool some_are_left(void)
{
    long pid;
    do
        pid = lc_system_call(SYS_wait4, -1, 0, WNOHANG, 0);
    while (pid > 0 || pid == -EINTR);
    return pid == 0;
}

/* Returns how many there are. */
static int list_leftovers(pid_t pids[MAX_LEFTOVERS])
{
    int count = 0;
    FILE *list = fopen("/proc/thread-self/children", "re");
    while (list && count < MAX_LEFTOVERS && fscanf(list, "%d", &pids[count]) == 1)
        count++;
    if (list)
        fclose(list);
    return count;
}

/* The program itself, not another one that it has started. */
static bool is_the_program(pid_t pid)
{
    char path[32], its[PATH_MAX], ours[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    ssize_t n = readlink(path, its, sizeof its);
    return n > 0 && n == readlink("/proc/self/exe", ours, sizeof ours) && memcmp(its, ours, (size_t)n) == 0;
}

static bool program_goes_on(void)
{
    for (int ms = 0; ms < GRACE_MS && some_are_left(); ms += GRACE_STEP_MS) {
        pid_t pids[MAX_LEFTOVERS];
        bool goes_on = false;
        for (int count = list_leftovers(pids); count > 0; count--)
            goes_on |= is_the_program(pids[count - 1]);
        if (!goes_on)
            return false;
        struct timespec step = {.tv_nsec = GRACE_STEP_MS * 1000000};
        lc_system_call(SYS_nanosleep, (long)&step, 0, 0, 0);
    }
    return some_are_left();
}

void lc_leftovers_end(bool plainly)
{
    if (likely(!adopts || !some_are_left()))
        return;
    if (plainly && program_goes_on()) {
        lc.channel->outcome = LC_OUTCOME_UNCONTROLLED;
        strcpy(lc.channel->summary, "the program has ended, but a process that it has forked goes on in the "
                                    "background, and lockcheck cannot follow it there");
    }
    while (some_are_left()) {
        pid_t pids[MAX_LEFTOVERS];
        int count = list_leftovers(pids);
        if (!count)
            return; /* the system does not say which there are */
        while (count > 0)
            lc_system_call(SYS_kill, pids[--count], SIGKILL, 0, 0);
        lc_system_call(SYS_sched_yield, 0, 0, 0, 0);
    }
}

/* ---- what cannot be followed ---- */

LC_EXPORT int daemon(int no_chdir, int no_close)
{
    if (lc_controlled())
        lc_uncontrolled("{t%u} calls daemon(), and lockcheck cannot follow a program into the background",
                        lc_self->id);
    return LC_REAL(daemon)(no_chdir, no_close);
}

static void refuse_exec(const char *function, const char *file)
{
    if (lc_controlled())
        lc_uncontrolled("{t%u} calls %s() to become %s, and lockcheck cannot follow it", lc_self->id,
                        function, file ? file : "another program");
}

LC_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
    refuse_exec("execve", path);
    return LC_REAL(execve)(path, argv, envp);
}

LC_EXPORT int execv(const char *path, char *const argv[])
{
    refuse_exec("execv", path);
    return LC_REAL(execv)(path, argv);
}

LC_EXPORT int execvp(const char *file, char *const argv[])
{
    refuse_exec("execvp", file);
    return LC_REAL(execvp)(file, argv);
}

LC_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
    refuse_exec("execvpe", file);
    return LC_REAL(execvpe)(file, argv, envp);
}

LC_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
    refuse_exec("fexecve", NULL);
    return LC_REAL(fexecve)(fd, argv, envp);
}

LC_EXPORT int execveat(int directory, const char *path, char *const argv[], char *const envp[], int flags)
{
    refuse_exec("execveat", path);
    return LC_REAL(execveat)(directory, path, argv, envp, flags);
}

/* The arguments of a variadic one, with the NULL at their end. Returns what follows them when that is asked
 * for: the environment of execle(). */
static char *const *collect(char *argv[], const char *first, va_list arguments, bool environment)
{
    int n = 0;
    for (const char *word = first; word && n < MAX_ARGUMENTS - 1; word = va_arg(arguments, const char *))
        argv[n++] = (char *)word;
    argv[n] = NULL;
    return environment ? va_arg(arguments, char *const *) : NULL;
}

LC_EXPORT int execl(const char *path, const char *first, ...)
{
    refuse_exec("execl", path);
    char *argv[MAX_ARGUMENTS];
    va_list arguments;
    va_start(arguments, first);
    collect(argv, first, arguments, false);
    va_end(arguments);
    return LC_REAL(execv)(path, argv);
}

LC_EXPORT int execlp(const char *file, const char *first, ...)
{
    refuse_exec("execlp", file);
    char *argv[MAX_ARGUMENTS];
    va_list arguments;
    va_start(arguments, first);
    collect(argv, first, arguments, false);
    va_end(arguments);
    return LC_REAL(execvp)(file, argv);
}

LC_EXPORT int execle(const char *path, const char *first, ...)
{
    refuse_exec("execle", path);
    char *argv[MAX_ARGUMENTS];
    va_list arguments;
    va_start(arguments, first);
    char *const *environment = collect(argv, first, arguments, true);
    va_end(arguments);
    return LC_REAL(execve)(path, argv, environment);
}
