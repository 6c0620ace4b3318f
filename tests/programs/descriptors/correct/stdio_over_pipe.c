/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The C library writes to a pipe inside of itself, where no interposer sees it; the reader gets it all the
 * same. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

static int ends[2];

static void *speak(void *unused)
{
    (void)unused;
    FILE *out = fdopen(ends[1], "w");
    for (int i = 0; i < 3; i++) {
        fprintf(out, "line %d\n", i);
        fflush(out);
    }
    fclose(out);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    char text[64];
    size_t length = 0;
    assert(pipe(ends) == 0);
    pthread_create(&thread, NULL, speak, NULL);
    for (ssize_t n; (n = read(ends[0], text + length, sizeof text - length)) > 0;)
        length += (size_t)n;
    assert(length == 3 * 7);
    pthread_join(thread, NULL);
    return 0;
}
