/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver looks at its descriptor before the device is done and once more behind it, and then reads the
 * frame without a barrier.
 *
 * Finding: data-race
 * Correct: with a read barrier in between.
 */
#include "detectors/threads.h"
#include <lockcheck.h>
#include <stdint.h>
#include <time.h>

static uint32_t status;
static int frame[16];
static volatile int sum;

static void device(void)
{
    lockcheck_event(LOCKCHECK_DEVICE_BEGIN, NULL, 0);
    for (int i = 0; i < 16; i++)
        frame[i] = i;
    __atomic_store_n(&status, 1, __ATOMIC_RELEASE);
    lockcheck_event(LOCKCHECK_DEVICE_END, NULL, 0);
}

static void driver(void)
{
    while (!*(volatile uint32_t *)&status)
        nanosleep(&(struct timespec){.tv_nsec = 1000}, NULL); /* orders nothing */
    if (CORRECT)
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    for (int i = 0; i < 16; i++)
        sum += frame[i];
}

int main(void)
{
    together(driver, device);
    return 0;
}
