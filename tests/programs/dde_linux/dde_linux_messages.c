/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device with three bells, rung by its own thread while a driver answers: first by the pin, then by MSI,
 * then by MSI-X, where each bell has its own vector and thread. No ring is lost, none comes by a way that is
 * not enabled, and the driver's answer finds each bell that its interrupt was for. Then it asks for more than
 * there is.
 *
 * Takes the generation of semaphores; posix without.
 */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>

#include <ddekit/ddekit.h>
#include <ddekit/interrupt.h>
#include <ddekit/pci.h>
#include <ddekit/printf.h>
#include <ddekit/sync.h>
#include <ddekit/timer.h>
#include <dde_linux/dde_linux.h>
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/pci.h>

#include "harness/machine/machine.h"
#include "harness/machine/pci.h"

#define BELLS 3
#define RINGS 4 /* of each bell, in each round */
#define VENDOR 0x1234
#define DEVICE 0xbe11
#define SLOT 7
#define LINE 10

/* Registers: one a bell, reading it gives the rings since the last time; and MSI-X's. */
#define REGISTER(bell) (4u * (bell))
#define TABLE 0x80
#define PENDING 0xc0
#define BAR_BYTES 256

/* --- The device ----------------------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    unsigned rings[BELLS]; /* not yet read */
    struct pci_function *function;
} device = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* With the lock. */
static void update_pin(void)
{
    pci_function_set_interrupt(device.function, device.rings[0] || device.rings[1] || device.rings[2]);
}

static uint32_t device_read(void *unused __always_unused, unsigned bar __always_unused, uint32_t offset,
                            unsigned size __always_unused)
{
    unsigned bell = offset / 4;

    assert(bell < BELLS);
    pthread_mutex_lock(&device.lock);
    unsigned rings = device.rings[bell];
    device.rings[bell] = 0;
    update_pin();
    pthread_mutex_unlock(&device.lock);
    return rings;
}

static void device_write(void *unused __always_unused, unsigned bar __always_unused,
                         uint32_t offset __always_unused, unsigned size __always_unused,
                         uint32_t value __always_unused)
{
}

static void *ring_all(void *unused)
{
    for (unsigned i = 0; i < BELLS * RINGS; i++) {
        pthread_mutex_lock(&device.lock);
        device.rings[i % BELLS]++;
        update_pin();
        pci_function_message(device.function, i % BELLS);
        pthread_mutex_unlock(&device.lock);
    }
    return unused;
}

static void plug_in(void)
{
    static const struct pci_function_ops ops = {.read = device_read, .write = device_write};
    const struct pci_function_description description = {
        .name = "bells",
        .vendor_id = VENDOR,
        .device_id = DEVICE,
        .interrupt_pin = 1,
        .interrupt_line = LINE,
        .bars = {{.kind = PCI_BAR_MEMORY, .size = BAR_BYTES, .wide = true}},
        .ops = &ops,
    };
    const struct pci_msix_layout layout = {.vectors = BELLS + 1,
                                           .table_bar = 0,
                                           .table_offset = TABLE,
                                           .pending_bar = 0,
                                           .pending_offset = PENDING};

    device.function = pci_function_register(SLOT, 0, &description);
    pci_function_add_msi(device.function, 0, 4);
    pci_function_add_msix(device.function, 0, &layout);
}

/* --- The driver ----------------------------------------------------------------------------------------- */

static struct pci_dev *found;
static void __iomem *registers;
static struct bell {
    unsigned number;
    unsigned vector; /* by which it may be answered, as all that have the same one */
    unsigned answered;
    struct completion done; /* answered RINGS times */
} bells[BELLS];

static int probe(struct pci_dev *dev, const struct pci_device_id *id __always_unused)
{
    found = dev;
    return pci_enable_device(dev);
}

static const struct pci_device_id ids[] = {{PCI_DEVICE(VENDOR, DEVICE)}, {0}};
static struct pci_driver driver = {.name = "bells", .id_table = ids, .probe = probe};

static irqreturn_t answer(int irq, void *dev_id __always_unused)
{
    irqreturn_t result = IRQ_NONE;

    for (int i = 0; i < BELLS; i++) {
        if (pci_irq_vector(found, bells[i].vector) != irq)
            continue;
        u32 rings = readl((char __iomem *)registers + REGISTER(bells[i].number));
        if (rings)
            result = IRQ_HANDLED;
        bells[i].answered += rings;
        if (rings && bells[i].answered == RINGS)
            complete(&bells[i].done);
    }
    return result;
}

/* One round with `vectors` of a kind, PCI_IRQ_*. */
static void answer_all(unsigned kind, int vectors)
{
    pthread_t ringer;

    for (unsigned i = 0; i < BELLS; i++) {
        bells[i] = (struct bell){.number = i, .vector = i % (unsigned)vectors};
        init_completion(&bells[i].done);
    }
    assert(pci_alloc_irq_vectors(found, 1, BELLS, kind) == vectors);
    for (int i = 0; i < vectors; i++)
        assert(request_irq((unsigned)pci_irq_vector(found, (unsigned)i), answer, 0, "bells", bells) == 0);
    pthread_create(&ringer, NULL, ring_all, NULL);
    for (int i = 0; i < BELLS; i++)
        wait_for_completion(&bells[i].done);
    pthread_join(ringer, NULL);
    for (int i = 0; i < vectors; i++)
        free_irq((unsigned)pci_irq_vector(found, (unsigned)i), bells);
    pci_free_irq_vectors(found);
    assert(found->irq == LINE);
}

/* MSI-X that cannot be had: nothing stays of the attempt. */
static void ask_for_too_much(void)
{
    struct msix_entry twice[] = {{.entry = 1}, {.entry = 1}};
    ddekit_uint64_t address;
    int first = ddekit_interrupt_messages(1, &address), last = first, next;

    assert(first >= 0);
    while ((next = ddekit_interrupt_messages(1, &address)) >= 0)
        last = next;
    dde_linux_watch_memory();
    assert(pci_enable_msix_range(found, NULL, 1, BELLS) == -ENOSPC);
    assert(dde_linux_report_leaks() == 0);
    for (int number = first; number <= last; number++)
        ddekit_interrupt_messages_free(number, 1);
    assert(pci_enable_msix_range(found, twice, 2, 2) == -EINVAL);
    assert(pci_alloc_irq_vectors(found, BELLS + 2, BELLS + 2, PCI_IRQ_MSIX) == -ENOSPC);
}

int main(int argc, char **argv)
{
    if (argc > 1 && ddekit_sync_select(argv[1]) != 0)
        return 2;
    machine_init();
    plug_in();
    ddekit_init();
    ddekit_init_timers();
    ddekit_pci_init();
    ddekit_print_to(-1);
    dde_linux_init();
    assert(pci_register_driver(&driver) == 0 && found);
    pci_set_master(found);
    registers = pci_iomap(found, 0, 0);
    assert(registers);
    assert(pci_msi_vec_count(found) == 4 && pci_msix_vec_count(found) == BELLS + 1);
    machine_boot_finished();

    answer_all(PCI_IRQ_LEGACY, 1);
    answer_all(PCI_IRQ_MSI, BELLS);
    answer_all(PCI_IRQ_ALL_TYPES, BELLS);
    ask_for_too_much();
    pci_iounmap(found, registers);
    printf("%d bells, %d rings each, three times\n", BELLS, RINGS);
    return 0;
}
