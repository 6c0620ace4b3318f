/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio devices on a PCI bus: see virtio_pci.h. Section numbers are those of VIRTIO 1.1. */
#include "harness/nic/virtio_pci.h"

#include <assert.h>
#include <string.h>

#include <lockcheck.h>

#include "harness/machine/dma.h"
#include "harness/machine/pci.h"
#include "harness/nic/octets.h"

/* PCI Device Discovery (4.1.2), and the transitional and legacy devices' (4.1.2.3). */
#define VENDOR 0x1af4u
#define TRANSITIONAL_DEVICE 0x1000u /* the type is the subsystem's */

/* BARs. The specification leaves them to the device. */
enum { LEGACY_BAR = 0, MSIX_BAR = 1, MODERN_BAR = 4 };
enum { LEGACY_BYTES = 64, MSIX_BYTES = 4096, MODERN_BYTES = 16384 };
enum { MSIX_PENDING = 2048 };

/* The structures in the modern BAR. */
enum {
    COMMON_AT = 0x0000,
    ISR_AT = 0x1000,
    DEVICE_AT = 0x2000,
    NOTIFY_AT = 0x3000,
    STRUCTURE_BYTES = 0x1000
};
#define NOTIFY_MULTIPLIER 4u

/* struct virtio_pci_cap (4.1.4), from behind the pointer to the next one. */
enum { CAP_LEN = 0, CAP_TYPE = 1, CAP_BAR = 2, CAP_OFFSET = 6, CAP_LENGTH = 10, CAP_BYTES = 14 };
enum { CAP_HEADER = 2, CAP_EXTRA = CAP_BYTES, CAP_EXTRA_BYTES = 4 }; /* notify_off_multiplier, pci_cfg_data */
enum { CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_ISR = 3, CAP_DEVICE = 4, CAP_PCI = 5 };
#define CAPABILITY_VENDOR 0x09u

/* Common configuration structure layout (4.1.4.3). */
enum {
    DEVICE_FEATURE_SELECT = 0x00,
    DEVICE_FEATURE = 0x04,
    DRIVER_FEATURE_SELECT = 0x08,
    DRIVER_FEATURE = 0x0c,
    MSIX_CONFIG = 0x10,
    NUM_QUEUES = 0x12,
    DEVICE_STATUS = 0x14,
    CONFIG_GENERATION = 0x15,
    QUEUE_SELECT = 0x16,
    QUEUE_SIZE = 0x18,
    QUEUE_MSIX_VECTOR = 0x1a,
    QUEUE_ENABLE = 0x1c,
    QUEUE_NOTIFY_OFF = 0x1e,
    QUEUE_DESC = 0x20, /* 64 bits, as the next two: each half is a register */
    QUEUE_DRIVER = 0x28,
    QUEUE_DEVICE = 0x30,
    QUEUE_NOTIFY_DATA = 0x38,
    QUEUE_RESET = 0x3a,
    COMMON_BYTES = 0x3c,
};

/* The legacy interface's header (4.1.4.8). The two vectors are there while MSI-X is enabled. */
enum {
    LEGACY_DEVICE_FEATURES = 0,
    LEGACY_DRIVER_FEATURES = 4,
    LEGACY_QUEUE_ADDRESS = 8,
    LEGACY_QUEUE_SIZE = 12,
    LEGACY_QUEUE_SELECT = 14,
    LEGACY_QUEUE_NOTIFY = 16,
    LEGACY_DEVICE_STATUS = 18,
    LEGACY_ISR = 19,
    LEGACY_CONFIG_VECTOR = 20,
    LEGACY_QUEUE_VECTOR = 22,
    LEGACY_CONFIG = 20,
    LEGACY_CONFIG_MSIX = 24,
};
#define LEGACY_PAGE 4096u /* the unit of QUEUE_ADDRESS, and the used ring's alignment (2.6.2) */

