/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transmission: dev_queue_xmit, a pfifo for each of a device's queues, the net-tx softirq, the transmit
 * watchdog.
 *
 * A frame's queue is the one that the driver selects, else the one that it was received by, else its flow's:
 * so the frames of a flow stay in order.
 *
 * A queue is run by one thread at a time: whoever finds `running` false under the queue's lock sets it, takes
 * frames off one by one, and gives each to the driver without the lock. Who finds it true leaves: the runner
 * looks at the list again, under the lock, after each frame. A queue that the driver has stopped is left
 * alone; netif_wake_queue schedules it with the net-tx softirq.
 *
 * The watchdog's timer is started by a transmission, and by a driver that stops the queue; it stops by itself
 * when a whole period has passed without a transmission and the queue is not stopped. (Linux lets it run for
 * ever.) A device has one, for all its queues.
 *
 * Left out: other disciplines, GSO, byte queue limits.
 */
#include <linux/if_vlan.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "netdde-under-test/dde_linux/internal.h"

#define WATCHDOG_DEFAULT (5 * HZ)
#define RUN_QUOTA 64 /* frames that one run sends before it lets the softirq go on */

/* A bit of struct Qdisc's state. */
#define QDISC_STATE_SCHED 0 /* in the output list, or just taken off by the softirq */

struct Qdisc {
    struct netdev_queue *txq;
    spinlock_t lock;
    struct sk_buff_head frames; /* under the lock, as the next three; its own lock is not used */
    struct sk_buff *requeued;   /* the driver would not have it; goes first */
    bool active;                /* written with the lock, read also without */
    bool running;               /* a thread gives frames to the driver */
    unsigned long state;
    struct list_head output_entry;
};

static DEFINE_SPINLOCK(output_lock);  /* the two lists */
static LIST_HEAD(output_queue);       /* queues to be run by the net-tx softirq */
static struct sk_buff_head completed; /* frames to be freed by the net-tx softirq */
static DECLARE_WAIT_QUEUE_HEAD(
    unscheduled); /* woken after a queue was run by the softirq while somebody waits */

static bool is_active(const struct Qdisc *q)
{
    return __atomic_load_n(&q->active, __ATOMIC_SEQ_CST);
}

/* --- The watchdog -------------------------------------------------------------------------------------- */

static bool has_watchdog(const struct net_device *dev)
{
    return dev->netdev_ops->ndo_tx_timeout && dev->watchdog_timeo > 0;
}

/* Start the timer unless it runs. Whoever changes watchdog_running to 1 starts it. */
static void watchdog_start(struct net_device *dev)
{
    if (__atomic_load_n(&dev->watchdog_running, __ATOMIC_SEQ_CST) == 0 &&
        xchg(&dev->watchdog_running, 1) == 0)
        mod_timer(&dev->watchdog_timer, round_jiffies(jiffies + (unsigned long)dev->watchdog_timeo));
}

static bool has_timed_out(const struct netdev_queue *txq)
{
    return netif_tx_queue_stopped(txq) &&
           time_after(jiffies, READ_ONCE(txq->trans_start) + (unsigned long)txq->dev->watchdog_timeo);
}

static bool is_watched(const struct net_device *dev)
{
    return qdisc_is_active(dev) && netif_device_present(dev) && netif_running(dev) && netif_carrier_ok(dev);
}

/* The first queue that has timed out, or NULL. */
static struct netdev_queue *find_timed_out(struct net_device *dev)
{
    struct netdev_queue *txq;

    for_each_tx_queue(txq, dev)
    {
        if (has_timed_out(txq))
            return txq;
    }
    return NULL;
}

static bool is_stopped(const struct net_device *dev)
{
    const struct netdev_queue *txq;

    for_each_tx_queue(txq, dev)
    {
        if (netif_tx_queue_stopped(txq))
            return true;
    }
    return false;
}

static unsigned long count_transmissions(const struct net_device *dev)
{
    const struct netdev_queue *txq;
    unsigned long count = 0;

    for_each_tx_queue(txq, dev) count += __atomic_load_n(&txq->trans_count, __ATOMIC_SEQ_CST);
    return count;
}

