/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hosted machine as a whole: power-on, the end of the boot, its clock.
 */
#ifndef HARNESS_MACHINE_MACHINE_H
#define HARNESS_MACHINE_MACHINE_H

#include <pthread.h>
#include <stdint.h>

/* Power on. Call once from main(), before any device is made. */
void machine_init(void);

/* Everything is up (driver probed, interface open, client ready): schedules are explored from here on. Call
 * once at most, from the main thread. */
void machine_boot_finished(void);

/* Nanoseconds on the machine's clock (CLOCK_MONOTONIC, which is virtual under lockcheck). */
uint64_t machine_now_ns(void);

/* Sleep until the clock shows `deadline_ns`. For device models: the time a frame takes on the wire. */
void machine_sleep_until_ns(uint64_t deadline_ns);

/* A condition for waits on the machine's clock, and such a wait: until it is signalled or the clock shows
 * `until_ns`, or that never with MACHINE_NEVER. */
#define MACHINE_NEVER UINT64_MAX
void machine_condition_init(pthread_cond_t *condition);
void machine_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t until_ns);

#endif