/* Device Status Field (2.1). */
enum {
    STATUS_ACKNOWLEDGE = 1,
    STATUS_DRIVER = 2,
    STATUS_DRIVER_OK = 4,
    STATUS_FEATURES_OK = 8,
    STATUS_NEEDS_RESET = 64,
    STATUS_FAILED = 128,
};

/* Reserved Feature Bits (6), and legacy ones (6.3). */
enum {
    F_ANY_LAYOUT = 27,
    F_INDIRECT_DESC = 28,
    F_EVENT_IDX = 29,
    F_VERSION_1 = 32,
    F_ACCESS_PLATFORM = 33,
    F_RING_RESET = 40,
};

/* ISR status capability (4.1.4.5). */
enum { ISR_QUEUE = 1, ISR_CONFIG = 2 };
#define NO_VECTOR 0xffffu

static void misuse(const void *object, const char *text)
{
    lockcheck_finding_about(object, "device-misuse", text);
}

/* --- Interrupts (4.1.5.3, 4.1.5.4) -------------------------------------------------------------------------
 */

static void update_pin(struct virtio_pci *virtio)
{
    bool wanted = virtio->interrupt_status != 0;

    if (wanted != virtio->pin)
        virtio->pin = fault_drive_pin(&virtio->fault, wanted);
}

static void interrupt(struct virtio_pci *virtio, uint16_t vector, uint8_t cause)
{
    if (pci_function_interrupts(virtio->function) != PCI_INTERRUPTS_MSIX) {
        virtio->interrupt_status |= cause;
        update_pin(virtio);
    } else if (vector != NO_VECTOR) {
        fault_send_message(&virtio->fault, vector);
    }
}

void virtio_pci_notice(struct virtio_pci *virtio, unsigned queue)
{
    if (virtqueue_wants_notice(&virtio->queue[queue].ring))
        interrupt(virtio, virtio->queue[queue].vector, ISR_QUEUE);
}

static void notice_config(struct virtio_pci *virtio)
{
    if (virtio->status & STATUS_DRIVER_OK)
        interrupt(virtio, virtio->config_vector, ISR_CONFIG);
}

void virtio_pci_config_changed(struct virtio_pci *virtio)
{
    virtio->generation++;
    notice_config(virtio);
}

void virtio_pci_needs_reset(struct virtio_pci *virtio, unsigned queue, const char *error)
{
    if (*error)
        misuse(&virtio->queue[queue].ring, error);
    virtio->status |= STATUS_NEEDS_RESET;
    notice_config(virtio);
}

/* --- Features and status (2.1, 2.2, 3.1) -------------------------------------------------------------------
 */

bool virtio_pci_has(const struct virtio_pci *virtio, unsigned feature)
{
    return virtio->accepted & VIRTIO_FEATURE(feature);
}

bool virtio_pci_is_running(const struct virtio_pci *virtio)
{
    return virtio->powered && (virtio->status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET)) == STATUS_DRIVER_OK;
}

bool virtio_pci_queue_is_ready(const struct virtio_pci *virtio, unsigned queue)
{
    return virtio_pci_is_running(virtio) && virtio->queue[queue].enabled;
}

static void reset_queue(struct virtio_pci *virtio, unsigned index)
{
    struct virtio_queue *queue = &virtio->queue[index];

    queue->enabled = false;
    virtqueue_reset(&queue->ring);
    queue->size = queue->size_max;
    queue->vector = NO_VECTOR;
    queue->pages = 0;
    queue->descriptors = queue->available = queue->used = 0;
    lockcheck_event(LOCKCHECK_HAND_OVER, &queue->ring, 0);
}

/* Writing 0 to the status. It is over at once. */
static void reset(struct virtio_pci *virtio)
{
    fault_reset(&virtio->fault);
    virtio->description->resetting(virtio->nic);
    virtio->modern = false;
    virtio->accepted = 0;
    virtio->offered_select = virtio->accepted_select = 0;
    virtio->status = virtio->interrupt_status = 0;
    virtio->queue_select = 0;
    virtio->config_vector = NO_VECTOR;
    for (unsigned i = 0; i < virtio->description->queues; i++)
        reset_queue(virtio, i);
    update_pin(virtio);
}

