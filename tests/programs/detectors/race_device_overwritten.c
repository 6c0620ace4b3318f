/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver clears the status of a descriptor that the device may be about to write.
 *
 * Finding: data-race
 * Correct: only when it has seen that the device is done, with a barrier behind.
 */
#include "detectors/threads.h"
#include <lockcheck.h>
#include <stdint.h>

static uint8_t status;

static void device(void)
{
    lockcheck_event(LOCKCHECK_DEVICE_BEGIN, NULL, 0);
    __atomic_store_n(&status, 1, __ATOMIC_RELEASE);
    lockcheck_event(LOCKCHECK_DEVICE_END, NULL, 0);
}

static void driver(void)
{
    if (CORRECT) {
        if (!*(volatile uint8_t *)&status)
            return;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    }
    *(volatile uint8_t *)&status = 0;
}

int main(void)
{
    together(device, driver);
    return 0;
}
