/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Message-signalled interrupts of PCI functions: MSI and MSI-X. See pci.h; section numbers are those of the
 * PCI Local Bus Specification 3.0.
 *
 * Left out: accesses to MSI-X's structures that are not of 32 bits (6.8.2 leaves them undefined; they read as
 * all ones here and write nothing).
 */
#include <assert.h>
#include <stdio.h>

#include "harness/machine/dma.h"
#include "harness/machine/irq.h"
#include "harness/machine/pci_private.h"

#define CAPABILITY_MSI 0x05u
#define CAPABILITY_MSIX 0x11u

/* The MSI capability with 64-bit addresses and masks (6.8.1, figure 6-11), from the capability's start. */
enum {
    MSI_CONTROL = 0x02,
    MSI_ADDRESS = 0x04,
    MSI_ADDRESS_UPPER = 0x08,
    MSI_DATA = 0x0c,
    MSI_MASK = 0x10,
    MSI_PENDING = 0x14,
    MSI_END = 0x18,
};
#define MSI_CONTROL_ENABLE 0x0001u
#define MSI_CONTROL_CAPABLE_SHIFT 1 /* log2 of the vectors it asks for */
#define MSI_CONTROL_GRANTED_SHIFT 4 /* log2 of those that it got */
#define MSI_CONTROL_GRANTED_MASK 0x7u
#define MSI_CONTROL_64BIT 0x0080u
#define MSI_CONTROL_MASKS 0x0100u
#define MSI_CONTROL_WRITABLE (MSI_CONTROL_ENABLE | MSI_CONTROL_GRANTED_MASK << MSI_CONTROL_GRANTED_SHIFT)

/* The MSI-X capability (6.8.2, figure 6-12). */
enum { MSIX_CONTROL = 0x02, MSIX_TABLE = 0x04, MSIX_PENDING = 0x08, MSIX_END = 0x0c };
#define MSIX_CONTROL_ENABLE 0x8000u
#define MSIX_CONTROL_MASK 0x4000u

/* An entry of the MSI-X table (figure 6-13). */
enum { ENTRY_ADDRESS = 0, ENTRY_ADDRESS_UPPER = 4, ENTRY_DATA = 8, ENTRY_CONTROL = 12 };
#define ENTRY_CONTROL_MASK 0x1u

/* --- The capabilities ------------------------------------------------------------------------------------
 */

void pci_function_add_msi(struct pci_function *function, unsigned offset, unsigned vectors)
{
    uint8_t registers[MSI_END] = {0}, writable[MSI_END] = {0};
    unsigned log2 = 0;

    while (1u << log2 < vectors)
        log2++;
    assert(1u << log2 == vectors && vectors <= PCI_VECTORS_MAX && function->msi == 0);
    pci_put_bytes(&registers[MSI_CONTROL], 2,
                  MSI_CONTROL_64BIT | MSI_CONTROL_MASKS | log2 << MSI_CONTROL_CAPABLE_SHIFT);
    pci_put_bytes(&writable[MSI_CONTROL], 2, MSI_CONTROL_WRITABLE);
    pci_put_bytes(&writable[MSI_ADDRESS], 4, ~3u);
    pci_put_bytes(&writable[MSI_ADDRESS_UPPER], 4, UINT32_MAX);
    pci_put_bytes(&writable[MSI_DATA], 2, 0xffff);
    pci_put_bytes(&writable[MSI_MASK], 4, UINT32_MAX >> (32 - vectors));
    function->msi =
        pci_function_add_capability(function, offset, CAPABILITY_MSI, &registers[PCI_CAPABILITY_BODY],
                                    &writable[PCI_CAPABILITY_BODY], MSI_END - PCI_CAPABILITY_BODY);
}

static void check_structure(const struct pci_function *function, unsigned bar, uint32_t offset,
                            uint32_t bytes)
{
    const struct pci_bar_description *description = &function->description.bars[bar];
    assert(bar < PCI_BARS && description->kind == PCI_BAR_MEMORY && offset % 8 == 0);
    assert(offset <= description->size && bytes <= description->size - offset);
    (void)description;
    (void)offset;
    (void)bytes;
}