static void accept(struct virtio_pci *virtio, uint64_t features, bool modern)
{
    if (virtio->status & STATUS_FEATURES_OK)
        misuse(virtio, "the driver changes its features after it has settled them");
    virtio->modern = modern;
    virtio->accepted = features;
    virtio->description->features_accepted(virtio->nic);
}

/* The driver sets bits one after the other (2.1.1). FEATURES_OK stays off when the device cannot work like
 * that. */
static void write_status(struct virtio_pci *virtio, uint8_t status)
{
    bool suits = !(virtio->accepted & ~virtio->offered) && virtio_pci_has(virtio, F_VERSION_1) &&
                 virtio_pci_has(virtio, F_ACCESS_PLATFORM);

    if (status == 0) {
        reset(virtio);
        return;
    }
    if (virtio->status & ~status & ~STATUS_NEEDS_RESET)
        misuse(virtio, "the driver takes back a bit of its status without a reset");
    if (status & STATUS_FEATURES_OK && !suits)
        status &= (uint8_t)~STATUS_FEATURES_OK;
    if (status & STATUS_DRIVER_OK && virtio->modern && !(status & STATUS_FEATURES_OK))
        misuse(virtio, "the driver begins to use the device before it has settled its features");
    virtio->status = (uint8_t)(status | (virtio->status & STATUS_NEEDS_RESET));
}

/* --- Queues ------------------------------------------------------------------------------------------------
 */

static struct virtio_queue *selected(struct virtio_pci *virtio)
{
    return virtio->queue_select < virtio->description->queues ? &virtio->queue[virtio->queue_select] : NULL;
}

static void enable(struct virtio_pci *virtio, struct virtio_queue *queue)
{
    virtqueue_reset(&queue->ring);
    queue->ring.size = queue->size;
    queue->ring.indirect = virtio_pci_has(virtio, F_INDIRECT_DESC);
    queue->ring.event_index = virtio_pci_has(virtio, F_EVENT_IDX);
    queue->ring.descriptors = queue->descriptors;
    queue->ring.available = queue->available;
    queue->ring.used = queue->used;
    queue->enabled = true;
    lockcheck_event(LOCKCHECK_HAND_OVER, &queue->ring, 0);
}

static void write_enable(struct virtio_pci *virtio, struct virtio_queue *queue, uint32_t value)
{
    if (value != 1)
        misuse(&queue->ring, "the driver writes something else than 1 to queue_enable");
    else if (!(virtio->status & STATUS_FEATURES_OK))
        misuse(&queue->ring, "the driver enables a queue before it has settled its features");
    else if (!queue->enabled)
        enable(virtio, queue);
}

/* Legacy: all of a queue lies behind its first page (2.6.2). 0 gives it back. */
static void write_pages(struct virtio_pci *virtio, uint32_t pages)
{
    struct virtio_queue *queue = selected(virtio);
    uint64_t end;

    if (!queue)
        return;
    if (!pages) {
        virtio->description->queue_resetting(virtio->nic, virtio->queue_select);
        reset_queue(virtio, virtio->queue_select);
        return;
    }
    queue->pages = pages;
    queue->descriptors = (uint64_t)pages * LEGACY_PAGE;
    queue->available = queue->descriptors + 16u * queue->size;
    end = queue->available + 6 + 2u * queue->size;
    queue->used = (end + LEGACY_PAGE - 1) / LEGACY_PAGE * LEGACY_PAGE;
    enable(virtio, queue);
}