static void report_timeout(struct net_device *dev, struct netdev_queue *txq)
{
    unsigned int index = (unsigned int)(txq - dev->_tx);

    atomic_inc(&txq->trans_timeout);
    netdev_warn(dev, "NETDEV WATCHDOG: transmit queue %u timed out\n", index);
    dev->netdev_ops->ndo_tx_timeout(dev, index);
}

static void watchdog_expired(struct timer_list *timer)
{
    struct net_device *dev = from_timer(dev, timer, watchdog_timer);
    struct netdev_queue *txq;
    unsigned long count;

    netif_tx_lock(dev);
    txq = is_watched(dev) ? find_timed_out(dev) : NULL;
    if (txq)
        report_timeout(dev, txq);
    netif_tx_unlock(dev);

    /* From here on a transmission starts the timer anew; one that came before shows in the count. */
    __atomic_store_n(&dev->watchdog_running, 0, __ATOMIC_SEQ_CST);
    count = count_transmissions(dev);
    if (is_watched(dev) && (is_stopped(dev) || count != dev->watchdog_seen))
        watchdog_start(dev);
    dev->watchdog_seen = count;
}

/* --- The queue ----------------------------------------------------------------------------------------- */

/* 0 or -ENOMEM. */
static int create_queue(struct netdev_queue *txq)
{
    struct Qdisc *q = kzalloc(sizeof(*q), GFP_KERNEL);

    if (!q)
        return -ENOMEM;
    q->txq = txq;
    spin_lock_init(&q->lock);
    __skb_queue_head_init(&q->frames);
    txq->qdisc = q;
    return 0;
}

static void destroy_queue(struct netdev_queue *txq)
{
    struct Qdisc *q = txq->qdisc;

    if (!q)
        return;
    /* The driver may have woken the queue to the last. */
    wait_event(unscheduled, !test_bit(QDISC_STATE_SCHED, &q->state));
    synchronize_rcu();
    txq->qdisc = NULL;
    ddekit_lock_deinit(&q->lock.dde_lock);
    kfree(q);
}

int qdisc_create(struct net_device *dev)
{
    struct netdev_queue *txq;

    timer_setup(&dev->watchdog_timer, watchdog_expired, 0);
    for_each_tx_queue(txq, dev)
    {
        if (create_queue(txq)) {
            qdisc_destroy(dev);
            return -ENOMEM;
        }
    }
    return 0;
}

void qdisc_destroy(struct net_device *dev)
{
    struct netdev_queue *txq;

    for_each_tx_queue(txq, dev) destroy_queue(txq);
}

bool qdisc_is_active(const struct net_device *dev)
{
    return is_active(netdev_get_tx_queue(dev, 0)->qdisc);
}

static void set_active(struct net_device *dev, bool active)
{
    struct netdev_queue *txq;

    for_each_tx_queue(txq, dev)
    {
        spin_lock(&txq->qdisc->lock);
        __atomic_store_n(&txq->qdisc->active, active, __ATOMIC_SEQ_CST);
        spin_unlock(&txq->qdisc->lock);
        if (active)
            WRITE_ONCE(txq->trans_start, jiffies);
    }
}

void qdisc_activate(struct net_device *dev)
{
    if (dev->watchdog_timeo <= 0)
        dev->watchdog_timeo = WATCHDOG_DEFAULT;

    if (!netif_carrier_ok(dev))
        return; /* the link watch activates it when the carrier comes */
    set_active(dev, true);
    /* The timer may have found no carrier, and stopped. */
    if (has_watchdog(dev) && is_stopped(dev))
        watchdog_start(dev);
}

/* Called without the lock, since freeing may do anything. */
static void free_frames(struct sk_buff_head *frames, struct sk_buff *requeued)
{
    kfree_skb(requeued);
    __skb_queue_purge(frames);
}

