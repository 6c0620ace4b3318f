/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reception: NAPI, the net-rx softirq, the backlog, and delivery to packet taps. See <linux/netdevice.h>.
 *
 * Linux keeps the poll list and the backlog per CPU and disables interrupts around them. Here one list serves
 * all threads, under a lock. While a napi_struct is scheduled its list links belong to the list that it is
 * in; only the softirq thread takes it off.
 *
 * Left out: threaded and busy polling, receive packet steering.
 */
#include <linux/etherdevice.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/wait.h>

#include "netdde-under-test/dde_linux/internal.h"

#define NET_RX_BUDGET 300   /* frames of one softirq, netdev_budget */
#define NET_RX_JIFFIES 2    /* time of one softirq, netdev_budget_usecs and netdev_tick */
#define BACKLOG_FRAMES 1000 /* netdev_max_backlog; more are dropped */

static DEFINE_SPINLOCK(poll_lock);
static LIST_HEAD(poll_list);                   /* under poll_lock: what the next softirq polls */
static DECLARE_WAIT_QUEUE_HEAD(poll_finished); /* woken when a poll completes that napi_disable waits for */

static struct sk_buff_head backlog; /* frames of netif_rx, under its own lock */
static struct napi_struct backlog_napi;

static DEFINE_SPINLOCK(tap_lock);
static LIST_HEAD(taps); /* changed under tap_lock, walked in read sides */

/* --- NAPI ---------------------------------------------------------------------------------------------- */

static unsigned long napi_state(const struct napi_struct *n)
{
    return __atomic_load_n(&n->state, __ATOMIC_SEQ_CST);
}