static void notify(struct virtio_pci *virtio, uint32_t index)
{
    struct virtio_queue *queue = index < virtio->description->queues ? &virtio->queue[index] : NULL;

    if (!queue) {
        misuse(virtio, "the driver notifies a queue that the device does not have");
        return;
    }
    if (!queue->enabled || !(virtio->status & STATUS_DRIVER_OK))
        misuse(&queue->ring, "the driver notifies a queue before it may be used");
    lockcheck_event(LOCKCHECK_HAND_OVER, &queue->ring, 0);
    if (virtio_pci_queue_is_ready(virtio, index))
        virtio->description->notified(virtio->nic, index);
}

/* Virtqueue Reset (1.2, 2.6.1): over at once. */
static void write_reset(struct virtio_pci *virtio, uint32_t value)
{
    if (value != 1 || !virtio_pci_has(virtio, F_RING_RESET)) {
        misuse(&selected(virtio)->ring, "the driver resets a queue in a way that was not agreed on");
        return;
    }
    virtio->description->queue_resetting(virtio->nic, virtio->queue_select);
    reset_queue(virtio, virtio->queue_select);
}

/* A vector that the device has not got shows as none (4.1.5.1.2). */
static uint16_t vector_of(const struct virtio_pci *virtio, uint32_t value)
{
    return value <= virtio->description->queues ? (uint16_t)value : NO_VECTOR;
}

/* --- The device's own configuration (2.4, 4.1.4.6) ---------------------------------------------------------
 */

static uint32_t read_config(const struct virtio_pci *virtio, uint32_t offset, unsigned size)
{
    return offset + size <= virtio->description->config_octets ? get_le(virtio->config + offset, size) : 0;
}

static void write_config(struct virtio_pci *virtio, uint32_t offset, unsigned size, uint32_t value)
{
    if (virtio->modern || offset + size > virtio->description->config_octets)
        return;
    put_le(virtio->config + offset, size, value);
    virtio->description->config_written(virtio->nic);
}

/* --- The specification's registers (4.1.4.3 to 4.1.4.5) ----------------------------------------------------
 */

/* Each is accessed as a whole (4.1.3.1). 0: there is none at this offset. */
static unsigned common_width(uint32_t offset)
{
    switch (offset) {
    case DEVICE_STATUS:
    case CONFIG_GENERATION:
        return 1;
    case MSIX_CONFIG:
    case NUM_QUEUES:
    case QUEUE_SELECT:
    case QUEUE_SIZE:
    case QUEUE_MSIX_VECTOR:
    case QUEUE_ENABLE:
    case QUEUE_NOTIFY_OFF:
    case QUEUE_NOTIFY_DATA:
    case QUEUE_RESET:
        return 2;
    default:
        return offset % 4 == 0 && offset < QUEUE_NOTIFY_DATA ? 4 : 0;
    }
}

/* The half of a 64-bit register that an offset means. */
static uint32_t half_of(uint64_t value, uint32_t offset)
{
    return (uint32_t)(offset & 4 ? value >> 32 : value);
}

static uint64_t with_half(uint64_t value, uint32_t offset, uint32_t half)
{
    return offset & 4 ? (value & UINT32_MAX) | (uint64_t)half << 32 : (value & ~(uint64_t)UINT32_MAX) | half;
}

static uint32_t feature_word(uint64_t features, uint32_t select)
{
    return select > 1 ? 0 : (uint32_t)(features >> 32 * select);
}

/* Of the queue that is selected. */
static uint32_t read_queue(const struct virtio_queue *queue, uint32_t offset, uint16_t index)
{
    switch (offset) {
    case QUEUE_SIZE:
        return queue->size;
    case QUEUE_MSIX_VECTOR:
        return queue->vector;
    case QUEUE_ENABLE:
        return queue->enabled;
    case QUEUE_NOTIFY_OFF:
    case QUEUE_NOTIFY_DATA:
        return index;
    case QUEUE_DESC:
    case QUEUE_DESC + 4:
        return half_of(queue->descriptors, offset);
    case QUEUE_DRIVER:
    case QUEUE_DRIVER + 4:
        return half_of(queue->available, offset);
    case QUEUE_DEVICE:
    case QUEUE_DEVICE + 4:
        return half_of(queue->used, offset);
    default:
        return 0;
    }
}

