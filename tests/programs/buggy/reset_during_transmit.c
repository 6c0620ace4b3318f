/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver hands a descriptor over without an address, because of the race of a real driver or because of
 * another defect that resembles it. The functions have the names that stacks of netdde have, so that netdde's
 * suppressions are tried on both.
 *
 * Argument: "race" (the device is reset after a time-out while a frame is sent), "open" (it is reset because
 * it is being opened), "forgotten" (nobody resets it: the address was never written), "ioctl" (it is reset
 * after a time-out, but what hands the descriptor over is not the transmission of a frame), "unmap" (the
 * frame is taken back before the device has read it).
 */
#include <lockcheck.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

/* Functions that differ and stay functions, lest the compiler make one of two. */
#define OWN __attribute__((noinline))

static pthread_mutex_t device = PTHREAD_MUTEX_INITIALIZER;
static unsigned long address = 0x1000;
static bool handed_over;
static int descriptor, opened, timeouts, controls;

static void write_address(unsigned long value)
{
    pthread_mutex_lock(&device);
    address = value;
    lockcheck_event(LOCKCHECK_HAND_OVER, &descriptor, 0);
    pthread_mutex_unlock(&device);
}

static void rtl8139_hw_start(void)
{
    write_address(0);
    write_address(0x1000);
}

static OWN void rtl8139_open(void)
{
    opened++;
    rtl8139_hw_start();
}

static OWN void rtl8139_tx_timeout_task(void)
{
    timeouts++;
    rtl8139_hw_start();
}

static OWN void release_frame(void)
{
    pthread_mutex_lock(&device);
    address = 0;
    pthread_mutex_unlock(&device);
}

static OWN void write_tsd(void)
{
    pthread_mutex_lock(&device);
    if (!address)
        lockcheck_finding_about(&descriptor, "device-misuse",
                                "the driver hands over a descriptor without an address");
    handed_over = true;
    pthread_mutex_unlock(&device);
}

static OWN void rtl8139_start_xmit(void)
{
    write_tsd();
}

static OWN void rtl8139_ioctl(void)
{
    controls++;
    write_tsd();
}

static void *nic(void *argument)
{
    pthread_mutex_lock(&device);
    if (handed_over && !address)
        lockcheck_finding_about(&descriptor, "dma-fault", "the device reads at address 0");
    pthread_mutex_unlock(&device);
    return argument;
}

static void *work(void *argument)
{
    const char *what = argument;
    if (strcmp(what, "race") == 0 || strcmp(what, "ioctl") == 0)
        rtl8139_tx_timeout_task();
    else if (strcmp(what, "open") == 0)
        rtl8139_open();
    else if (strcmp(what, "unmap") == 0 && handed_over)
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
    pthread_create(&threads[0], NULL, work, (void *)what);
    if (strcmp(what, "unmap") == 0)
        pthread_create(&threads[1], NULL, nic, NULL);
    if (strcmp(what, "ioctl") == 0)
        rtl8139_ioctl();
    else
        rtl8139_start_xmit();
    pthread_join(threads[0], NULL);
    if (strcmp(what, "unmap") == 0)
        pthread_join(threads[1], NULL);
    return 0;
}
