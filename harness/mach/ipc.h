/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The insides of ports and threads, shared by the files of this folder.
 *
 * Names. Every name stands for a slot of a fixed table; the slot's number is the name modulo MACH_NAMES_MAX,
 * and the quotient counts the slot's lives, so a stale name is told from the one in use. Slots are not memory
 * that comes and goes: a name can be looked up, and its lock taken, without any lock on the table.
 *
 * Locks. Each slot has one. A thread holds at most two: a member port's, then its set's. `names` (the free
 * slots) comes last. Nothing blocks, and no message is freed or sent, with a lock held.
 *
 * Waiting. Receivers wait on their slot's receivers_cond (port or set), senders on senders_cond. Every change
 * that could end a wait is made with the slot's lock held and followed by a signal: one signal for one
 * message to take or one place in the queue; a broadcast when the port dies, changes, or a waiter is aborted.
 * Who is woken looks at the state first and at the reason of its waking second, so that a message that came
 * together with a time-out or an abort is taken and not left with nobody woken for it.
 *
 * Abort. A blocked thread shows the slot it waits at in mach_thread.waits_at, and thread_abort() marks that
 * pointer with WAIT_ABORTED by compare-and-swap: the mark can only hit the wait that it was meant for.
 */
#ifndef HARNESS_MACH_IPC_H
#define HARNESS_MACH_IPC_H

#include <mach.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Names that exist from the start; the first allocated name follows. */
enum { NAME_TASK = 1, NAME_HOST_PRIV, NAME_DEVICE_MASTER, NAME_FIRST_FREE };

/* Messages a port can hold when those sent by send-once rights and by the kernel come on top of its limit. */
#define QUEUE_MAX 4096u
#define SEND_RIGHTS_MAX 0x10000u
#define THREAD_NAME_MAX 32

struct message {
    struct message *next;
    long number; /* unique in the process */
    /* As the receiver will get it, but for msgh_local_port and msgh_seqno. The body follows. */
    mach_msg_header_t header;
};

enum slot_kind {
    SLOT_FREE,
    SLOT_PORT,
    SLOT_SET,
    SLOT_DEAD,   /* a dead name: a port that died while send rights to it existed */
    SLOT_THREAD, /* a thread's port; what it takes is calls, not messages */
    SLOT_KERNEL, /* task, host, device master: likewise */
};

struct slot {
    pthread_mutex_t lock;
    pthread_cond_t receivers_cond; /* its address is the port in the event stream */
    pthread_cond_t senders_cond;
    /* All below is written with the lock held. The atomic fields may be looked at without. */
    _Atomic mach_port_t name; /* 0: free */
    _Atomic enum slot_kind kind;
    mach_port_t life; /* of the name, see above; with the lock of `names` held */
    bool prepared;    /* conditions are initialised; likewise */
    bool labelled;    /* its name in reports says who receives from it */

    unsigned receivers_waiting;
    unsigned senders_waiting;

    /* SLOT_PORT */
    struct message *first, *last;
    _Atomic unsigned count;
    unsigned qlimit;
    mach_port_seqno_t seqno;
    mach_port_t set; /* the set it is in, or 0 */
    /* Send rights that exist: held and in messages. In SLOT_DEAD: references to the dead name. */
    unsigned send_rights;
    mach_port_mscount_t made_send;
    mach_port_t notify_dead;       /* or 0 */
    mach_port_t notify_no_senders; /* or 0 */

    /* SLOT_SET */
    mach_port_t *members; /* MACH_SET_MEMBERS_MAX of them */
    unsigned member_count;
    unsigned next_member; /* where the next receive begins to look, so that no member starves another */

    /* SLOT_THREAD */
    struct mach_thread *thread;
    _Atomic unsigned suspensions;
};

/* What Mach knows of a pthread: made when it first asks for a port of its own. */
struct mach_thread {
    struct slot *slot;          /* its port, NULL until mach_thread_self() */
    mach_port_t reply_port;     /* or 0 */
    _Atomic uintptr_t waits_at; /* slot in whose wait it is, perhaps with WAIT_ABORTED; or 0 */
    char name[THREAD_NAME_MAX];
};
#define WAIT_ABORTED ((uintptr_t)1)

/* When a wait ends. */
struct deadline {
    enum { WAIT_FOR_EVER, WAIT_NOT, WAIT_UNTIL } kind;
    struct timespec time; /* WAIT_UNTIL, CLOCK_MONOTONIC */
};
struct deadline deadline_in(bool timed, mach_msg_timeout_t milliseconds);

/* What is to be told once the locks are dropped: at most one of each. */
struct notification {
    mach_port_t dead_to, dead_name;
    mach_port_t no_senders_to;
    mach_port_mscount_t made_send;
};

/* --- port.c --- */

struct slot *slot_of(mach_port_t name);
/* Lock the slot of a name. NULL, and nothing locked, when the name stands for nothing. */
struct slot *slot_lock(mach_port_t name);
/* Take a free slot, of that kind, unlocked; NULL when all are taken. */
struct slot *slot_allocate(enum slot_kind kind);
/* Give it back. Called with the lock held; nobody may wait at it. */
void slot_free(struct slot *slot);
/* Whether the slot (locked) still stands for what `name` named. */
bool slot_is(const struct slot *slot, mach_port_t name, enum slot_kind kind);
/* A dead name that has no references and no waiters any more goes away. Called with the lock held. */
void slot_free_if_unused(struct slot *slot);

/* Whether the name is a port's, by a look without a lock. */
bool port_exists(mach_port_t name);
/* One send right more, of a kind: COPY_SEND wants one to exist, MOVE_SEND too and adds none. */
kern_return_t send_right_take(mach_port_t name, mach_msg_type_name_t type);
kern_return_t send_right_release(mach_port_t name);
/* Give up one send right of a locked port. */
void send_right_drop(struct slot *port, struct notification *notification);

/* --- message.c --- */

/* Release the rights a message carries, and the message. */
void message_destroy(struct message *message);
/* As the kernel sends: to a send-once right if there is one, beyond the queue limit, never blocking. Returns
 * false when the port is dead. msg->msgh_remote_port says where to. */
bool kernel_send(mach_msg_header_t *msg, mach_msg_size_t size);

/* --- notify.c --- */

void notification_send(const struct notification *notification);

/* --- thread.c --- */

/* NULL when the calling thread has no record yet. */
struct mach_thread *mach_thread_current(void);
/* Make one. NULL when memory is short. */
struct mach_thread *mach_thread_record(void);
/* Where a suspended thread stops. No lock may be held. */
void mach_thread_stop_if_suspended(void);

#endif