static uint32_t read_common(struct virtio_pci *virtio, uint32_t offset)
{
    switch (offset) {
    case DEVICE_FEATURE_SELECT:
        return virtio->offered_select;
    case DEVICE_FEATURE:
        return feature_word(virtio->offered, virtio->offered_select);
    case DRIVER_FEATURE_SELECT:
        return virtio->accepted_select;
    case DRIVER_FEATURE:
        return feature_word(virtio->accepted, virtio->accepted_select);
    case MSIX_CONFIG:
        return virtio->config_vector;
    case NUM_QUEUES:
        return virtio->description->queues;
    case DEVICE_STATUS:
        return virtio->status;
    case CONFIG_GENERATION:
        return virtio->generation;
    case QUEUE_SELECT:
        return virtio->queue_select;
    default:
        return selected(virtio) ? read_queue(selected(virtio), offset, virtio->queue_select) : 0;
    }
}

static void write_size(struct virtio_queue *queue, uint32_t size)
{
    if (!size || size > queue->size_max || size & (size - 1))
        misuse(&queue->ring, "the driver gives a queue a size that it cannot have");
    else
        queue->size = (uint16_t)size;
}

static void write_queue(struct virtio_pci *virtio, struct virtio_queue *queue, uint32_t offset,
                        uint32_t value)
{
    if (queue->enabled && offset >= QUEUE_SIZE && offset < QUEUE_NOTIFY_DATA && offset != QUEUE_MSIX_VECTOR &&
        offset != QUEUE_ENABLE) {
        misuse(&queue->ring, "the driver changes a queue that is in use");
        return;
    }
    switch (offset) {
    case QUEUE_SIZE:
        write_size(queue, value);
        break;
    case QUEUE_MSIX_VECTOR:
        queue->vector = vector_of(virtio, value);
        break;
    case QUEUE_ENABLE:
        write_enable(virtio, queue, value);
        break;
    case QUEUE_DESC:
    case QUEUE_DESC + 4:
        queue->descriptors = with_half(queue->descriptors, offset, value);
        break;
    case QUEUE_DRIVER:
    case QUEUE_DRIVER + 4:
        queue->available = with_half(queue->available, offset, value);
        break;
    case QUEUE_DEVICE:
    case QUEUE_DEVICE + 4:
        queue->used = with_half(queue->used, offset, value);
        break;
    case QUEUE_RESET:
        write_reset(virtio, value);
        break;
    default:
        break; /* read only */
    }
}

static void write_common(struct virtio_pci *virtio, uint32_t offset, uint32_t value)
{
    switch (offset) {
    case DEVICE_FEATURE_SELECT:
        virtio->offered_select = value;
        break;
    case DRIVER_FEATURE_SELECT:
        virtio->accepted_select = value;
        break;
    case DRIVER_FEATURE:
        if (virtio->accepted_select <= 1)
            accept(virtio, with_half(virtio->accepted, virtio->accepted_select ? 4 : 0, value), true);
        break;
    case MSIX_CONFIG:
        virtio->config_vector = vector_of(virtio, value);
        break;
    case DEVICE_STATUS:
        write_status(virtio, (uint8_t)value);
        break;
    case QUEUE_SELECT:
        virtio->queue_select = (uint16_t)value;
        break;
    default:
        if (selected(virtio))
            write_queue(virtio, selected(virtio), offset, value);
    }
}

/* Reading it ends the interrupt. */
static uint32_t read_isr(struct virtio_pci *virtio)
{
    uint32_t causes = virtio->interrupt_status;

    virtio->interrupt_status = 0;
    update_pin(virtio);
    return causes;
}

