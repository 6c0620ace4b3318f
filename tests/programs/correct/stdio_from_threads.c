/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads that print through one stream: each line stays whole. */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static FILE *stream;

static void *worker(void *argument)
{
    const char *word = argument;
    for (int i = 0; i < 2; i++) {
        fprintf(stream, "%s\n", word);
        sched_yield();
    }
    return NULL;
}

int main(void)
{
    static char text[4096];
    static const char *words[] = {"one", "three", "seven"};
    pthread_t threads[3];
    size_t total = 0;

    stream = fmemopen(text, sizeof text, "w");
    assert(stream);
    for (int i = 0; i < 3; i++)
        assert(pthread_create(&threads[i], NULL, worker, (void *)words[i]) == 0);
    for (int i = 0; i < 3; i++)
        assert(pthread_join(threads[i], NULL) == 0);
    assert(fclose(stream) == 0);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        assert(!strcmp(line, "one") || !strcmp(line, "three") || !strcmp(line, "seven"));
        total += strlen(line);
    }
    assert(total == 2 * (3 + 5 + 5));
    return 0;
}
