/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of device models. A new chip is one file and one line here.
 */
#include "harness/nic/nic.h"

#include <string.h>

const struct nic_model *const nic_models[] = {&nic_rtl8139, &nic_82540em, NULL};

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
