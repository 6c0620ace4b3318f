# SPDX-License-Identifier: GPL-2.0-or-later
"""Schedules run in batches, and nobody can tell: what one of them does is that one's, and limits hold."""

from __future__ import annotations

import resource

import pytest

from test_tool_usage import compile_c

# Three threads come in some order, twice; after one of the 36 pairs of orders the program does ACT.
ORDERS = """
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int order;
static void *come(void *number)
{
    pthread_mutex_lock(&mutex);
    order = order * 10 + (int)(long)number;
    pthread_mutex_unlock(&mutex);
    return NULL;
}
int main(void)
{
    for (int round = 0; round < 2; round++) {
        pthread_t threads[3];
        for (long i = 0; i < 3; i++)
            pthread_create(&threads[i], NULL, come, (void *)(i + 1));
        for (int i = 0; i < 3; i++)
            pthread_join(threads[i], NULL);
    }
    if (order == 132213)
        ACT;
    return 0;
}
"""


@pytest.mark.parametrize(
    ("act", "code", "kind", "told"),
    [
        ("for (;;)", 3, "uncontrolled", "has run for a second of processor time"),
        ("for (;;) pause()", 3, "uncontrolled", "waits for a signal, and the program sends none"),
        ("raise(SIGKILL)", 1, "crash", "signal 9"),
        ("_exit(3)", 1, "assertion", "status 3"),
        # The schedule dies some time after its parent, and must not get to its next step till then.
        ("{ kill(getppid(), SIGKILL); for (;;); }", 3, "internal", "from which schedules are forked"),
    ],
)
def test_what_a_schedule_in_the_midst_of_a_batch_does_is_its_own(act, code, kind, told, lockcheck, tmp_path) -> None:
    program = compile_c(ORDERS.replace("ACT", act), tmp_path / "program")
    seen = []
    for jobs in (1, 2):
        outcome = lockcheck("explore", "--strategy", "random", "--seed", 4, "--jobs", jobs, "--", program)
        assert outcome.code == code, outcome.text
        result = outcome.result
        what = result["error"] if code == 3 else result["findings"][0]
        assert what["kind"] == kind and told in what["summary"], outcome.text
        seen.append((what["first_schedule"], result["schedules"], result["steps"]))
    assert seen[0] == seen[1]
    assert seen[0][0] == seen[0][1] > 8


def test_findings_of_a_batch_are_all_counted(lockcheck, tmp_path) -> None:
    program = compile_c(ORDERS.replace("ACT", "_exit(3)"), tmp_path / "program")
    seen = []
    for jobs in (1, 2):
        outcome = lockcheck("explore", "--strategy", "random", "--keep-going", "--schedules", 1000, "--jobs", jobs, "--", program)
        result = outcome.result
        assert (outcome.code, result["schedules"]) == (1, 1000), outcome.text
        [finding] = result["findings"]
        seen.append((finding["count"], finding["first_schedule"], result["steps"], result["distinct"]))
    assert seen[0] == seen[1]
    assert 10 < seen[0][0] < 60


def test_a_limit_of_time_does_not_wait_for_a_batch(lockcheck, tmp_path) -> None:
    """The first schedules are short, and the batches large; then each takes a fifth of a second."""
    source = """
    #include <fcntl.h>
    #include <time.h>
    #include <unistd.h>
    #include <sys/syscall.h>
    int main(void)
    {
        char bytes[300];
        int fd = open("count", O_RDWR | O_CREAT | O_APPEND, 0600);
        write(fd, ".", 1);
        struct timespec moment = {.tv_nsec = 200000000};
        if (pread(fd, bytes, sizeof bytes, 0) == sizeof bytes)
            syscall(SYS_nanosleep, &moment, NULL);
        return 0;
    }
    """
    program = compile_c(source, tmp_path / "program")
    outcome = lockcheck("explore", "--time", 2, "--jobs", 1, "--", program, cwd=tmp_path)
    assert outcome.code == 0, outcome.text
    assert outcome.result["schedules"] > 300
    assert outcome.result["seconds"] < 25


