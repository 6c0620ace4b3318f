# SPDX-License-Identifier: GPL-2.0-or-later
"""What lockcheck does not control is named: exit code 3, a sentence, and where there is one the place. Never a hang."""

from __future__ import annotations

import os
import pathlib

import pytest

from conftest import command_path, run_command
from test_tool_usage import compile_c

HEAD = """
    #define _GNU_SOURCE
    #include <lockcheck.h>
    #include <pthread.h>
    #include <signal.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <sys/syscall.h>
    #include <sys/time.h>
    #include <sys/wait.h>
    #include <unistd.h>
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static void *work(void *a) { pthread_mutex_lock(&mutex); pthread_mutex_unlock(&mutex); return a; }
    static void *nothing(void *a) { return a; }
    static void threads(void)
    {
        pthread_t t, u;
        pthread_create(&t, 0, work, 0), pthread_create(&u, 0, work, 0);
        pthread_join(t, 0), pthread_join(u, 0);
    }
"""


def build(tmp_path: pathlib.Path, body: str, *options: str) -> pathlib.Path:
    return compile_c(HEAD + body, tmp_path / "program", "-w", "-pthread", *options)


@pytest.mark.parametrize(
    ("body", "message", "place"),
    [
        ("threads(); return daemon(0, 0);", "main calls daemon()", "main ("),
        ('threads(); execlp("true", "true", NULL);', "main calls execlp() to become true", "main ("),
        ('char *v[] = {"true", NULL}; execv("/bin/true", v);', "main calls execv() to become /bin/true", "main ("),
        ("if (fork()) return 0; threads(); for (;;) usleep(1000);", "goes on in the background", None),
        ("if (fork()) _exit(0); setsid(); if (fork()) _exit(0); sleep(60);", "goes on in the background", None),
        ("alarm(1); pause();", "main calls alarm()", "main ("),
        ('threads(); system("sleep 60");', "main is blocked in a system call", "main ("),
        ("raise(SIGSTOP);", "main is blocked in a system call", "main ("),
        ("for (;;) ;", "main has run for a second of processor time", "main ("),
        (
            "sigset_t all; sigfillset(&all); sigprocmask(SIG_BLOCK, &all, 0); threads(); for (;;) ;",
            "main has run for a second of processor time",
            "main (",
        ),
        (
            "for (int i = 0; i < 5000; i++) { pthread_t t; pthread_create(&t, 0, nothing, 0); pthread_join(t, 0); }",
            "main makes thread number 4096, and lockcheck controls 4095 in one execution",
            "main (",
        ),
    ],
)
def test_it_is_named_with_its_place(body, message, place, lockcheck, tmp_path) -> None:
    program = build(tmp_path, f"int main(void) {{ {body} return 0; }}")
    outcome = lockcheck("explore", "--schedules", 50, "--", program, timeout=30)
    assert outcome.code == 3, outcome.text
    assert message in outcome.stderr, outcome.text
    assert place is None or place in outcome.stderr, outcome.text
    assert outcome.result["verdict"] == "error"
    assert outcome.result["error"]["kind"] == "uncontrolled"


def test_a_wait_for_another_process_is_no_hang(lockcheck, tmp_path) -> None:
    body = """
        #include <semaphore.h>
        #include <sys/mman.h>
        int main(int argc, char **argv)
        {
            sem_t *s = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
            sem_init(s, 1, 0);
            if (argc == 1 && !fork())
                sem_post(s), _exit(0);
            threads();
            sem_wait(s);
            return 0;
        }
    """
    program = build(tmp_path, body)
    outcome = lockcheck("explore", "--", program)
    assert outcome.code == 3, outcome.text
    assert "nothing can run: main waits for semaphore" in outcome.stderr, outcome.text
    assert "which the program shares with a process that it has made" in outcome.stderr
    assert "in main:\n    sem_wait\n    main (" in outcome.stderr, outcome.text
    # Where there is no other process, it is one.
    outcome = lockcheck("explore", "--", program, "alone")
    assert outcome.code == 1 and outcome.result["findings"][0]["kind"] == "hang", outcome.text


@pytest.mark.parametrize("wait", ["pause()", "sigwait(&set, &sig)", "sigsuspend(&set)"])
def test_a_wait_for_a_signal_from_outside_is_no_hang(wait, lockcheck, tmp_path) -> None:
    body = f"""
        int main(int argc, char **argv)
        {{
            sigset_t set;
            int sig;
            sigemptyset(&set), sigaddset(&set, SIGTERM);
            signal(SIGUSR1, SIG_IGN);
            threads();
            if (argc > 1)
                raise(SIGUSR1);
            {wait};
            return 0;
        }}
    """
    program = build(tmp_path, body)
    outcome = lockcheck("explore", "--", program)
    assert outcome.code == 3, outcome.text
    assert "nothing can run: main waits for a signal, and the program sends none" in outcome.stderr, outcome.text
    # One that sends signals itself has lost one.
    outcome = lockcheck("explore", "--", program, "sends")
    assert outcome.code == 1, outcome.text
    [finding] = outcome.result["findings"]
    assert finding["kind"] == "hang" and "main waits for a signal that will never come" in finding["summary"]