static void qdisc_reset(struct Qdisc *q)
{
    struct sk_buff_head frames;
    struct sk_buff *requeued, *skb;

    __skb_queue_head_init(&frames);
    spin_lock(&q->lock);
    while ((skb = __skb_dequeue(&q->frames)))
        __skb_queue_tail(&frames, skb);
    requeued = q->requeued;
    q->requeued = NULL;
    spin_unlock(&q->lock);
    free_frames(&frames, requeued);
}

void qdisc_deactivate(struct net_device *dev)
{
    struct netdev_queue *txq;

    set_active(dev, false);
    /* Every run of a queue is a read side: afterwards none goes on that saw it active. */
    synchronize_rcu();
    if (has_watchdog(dev)) {
        del_timer_sync(&dev->watchdog_timer);
        __atomic_store_n(&dev->watchdog_running, 0, __ATOMIC_SEQ_CST);
    }
    for_each_tx_queue(txq, dev) qdisc_reset(txq->qdisc);
}

/* Frames that wait in a queue which is not used any more are lost. */
int netif_set_real_num_tx_queues(struct net_device *dev, unsigned int count)
{
    unsigned int before = dev->real_num_tx_queues;

    if (count < 1 || count > dev->num_tx_queues)
        return -EINVAL;
    if (dev->reg_state == NETREG_REGISTERED)
        ASSERT_RTNL();
    WRITE_ONCE(dev->real_num_tx_queues, count);
    if (dev->reg_state != NETREG_REGISTERED || count >= before)
        return 0;
    synchronize_net();
    for (unsigned int i = count; i < before; i++)
        qdisc_reset(netdev_get_tx_queue(dev, i)->qdisc);
    return 0;
}

static void qdisc_schedule(struct Qdisc *q)
{
    if (test_and_set_bit(QDISC_STATE_SCHED, &q->state))
        return;
    spin_lock_irq(&output_lock);
    list_add_tail(&q->output_entry, &output_queue);
    spin_unlock_irq(&output_lock);
    raise_softirq(NET_TX_SOFTIRQ);
}

/* Give one frame to the driver. NETDEV_TX_BUSY: the frame is still ours. */
static netdev_tx_t transmit(struct sk_buff *skb, struct netdev_queue *txq)
{
    struct net_device *dev = txq->dev;
    netdev_tx_t rc = NETDEV_TX_BUSY;

    spin_lock(&txq->_xmit_lock);
    if (!netif_tx_queue_stopped(txq)) {
        rc = dev->netdev_ops->ndo_start_xmit(skb, dev);
        if (rc == NETDEV_TX_OK) {
            WRITE_ONCE(txq->trans_start, jiffies);
            __atomic_fetch_add(&txq->trans_count, 1, __ATOMIC_SEQ_CST);
        }
    }
    spin_unlock(&txq->_xmit_lock);
    if (rc == NETDEV_TX_OK && has_watchdog(dev))
        watchdog_start(dev);
    return rc;
}

/* Under the lock: the next frame, if the driver wants one. */
static struct sk_buff *next_frame(struct Qdisc *q)
{
    struct sk_buff *skb = q->requeued;

    if (netif_tx_queue_stopped(q->txq))
        return NULL;
    q->requeued = NULL;
    return skb ? skb : __skb_dequeue(&q->frames);
}

/* Under the lock, in a read side; drops the lock around each frame. */
static void qdisc_run(struct Qdisc *q)
{
    struct sk_buff *skb;
    int quota = RUN_QUOTA;

    if (q->running || !q->active)
        return;
    q->running = true;
    while (q->active && (skb = next_frame(q))) {
        netdev_tx_t rc;

        spin_unlock(&q->lock);
        rc = transmit(skb, q->txq);
        spin_lock(&q->lock);
        if (rc == NETDEV_TX_BUSY)
            q->requeued = skb;
        if (rc == NETDEV_TX_BUSY || --quota == 0) {
            qdisc_schedule(q);
            break;
        }
    }
    q->running = false;
}