static uint32_t read_modern(struct virtio_pci *virtio, uint32_t offset, unsigned size)
{
    uint32_t within = offset % STRUCTURE_BYTES;

    switch (offset - within) {
    case COMMON_AT:
        return within < COMMON_BYTES && common_width(within) == size ? read_common(virtio, within) : 0;
    case ISR_AT:
        return within == 0 ? read_isr(virtio) : 0;
    case DEVICE_AT:
        return read_config(virtio, within, size);
    default:
        return 0;
    }
}

static void write_modern(struct virtio_pci *virtio, uint32_t offset, unsigned size, uint32_t value)
{
    uint32_t within = offset % STRUCTURE_BYTES;

    switch (offset - within) {
    case COMMON_AT:
        if (within < COMMON_BYTES && common_width(within) == size)
            write_common(virtio, within, value);
        else
            misuse(virtio, "the driver writes a register in another width than it has");
        break;
    case DEVICE_AT:
        write_config(virtio, within, size, value);
        break;
    case NOTIFY_AT:
        notify(virtio, within / NOTIFY_MULTIPLIER);
        break;
    default:
        break;
    }
}

/* --- The legacy interface (4.1.4.8) ------------------------------------------------------------------------
 */

static unsigned legacy_config(const struct virtio_pci *virtio)
{
    return pci_function_interrupts(virtio->function) == PCI_INTERRUPTS_MSIX ? LEGACY_CONFIG_MSIX
                                                                            : LEGACY_CONFIG;
}

static uint64_t legacy_features(const struct virtio_pci *virtio)
{
    return (virtio->offered & UINT32_MAX) | VIRTIO_FEATURE(F_ANY_LAYOUT);
}

static uint32_t read_legacy(struct virtio_pci *virtio, uint32_t offset, unsigned size)
{
    struct virtio_queue *queue = selected(virtio);

    if (offset >= legacy_config(virtio))
        return read_config(virtio, offset - legacy_config(virtio), size);
    switch (offset) {
    case LEGACY_DEVICE_FEATURES:
        return (uint32_t)legacy_features(virtio);
    case LEGACY_DRIVER_FEATURES:
        return (uint32_t)virtio->accepted;
    case LEGACY_QUEUE_ADDRESS:
        return queue ? queue->pages : 0;
    case LEGACY_QUEUE_SIZE:
        return queue ? queue->size_max : 0;
    case LEGACY_QUEUE_SELECT:
        return virtio->queue_select;
    case LEGACY_DEVICE_STATUS:
        return virtio->status;
    case LEGACY_ISR:
        return read_isr(virtio);
    case LEGACY_CONFIG_VECTOR:
        return virtio->config_vector;
    case LEGACY_QUEUE_VECTOR:
        return queue ? queue->vector : NO_VECTOR;
    default:
        return 0;
    }
}

static void write_legacy(struct virtio_pci *virtio, uint32_t offset, unsigned size, uint32_t value)
{
    if (offset >= legacy_config(virtio)) {
        write_config(virtio, offset - legacy_config(virtio), size, value);
        return;
    }
    switch (offset) {
    case LEGACY_DRIVER_FEATURES:
        accept(virtio, value & legacy_features(virtio), false);
        break;
    case LEGACY_QUEUE_ADDRESS:
        write_pages(virtio, value);
        break;
    case LEGACY_QUEUE_SELECT:
        virtio->queue_select = (uint16_t)value;
        break;
    case LEGACY_QUEUE_NOTIFY:
        notify(virtio, value);
        break;
    case LEGACY_DEVICE_STATUS:
        write_status(virtio, (uint8_t)value);
        break;
    case LEGACY_CONFIG_VECTOR:
        virtio->config_vector = vector_of(virtio, value);
        break;
    case LEGACY_QUEUE_VECTOR:
        if (selected(virtio))
            selected(virtio)->vector = vector_of(virtio, value);
        break;
    default:
        break; /* read only */
    }
}

/* --- The bus -----------------------------------------------------------------------------------------------
 */

