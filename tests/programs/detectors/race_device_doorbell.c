/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver fills in a descriptor and then tells by a word of memory, which the device reads again and again,
 * that it is there; but nothing keeps the two in that order.
 *
 * Finding: data-race
 * Correct: with a write barrier in between.
 */
#include "detectors/threads.h"
#include <lockcheck.h>
#include <stdint.h>

static uint16_t available;
static struct {
    uint64_t address, length;
} descriptor;
static volatile uint64_t fetched;

static void driver(void)
{
    descriptor.address = 4096;
    descriptor.length = 64;
    if (CORRECT)
        __atomic_thread_fence(__ATOMIC_RELEASE);
    *(volatile uint16_t *)&available = 1;
}

static void device(void)
{
    lockcheck_event(LOCKCHECK_DEVICE_BEGIN, NULL, 0);
    if (__atomic_load_n(&available, __ATOMIC_ACQUIRE))
        fetched = descriptor.address + descriptor.length;
    lockcheck_event(LOCKCHECK_DEVICE_END, NULL, 0);
}

int main(void)
{
    together(driver, device);
    return 0;
}
