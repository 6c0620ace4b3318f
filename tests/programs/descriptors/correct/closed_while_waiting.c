/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A read() that waits keeps its pipe although the descriptor is closed meanwhile, and its number means
 * another pipe: one thread reads what comes in the first. Where it comes too late for that, it reads from the
 * second. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static int first[2];
static char got;

static void *reader(void *unused)
{
    (void)unused;
    char byte;
    assert(read(first[0], &byte, 1) == 1);
    got = byte;
    return NULL;
}

int main(void)
{
    pthread_t thread;
    int second[2], keep;
    assert(pipe(first) == 0 && pipe(second) == 0);
    pthread_create(&thread, NULL, reader, NULL);
    keep = dup(first[0]);
    assert(dup2(second[0], first[0]) == first[0]);
    assert(write(first[1], "1", 1) == 1);
    assert(write(second[1], "2", 1) == 1);
    pthread_join(thread, NULL);
    char byte;
    assert(got == '1' || got == '2');
    assert(read(got == '1' ? second[0] : keep, &byte, 1) == 1 && byte == (got == '1' ? '2' : '1'));
    return 0;
}