# Each schedule finds everything as it was at the checkpoint, whatever the one before has done to it.
UNTOUCHED = """
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
static int number = 7;
static char zeros[3 << 20];
static __thread int own = 3;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
#define PLACE ((void *)0x10000000)
static char *kept; /* from before the checkpoint */
static void *program_break;
static struct {
    int runs, lowest;
    char *block; /* where the first block of the heap was */
} *all;          /* shared by all processes; the first runs only count the threads */
static int lowest;
static char path[4096];
static sigset_t set;
static struct sigaction action;
__attribute__((constructor)) static void before(void)
{
    kept = strcpy(malloc(64), "kept");
    all = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    program_break = sbrk(0);
}
static void late(void)
{
    number += 1000;
}
static void must(int good, const char *what)
{
    if (!good) {
        dprintf(2, "not as it was: %s\\n", what);
        _exit(3);
    }
}
__attribute__((noinline)) static void deep(int depth)
{
    volatile char frame[4096];
    memset((char *)frame, depth, sizeof frame);
    if (depth < 60)
        deep(depth + 1);
    must(frame[17] == depth, "the stack");
}
static void *work(void *unused)
{
    must(own == 3, "thread-local storage");
    own = 4;
    pthread_mutex_lock(&mutex);
    number++;
    pthread_mutex_unlock(&mutex);
    volatile char *rest = malloc(100);
    rest[0] = 1;
    fesetround(FE_UPWARD);
    return unused;
}
int main(void)
{
    must(number == 7, "initialised data");
    for (size_t i = 0; i < sizeof zeros; i += 4096)
        must(zeros[i] == 0, "zero-initialised data");
    must(own == 3, "the main thread's thread-local storage");
    must(strcmp(kept, "kept") == 0, "the heap");
    must(fegetround() == FE_TONEAREST, "the rounding mode");
    char *here = malloc(5000);
    must(all->runs++ < 2 || all->block == here, "the allocator");
    all->block = here;
    CHECK;
    strcpy(kept, "lost");
    number = 8;
    for (size_t i = 0; i < sizeof zeros; i += 40960)
        zeros[i] = 1;
    own = 5;
    atexit(late);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    deep(0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    must(number == 8 + THREADS, "the sum");
    fesetround(FE_DOWNWARD);
    CHANGE;
    return 0;
}
"""


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("0", "(void)0"),
        ("must(strcmp(getcwd(path, sizeof path), \"/\") != 0, \"the directory\")", "must(chdir(\"/\") == 0, \"chdir\")"),
        ("must(fcntl(9, F_GETFD) < 0, \"descriptors\")", "must(dup2(1, 9) == 9, \"dup2\")"),
        ("(lowest = dup(0), must(all->runs < 3 || lowest == all->lowest, \"the lowest free descriptor\"), all->lowest = lowest)", "(void)0"),
        ("must(signal(SIGUSR1, SIG_IGN) == SIG_DFL, \"signal handlers\")", "(void)0"),
        ("must(sbrk(0) == program_break, \"the break\")", "must(sbrk(1 << 20) != (void *)-1, \"sbrk\")"),
        ("must(sbrk(0) == program_break, \"the break\")", "must(malloc(100 << 10) && malloc(100 << 10), \"malloc\")"),
        ("(void)0", "free(calloc(1, 9 << 20))"),
        ("must(mmap(PLACE, 4096, 3, MAP_FIXED_NOREPLACE | MAP_PRIVATE | MAP_ANON, -1, 0) == PLACE, \"maps\")", "(void)0"),
        ("must(umask(077) != 077, \"umask\")", "(void)0"),
        ("(sigprocmask(0, NULL, &set), must(!sigismember(&set, SIGSYS), \"the mask\"))", "(sigfillset(&set), sigprocmask(SIG_SETMASK, &set, NULL), getppid())"),
        ("(sigaction(SIGSYS, NULL, &action), must(action.sa_handler != SIG_IGN, \"SIGSYS\"))", "(signal(SIGSYS, SIG_IGN), raise(SIGSYS))"),
    ],
)
@pytest.mark.parametrize("threads", [1, 3])
def test_each_schedule_begins_at_the_checkpoint(check, change, threads, lockcheck, tmp_path) -> None:
    source = UNTOUCHED.replace("THREADS", str(threads)).replace("CHECK", check).replace("CHANGE", change)
    program = compile_c(source, tmp_path / "program", "-lm")
    outcome = lockcheck("explore", "--strategy", "random", "--schedules", 300, "--jobs", 1, "--", program)
    assert outcome.code == 0 and outcome.result["schedules"] == 300, outcome.text


def test_a_process_runs_many_schedules_where_it_makes_no_system_call(lockcheck, tmp_path) -> None:
    """A new process begins with faults for all that it touches, which the system counts."""
    faults = []
    for act in ("(void)0", "getppid()"):
        program = compile_c(ORDERS.replace("if (order == 132213)", "").replace("ACT", act), tmp_path / "program")
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
        outcome = lockcheck("explore", "--strategy", "random", "--schedules", 3000, "--jobs", 1, "--", program)
        assert (outcome.code, outcome.result["schedules"]) == (0, 3000), outcome.text
        faults.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt - before)
    assert faults[0] * 4 < faults[1] > 10 * 3000
