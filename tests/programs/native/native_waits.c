/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads that get stuck for certain, or only seem to, as the argument says. Two threads, left and right,
 * meet at a barrier when each has taken what it takes first.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lockcheck.h>

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_rwlock_t table = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t fair = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_spinlock_t spin;
static pthread_barrier_t both;
static pthread_t main_thread;
static const char *way;
static int *volatile nowhere = (int *)8;

static void wait_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static struct timespec in_ms(long ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += (t.tv_nsec / 1000000 + ms) / 1000;
    t.tv_nsec = (t.tv_nsec / 1000000 + ms) % 1000 * 1000000;
    return t;
}

static void meet(void)
{
    pthread_barrier_wait(&both);
}

/* ---- both get stuck ---- */

static void mutexes_left(void)
{
    pthread_mutex_lock(&first);
    meet();
    pthread_mutex_lock(&second);
}

static void mutexes_right(void)
{
    pthread_mutex_lock(&second);
    meet();
    pthread_mutex_lock(&first);
}

static void spin_left(void)
{
    pthread_mutex_lock(&first);
    meet();
    pthread_spin_lock(&spin);
}

static void spin_right(void)
{
    pthread_spin_lock(&spin);
    meet();
    pthread_mutex_lock(&first);
}

static void readers_left(void)
{
    pthread_rwlock_rdlock(&table);
    meet();
    pthread_mutex_lock(&first);
}

static void readers_right(void)
{
    pthread_mutex_lock(&first);
    meet();
    pthread_rwlock_wrlock(&table);
}

static void second_read_left(void)
{
    pthread_rwlock_rdlock(&fair);
    meet();
    wait_ms(100); /* for the writer to be there */
    pthread_rwlock_rdlock(&fair);
}

static void second_read_right(void)
{
    meet();
    pthread_rwlock_wrlock(&fair);
}

/* The signal has come; what left waits for is the mutex. */
static void signalled_left(void)
{
    pthread_mutex_lock(&second);
    pthread_mutex_lock(&first);
    meet();
    pthread_cond_wait(&changed, &first);
}

static void signalled_right(void)
{
    meet();
    pthread_mutex_lock(&first);
    pthread_cond_signal(&changed);
    pthread_mutex_lock(&second);
}

static void initialise(void)
{
    meet();
    pthread_mutex_lock(&first);
}

static void once_left(void)
{
    pthread_once(&once, initialise);
}

static void once_right(void)
{
    pthread_mutex_lock(&first);
    meet();
    pthread_once(&once, initialise);
}

static void join_left(void)
{
    pthread_join(main_thread, NULL);
}

static void forget_signal(void)
{
    pthread_mutex_lock(&first);
    pthread_cond_wait(&changed, &first);
}

/* ---- neither does ---- */

static void timed_left(void)
{
    pthread_mutex_lock(&first);
    meet();
    struct timespec until = in_ms(300);
    assert(pthread_mutex_timedlock(&second, &until) == ETIMEDOUT);
    pthread_mutex_unlock(&first);
}

static void try_left(void)
{
    pthread_mutex_lock(&first);
    meet();
    for (int i = 0; i < 60 && pthread_mutex_trylock(&second) != 0; i++)
        wait_ms(5);
    pthread_mutex_unlock(&first);
}

static void patient_right(void)
{
    pthread_mutex_lock(&second);
    meet();
    pthread_mutex_lock(&first);
    pthread_mutex_unlock(&first);
    pthread_mutex_unlock(&second);
}

static void recursive_left(void)
{
    for (int i = 0; i < 300000; i++) {
        pthread_mutex_lock(&recursive);
        pthread_mutex_lock(&recursive);
        pthread_mutex_unlock(&recursive);
        pthread_mutex_unlock(&recursive);
    }
}

/* Everybody waits, but an alarm will post. */
static sem_t rung;
static void ring(int signal)
{
    (void)signal;
    sem_post(&rung);
}

static void alarm_left(void)
{
    sem_init(&rung, 0, 0);
    signal(SIGALRM, ring);
    alarm(1);
    while (sem_wait(&rung) != 0)
        ;
}

static void *cancelled(void *argument)
{
    forget_signal();
    return argument;
}

/* What a thread that was cancelled in its wait held and waited for is no longer so. */
static void cancel_left(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, cancelled, NULL);
    wait_ms(50);
    pthread_cancel(thread);
    pthread_join(thread, NULL);
    wait_ms(100);
}

static const struct {
    const char *way;
    void (*left)(void), (*right)(void);
} ways[] = {
    {"mutexes", mutexes_left, mutexes_right},
    {"spin", spin_left, spin_right},
    {"readers", readers_left, readers_right},
    {"second-read", second_read_left, second_read_right},
    {"signalled", signalled_left, signalled_right},
    {"once", once_left, once_right},
    {"join", join_left, NULL},
    {"lost-signal", forget_signal, NULL},
    {"timed", timed_left, patient_right},
    {"try", try_left, patient_right},
    {"recursive", recursive_left, recursive_left},
    {"alarm", alarm_left, NULL},
    {"cancel", cancel_left, NULL},
};

static void *left(void *argument)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(way, ways[i].way) == 0)
            ways[i].left();
    return argument;
}

static void *right(void *argument)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(way, ways[i].way) == 0 && ways[i].right)
            ways[i].right();
    return argument;
}

/* In main's thread. */
static void alone(void)
{
    static sem_t bell;
    if (strcmp(way, "self") == 0) {
        pthread_mutex_lock(&first);
        pthread_mutex_lock(&first);
    } else if (strcmp(way, "upgrade") == 0) {
        pthread_rwlock_rdlock(&table);
        pthread_rwlock_wrlock(&table);
    } else if (strcmp(way, "named") == 0) {
        sem_init(&bell, 0, 0);
        lockcheck_name_thread("the sleeper");
        lockcheck_name_object(&bell, "semaphore", "the bell");
        lockcheck_outstanding("letters", 2);
        sem_wait(&bell);
    } else if (strcmp(way, "sleep") == 0) {
        puts(sleep(3) == 0 ? "slept" : "woken");
    } else if (strcmp(way, "read") == 0) {
        char c;
        int ends[2];
        if (pipe(ends) == 0 && read(ends[0], &c, 1) == 1)
            puts("read");
    } else if (strcmp(way, "status") == 0) {
        exit(7);
    } else if (strcmp(way, "crash") == 0) {
        *nowhere = 1;
    } else if (strcmp(way, "assert") == 0) {
        assert(way == NULL);
    } else if (strcmp(way, "finding") == 0) {
        lockcheck_finding("dma-fault", "the card reads where nothing is");
    } else if (strcmp(way, "fork") == 0) {
        pthread_mutex_lock(&first);
        if (fork() == 0)
            alone(); /* of its copy, which is held */
        wait(NULL);
    } else if (strcmp(way, "exec") == 0) {
        execl("/proc/self/exe", "native_waits", "self", (char *)NULL);
    }
}

int main(int argc, char *argv[])
{
    way = argc > 1 ? argv[1] : "";
    main_thread = pthread_self();
    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    pthread_barrier_init(&both, NULL, 2);
    alone();
    pthread_t threads[2];
    bool main_ends = strcmp(way, "main-ends") == 0;
    way = main_ends ? "mutexes" : way;
    pthread_create(&threads[0], NULL, left, NULL);
    pthread_create(&threads[1], NULL, right, NULL);
    if (main_ends)
        pthread_exit(NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return 0;
}