/* Do what the device cannot. Returns the buffer, or NULL after freeing it. */
static struct sk_buff *make_suitable(struct sk_buff *skb, const struct net_device *dev)
{
    const netdev_features_t features = dev->features;
    bool possible = true;

    if (skb_vlan_tag_present(skb) && !(features & NETIF_F_HW_VLAN_CTAG_TX))
        skb = __vlan_hwaccel_push_inside(skb);
    if (!skb)
        return NULL;
    if (skb_is_gso(skb))
        possible = features & (skb_is_gso_v6(skb) ? NETIF_F_TSO6 : NETIF_F_TSO);
    else if (skb->ip_summed == CHECKSUM_PARTIAL && !(features & NETIF_F_HW_CSUM))
        possible = skb_checksum_help(skb) == 0;
    if (possible && ((skb_is_nonlinear(skb) && !(features & NETIF_F_SG)) || skb_shinfo(skb)->frag_list))
        possible = skb_linearize(skb) == 0;
    if (possible)
        return skb;
    kfree_skb(skb);
    return NULL;
}

/* By its flow, or the queue that it was received by. */
static u16 pick_queue(const struct net_device *dev, struct sk_buff *skb)
{
    unsigned int count = READ_ONCE(dev->real_num_tx_queues);

    if (skb_rx_queue_recorded(skb))
        return (u16)(skb_get_rx_queue(skb) % count);
    return (u16)reciprocal_scale(skb_get_hash(skb), count);
}

/* In a read side. */
static struct Qdisc *choose_queue(struct net_device *dev, struct sk_buff *skb)
{
    unsigned int count = READ_ONCE(dev->real_num_tx_queues);
    u16 queue = 0;

    if (count > 1 && dev->netdev_ops->ndo_select_queue)
        queue = dev->netdev_ops->ndo_select_queue(dev, skb, NULL);
    else if (count > 1)
        queue = pick_queue(dev, skb);
    if (queue >= count) {
        netdev_warn(dev, "selects transmit queue %u of %u\n", queue, count);
        queue = 0;
    }
    skb_set_queue_mapping(skb, queue);
    return netdev_get_tx_queue(dev, queue)->qdisc;
}

int dev_queue_xmit(struct sk_buff *skb)
{
    struct net_device *dev = skb->dev;
    int rc = NET_XMIT_DROP;
    struct Qdisc *q;

    skb_reset_mac_header(skb);
    skb = make_suitable(skb, dev);
    if (!skb)
        return NET_XMIT_DROP;
    rcu_read_lock_bh();
    q = choose_queue(dev, skb);
    spin_lock(&q->lock);
    if (q->active && skb_queue_len(&q->frames) < dev->tx_queue_len) {
        __skb_queue_tail(&q->frames, skb);
        skb = NULL;
        rc = NET_XMIT_SUCCESS;
        qdisc_run(q);
    }
    spin_unlock(&q->lock);
    rcu_read_unlock_bh();
    kfree_skb(skb);
    return rc;
}

/* --- The net-tx softirq -------------------------------------------------------------------------------- */

static void run_scheduled(struct Qdisc *q)
{
    rcu_read_lock();
    /* First the bit, then the look at the queue: who schedules it after the look finds the bit clear. */
    clear_bit(QDISC_STATE_SCHED, &q->state);
    spin_lock(&q->lock);
    qdisc_run(q);
    spin_unlock(&q->lock);
    rcu_read_unlock();
}

static void net_tx_action(void)
{
    struct sk_buff_head frames;
    struct sk_buff *skb;
    LIST_HEAD(queues);

    __skb_queue_head_init(&frames);
    spin_lock_irq(&output_lock);
    while ((skb = __skb_dequeue(&completed)))
        __skb_queue_tail(&frames, skb);
    list_splice_init(&output_queue, &queues);
    spin_unlock_irq(&output_lock);
    free_frames(&frames, NULL);
    while (!list_empty(&queues)) {
        struct Qdisc *q = list_first_entry(&queues, struct Qdisc, output_entry);

        list_del(&q->output_entry);
        run_scheduled(q);
        if (waitqueue_active(&unscheduled))
            wake_up_all(&unscheduled);
    }
}

