/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit semaphores under fire: timed downs whose time may be over at any moment of an up, followed by waits
 * for other semaphores. Correct, and ends with 0, if the generation named by the argument keeps its tokens.
 */
#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#include <ddekit/ddekit.h>
#include <ddekit/debug.h>
#include <ddekit/semaphore.h>
#include <ddekit/sync.h>
#include <ddekit/thread.h>
#include "harness/machine/machine.h"

#define GIVERS 2
#define TAKERS 2
#define TOKENS_EACH 3

static ddekit_sem_t *tokens, *questions, *answers, *finished;
static _Atomic int taken;

static void give(void *unused)
{
    (void)unused;
    for (int i = 0; i < TOKENS_EACH; i++)
        ddekit_sem_up(tokens);
    ddekit_sem_up(finished);
}

/* Takes a token, with short waits, and then waits for an answer, which is a wait at another semaphore. */
static void take(void *unused)
{
    (void)unused;
    for (int i = 0; i < TOKENS_EACH; i++) {
        while (ddekit_sem_down_timed(tokens, 1)) {
        }
        taken++;
        ddekit_sem_up(questions);
        ddekit_sem_down(answers);
    }
    ddekit_sem_up(finished);
}

static void answer(void *unused)
{
    (void)unused;
    for (int i = 0; i < TAKERS * TOKENS_EACH; i++) {
        ddekit_sem_down(questions);
        ddekit_sem_up(answers);
    }
    ddekit_sem_up(finished);
}

static ddekit_sem_t *named_semaphore(const char *name)
{
    ddekit_sem_t *sem = ddekit_sem_init(0);

    ddekit_sem_set_name(sem, name);
    return sem;
}

int main(int argc, char **argv)
{
    if (argc != 2 || ddekit_sync_select(argv[1])) {
        fprintf(stderr, "usage: ddekit_semaphores legacy|drain|posix\n");
        return 2;
    }
    machine_init();
    ddekit_init();
    tokens = named_semaphore("tokens");
    questions = named_semaphore("questions");
    answers = named_semaphore("answers");
    finished = named_semaphore("finished");
    machine_boot_finished();

    for (int i = 0; i < TAKERS; i++)
        ddekit_thread_create(take, NULL, "taker");
    for (int i = 0; i < GIVERS; i++)
        ddekit_thread_create(give, NULL, "giver");
    ddekit_thread_create(answer, NULL, "answerer");
    for (int i = 0; i < TAKERS + GIVERS + 1; i++)
        ddekit_sem_down(finished);

    assert(taken == GIVERS * TOKENS_EACH);
    assert(ddekit_sem_down_try(tokens));
    assert(ddekit_sem_down_try(questions));
    assert(ddekit_sem_down_try(answers));
    return 0;
}
