/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each virtio device on a PCI bus is made of, whatever it does: features, status, virtqueues,
 * configuration, interrupts, and the registers that lead to them. After "Virtual I/O Device (VIRTIO)
 * Version 1.1" (OASIS, 2019), sections 2 and 4.1, and of 1.2 the reset of single virtqueues (2.6.1).
 *
 * A transitional device has two interfaces: that of the specification, found by capabilities, and the one
 * from before it (4.1.4.8, "Legacy Interfaces"). A legacy device has the second only. Which one the driver
 * uses decides the first access that says so: features that it accepts.
 *
 * The device is behind the IOMMU. It offers VIRTIO_F_ACCESS_PLATFORM (2.2), which the legacy interface has no
 * bit for: there the driver must know.
 *
 * When the driver breaks a rule, that is a finding "device-misuse". When the device cannot go on, it needs a
 * reset (2.1.2), which it says in its status and by a configuration interrupt.
 *
 * Left out: notification data, shared memory, single-root I/O virtualisation.
 */
#ifndef HARNESS_NIC_VIRTIO_PCI_H
#define HARNESS_NIC_VIRTIO_PCI_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness/nic/nic.h"
#include "harness/nic/virtqueue.h"

#define VIRTIO_QUEUES_MAX 9u
#define VIRTIO_CONFIG_MAX 32u /* octets of a device's own configuration */
#define VIRTIO_FEATURE(bit) (UINT64_C(1) << (bit))

struct virtio_queue_description {
    const char *name; /* for reports */
    uint16_t size;    /* at most */
};

/* What a device is. The functions are called with the device's lock held, in the thread that accesses it. */
struct virtio_description {
    const char *name;  /* for reports */
    uint16_t type;     /* 5, Device Types */
    uint64_t features; /* the type's own; those of the transport and the rings come on top */
    bool legacy;       /* has no other interface */
    unsigned queues;
    struct virtio_queue_description queue[VIRTIO_QUEUES_MAX];
    unsigned config_octets;

    /* The driver has said which features it accepts, perhaps not for the last time. */
    void (*features_accepted)(struct nic *nic);
    void (*notified)(struct nic *nic, unsigned queue);
    /* Before the device is reset, while its queues are as they were. */
    void (*resetting)(struct nic *nic);
    /* Before a single queue is. */
    void (*queue_resetting)(struct nic *nic, unsigned queue);
    /* The driver has written to the configuration; only the legacy interface lets it. */
    void (*config_written)(struct nic *nic);
};

struct virtio_queue {
    struct virtqueue ring;
    uint16_t size_max, size; /* what the driver has chosen, from size_max on */
    uint16_t vector;         /* of MSI-X */
    bool enabled;
    uint32_t pages;                        /* legacy: what the driver has written */
    uint64_t descriptors, available, used; /* modern: the same, before the queue is enabled */
};

/* State behind the device's lock. */
struct virtio_pci {
    const struct virtio_description *description;
    struct nic *nic;
    pthread_mutex_t *lock;
    struct pci_function *function;
    struct fault fault;
    bool powered;
    bool modern; /* the driver has accepted features by that interface */

    uint64_t offered, accepted;
    uint32_t offered_select, accepted_select;
    uint8_t status, generation, interrupt_status;
    bool pin; /* what it is driven to */
    uint16_t queue_select, config_vector;
    uint8_t config[VIRTIO_CONFIG_MAX];
    struct virtio_queue queue[VIRTIO_QUEUES_MAX];
    unsigned access_capability; /* where in configuration space VIRTIO_PCI_CAP_PCI_CFG lies, or 0 */
};

/* Plug a device in, as config says. The caller has zeroed it and fills `config` afterwards. */
void virtio_pci_create(struct virtio_pci *virtio, const struct virtio_description *description,
                       struct nic *nic, pthread_mutex_t *lock, const struct nic_config *config);
/* From now on all registers read as ones. */
void virtio_pci_power_off(struct virtio_pci *virtio);

/* Whether the driver has accepted a feature, whether it has finished its set-up, and whether a queue may be
 * used. */
bool virtio_pci_has(const struct virtio_pci *virtio, unsigned feature);
bool virtio_pci_is_running(const struct virtio_pci *virtio);
bool virtio_pci_queue_is_ready(const struct virtio_pci *virtio, unsigned queue);

/* Buffers were given back and published: interrupt the driver, unless it does not want to be. */
void virtio_pci_notice(struct virtio_pci *virtio, unsigned queue);
/* The configuration has changed; tell the driver. */
void virtio_pci_config_changed(struct virtio_pci *virtio);
/* The device cannot go on. error: what the driver did, or "" when that has been reported. */
void virtio_pci_needs_reset(struct virtio_pci *virtio, unsigned queue, const char *error);

#endif