void dev_kfree_skb_irq(struct sk_buff *skb)
{
    if (!skb || !refcount_dec_and_test(&skb->users))
        return;
    refcount_set(&skb->users, 1); /* the softirq's */
    spin_lock_irq(&output_lock);
    __skb_queue_tail(&completed, skb);
    spin_unlock_irq(&output_lock);
    raise_softirq(NET_TX_SOFTIRQ);
}

void dev_consume_skb_irq(struct sk_buff *skb)
{
    dev_kfree_skb_irq(skb);
}

void dev_kfree_skb_any(struct sk_buff *skb)
{
    if (in_hardirq() || irqs_disabled())
        dev_kfree_skb_irq(skb);
    else
        kfree_skb(skb);
}

void dev_consume_skb_any(struct sk_buff *skb)
{
    dev_kfree_skb_any(skb);
}

/* --- What drivers do to the queue ---------------------------------------------------------------------- */

void netif_tx_start_queue(struct netdev_queue *queue)
{
    clear_bit(__QUEUE_STATE_DRV_XOFF, &queue->state);
}

void netif_tx_stop_queue(struct netdev_queue *queue)
{
    struct net_device *dev = queue->dev;

    if (test_and_set_bit(__QUEUE_STATE_DRV_XOFF, &queue->state))
        return;
    /* A read side, so that the timer is not started behind qdisc_deactivate. */
    rcu_read_lock();
    if (queue->qdisc && is_active(queue->qdisc) && has_watchdog(dev))
        watchdog_start(dev);
    rcu_read_unlock();
}

void netif_tx_wake_queue(struct netdev_queue *queue)
{
    if (test_and_clear_bit(__QUEUE_STATE_DRV_XOFF, &queue->state))
        qdisc_schedule(queue->qdisc);
}

void netif_tx_lock(struct net_device *dev)
{
    struct netdev_queue *txq;

    for_each_tx_queue(txq, dev) spin_lock(&txq->_xmit_lock);
}

void netif_tx_unlock(struct net_device *dev)
{
    struct netdev_queue *txq;

    for_each_tx_queue(txq, dev) spin_unlock(&txq->_xmit_lock);
}

void netif_tx_start_all_queues(struct net_device *dev)
{
    struct netdev_queue *txq;

    for_each_tx_queue(txq, dev) netif_tx_start_queue(txq);
}

void netif_tx_stop_all_queues(struct net_device *dev)
{
    struct netdev_queue *txq;

    for_each_tx_queue(txq, dev) netif_tx_stop_queue(txq);
}

void netif_tx_wake_all_queues(struct net_device *dev)
{
    struct netdev_queue *txq;

    for_each_tx_queue(txq, dev) netif_tx_wake_queue(txq);
}

void netif_tx_disable(struct net_device *dev)
{
    netif_tx_lock_bh(dev);
    netif_tx_stop_all_queues(dev);
    netif_tx_unlock_bh(dev);
}

unsigned long dev_trans_start(struct net_device *dev)
{
    unsigned long latest = READ_ONCE(dev->_tx->trans_start);
    const struct netdev_queue *txq;

    for_each_tx_queue(txq, dev)
    {
        unsigned long start = READ_ONCE(txq->trans_start);

        if (time_after(start, latest))
            latest = start;
    }
    return latest;
}

void netif_device_detach(struct net_device *dev)
{
    if (test_and_clear_bit(__LINK_STATE_PRESENT, &dev->state) && netif_running(dev))
        netif_tx_stop_all_queues(dev);
}

void netif_device_attach(struct net_device *dev)
{
    if (!test_and_set_bit(__LINK_STATE_PRESENT, &dev->state) && netif_running(dev)) {
        netif_tx_wake_all_queues(dev);
        if (has_watchdog(dev))
            watchdog_start(dev);
    }
}

void xmit_init(void)
{
    __skb_queue_head_init(&completed);
    open_softirq(NET_TX_SOFTIRQ, net_tx_action);
}
