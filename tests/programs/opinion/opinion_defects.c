/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For checkers of other projects: each has the same to find in a run of its own, whatever the schedule. The
 * argument says what.
 *
 * - race, heap-race: two threads write to a global variable, to a block of memory, without a lock
 * - order: two locks in two orders, one after the other
 * - unlock: of what another thread holds
 * - destroy: of what is held
 * - clean: a lock where one is needed
 * - semaphore, message, interrupt, hand-over: ordered by what no checker sees, and what lockcheck.h tells
 * - semaphore-untold: the same without telling
 * - atomic, fence: ordered by a flag that is atomic, with a release and an acquire, or fences
 * - relaxed: the flag alone
 * - named: a race on a heap object with a name, by threads with names
 * - finding: what the program itself reports
 * - status, abort: how it ends
 * - hang: it does not
 * - killed: by a child, after a race
 * - exec: it becomes another program
 * - fork: its child has the race
 */
#include <assert.h>
#include <lockcheck.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static int counter, *block;
static const char *way;
static int told;

static int is(const char *name)
{
    return strcmp(way, name) == 0;
}

/* Ordered by the kernel, and by calls that no checker sees. */
static int signal_pipe[2];

static void wait_for_other(void)
{
    char byte;
    assert(syscall(SYS_read, signal_pipe[0], &byte, 1) == 1);
}

static void wake_other(void)
{
    assert(syscall(SYS_write, signal_pipe[1], "", 1) == 1);
}

static void *write_counter(void *unused)
{
    counter++;
    return unused;
}

static void *write_block(void *name)
{
    if (name)
        lockcheck_name_thread(name);
    block[1]++;
    return NULL;
}

static void *count_locked(void *unused)
{
    pthread_mutex_lock(&first);
    counter++;
    pthread_mutex_unlock(&first);
    return unused;
}

static void *take_both(void *unused)
{
    pthread_mutex_lock(&first);
    pthread_mutex_lock(&second);
    pthread_mutex_unlock(&second);
    pthread_mutex_unlock(&first);
    return unused;
}

static void *unlock_first(void *unused)
{
    pthread_mutex_unlock(&first);
    return unused;
}

static void *give(void *unused)
{
    if (is("interrupt"))
        lockcheck_event(LOCKCHECK_IRQ_ENTER, NULL, 11);
    counter = 1;
    if (is("interrupt"))
        lockcheck_event(LOCKCHECK_IRQ_EXIT, NULL, 11);
    else if (is("message"))
        lockcheck_event(LOCKCHECK_MSG_SEND, &first, 4711);
    else if (is("hand-over"))
        lockcheck_event(LOCKCHECK_HAND_OVER, &counter, 0);
    else if (told)
        lockcheck_event(LOCKCHECK_SEM_UP_BEGIN, signal_pipe, 0);
    wake_other();
    return unused;
}

static void *take(void *unused)
{
    wait_for_other();
    if (is("interrupt"))
        lockcheck_event(LOCKCHECK_IRQ_ENTER, NULL, 11);
    else if (is("message"))
        lockcheck_event(LOCKCHECK_MSG_RECEIVE, &first, 4711);
    else if (is("hand-over"))
        lockcheck_event(LOCKCHECK_HAND_OVER, &counter, 0);
    else if (told)
        lockcheck_event(LOCKCHECK_SEM_DOWN_END, signal_pipe, 0);
    counter++;
    return unused;
}

static atomic_int flag;

/* The pipe only lets the flag be read when it is set. */
static void *raise_flag(void *unused)
{
    counter = 1;
    if (is("fence"))
        atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&flag, 1, is("atomic") ? memory_order_release : memory_order_relaxed);
    wake_other();
    return unused;
}

static void *see_flag(void *unused)
{
    wait_for_other();
    assert(atomic_load_explicit(&flag, is("atomic") ? memory_order_acquire : memory_order_relaxed) == 1);
    if (is("fence"))
        atomic_thread_fence(memory_order_acquire);
    counter++;
    return unused;
}

static void run_two(void *(*one)(void *), void *(*other)(void *), void *argument, void *other_argument)
{
    pthread_t threads[2];
    assert(pthread_create(&threads[0], NULL, one, argument) == 0);
    assert(pthread_create(&threads[1], NULL, other, other_argument) == 0);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
}

static void run_one(void *(*function)(void *))
{
    pthread_t thread;
    assert(pthread_create(&thread, NULL, function, NULL) == 0);
    pthread_join(thread, NULL);
}

static int go(void)
{
    if (is("race")) {
        run_two(write_counter, write_counter, NULL, NULL);
    } else if (is("heap-race")) {
        run_two(write_block, write_block, NULL, NULL);
    } else if (is("named")) {
        lockcheck_name_object(&block[1], "account", "the account of Alice");
        run_two(write_block, write_block, "ada", "grace");
    } else if (is("order")) {
        run_one(take_both);
        pthread_mutex_lock(&second);
        pthread_mutex_lock(&first);
        pthread_mutex_unlock(&first);
        pthread_mutex_unlock(&second);
    } else if (is("unlock")) {
        pthread_mutex_lock(&first);
        run_one(unlock_first);
    } else if (is("destroy")) {
        pthread_mutex_lock(&first);
        pthread_mutex_destroy(&first);
    } else if (is("clean")) {
        run_two(count_locked, count_locked, NULL, NULL);
    } else if (is("finding")) {
        lockcheck_finding("dma-fault", "the card wrote where it must not");
    } else if (is("status")) {
        return 7;
    } else if (is("abort")) {
        abort();
    } else if (is("hang")) {
        pause();
    } else if (is("killed")) {
        run_two(write_counter, write_counter, NULL, NULL);
        if (fork() == 0)
            kill(getppid(), SIGKILL);
        wait(NULL);
    } else if (is("exec")) {
        execl("/bin/true", "true", (char *)NULL);
    } else if (is("fork")) {
        if (fork() == 0) {
            run_two(write_counter, write_counter, NULL, NULL);
            _exit(0);
        }
        wait(NULL);
    } else if (is("atomic") || is("fence") || is("relaxed")) {
        run_two(raise_flag, see_flag, NULL, NULL);
    } else {
        told = !strstr(way, "untold");
        run_two(give, take, NULL, NULL);
    }
    return 0;
}

int main(int argc, char *argv[])
{
    way = argc > 1 ? argv[1] : "clean";
    block = calloc(4, sizeof *block);
    assert(block && pipe(signal_pipe) == 0);
    int status = go();
    puts("came to its end");
    free(block);
    return status;
}
