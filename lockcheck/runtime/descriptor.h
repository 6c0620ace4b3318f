/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of descriptor interposers share: which descriptors are controlled, and how a thread waits
 * for them. See descriptor.c.
 */
#ifndef LOCKCHECK_RUNTIME_DESCRIPTOR_H
#define LOCKCHECK_RUNTIME_DESCRIPTOR_H

#include <poll.h>
#include <sys/uio.h>

#include "lockcheck/runtime/interpose.h"

#define LC_MAX_DESCRIPTOR 65536 /* numbers from here on are not controlled */

enum lc_file_type { LC_FILE_PIPE, LC_FILE_EVENTFD, LC_FILE_SOCKET, LC_FILE_EPOLL };

/* An open file description that the program made under our eyes. */
struct lc_file {
    struct lc_file *next; /* of all */
    enum lc_file_type type;
    uint32_t references;  /* descriptors, and operations under way */
    bool reads, writes;   /* pipe: which end it is; others: both */
    bool nonblocking;     /* O_NONBLOCK */
    bool semaphore;       /* eventfd: EFD_SEMAPHORE */
    bool shared;          /* another process may have it too */
    bool inherited;       /* from before the checkpoint, and one for all schedules: not to be used */
    bool paired;          /* has had a peer in this process since it was made: pipe, socketpair() */
    struct lc_file *peer; /* of a paired one: the other end, NULL when this process has it no more */
    int domain, socket_type, protocol;
    bool listening, accepted_own; /* socket: accepts connections; has got one from this process */
    bool connected, remote;       /* socket: connected within this process; with somebody else */
    struct lc_object *object;     /* one for both ends of a pair */
};

/* The entry of a number: NULL for what is none of ours, LC_CLOSED for what was and is closed. */
extern struct lc_file **lc_files_by_number;
extern struct lc_file lc_closed_file;
#define LC_CLOSED (&lc_closed_file)
extern int lc_highest_descriptor; /* no larger number has ever been controlled; -1 at first */
extern struct lc_file *lc_files;  /* all, newest first */

static inline struct lc_file *lc_file_at(int fd)
{
    return fd >= 0 && fd <= lc_highest_descriptor ? lc_files_by_number[fd] : NULL;
}

/* Every interposer of an operation on a descriptor starts with this: false means "pass through". True also
 * for a closed one, whose number may come to life before the operation takes place. */
static inline bool lc_descriptor_controlled(int fd)
{
    return lc_file_at(fd) && lc_controlled();
}

/* A scheduling point. All operations on descriptors depend on each other: a number means another file after
 * it was closed, and a wait for several depends on them all. So each touches the table beside its object
 * (NULL for the table alone). */
void lc_descriptor_point(enum lc_op op, struct lc_object *object);

/* The scheduling point before an operation on fd. Returns the file that it then stands for, with a reference
 * that the caller gives back, or NULL when it stands for none of ours. */
struct lc_file *lc_descriptor_enter(int fd, enum lc_op op);
void lc_file_release(struct lc_file *file);

/* A new file under that number, which the kernel has just given out; kind is a name that stays. */
struct lc_file *lc_file_new(int fd, enum lc_file_type type, const char *kind, struct lc_object *object);
/* The number stands for the file now, or (NULL) for nothing. */
void lc_descriptor_set(int fd, struct lc_file *file);
/* Two new files are the ends of one thing. */
void lc_file_pair(struct lc_file *a, struct lc_file *b);
/* A number of the file, -1 if there is none. */
int lc_descriptor_of(const struct lc_file *file);

/* Something happened to a controlled descriptor: let those that wait look again. Keeps errno. */
void lc_descriptors_changed(void);

/* What a blocked thread waits for. It looks through numbers of its own where the program has closed one
 * meanwhile: a system call that waits keeps its files. */
struct lc_descriptor_wait {
    struct lc_descriptor_wait *next;
    struct lc_thread *thread;
    const struct pollfd *asked; /* by the program */
    struct pollfd *fds;         /* as they are asked of the kernel */
    nfds_t count;
    bool ready;       /* found by the latest look */
    bool came_unseen; /* found ready when nothing could run, so that something happened out of our sight */
    bool block;       /* nothing can run: wait for the world outside */
    uint64_t seen;    /* number of changes when an attempt failed last */
    uint64_t unseen;  /* number of changes at which came_unseen was set last */
};

enum lc_wait_end { LC_WAIT_READY, LC_WAIT_TIMED_OUT, LC_WAIT_INTERRUPTED, LC_WAIT_RESTART };

/* fds: room for count elements; filled in here. */
void lc_descriptor_wait_init(struct lc_descriptor_wait *w, const struct pollfd *asked, struct pollfd *fds,
                             nfds_t count);
/*
 * Wait for one of the descriptors, or the deadline, or a signal. An attempt has just failed: not ready is
 * what they are. Ready means only that another attempt is due. A cancellation point.
 */
enum lc_wait_end lc_descriptor_wait(struct lc_descriptor_wait *w, enum lc_op op, struct lc_object *object,
                                    int64_t deadline_ns);
void lc_descriptor_wait_end(struct lc_descriptor_wait *w);

/* Who is at the other end of the file, NULL for a file that is none of ours? */
enum lc_reach {
    LC_REACH_OWN,    /* this process alone */
    LC_REACH_BOTH,   /* perhaps another too */
    LC_REACH_OTHERS, /* nobody of this process */
};
enum lc_reach lc_file_reach(const struct lc_file *file);

/* The file that a number received in a message stands for. */
void lc_descriptor_received(int fd);
/* The program is about to close the number, or to put another file there: those that wait for what it stands
 * for keep that. */
void lc_descriptor_keep_for_waits(int fd);
/* The number is one of those under which waits keep what was closed. */
bool lc_descriptor_is_kept(int fd);

/* The kernel's poll(), without waiting. */
int lc_poll_now(struct pollfd *fds, nfds_t count);

#endif
