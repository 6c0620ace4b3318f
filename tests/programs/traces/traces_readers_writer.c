/* SPDX-License-Identifier: GPL-2.0-or-later */
/* N readers and one writer, each once. Readers do not depend on each other; each comes before the writer or
 * after it. Traces: 2^N. */
#include "traces/threads.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static int value;

static void *reader_or_writer(void *number)
{
    if (number) {
        pthread_rwlock_rdlock(&lock);
        assert(value == 0 || value == 2);
    } else {
        pthread_rwlock_wrlock(&lock);
        value++;
        value++;
    }
    pthread_rwlock_unlock(&lock);
    return NULL;
}

int main(int argc, char **argv)
{
    run_threads(argument_or(argc, argv, 3) + 1, reader_or_writer);
    return 0;
}
