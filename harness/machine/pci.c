/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI bus. See pci.h; section numbers are those of the PCI Local Bus Specification 3.0.
 */
#include "harness/machine/pci.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "harness/machine/dma.h"
#include "harness/machine/irq.h"
#include "harness/machine/pci_private.h"

/* Offsets in configuration space (6.1, figure 6-1). */
enum {
    VENDOR_ID = 0x00,
    DEVICE_ID = 0x02,
    COMMAND = PCI_CONFIG_COMMAND,
    STATUS = 0x06,
    REVISION_ID = 0x08,
    CLASS_CODE = 0x09,
    CACHE_LINE_SIZE = 0x0c,
    LATENCY_TIMER = 0x0d,
    HEADER_TYPE = PCI_CONFIG_HEADER_TYPE,
    BAR0 = 0x10,
    BAR_END = 0x28,
    SUBSYSTEM_VENDOR_ID = 0x2c,
    SUBSYSTEM_ID = 0x2e,
    CAPABILITIES_POINTER = 0x34,
    INTERRUPT_LINE = 0x3c,
    INTERRUPT_PIN = 0x3d,
};

#define COMMAND_WRITABLE 0x0547u /* I/O, memory, master, parity, SERR, interrupt disable (6.2.2) */
#define STATUS_INTERRUPT 0x0008u /* the pin is asserted, connected or not (6.2.3) */
#define STATUS_CAPABILITIES 0x0010u
#define STATUS_MASTER_ABORT 0x2000u /* received by an access of its own; writing 1 clears it */
#define HEADER_MULTIFUNCTION 0x80u
#define BAR_IO_INDICATOR 0x1u
#define BAR_IO_MASK 0xfffffffcu
#define BAR_MEMORY_64BIT 0x4u
#define BAR_MEMORY_PREFETCHABLE 0x8u
#define BAR_MEMORY_MASK 0xfffffff0u

/* A capability (6.7, figure 6-9). */
enum { CAPABILITY_ID = 0, CAPABILITY_NEXT = 1 };

#define DEVICE_NUMBERS 32u
#define FUNCTION_NUMBERS 8u

/* The machine's functions are found by place and by decoding, not by a pointer handed around. */
struct pci_function pci_functions[PCI_FUNCTIONS_MAX];
atomic_uint pci_function_count;

/* What firmware has assigned on each bus, from the window's beginning on. */
static uint64_t assigned[PCI_BUSES_MAX][PCI_WINDOWS];

pthread_mutex_t pci_lock = PTHREAD_MUTEX_INITIALIZER;

uint32_t pci_get_bytes(const uint8_t *bytes, unsigned size)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint32_t)bytes[i] << (8 * i);
    return value;
}