/* Returns whether the state was *old and is now new_state; otherwise *old is what it is. */
static bool napi_change(struct napi_struct *n, unsigned long *old, unsigned long new_state)
{
    return __atomic_compare_exchange_n(&n->state, old, new_state, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void netif_napi_add_weight(struct net_device *dev, struct napi_struct *napi,
                           int (*poll)(struct napi_struct *, int), int weight)
{
    if (WARN_ON(napi_state(napi) & BIT(NAPI_STATE_LISTED)))
        return;
    INIT_LIST_HEAD(&napi->poll_list);
    napi->poll = poll;
    napi->weight = weight;
    napi->dev = dev;
    napi->skb = NULL;
    gro_init(napi);
    /* Disabled until napi_enable. */
    napi->state = BIT(NAPI_STATE_LISTED) | BIT(NAPI_STATE_SCHED) | BIT(NAPI_STATE_NPSVC);
    list_add(&napi->dev_list, &dev->napi_list);
}

/* A second time does nothing, as on Linux. Which has no word for one that is scheduled: it goes on to poll
 * what its driver frees next. */
void __netif_napi_del(struct napi_struct *napi)
{
    const unsigned long state = napi_state(napi);

    if (!(state & BIT(NAPI_STATE_LISTED)))
        return;
    WARN(state & BIT(NAPI_STATE_SCHED) && !(state & BIT(NAPI_STATE_NPSVC)),
         "a napi_struct of %s is deleted while it is scheduled", napi->dev->name);
    clear_bit(NAPI_STATE_LISTED, &napi->state);
    list_del(&napi->dev_list);
    gro_release(napi);
}

void netif_napi_del(struct napi_struct *napi)
{
    __netif_napi_del(napi);
    synchronize_net();
}

bool napi_schedule_prep(struct napi_struct *n)
{
    unsigned long old = napi_state(n), next;

    do {
        if (old & BIT(NAPI_STATE_DISABLE))
            return false;
        next = old | BIT(NAPI_STATE_SCHED);
        /* It is being polled, perhaps past the work that has just come. */
        if (old & BIT(NAPI_STATE_SCHED))
            next |= BIT(NAPI_STATE_MISSED);
    } while (!napi_change(n, &old, next));
    return !(old & BIT(NAPI_STATE_SCHED));
}

void __napi_schedule(struct napi_struct *n)
{
    unsigned long flags;

    spin_lock_irqsave(&poll_lock, flags);
    list_add_tail(&n->poll_list, &poll_list);
    spin_unlock_irqrestore(&poll_lock, flags);
    raise_softirq(NET_RX_SOFTIRQ);
}

bool napi_complete_done(struct napi_struct *n, int work_done __always_unused)
{
    unsigned long old, next;

    gro_finish_poll(n); /* while nobody else polls it */
    old = napi_state(n);
    WARN_ON_ONCE(!(old & BIT(NAPI_STATE_SCHED)));
    do {
        next = old & ~(BIT(NAPI_STATE_SCHED) | BIT(NAPI_STATE_MISSED));
        /* Scheduled again meanwhile: it stays scheduled, and is polled once more. */
        if (old & BIT(NAPI_STATE_MISSED))
            next |= BIT(NAPI_STATE_SCHED);
    } while (!napi_change(n, &old, next));
    if (old & BIT(NAPI_STATE_MISSED)) {
        __napi_schedule(n);
        return false;
    }
    if (old & BIT(NAPI_STATE_DISABLE))
        wake_up_all(&poll_finished);
    return true;
}

/* Take what a poll takes, so that nobody polls. Returns whether that was possible now. If not, whoever gives
 * it up is told to wake us: again each time, since another one that disables may have been told before us. */
static bool napi_seize(struct napi_struct *n)
{
    const unsigned long taken = BIT(NAPI_STATE_SCHED) | BIT(NAPI_STATE_NPSVC);
    unsigned long old = napi_state(n), next;

    do
        next = old | (old & taken ? BIT(NAPI_STATE_DISABLE) : taken);
    while (!napi_change(n, &old, next));
    return !(old & taken);
}

/* A driver that disables it once more waits until it is enabled, which in most drivers is for ever. A
 * function of its own, so that a stack tells that from the wait for a poll. */
static noinline void wait_for_enable(struct napi_struct *n)
{
    wait_event(poll_finished, napi_seize(n));
}

void napi_disable(struct napi_struct *n)
{
    might_sleep();
    if (napi_state(n) & BIT(NAPI_STATE_NPSVC))
        wait_for_enable(n);
    else
        wait_event(poll_finished, napi_seize(n));
    clear_bit(NAPI_STATE_DISABLE, &n->state);
}

void napi_enable(struct napi_struct *n)
{
    BUG_ON(!(napi_state(n) & BIT(NAPI_STATE_SCHED)));
    __atomic_fetch_and(&n->state, ~(BIT(NAPI_STATE_SCHED) | BIT(NAPI_STATE_NPSVC)), __ATOMIC_SEQ_CST);
    wake_up_all(&poll_finished); /* whether or not who disabled it has left the bit of another one who does */
}

/* Whether its poll function has left it scheduled and in no list. */
static bool is_still_ours(const struct napi_struct *n)
{
    return napi_state(n) & BIT(NAPI_STATE_SCHED) && list_empty(&n->poll_list);
}

/* Poll once. Returns the frames; *again when it has more and is still scheduled. */
static int napi_poll(struct napi_struct *n, bool *again)
{
    int weight = n->weight, work;

    *again = false;
    work = n->poll(n, weight);
    WARN(work > weight, "a poll function with a budget of %d says that it has done %d", weight, work);
    if (work < weight)
        return work; /* it has completed itself, and may be scheduled anew already */
    if (WARN(!is_still_ours(n), "a poll function has completed though it has used up its budget"))
        return work;
    if (napi_state(n) & BIT(NAPI_STATE_DISABLE)) {
        napi_complete(n);
        return work;
    }
    gro_finish_poll(n);
    *again = true;
    return work;
}

static void net_rx_action(void)
{
    const unsigned long deadline = jiffies + NET_RX_JIFFIES;
    int budget = NET_RX_BUDGET;
    LIST_HEAD(todo);
    LIST_HEAD(again);

    spin_lock_irq(&poll_lock);
    list_splice_init(&poll_list, &todo);
    spin_unlock_irq(&poll_lock);
    while (!list_empty(&todo)) {
        struct napi_struct *n = list_first_entry(&todo, struct napi_struct, poll_list);
        bool more;

        list_del_init(&n->poll_list);
        budget -= napi_poll(n, &more);
        if (more)
            list_add_tail(&n->poll_list, &again);
        if (!list_empty(&todo) && (budget <= 0 || time_after_eq(jiffies, deadline)))
            break;
    }
    if (list_empty(&todo) && list_empty(&again))
        return;
    spin_lock_irq(&poll_lock);
    list_splice_init(&again, &poll_list);
    list_splice_init(&todo, &poll_list);
    spin_unlock_irq(&poll_lock);
    raise_softirq(NET_RX_SOFTIRQ);
}

/* --- Delivery ------------------------------------------------------------------------------------------ */

void dev_add_pack(struct packet_type *pt)
{
    spin_lock(&tap_lock);
    pt->list.next = &taps;
    pt->list.prev = taps.prev;
    /* From here on walkers see it. */
    __atomic_store_n(&taps.prev->next, &pt->list, __ATOMIC_RELEASE);
    taps.prev = &pt->list;
    spin_unlock(&tap_lock);
}

void dev_remove_pack(struct packet_type *pt)
{
    spin_lock(&tap_lock);
    /* Its own next stays, for a walker that is there. */
    __atomic_store_n(&pt->list.prev->next, pt->list.next, __ATOMIC_RELEASE);
    pt->list.next->prev = pt->list.prev;
    spin_unlock(&tap_lock);
    synchronize_net();
}

static struct packet_type *next_tap(struct list_head *after)
{
    struct list_head *next = __atomic_load_n(&after->next, __ATOMIC_ACQUIRE);

    return next == &taps ? NULL : list_entry(next, struct packet_type, list);
}

static bool wants(const struct packet_type *pt, const struct sk_buff *skb)
{
    return (pt->type == htons(ETH_P_ALL) || pt->type == skb->protocol) && (!pt->dev || pt->dev == skb->dev);
}

int netif_receive_skb(struct sk_buff *skb)
{
    struct packet_type *taker = NULL;
    int rc = NET_RX_DROP;

    skb_reset_network_header(skb);
    skb->mac_len = (u16)(skb->network_header - skb->mac_header);
    rcu_read_lock();
    for (struct packet_type *pt = next_tap(&taps); pt; pt = next_tap(&pt->list)) {
        if (!wants(pt, skb))
            continue;
        /* All but the last get a reference of their own. */
        if (taker)
            taker->func(skb_get(skb), skb->dev, taker, skb->dev);
        taker = pt;
    }
    if (taker)
        rc = taker->func(skb, skb->dev, taker, skb->dev);
    else
        kfree_skb(skb);
    rcu_read_unlock();
    return rc;
}

/* --- The backlog --------------------------------------------------------------------------------------- */

int netif_rx(struct sk_buff *skb)
{
    bool full;

    spin_lock_irq(&backlog.lock);
    full = skb_queue_len(&backlog) >= BACKLOG_FRAMES;
    if (!full)
        __skb_queue_tail(&backlog, skb);
    spin_unlock_irq(&backlog.lock);
    if (full) {
        skb->dev->stats.rx_dropped++;
        kfree_skb(skb);
        return NET_RX_DROP;
    }
    napi_schedule(&backlog_napi);
    return NET_RX_SUCCESS;
}

static int backlog_poll(struct napi_struct *napi, int budget)
{
    int work = 0;

    while (work < budget) {
        struct sk_buff *skb = skb_dequeue(&backlog);

        if (!skb) {
            napi_complete_done(napi, work);
            break;
        }
        netif_receive_skb(skb);
        work++;
    }
    return work;
}

void napi_init(void)
{
    skb_queue_head_init(&backlog);
    INIT_LIST_HEAD(&backlog_napi.poll_list);
    gro_init(&backlog_napi);
    backlog_napi.poll = backlog_poll;
    backlog_napi.weight = NAPI_POLL_WEIGHT;
    open_softirq(NET_RX_SOFTIRQ, net_rx_action);
}