void pci_function_add_msix(struct pci_function *function, unsigned offset,
                           const struct pci_msix_layout *layout)
{
    uint8_t registers[MSIX_END] = {0}, writable[MSIX_END] = {0};

    assert(layout->vectors >= 1 && layout->vectors <= PCI_VECTORS_MAX && function->msix == 0);
    check_structure(function, layout->table_bar, layout->table_offset,
                    layout->vectors * PCI_MSIX_ENTRY_BYTES);
    check_structure(function, layout->pending_bar, layout->pending_offset, sizeof(uint64_t));
    pci_put_bytes(&registers[MSIX_CONTROL], 2, layout->vectors - 1);
    pci_put_bytes(&registers[MSIX_TABLE], 4, layout->table_offset | layout->table_bar);
    pci_put_bytes(&registers[MSIX_PENDING], 4, layout->pending_offset | layout->pending_bar);
    pci_put_bytes(&writable[MSIX_CONTROL], 2, MSIX_CONTROL_ENABLE | MSIX_CONTROL_MASK);
    function->msix_layout = *layout;
    pci_reset_messages(function);
    function->msix =
        pci_function_add_capability(function, offset, CAPABILITY_MSIX, &registers[PCI_CAPABILITY_BODY],
                                    &writable[PCI_CAPABILITY_BODY], MSIX_END - PCI_CAPABILITY_BODY);
}

/* --- Messages. All that follows until the next heading is called with the bus's lock held. ---------------
 */

static uint32_t read_config(const struct pci_function *function, unsigned offset, unsigned size)
{
    return pci_get_bytes(&function->config[offset], size);
}

static bool is_enabled(const struct pci_function *function, unsigned capability, uint32_t bit)
{
    return capability != 0 && (read_config(function, capability + PCI_CAPABILITY_BODY, 2) & bit);
}

static enum pci_interrupts configured(const struct pci_function *function)
{
    if (is_enabled(function, function->msix, MSIX_CONTROL_ENABLE))
        return PCI_INTERRUPTS_MSIX;
    if (is_enabled(function, function->msi, MSI_CONTROL_ENABLE))
        return PCI_INTERRUPTS_MSI;
    return PCI_INTERRUPTS_PIN;
}

static unsigned granted_vectors(const struct pci_function *function)
{
    uint32_t control = read_config(function, function->msi + MSI_CONTROL, 2);
    unsigned log2 = control >> MSI_CONTROL_GRANTED_SHIFT & MSI_CONTROL_GRANTED_MASK;
    unsigned asked = control >> MSI_CONTROL_CAPABLE_SHIFT & MSI_CONTROL_GRANTED_MASK;
    return 1u << (log2 < asked ? log2 : asked);
}

static struct pci_message msi_message(const struct pci_function *function, unsigned vector)
{
    unsigned msi = function->msi;
    return (struct pci_message){
        .address = (uint64_t)read_config(function, msi + MSI_ADDRESS_UPPER, 4) << 32 |
                   read_config(function, msi + MSI_ADDRESS, 4),
        .data = read_config(function, msi + MSI_DATA, 2) | vector,
        .masked = read_config(function, msi + MSI_MASK, 4) >> vector & 1,
    };
}

static struct pci_message msix_message(const struct pci_function *function, unsigned vector)
{
    struct pci_message message = function->table[vector];
    message.masked = message.masked || is_enabled(function, function->msix, MSIX_CONTROL_MASK);
    return message;
}

static void send(struct pci_function *function, const struct pci_message *message)
{
    if (!function->master)
        return;
    if (message->address != IRQ_MESSAGE_ADDRESS) {
        dma_write(function->dma, message->address, &message->data, sizeof(message->data), NULL);
    } else if (!irq_message(message->data)) {
        char text[128];
        snprintf(text, sizeof(text), "device %s sends an interrupt message with data 0x%x, which is nobody's",
                 function->description.name, message->data);
        iommu_report_misuse(function->dma, message->address, text);
    }
}

static void set_pending(struct pci_function *function, uint32_t pending)
{
    function->pending = pending;
    if (function->msi)
        pci_put_bytes(&function->config[function->msi + MSI_PENDING], 4, pending);
}

void pci_reset_messages(struct pci_function *function)
{
    set_pending(function, 0);
    for (unsigned i = 0; i < PCI_VECTORS_MAX; i++)
        function->table[i] = (struct pci_message){.masked = true}; /* 6.8.2.9 */
}

/* Send what is pending and may be sent. */
static void send_pending(struct pci_function *function)
{
    for (unsigned vector = 0; vector < PCI_VECTORS_MAX && function->pending; vector++) {
        uint32_t bit = UINT32_C(1) << vector;
        if (!(function->pending & bit))
            continue;
        struct pci_message message = function->interrupts == PCI_INTERRUPTS_MSIX
                                         ? msix_message(function, vector)
                                         : msi_message(function, vector);
        if (message.masked)
            continue;
        set_pending(function, function->pending & ~bit);
        send(function, &message);
    }
}

