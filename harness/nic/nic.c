/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of device models, and what they share. A new chip is one file and one line here.
 */
#include "harness/nic/nic.h"

#include <errno.h>
#include <string.h>

#include <lockcheck.h>

#include "harness/machine/machine.h"

const struct nic_model *const nic_models[] = {&nic_rtl8139,    &nic_82540em,           &nic_82559,
                                              &nic_virtio_net, &nic_virtio_net_legacy, NULL};

const struct nic_model *nic_find_model(const char *name)
{
    for (size_t i = 0; nic_models[i]; i++)
        if (strcmp(nic_models[i]->name, name) == 0)
            return nic_models[i];
    return NULL;
}

const struct nic_model *nic_find_driver(const char *driver)
{
    for (size_t i = 0; nic_models[i]; i++)
        if (strcmp(nic_models[i]->driver, driver) == 0)
            return nic_models[i];
    return NULL;
}

struct pci_function *nic_plug_into_bus(const struct nic_config *config,
                                       const struct pci_function_description *chip)
{
    struct pci_function_description description = *chip;

    description.class_code = 0x020000; /* network controller, Ethernet */
    description.interrupt_pin = 1;
    description.interrupt_line = (uint8_t)config->irq_line;
    description.bus = (uint8_t)config->pci_bus;
    return pci_function_register(config->pci_slot ? config->pci_slot : NIC_DEFAULT_PCI_SLOT, 0, &description);
}

void nic_card_init(struct nic_card *card, const struct nic_config *config, const char *lock_name,
                   const char *work_name)
{
    pthread_mutex_init(&card->lock, NULL);
    machine_condition_init(&card->changed);
    lockcheck_name_object(&card->lock, "mutex", lock_name);
    lockcheck_name_object(&card->changed, "cond", work_name);
    card->powered = true;
    card->wire = config->wire;
    card->cable = config->wire != NULL;
}

bool nic_card_start(struct nic_card *card, void *(*work)(void *nic), struct nic *nic)
{
    int error = pthread_create(&card->thread, NULL, work, nic);

    if (error)
        errno = error;
    return error == 0;
}

void nic_card_wait(struct nic_card *card, uint64_t until_ns)
{
    card->idle = true;
    machine_condition_wait(&card->changed, &card->lock, until_ns);
    card->idle = false;
}

void nic_card_wake(struct nic_card *card)
{
    if (card->idle)
        pthread_cond_signal(&card->changed);
}

void nic_card_power_off(struct nic_card *card)
{
    card->powered = false;
    pthread_cond_signal(&card->changed);
    pthread_mutex_unlock(&card->lock);
    pthread_join(card->thread, NULL);
}