static uint32_t read_bar(void *device, unsigned bar, uint32_t offset, unsigned size)
{
    struct virtio_pci *virtio = device;
    uint32_t value = UINT32_MAX;

    pthread_mutex_lock(virtio->lock);
    if (virtio->powered && bar == LEGACY_BAR)
        value = read_legacy(virtio, offset, size);
    else if (virtio->powered && bar == MODERN_BAR)
        value = read_modern(virtio, offset, size);
    pthread_mutex_unlock(virtio->lock);
    return value;
}

static void write_bar(void *device, unsigned bar, uint32_t offset, unsigned size, uint32_t value)
{
    struct virtio_pci *virtio = device;

    pthread_mutex_lock(virtio->lock);
    if (virtio->powered && bar == LEGACY_BAR)
        write_legacy(virtio, offset, size, value);
    else if (virtio->powered && bar == MODERN_BAR)
        write_modern(virtio, offset, size, value);
    pthread_mutex_unlock(virtio->lock);
}

/* PCI configuration access capability (4.1.4.7): pci_cfg_data stands for what the capability's fields name.
 */
struct window_access {
    unsigned bar, size;
    uint32_t offset;
};

/* Whether an access to configuration space is one to pci_cfg_data, and what that names. */
static bool goes_through_window(const struct virtio_pci *virtio, unsigned offset,
                                struct window_access *access)
{
    unsigned fields = virtio->access_capability + CAP_HEADER;

    if (!virtio->access_capability || offset != fields + CAP_EXTRA)
        return false;
    access->bar = pci_function_get_config(virtio->function, fields + CAP_BAR, 1);
    access->offset = pci_function_get_config(virtio->function, fields + CAP_OFFSET, 4);
    access->size = pci_function_get_config(virtio->function, fields + CAP_LENGTH, 4);
    return access->bar == MODERN_BAR && (access->size == 1 || access->size == 2 || access->size == 4) &&
           access->offset % access->size == 0 && access->offset + access->size <= MODERN_BYTES;
}

static void config_reading(void *device, unsigned offset, unsigned size)
{
    struct virtio_pci *virtio = device;
    struct window_access access;

    (void)size;
    if (goes_through_window(virtio, offset, &access))
        pci_function_set_config(virtio->function, offset, 4,
                                read_bar(virtio, access.bar, access.offset, access.size), UINT32_MAX);
}

static void config_written(void *device, unsigned offset, unsigned size)
{
    struct virtio_pci *virtio = device;
    struct window_access access;

    (void)size;
    if (goes_through_window(virtio, offset, &access))
        write_bar(virtio, access.bar, access.offset, access.size,
                  pci_function_get_config(virtio->function, offset, 4));
}

/* Returns where it is. extra: what follows the structure, or NULL for none. */
static unsigned add_capability(struct virtio_pci *virtio, uint8_t type, uint32_t at, uint32_t length,
                               bool extra, uint32_t extra_value)
{
    uint8_t body[CAP_BYTES + CAP_EXTRA_BYTES] = {0}, writable[CAP_BYTES + CAP_EXTRA_BYTES] = {0};
    size_t octets = extra ? sizeof body : CAP_BYTES;

    body[CAP_LEN] = (uint8_t)(CAP_HEADER + octets);
    body[CAP_TYPE] = type;
    body[CAP_BAR] = MODERN_BAR;
    put_le(body + CAP_OFFSET, 4, at);
    put_le(body + CAP_LENGTH, 4, length);
    put_le(body + CAP_EXTRA, 4, extra_value);
    if (type == CAP_PCI) {
        writable[CAP_BAR] = 0xff;
        memset(writable + CAP_OFFSET, 0xff, CAP_EXTRA + CAP_EXTRA_BYTES - CAP_OFFSET);
    }
    return pci_function_add_capability(virtio->function, 0, CAPABILITY_VENDOR, body, writable, octets);
}

