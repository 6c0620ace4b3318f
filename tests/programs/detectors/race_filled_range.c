/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread fills a buffer while another one reads its middle.
 *
 * Finding: data-race
 * Correct: after it has read.
 */
#include "detectors/threads.h"
#include <semaphore.h>
#include <string.h>

static char buffer[5000];
static sem_t was_read;
volatile char seen;

static void fills(void)
{
    size_t volatile bytes = sizeof buffer;
    if (CORRECT)
        sem_wait(&was_read);
    memset(buffer, 1, bytes);
}

static void reads(void)
{
    seen = buffer[2500];
    sem_post(&was_read);
}

int main(void)
{
    sem_init(&was_read, 0, 0);
    together(fills, reads);
    return 0;
}