void pci_put_bytes(uint8_t *bytes, unsigned size, uint32_t value)
{
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

static void set_config(struct pci_function *function, unsigned offset, unsigned size, uint32_t value,
                       uint32_t writable)
{
    pci_put_bytes(&function->config[offset], size, value);
    pci_put_bytes(&function->writable[offset], size, writable);
}

/* Assign the next naturally aligned addresses of a bus, as firmware does. */
static uint64_t assign(unsigned bus, enum pci_window window, uint32_t size)
{
    uint64_t base = (assigned[bus][window] + size - 1) & ~((uint64_t)size - 1);
    assert(base + size <= pci_firmware_bytes[window]);
    assigned[bus][window] = base + size;
    return pci_firmware_base(bus, window) + base;
}

static void assign_bar(struct pci_function *function, unsigned bar)
{
    const struct pci_bar_description *description = &function->description.bars[bar];
    uint32_t size = description->size;
    uint32_t indicator, mask;
    uint64_t base;

    if (description->kind == PCI_BAR_NONE)
        return;
    assert(size != 0 && (size & (size - 1)) == 0);
    if (description->kind == PCI_BAR_IO) {
        assert(size >= 4 && !description->wide && !description->prefetchable);
        base = assign(function->description.bus, PCI_WINDOW_IO, size);
        indicator = BAR_IO_INDICATOR;
        mask = BAR_IO_MASK;
    } else {
        assert(size >= 16);
        base = assign(function->description.bus,
                      description->wide ? PCI_WINDOW_PREFETCHABLE : PCI_WINDOW_MEMORY, size);
        indicator = (description->wide ? BAR_MEMORY_64BIT : 0) |
                    (description->prefetchable ? BAR_MEMORY_PREFETCHABLE : 0);
        mask = BAR_MEMORY_MASK;
    }
    set_config(function, BAR0 + 4 * bar, 4, (uint32_t)base | indicator, mask & ~(size - 1));
    if (description->wide) {
        assert(bar + 1 < PCI_BARS && function->description.bars[bar + 1].kind == PCI_BAR_NONE);
        set_config(function, BAR0 + 4 * (bar + 1), 4, (uint32_t)(base >> 32), UINT32_MAX);
    }
    function->bases[bar] = base;
}

static void describe(struct pci_function *function)
{
    const struct pci_function_description *description = &function->description;

    set_config(function, VENDOR_ID, 2, description->vendor_id, 0);
    set_config(function, DEVICE_ID, 2, description->device_id, 0);
    set_config(function, COMMAND, 2, 0, COMMAND_WRITABLE);
    set_config(function, REVISION_ID, 1, description->revision, 0);
    set_config(function, CLASS_CODE, 1, description->class_code, 0);
    set_config(function, CLASS_CODE + 1, 2, description->class_code >> 8, 0);
    set_config(function, CACHE_LINE_SIZE, 1, 0, 0xff);
    set_config(function, LATENCY_TIMER, 1, 0, 0xff);
    set_config(function, HEADER_TYPE, 1, function->function_number > 0 ? HEADER_MULTIFUNCTION : 0, 0);
    set_config(function, INTERRUPT_LINE, 1, description->interrupt_line, 0xff);
    set_config(function, INTERRUPT_PIN, 1, description->interrupt_pin, 0);
    if (function->is_bridge)
        return; /* the rest of a header of type 1 is pci_bridge.c's */
    set_config(function, SUBSYSTEM_VENDOR_ID, 2, description->subsystem_vendor_id, 0);
    set_config(function, SUBSYSTEM_ID, 2, description->subsystem_id, 0);
    for (unsigned bar = 0; bar < PCI_BARS; bar++)
        assign_bar(function, bar);
}

/* Software probes functions 1 to 7 only where function 0 has the multi-function bit (6.2.1). */
static void mark_multifunction(const struct pci_function *function)
{
    for (unsigned i = 0; function->function_number > 0 && i < pci_function_count; i++) {
        struct pci_function *other = &pci_functions[i];
        if (other->upstream == function->upstream && other->device_number == function->device_number)
            other->config[HEADER_TYPE] |= HEADER_MULTIFUNCTION;
    }
}

static struct pci_function *find_behind(const struct pci_function *bridge, unsigned device_number,
                                        unsigned function_number)
{
    unsigned count = pci_function_count;
    for (unsigned i = 0; i < count; i++) {
        struct pci_function *function = &pci_functions[i];
        if (function->upstream == bridge && function->device_number == device_number &&
            function->function_number == function_number)
            return function;
    }
    return NULL;
}

struct pci_function *pci_add_function(unsigned device_number, unsigned function_number,
                                      const struct pci_function_description *description, bool is_bridge)
{
    struct pci_function *upstream = pci_bridge_to(description->bus);
    assert(device_number < DEVICE_NUMBERS && function_number < FUNCTION_NUMBERS);
    assert(!find_behind(upstream, device_number, function_number));
    assert(pci_function_count < PCI_FUNCTIONS_MAX);

    struct pci_function *function = &pci_functions[pci_function_count];
    function->upstream = upstream;
    function->device_number = device_number;
    function->function_number = function_number;
    function->description = *description;
    function->is_bridge = is_bridge;
    if (description->interrupt_pin != 0 && description->interrupt_line == 0)
        function->description.interrupt_line = pci_route(function, description->interrupt_pin);
    if (!is_bridge) {
        snprintf(function->name, sizeof(function->name), "%s at %02x:%02x.%x", description->name,
                 description->bus, device_number, function_number);
        function->dma = dma_device_create(function->name);
        function->irq_source = irq_source_allocate(function->name);
    }
    describe(function);
    mark_multifunction(function);
    pci_function_count++;
    return function;
}

struct pci_function *pci_function_register(unsigned device_number, unsigned function_number,
                                           const struct pci_function_description *description)
{
    assert(description->ops && description->interrupt_pin <= 4);
    assert(description->interrupt_pin == 0 || description->interrupt_line < IRQ_LINES);
    pthread_mutex_lock(&pci_lock);
    struct pci_function *function = pci_add_function(device_number, function_number, description, false);
    pthread_mutex_unlock(&pci_lock);
    return function;
}

struct pci_function *pci_function_find(unsigned bus_number, unsigned device_number, unsigned function_number)
{
    bool found;
    const struct pci_function *bridge = pci_bridge_forwarding_to(bus_number, &found);
    return found ? find_behind(bridge, device_number, function_number) : NULL;
}

struct dma_device *pci_function_dma(struct pci_function *function)
{
    return function->dma;
}

void pci_function_set_interrupt(struct pci_function *function, bool asserted)
{
    assert(function->description.interrupt_pin != 0);
    if (asserted && !function->unplugged)
        irq_line_assert(function->description.interrupt_line, function->irq_source);
    else
        irq_line_deassert(function->description.interrupt_line, function->irq_source);
}

void pci_function_unplug(struct pci_function *function)
{
    pthread_mutex_lock(&pci_lock);
    function->unplugged = true;
    function->command = 0;
    function->master = false;
    dma_device_set_master(function->dma, false);
    pthread_mutex_unlock(&pci_lock);
    if (function->description.interrupt_pin != 0)
        pci_function_set_interrupt(function, false);
}

static bool is_pin_asserted(const struct pci_function *function)
{
    const struct pci_function_description *description = &function->description;
    return description->interrupt_pin != 0 &&
           irq_source_asserted(description->interrupt_line, function->irq_source);
}

static void check_config_access(unsigned offset, unsigned size)
{
    assert(size == 1 || size == 2 || size == 4);
    assert(offset % size == 0 && offset + size <= PCI_CONFIG_BYTES);
    (void)offset;
    (void)size;
}

void pci_function_set_config(struct pci_function *function, unsigned offset, unsigned size, uint32_t value,
                             uint32_t writable)
{
    check_config_access(offset, size);
    /* The registers that decoding depends on are made from the description. */
    assert(offset >= BAR_END ||
           (offset + size <= BAR0 && (offset + size <= COMMAND || offset >= COMMAND + 2)));
    pthread_mutex_lock(&pci_lock);
    set_config(function, offset, size, value, writable);
    pthread_mutex_unlock(&pci_lock);
}

uint32_t pci_function_get_config(struct pci_function *function, unsigned offset, unsigned size)
{
    check_config_access(offset, size);
    pthread_mutex_lock(&pci_lock);
    uint32_t value = pci_get_bytes(&function->config[offset], size);
    pthread_mutex_unlock(&pci_lock);
    return value;
}

unsigned pci_function_add_capability(struct pci_function *function, unsigned offset, uint8_t id,
                                     const void *body, const void *writable, size_t length)
{
    pthread_mutex_lock(&pci_lock);
    bool first = function->last_pointer == 0;
    unsigned pointer = first ? CAPABILITIES_POINTER : function->last_pointer;
    if (offset == 0)
        offset = first ? PCI_CAPABILITIES_START : (function->capabilities_end + 3) & ~3u;
    assert(offset >= PCI_CAPABILITIES_START && offset % 4 == 0);
    assert(length <= PCI_CONFIG_BYTES - PCI_CAPABILITY_BODY &&
           offset + PCI_CAPABILITY_BODY + length <= PCI_CONFIG_BYTES);

    set_config(function, pointer, 1, offset, 0);
    set_config(function, offset + CAPABILITY_ID, 1, id, 0);
    set_config(function, offset + CAPABILITY_NEXT, 1, 0, 0);
    memcpy(&function->config[offset + PCI_CAPABILITY_BODY], body, length);
    if (writable)
        memcpy(&function->writable[offset + PCI_CAPABILITY_BODY], writable, length);
    function->config[STATUS] |= STATUS_CAPABILITIES;
    function->last_pointer = offset + CAPABILITY_NEXT;
    function->capabilities_end = offset + PCI_CAPABILITY_BODY + (unsigned)length;
    pthread_mutex_unlock(&pci_lock);
    return offset;
}

/* Where the status register lies in an access of any size to the first eight bytes, which hold it. */
#define STATUS_SHIFT (8 * STATUS)

static bool touches_status(unsigned offset, unsigned size)
{
    return offset < REVISION_ID && offset + size > STATUS;
}

/* What it has besides what configuration space keeps, at its place in the access. */
static uint32_t status_now(const struct pci_function *function, unsigned offset, unsigned size)
{
    uint64_t status = 0;

    if (!touches_status(offset, size))
        return 0;
    if (is_pin_asserted(function))
        status |= STATUS_INTERRUPT;
    if (function->dma && dma_device_was_aborted(function->dma))
        status |= STATUS_MASTER_ABORT;
    return (uint32_t)(status << STATUS_SHIFT >> 8 * offset) & UINT32_MAX >> (32 - 8 * size);
}

/* Bits that writing 1 clears. */
static void clear_status(struct pci_function *function, unsigned offset, unsigned size, uint32_t value)
{
    uint64_t written = value & UINT32_MAX >> (32 - 8 * size);

    if (touches_status(offset, size) && function->dma &&
        written << 8 * offset >> STATUS_SHIFT & STATUS_MASTER_ABORT)
        dma_device_forget_abort(function->dma);
}

uint32_t pci_config_read(unsigned bus_number, unsigned device_number, unsigned function_number,
                         unsigned offset, unsigned size)
{
    check_config_access(offset, size);
    struct pci_function *function = pci_function_find(bus_number, device_number, function_number);
    if (!function || function->unplugged)
        return UINT32_MAX >> (32 - 8 * size);
    if (offset >= PCI_CAPABILITIES_START && function->description.ops->config_reading)
        function->description.ops->config_reading(function->description.device, offset, size);
    return pci_function_get_config(function, offset, size) | status_now(function, offset, size);
}

static void apply_function(struct pci_function *function)
{
    for (unsigned bar = 0; bar < PCI_BARS; bar++) {
        const struct pci_bar_description *description = &function->description.bars[bar];
        const uint8_t *registers = &function->config[BAR0 + 4 * bar];
        uint32_t mask = description->kind == PCI_BAR_IO ? BAR_IO_MASK : BAR_MEMORY_MASK;
        uint64_t upper = description->wide ? pci_get_bytes(registers + 4, 4) : 0;
        function->bases[bar] = upper << 32 | (pci_get_bytes(registers, 4) & mask);
    }
    function->master = (function->command & PCI_COMMAND_MASTER_BIT) && pci_bridges_master(function);
    dma_device_set_master(function->dma, function->master);
    pci_apply_interrupts(function);
}

void pci_apply_config(struct pci_function *function)
{
    unsigned count = pci_function_count;

    if (function->unplugged)
        return;
    function->command = pci_get_bytes(&function->config[COMMAND], 2);
    if (!function->is_bridge) {
        apply_function(function);
        return;
    }
    pci_apply_bridge(function);
    for (unsigned i = 0; i < count; i++) {
        if (pci_functions[i].upstream == function)
            pci_apply_config(&pci_functions[i]);
    }
}

void pci_config_write(unsigned bus_number, unsigned device_number, unsigned function_number, unsigned offset,
                      unsigned size, uint32_t value)
{
    check_config_access(offset, size);
    struct pci_function *function = pci_function_find(bus_number, device_number, function_number);
    if (!function || function->unplugged)
        return;
    bool was_in_reset = function->in_reset;
    clear_status(function, offset, size, value);
    pthread_mutex_lock(&pci_lock);
    uint32_t writable = pci_get_bytes(&function->writable[offset], size);
    uint32_t old = pci_get_bytes(&function->config[offset], size);
    pci_put_bytes(&function->config[offset], size, (old & ~writable) | (value & writable));
    pci_apply_config(function);
    pthread_mutex_unlock(&pci_lock);
    pci_carry_out_resets(function, was_in_reset);
    if (offset >= PCI_CAPABILITIES_START && function->description.ops->config_written)
        function->description.ops->config_written(function->description.device, offset, size);
}

bool pci_decode(enum pci_bar_kind kind, uint64_t address, unsigned size, struct pci_function **function,
                unsigned *bar, uint32_t *offset)
{
    uint32_t enabled = kind == PCI_BAR_IO ? PCI_COMMAND_IO_BIT : PCI_COMMAND_MEMORY_BIT;
    unsigned count = pci_function_count;
    for (unsigned i = 0; i < count; i++) {
        struct pci_function *candidate = &pci_functions[i];
        if (!(candidate->command & enabled) || !pci_bridges_forward(candidate, kind, address))
            continue;
        for (unsigned b = 0; b < PCI_BARS; b++) {
            const struct pci_bar_description *description = &candidate->description.bars[b];
            uint64_t base = candidate->bases[b];
            if (description->kind != kind || address < base || address - base >= description->size)
                continue;
            if (size > description->size - (address - base))
                return false;
            *function = candidate;
            *bar = b;
            *offset = (uint32_t)(address - base);
            return true;
        }
    }
    return false;
}

bool pci_memory_bar_covers(uint64_t address, uint64_t size)
{
    unsigned count = pci_function_count;
    for (unsigned i = 0; i < count; i++) {
        struct pci_function *function = &pci_functions[i];
        for (unsigned bar = 0; bar < PCI_BARS; bar++) {
            const struct pci_bar_description *description = &function->description.bars[bar];
            uint64_t base = function->bases[bar];
            if (description->kind == PCI_BAR_MEMORY && address >= base &&
                address - base < description->size && size <= description->size - (address - base))
                return true;
        }
    }
    return false;
}

uint32_t pci_function_read(struct pci_function *function, unsigned bar, uint32_t offset, unsigned size)
{
    if (pci_msix_covers(function, bar, offset))
        return pci_msix_read(function, bar, offset, size);
    uint32_t value = function->description.ops->read(function->description.device, bar, offset, size);
    return value & (UINT32_MAX >> (32 - 8 * size));
}

void pci_function_write(struct pci_function *function, unsigned bar, uint32_t offset, unsigned size,
                        uint32_t value)
{
    value &= UINT32_MAX >> (32 - 8 * size);
    if (pci_msix_covers(function, bar, offset))
        pci_msix_write(function, bar, offset, size, value);
    else
        function->description.ops->write(function->description.device, bar, offset, size, value);
}