void pci_apply_interrupts(struct pci_function *function)
{
    const struct pci_function_description *description = &function->description;
    function->interrupts = configured(function);
    if (function->interrupts == PCI_INTERRUPTS_PIN)
        set_pending(function, 0);
    send_pending(function);
    if (description->interrupt_pin != 0)
        irq_source_connect(description->interrupt_line, function->irq_source,
                           function->interrupts == PCI_INTERRUPTS_PIN &&
                               !(function->command & PCI_COMMAND_INTERRUPT_DISABLE));
}

/* --- For device models -----------------------------------------------------------------------------------
 */

enum pci_interrupts pci_function_interrupts(const struct pci_function *function)
{
    return function->interrupts;
}

void pci_function_message(struct pci_function *function, unsigned vector)
{
    if (function->unplugged)
        return;
    pthread_mutex_lock(&pci_lock);
    if (function->interrupts == PCI_INTERRUPTS_MSI)
        vector %= granted_vectors(function);
    else
        assert(vector < function->msix_layout.vectors || function->interrupts == PCI_INTERRUPTS_PIN);
    if (function->interrupts != PCI_INTERRUPTS_PIN)
        set_pending(function, function->pending | UINT32_C(1) << vector);
    send_pending(function);
    pthread_mutex_unlock(&pci_lock);
}

/* --- MSI-X's structures ----------------------------------------------------------------------------------
 */

static bool in_table(const struct pci_function *function, unsigned bar, uint32_t offset)
{
    const struct pci_msix_layout *layout = &function->msix_layout;
    return bar == layout->table_bar && offset >= layout->table_offset &&
           offset - layout->table_offset < layout->vectors * PCI_MSIX_ENTRY_BYTES;
}

static bool in_pending(const struct pci_function *function, unsigned bar, uint32_t offset)
{
    const struct pci_msix_layout *layout = &function->msix_layout;
    return bar == layout->pending_bar && offset >= layout->pending_offset &&
           offset - layout->pending_offset < sizeof(uint64_t);
}

bool pci_msix_covers(const struct pci_function *function, unsigned bar, uint32_t offset)
{
    return function->msix != 0 && (in_table(function, bar, offset) || in_pending(function, bar, offset));
}

static bool is_dword(uint32_t offset, unsigned size)
{
    return size == 4 && offset % 4 == 0;
}

static uint32_t read_entry(const struct pci_message *entry, unsigned offset)
{
    switch (offset) {
    case ENTRY_ADDRESS:
        return (uint32_t)entry->address;
    case ENTRY_ADDRESS_UPPER:
        return (uint32_t)(entry->address >> 32);
    case ENTRY_DATA:
        return entry->data;
    default:
        return entry->masked ? ENTRY_CONTROL_MASK : 0;
    }
}

static void write_entry(struct pci_message *entry, unsigned offset, uint32_t value)
{
    switch (offset) {
    case ENTRY_ADDRESS:
        entry->address = (entry->address >> 32 << 32) | (value & ~3u);
        break;
    case ENTRY_ADDRESS_UPPER:
        entry->address = (uint64_t)value << 32 | (uint32_t)entry->address;
        break;
    case ENTRY_DATA:
        entry->data = value;
        break;
    case ENTRY_CONTROL:
        entry->masked = value & ENTRY_CONTROL_MASK;
        break;
    }
}

uint32_t pci_msix_read(struct pci_function *function, unsigned bar, uint32_t offset, unsigned size)
{
    const struct pci_msix_layout *layout = &function->msix_layout;
    uint32_t value = 0;

    if (!is_dword(offset, size))
        return UINT32_MAX >> (32 - 8 * size);
    pthread_mutex_lock(&pci_lock);
    if (in_table(function, bar, offset))
        value = read_entry(&function->table[(offset - layout->table_offset) / PCI_MSIX_ENTRY_BYTES],
                           (offset - layout->table_offset) % PCI_MSIX_ENTRY_BYTES);
    else if (offset == layout->pending_offset)
        value = function->pending;
    pthread_mutex_unlock(&pci_lock);
    return value;
}

/* The pending bits are software's to read only (6.8.2.10). */
void pci_msix_write(struct pci_function *function, unsigned bar, uint32_t offset, unsigned size,
                    uint32_t value)
{
    uint32_t place = offset - function->msix_layout.table_offset;

    if (!is_dword(offset, size) || !in_table(function, bar, offset))
        return;
    pthread_mutex_lock(&pci_lock);
    write_entry(&function->table[place / PCI_MSIX_ENTRY_BYTES], place % PCI_MSIX_ENTRY_BYTES, value);
    send_pending(function);
    pthread_mutex_unlock(&pci_lock);
}

void pci_function_pulse_interrupt(struct pci_function *function)
{
    if (function->interrupts == PCI_INTERRUPTS_PIN)
        irq_line_pulse(function->description.interrupt_line);
    else
        pci_function_message(function, 0);
}
