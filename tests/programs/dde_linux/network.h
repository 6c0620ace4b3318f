/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the programs here share that drive network cards: the boot, a kind of frame of their own, opening and
 * closing as a user does.
 */
#ifndef DDE_LINUX_PROGRAMS_NETWORK_H
#define DDE_LINUX_PROGRAMS_NETWORK_H

#include <assert.h>
#include <stdio.h>

#include <ddekit/ddekit.h>
#include <ddekit/pci.h>
#include <ddekit/printf.h>
#include <ddekit/sync.h>
#include <ddekit/timer.h>
#include <dde_linux/dde_linux.h>
#include <linux/completion.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/kthread.h>
#include <linux/rtnetlink.h>

#include "harness/machine/dma.h"
#include "harness/machine/machine.h"
#include "harness/machine/pci.h"
#include "harness/nic/nic.h"
#include "harness/wire/account.h"
#include "harness/wire/wire.h"

#define LINK_JIFFIES 20
#define STATISTICS_MAX 64
#define PAYLOAD_MARK 77 /* what each frame carries */

/* The system, on a machine that is complete. */
static inline void boot_linux(void)
{
    ddekit_init();
    ddekit_init_timers();
    ddekit_pci_init();
    ddekit_print_to(-1);
    dde_linux_init();
}

/* The only device there is, once its driver has found the card. The caller has a reference to it. */
static inline struct net_device *probe_device(void)
{
    struct net_device *dev;

    assert(dde_linux_probe_drivers() == 1);
    dev = dev_get_by_name(&init_net, "eth0");
    assert(dev);
    return dev;
}

/* A frame of the least length. number: one octet, behind the mark. */
static inline void make_frame(u8 frame[ETH_ZLEN], const u8 *destination, u8 number)
{
    memset(frame, 0, ETH_ZLEN);
    memcpy(frame, destination, ETH_ALEN);
    frame[12] = 0x88; /* the type for local experiments */
    frame[13] = 0xb5;
    frame[ETH_HLEN] = PAYLOAD_MARK;
    frame[ETH_HLEN + 1] = number;
}

/* Queue `count` of them; destructor hears of each buffer's end. */
static inline void send_frames(struct net_device *dev, int count, void (*destructor)(struct sk_buff *))
{
    const u8 peer[ETH_ALEN] = {2, 0, 0, 0, 0, 1};
    u8 frame[ETH_ZLEN];

    for (int i = 0; i < count; i++) {
        struct sk_buff *skb = alloc_skb(ETH_ZLEN, GFP_KERNEL);

        make_frame(frame, peer, (u8)i);
        skb_put_data(skb, frame, sizeof(frame));
        skb->dev = dev;
        skb->destructor = destructor;
        dev_queue_xmit(skb);
    }
}

/* Some drivers look at the link only after a while. Until then frames are dropped. */
static inline void await_running(struct net_device *dev)
{
    for (int i = 0; i < LINK_JIFFIES && !(dev_get_flags(dev) & IFF_RUNNING); i++)
        schedule_timeout_uninterruptible(1);
}

static inline void open_device(struct net_device *dev)
{
    rtnl_lock();
    assert(dev_open(dev, NULL) == 0);
    rtnl_unlock();
    await_running(dev);
}

static inline void close_device(struct net_device *dev)
{
    rtnl_lock();
    dev_close(dev);
    rtnl_unlock();
}

/* How often the driver had to reset the card, by its own count; -1 when it does not count. */
static inline int count_timeouts(struct net_device *dev)
{
    static char names[STATISTICS_MAX][ETH_GSTRING_LEN];
    static u64 values[STATISTICS_MAX];
    int count = dev->ethtool_ops->get_sset_count(dev, ETH_SS_STATS);

    assert(count > 0 && count <= STATISTICS_MAX);
    dev->ethtool_ops->get_strings(dev, ETH_SS_STATS, (u8 *)names);
    dev->ethtool_ops->get_ethtool_stats(dev, NULL, values);
    for (int i = 0; i < count; i++) {
        if (strncmp(names[i], "tx_timeout", strlen("tx_timeout")) == 0)
            return (int)values[i];
    }
    return -1;
}

/* A kernel thread that somebody waits for. */
struct job {
    int (*function)(void *);
    void *argument;
    struct completion done;
    struct task_struct *task;
};

static int do_job(void *argument)
{
    struct job *job = argument;

    job->function(job->argument);
    complete(&job->done);
    for (;;) {
        set_current_state(TASK_UNINTERRUPTIBLE);
        if (kthread_should_stop())
            break;
        schedule();
    }
    set_current_state(TASK_RUNNING);
    return 0;
}

static inline void start_job(struct job *job, int number)
{
    init_completion(&job->done);
    job->task = kthread_run(do_job, job, "job/%d", number);
    assert(!IS_ERR(job->task));
}

/* Wait until it is done. Its thread has ended then. */
static inline void finish_job(struct job *job)
{
    wait_for_completion(&job->done);
    kthread_stop(job->task);
}

#endif