static void add_modern_interface(struct virtio_pci *virtio)
{
    const struct virtio_description *description = virtio->description;

    add_capability(virtio, CAP_COMMON, COMMON_AT, COMMON_BYTES, false, 0);
    add_capability(virtio, CAP_ISR, ISR_AT, 1, false, 0);
    add_capability(virtio, CAP_DEVICE, DEVICE_AT, description->config_octets, false, 0);
    add_capability(virtio, CAP_NOTIFY, NOTIFY_AT, description->queues * NOTIFY_MULTIPLIER, true,
                   NOTIFY_MULTIPLIER);
    virtio->access_capability = add_capability(virtio, CAP_PCI, 0, 0, true, 0);
}

/* The reset signal, or a function-level reset. */
static void reset_signalled(void *device)
{
    struct virtio_pci *virtio = device;

    pthread_mutex_lock(virtio->lock);
    reset(virtio);
    pthread_mutex_unlock(virtio->lock);
}

static void plug_into_bus(struct virtio_pci *virtio, const struct nic_config *config)
{
    static const struct pci_function_ops ops = {.read = read_bar,
                                                .write = write_bar,
                                                .config_reading = config_reading,
                                                .config_written = config_written,
                                                .reset = reset_signalled};
    const struct virtio_description *description = virtio->description;
    struct pci_function_description chip = {
        .name = description->name,
        .vendor_id = VENDOR,
        .device_id = TRANSITIONAL_DEVICE,
        .subsystem_vendor_id = VENDOR,
        .subsystem_id = description->type,
        .revision = 0,
        .bars = {[LEGACY_BAR] = {PCI_BAR_IO, LEGACY_BYTES}, [MSIX_BAR] = {PCI_BAR_MEMORY, MSIX_BYTES}},
        .ops = &ops,
        .device = virtio,
    };

    if (!description->legacy)
        chip.bars[MODERN_BAR] =
            (struct pci_bar_description){PCI_BAR_MEMORY, MODERN_BYTES, .wide = true, .prefetchable = true};
    virtio->function = nic_plug_into_bus(config, &chip);
    fault_init(&virtio->fault, &config->fault, virtio->function);
    pci_function_add_msix(virtio->function, 0,
                          &(struct pci_msix_layout){.vectors = description->queues + 1,
                                                    .table_bar = MSIX_BAR,
                                                    .pending_bar = MSIX_BAR,
                                                    .pending_offset = MSIX_PENDING});
    if (!description->legacy)
        add_modern_interface(virtio);
    pci_function_add_reset(virtio->function, 0);
}

void virtio_pci_create(struct virtio_pci *virtio, const struct virtio_description *description,
                       struct nic *nic, pthread_mutex_t *lock, const struct nic_config *config)
{
    assert(description->queues <= VIRTIO_QUEUES_MAX && description->config_octets <= VIRTIO_CONFIG_MAX);
    virtio->description = description;
    virtio->nic = nic;
    virtio->lock = lock;
    virtio->offered = description->features | VIRTIO_FEATURE(F_INDIRECT_DESC) | VIRTIO_FEATURE(F_EVENT_IDX) |
                      VIRTIO_FEATURE(F_VERSION_1) | VIRTIO_FEATURE(F_ACCESS_PLATFORM) |
                      VIRTIO_FEATURE(F_RING_RESET);
    virtio->config_vector = NO_VECTOR;
    plug_into_bus(virtio, config);
    for (unsigned i = 0; i < description->queues; i++) {
        struct virtio_queue *queue = &virtio->queue[i];

        assert(description->queue[i].size <= VIRTQUEUE_SIZE_MAX);
        queue->size_max = queue->size = description->queue[i].size;
        queue->vector = NO_VECTOR;
        queue->ring.dma = pci_function_dma(virtio->function);
        queue->ring.object = &queue->ring;
        lockcheck_name_object(&queue->ring, "virtqueue", description->queue[i].name);
    }
    lockcheck_name_object(virtio, "device", description->name);
    virtio->powered = true;
}

void virtio_pci_power_off(struct virtio_pci *virtio)
{
    reset(virtio);
    virtio->powered = false;
}
