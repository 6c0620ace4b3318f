/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread takes a normal mutex that it holds already: a deadlock of one, in every schedule. */
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int depth;

static void enter(int more)
{
    pthread_mutex_lock(&mutex);
    depth++;
    if (more > 0)
        enter(more - 1);
    depth--;
    pthread_mutex_unlock(&mutex);
}

int main(void)
{
    enter(1);
    return 0;
}
