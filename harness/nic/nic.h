/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every device model offers: it makes a network interface card, attaches it to the PCI bus, the
 * interrupt controller and a wire. Everything else goes through its registers.
 */
#ifndef HARNESS_NIC_NIC_H
#define HARNESS_NIC_NIC_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/machine/pci.h"
#include "harness/nic/fault.h"
#include "harness/wire/wire.h"

#define NIC_MAC_LENGTH 6

struct nic; /* each model has its own */

struct nic_config {
    uint8_t mac[NIC_MAC_LENGTH]; /* goes into the EEPROM */
    unsigned irq_line;           /* 0: as the board routes its slot */
    unsigned pci_bus;            /* 0, or what pci_bridge_register() has returned */
    unsigned pci_slot;           /* device number on that bus; 0 for NIC_DEFAULT_PCI_SLOT */
    unsigned queue_pairs;        /* 0 for 1; more only for models that can have them */
    struct fault_plan fault;     /* all 0 for none */
    struct wire *wire;           /* must outlive the nic; NULL for an unplugged cable (no link) */
};

#define NIC_DEFAULT_PCI_SLOT 3

struct nic_model {
    const char *name;        /* for --nic */
    const char *driver;      /* Linux's for it */
    const char *description; /* one line */
    unsigned queue_pairs;    /* how many a card can have; 0 for 1 */

    /* Make a card and its thread, and attach it. Returns the card, which lives as long as the machine, or
     * NULL with errno set. */
    struct nic *(*create)(const struct nic_config *config);

    /* What the wire calls; create plugs it in. */
    wire_receive_function *receive;

    /* Plug the cable in, or pull it. */
    void (*set_cable)(struct nic *nic, bool plugged);

    /* End its thread, at the end of the program. The card stays in its slot without power: its registers read
     * as all ones. No driver may be using it, and the wire must have been finished or destroyed. */
    void (*power_off)(struct nic *nic);
};

extern const struct nic_model nic_rtl8139;
extern const struct nic_model nic_82540em;
extern const struct nic_model nic_82559;
extern const struct nic_model nic_virtio_net;
extern const struct nic_model nic_virtio_net_legacy;

/* The models, NULL at the end. */
extern const struct nic_model *const nic_models[];

/* The model of that name, or the one of the card for that driver, or NULL. */
const struct nic_model *nic_find_model(const char *name);
const struct nic_model *nic_find_driver(const char *driver);

/* --- What models share --- */

/* Plug a card into the slot that config names, as an Ethernet controller with one interrupt pin on its line;
 * the rest is the chip's own. */
struct pci_function *nic_plug_into_bus(const struct nic_config *config,
                                       const struct pci_function_description *chip);

/* What every card is made of besides its chip: power, a cable, and a thread that works. */
struct nic_card {
    struct wire *wire;    /* NULL: there is none */
    pthread_t thread;     /* "nic" */
    pthread_mutex_t lock; /* guards what follows, and the chip */
    pthread_cond_t changed;
    bool powered; /* the thread goes on while it is */
    bool idle;    /* the thread waits */
    bool cable;   /* plugged in */
};

/* With power, and a cable if config has a wire. lock_name, work_name: of the lock, and of what the thread
 * waits for, in reports. */
void nic_card_init(struct nic_card *card, const struct nic_config *config, const char *lock_name,
                   const char *work_name);

/* Start its thread, which runs work(nic). Returns false with errno set when it cannot be made. */
bool nic_card_start(struct nic_card *card, void *(*work)(void *nic), struct nic *nic);

/* With the lock held. The thread waits: until it is woken or that time of the machine's clock has come, in
 * nanoseconds, or MACHINE_NEVER. */
void nic_card_wait(struct nic_card *card, uint64_t until_ns);
/* With the lock held: wake the thread, if it waits. */
void nic_card_wake(struct nic_card *card);

/* Called with the lock held, which is given up. Its thread has ended then. */
void nic_card_power_off(struct nic_card *card);

#endif
