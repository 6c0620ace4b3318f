/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device reads at address 0, because of the race of a real driver or because of another that resembles it. The
 * functions have the names that stacks of netdde have, so that netdde's suppressions are tried on both.
 *
 * Argument: "race" (the device is reset after a time-out while a frame is handed over to it), "open" (it is reset
 * because it is being opened), "forgotten" (nobody resets it: the address was never written), "unmap" (the frame is
 * taken back before the device has read it).
 */
#include <lockcheck.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

static pthread_mutex_t device = PTHREAD_MUTEX_INITIALIZER;
static unsigned long address = 0x1000;
static bool handed_over;
static int descriptor, opened, timeouts;

static void write_address(unsigned long value)
{
    pthread_mutex_lock(&device);
    address = value;
    pthread_mutex_unlock(&device);
}

static void rtl8139_hw_start(void)
{
    write_address(0);
    write_address(0x1000);
}

/* The two differ and stay functions, lest the compiler make one of them. */
static NOINLINE void rtl8139_open(void)
{
    opened++;
    rtl8139_hw_start();
}

static NOINLINE void rtl8139_tx_timeout_task(void)
{
    timeouts++;
    rtl8139_hw_start();
}

static void release_frame(void)
{
    write_address(0);
}

static void rtl8139_start_xmit(void)
{
    pthread_mutex_lock(&device);
    handed_over = true;
    lockcheck_event(LOCKCHECK_HAND_OVER, &descriptor, 0);
    pthread_mutex_unlock(&device);
}

static void dma_read(void)
{
    if (!address)
        lockcheck_finding_about(&descriptor, "dma-fault", "the device reads at address 0");
}

static void fetch_frame(void)
{
    dma_read();
}

static void *nic(void *argument)
{
    pthread_mutex_lock(&device);
    if (handed_over)
        fetch_frame();
    pthread_mutex_unlock(&device);
    return argument;
}

static void *work(void *argument)
{
    const char *what = argument;
    if (strcmp(what, "race") == 0)
        rtl8139_tx_timeout_task();
    else if (strcmp(what, "open") == 0)
        rtl8139_open();
    else if (strcmp(what, "unmap") == 0)
        release_frame();
    return NULL;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "race";
    lockcheck_name_object(&descriptor, "descriptor", "descriptor 0");
    if (strcmp(what, "forgotten") == 0)
        address = 0;
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, nic, NULL);
    pthread_create(&threads[1], NULL, work, (void *)what);
    rtl8139_start_xmit();
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