def test_signals_to_the_group_of_the_program_do_not_reach_what_it_was_forked_from(lockcheck, tmp_path) -> None:
    body = """
        static volatile int handled;
        static void handler(int s) { handled++; }
        int main(void)
        {
            signal(SIGUSR1, handler);
            threads();
            kill(0, SIGUSR1), killpg(getpgrp(), SIGUSR1);
            return handled != 2;
        }
    """
    outcome = lockcheck("explore", "--schedules", 50, "--", build(tmp_path, body))
    assert outcome.code == 0, outcome.text


OPENMP = """
    int main(void)
    {
        int sum = 0;
        #pragma omp parallel for reduction(+ : sum) num_threads(3)
        for (int i = 0; i < 100; i++)
            sum += i;
        return sum != 4950;
    }
"""


def test_gccs_openmp_is_named_and_llvms_is_controlled(lockcheck, tmp_path) -> None:
    program = build(tmp_path, OPENMP, "-fopenmp")
    outcome = lockcheck("explore", "--", program, timeout=30)
    assert outcome.code == 3, outcome.text
    assert "libgomp" in outcome.stderr and "LD_PRELOAD=libomp.so.5" in outcome.stderr, outcome.text

    # The advice is good, where that library is.
    env = {**os.environ, "LD_PRELOAD": "libomp.so.5"}
    if "cannot be preloaded" in run_command(["/bin/true"], env=env).stderr:
        pytest.skip("no libomp.so.5")
    outcome = lockcheck("explore", "--schedules", 100, "--", program, env=env)
    assert outcome.code == 0, outcome.text
    assert outcome.result["distinct"] > 50


def test_a_daemon_before_the_checkpoint_is_no_clean_program(lockcheck, tmp_path) -> None:
    body = "int main(void) { if (fork()) return 0; setsid(); lockcheck_checkpoint(); threads(); sleep(60); return 0; }"
    outcome = lockcheck("explore", "--", build(tmp_path, body), timeout=30)
    assert outcome.code == 3 and "before it called lockcheck_checkpoint()" in outcome.stderr, outcome.text


@pytest.mark.parametrize("command", ["sleep 94611 &", "setsid sleep 94611 &"])
def test_what_a_schedule_leaves_running_ends_with_it(command, lockcheck, tmp_path) -> None:
    program = build(tmp_path, f'int main(void) {{ threads(); return system("{command}"); }}')
    outcome = lockcheck("explore", "--schedules", 20, "--", program)
    assert outcome.code == 0, outcome.text
    assert "sleep 94611" not in run_command(["ps", "-eo", "args"]).stdout


def test_a_process_that_is_about_to_end_is_awaited(lockcheck, tmp_path) -> None:
    body = "int main(void) { if (!fork()) { syscall(SYS_poll, 0, 0, 50); _exit(0); } threads(); return 0; }"
    outcome = lockcheck("explore", "--schedules", 20, "--", build(tmp_path, body))
    assert outcome.code == 0, outcome.text


@pytest.mark.parametrize("handler", ["SIG_IGN", "reap"])
def test_a_program_that_looks_after_its_children_before_the_checkpoint(handler, lockcheck, tmp_path) -> None:
    body = f"""
        static volatile int reaped;
        static void reap(int s) {{ while (waitpid(-1, 0, WNOHANG) > 0) reaped++; }}
        int main(void)
        {{
            signal(SIGCHLD, {handler});
            lockcheck_checkpoint();
            if (!fork())
                _exit(0);
            for (int i = 0; i < 100000 && !reaped && {handler} == reap; i++)
                usleep(1000);
            threads();
            return {handler} == reap ? reaped != 1 : waitpid(-1, 0, 0) != -1;
        }}
    """
    outcome = lockcheck("explore", "--schedules", 20, "--", build(tmp_path, body))
    assert outcome.code == 0, outcome.text


def test_the_command_may_have_been_started_to_ignore_its_children(program, out) -> None:
    words = f"trap '' CHLD; exec {command_path('lockcheck')} explore --schedules 20 --out {out} -- {program('abba')}"
    outcome = run_command(["bash", "-c", words])
    assert outcome.code == 1, outcome.text
