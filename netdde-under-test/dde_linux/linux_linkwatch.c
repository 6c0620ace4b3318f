/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The carrier of network devices, and what follows from its changes: while there is none the transmit queue
 * is not active. A driver reports from any context; the rest is done by the "events" worker under rtnl.
 *
 * Left out: Linux's limit of one change per second, operational states.
 */
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/workqueue.h>

#include "netdde-under-test/dde_linux/internal.h"

static DEFINE_SPINLOCK(event_lock);
static LIST_HEAD(events); /* devices whose carrier has changed, each with a reference */
static struct work_struct event_work;

static struct net_device *next_event(void)
{
    struct net_device *dev;

    spin_lock_irq(&event_lock);
    dev = list_first_entry_or_null(&events, struct net_device, link_watch_list);
    if (dev) {
        list_del(&dev->link_watch_list);
        clear_bit(__LINK_STATE_LINKWATCH_PENDING, &dev->state);
    }
    spin_unlock_irq(&event_lock);
    return dev;
}

static void handle_events(struct work_struct *work __always_unused)
{
    struct net_device *dev;

    rtnl_lock();
    while ((dev = next_event())) {
        if (dev->flags & IFF_UP) {
            if (netif_carrier_ok(dev))
                qdisc_activate(dev);
            else
                qdisc_deactivate(dev);
        }
        dev_put(dev);
    }
    rtnl_unlock();
}

static void fire_event(struct net_device *dev)
{
    spin_lock_irq(&event_lock);
    if (!test_and_set_bit(__LINK_STATE_LINKWATCH_PENDING, &dev->state)) {
        dev_hold(dev);
        list_add_tail(&dev->link_watch_list, &events);
    }
    spin_unlock_irq(&event_lock);
    schedule_work(&event_work);
}

/* Before its registration and after its end nobody follows a device's carrier. */
static bool is_registered(const struct net_device *dev)
{
    return dev->reg_state == NETREG_REGISTERED;
}

void netif_carrier_on(struct net_device *dev)
{
    if (test_and_clear_bit(__LINK_STATE_NOCARRIER, &dev->state) && is_registered(dev))
        fire_event(dev);
}

void netif_carrier_off(struct net_device *dev)
{
    if (!test_and_set_bit(__LINK_STATE_NOCARRIER, &dev->state) && is_registered(dev))
        fire_event(dev);
}

void linkwatch_forget(struct net_device *dev)
{
    bool had_event;

    spin_lock_irq(&event_lock);
    had_event = test_and_clear_bit(__LINK_STATE_LINKWATCH_PENDING, &dev->state);
    if (had_event)
        list_del(&dev->link_watch_list);
    spin_unlock_irq(&event_lock);
    if (had_event)
        dev_put(dev);
}

void linkwatch_init(void)
{
    INIT_WORK(&event_work, handle_events);
}
