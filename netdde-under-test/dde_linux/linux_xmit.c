/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transmission: dev_queue_xmit, a pfifo per device, the net-tx softirq, the transmit watchdog.
 *
 * A queue is run by one thread at a time: whoever finds `running` false under the queue's lock sets it, takes
 * frames off one by one, and gives each to the driver without the lock. Who finds it true leaves: the runner
 * looks at the list again, under the lock, after each frame. A queue that the driver has stopped is left
 * alone; netif_wake_queue schedules it with the net-tx softirq.
 *
 * The watchdog's timer is started by a transmission, and by a driver that stops the queue; it stops by itself
 * when a whole period has passed without a transmission and the queue is not stopped. (Linux lets it run for
 * ever.)
 *
 * Left out: other disciplines, several queues, GSO, byte queue limits.
 */
#include <linux/if_vlan.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "netdde-under-test/dde_linux/internal.h"

#define WATCHDOG_DEFAULT (5 * HZ)
#define RUN_QUOTA 64 /* frames that one run sends before it lets the softirq go on */

/* A bit of struct Qdisc's state. */
#define QDISC_STATE_SCHED 0 /* in the output list, or just taken off by the softirq */

struct Qdisc {
    struct net_device *dev;
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

static struct Qdisc *qdisc_of(const struct net_device *dev)
{
    return dev->qdisc;
}

static struct netdev_queue *txq_of(const struct net_device *dev)
{
    return netdev_get_tx_queue(dev, 0);
}

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

static bool has_timed_out(const struct net_device *dev)
{
    const struct netdev_queue *txq = txq_of(dev);

    return netif_tx_queue_stopped(txq) &&
           time_after(jiffies, READ_ONCE(txq->trans_start) + (unsigned long)dev->watchdog_timeo);
}

static bool is_watched(const struct net_device *dev)
{
    return is_active(qdisc_of(dev)) && netif_device_present(dev) && netif_running(dev) &&
           netif_carrier_ok(dev);
}

static void watchdog_expired(struct timer_list *timer)
{
    struct net_device *dev = from_timer(dev, timer, watchdog_timer);
    struct netdev_queue *txq = txq_of(dev);
    unsigned long count;

    netif_tx_lock(dev);
    if (is_watched(dev) && has_timed_out(dev)) {
        atomic_inc(&txq->trans_timeout);
        netdev_warn(dev, "NETDEV WATCHDOG: transmit queue 0 timed out\n");
        dev->netdev_ops->ndo_tx_timeout(dev, 0);
    }
    netif_tx_unlock(dev);

    /* From here on a transmission starts the timer anew; one that came before shows in the count. */
    __atomic_store_n(&dev->watchdog_running, 0, __ATOMIC_SEQ_CST);
    count = __atomic_load_n(&txq->trans_count, __ATOMIC_SEQ_CST);
    if (is_watched(dev) && (netif_tx_queue_stopped(txq) || count != dev->watchdog_seen))
        watchdog_start(dev);
    dev->watchdog_seen = count;
}

/* --- The queue ----------------------------------------------------------------------------------------- */

int qdisc_create(struct net_device *dev)
{
    struct Qdisc *q = kzalloc(sizeof(*q), GFP_KERNEL);

    if (!q)
        return -ENOMEM;
    q->dev = dev;
    spin_lock_init(&q->lock);
    __skb_queue_head_init(&q->frames);
    dev->qdisc = txq_of(dev)->qdisc = q;
    timer_setup(&dev->watchdog_timer, watchdog_expired, 0);
    return 0;
}

void qdisc_destroy(struct net_device *dev)
{
    struct Qdisc *q = qdisc_of(dev);

    if (!q)
        return;
    /* The driver may have woken the queue to the last. */
    wait_event(unscheduled, !test_bit(QDISC_STATE_SCHED, &q->state));
    synchronize_rcu();
    dev->qdisc = txq_of(dev)->qdisc = NULL;
    ddekit_lock_deinit(&q->lock.dde_lock);
    kfree(q);
}

bool qdisc_is_active(const struct net_device *dev)
{
    return is_active(qdisc_of(dev));
}

void qdisc_activate(struct net_device *dev)
{
    struct Qdisc *q = qdisc_of(dev);

    if (dev->watchdog_timeo <= 0)
        dev->watchdog_timeo = WATCHDOG_DEFAULT;

    if (!netif_carrier_ok(dev))
        return; /* the link watch activates it when the carrier comes */
    spin_lock(&q->lock);
    __atomic_store_n(&q->active, true, __ATOMIC_SEQ_CST);
    spin_unlock(&q->lock);
    netif_trans_update(dev);
    /* The timer may have found no carrier, and stopped. */
    if (has_watchdog(dev) && netif_tx_queue_stopped(txq_of(dev)))
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
    struct Qdisc *q = qdisc_of(dev);

    spin_lock(&q->lock);
    __atomic_store_n(&q->active, false, __ATOMIC_SEQ_CST);
    spin_unlock(&q->lock);
    /* Every run of the queue is a read side: afterwards none goes on that saw it active. */
    synchronize_rcu();
    if (has_watchdog(dev)) {
        del_timer_sync(&dev->watchdog_timer);
        __atomic_store_n(&dev->watchdog_running, 0, __ATOMIC_SEQ_CST);
    }
    qdisc_reset(q);
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
static netdev_tx_t transmit(struct sk_buff *skb, struct net_device *dev)
{
    struct netdev_queue *txq = txq_of(dev);
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

    if (netif_tx_queue_stopped(txq_of(q->dev)))
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
        rc = transmit(skb, q->dev);
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
    q = qdisc_of(dev);
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
    spin_lock(&txq_of(dev)->_xmit_lock);
}

void netif_tx_unlock(struct net_device *dev)
{
    spin_unlock(&txq_of(dev)->_xmit_lock);
}

void netif_tx_disable(struct net_device *dev)
{
    netif_tx_lock(dev);
    netif_stop_queue(dev);
    netif_tx_unlock(dev);
}

void netif_device_detach(struct net_device *dev)
{
    if (test_and_clear_bit(__LINK_STATE_PRESENT, &dev->state) && netif_running(dev))
        netif_stop_queue(dev);
}

void netif_device_attach(struct net_device *dev)
{
    if (!test_and_set_bit(__LINK_STATE_PRESENT, &dev->state) && netif_running(dev)) {
        netif_wake_queue(dev);
        if (has_watchdog(dev))
            watchdog_start(dev);
    }
}

void xmit_init(void)
{
    __skb_queue_head_init(&completed);
    open_softirq(NET_TX_SOFTIRQ, net_tx_action);
}
