# SPDX-License-Identifier: GPL-2.0-or-later
"""Schedules run in batches, and nobody can tell: what one of them does is that one's, and limits hold."""

from __future__ import annotations

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
