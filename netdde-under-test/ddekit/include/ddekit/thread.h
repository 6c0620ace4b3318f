/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: threads.
 *
 * A ddekit_thread_t pointer is a name and never an address: no name is used twice, and every call accepts the
 * name of a thread that has ended and then does nothing (or returns what is said at the call). A thread that
 * DDEKit has not made (main, a server's thread) gets its record with its first call that needs one.
 */
#ifndef DDEKIT_THREAD_H
#define DDEKIT_THREAD_H

#include <ddekit/attribs.h>
#include <ddekit/lock.h>

#define DDEKIT_THREAD_NAME_MAX 32 /* bytes of a name that are kept, with the final zero */

typedef struct ddekit_thread ddekit_thread_t;

/* Called once by ddekit_init(): names the calling thread "main". */
void ddekit_init_threads(void);

/* Gives the calling thread, not made by DDEKit, a record and this name (copied). Returns its handle. */
ddekit_thread_t *ddekit_thread_setup_myself(const char *name);

/* Starts fun(arg) in a new thread; arg stays the caller's; name is copied. The thread ends when fun returns
 * or calls ddekit_thread_exit(); nobody joins it. Returns its handle, or NULL when no thread could be made.
 */
ddekit_thread_t *ddekit_thread_create(void (*fun)(void *), void *arg, const char *name);

/* The calling thread. Never NULL. */
ddekit_thread_t *ddekit_thread_myself(void);

/* One pointer of the user's per thread, NULL at first; not freed by DDEKit. get returns NULL for a thread
 * that has ended. */
void ddekit_thread_set_data(ddekit_thread_t *thread, void *data);
void ddekit_thread_set_my_data(void *data);
void *ddekit_thread_get_data(ddekit_thread_t *thread);
void *ddekit_thread_get_my_data(void);

/* Sleep for at least that many milliseconds, microseconds, nanoseconds. */
void ddekit_thread_msleep(unsigned long msecs);
void ddekit_thread_usleep(unsigned long usecs);
void ddekit_thread_nsleep(unsigned long nsecs);

/* Releases the lock, which the caller holds, sleeps until somebody calls ddekit_thread_wakeup() for this
 * thread, and takes the lock again. A wake-up that came since the last sleep ended counts, so none is lost;
 * therefore a sleep may also return early, and the caller checks what it waits for. */
void ddekit_thread_sleep(ddekit_lock_t *lock);

/* Wakes the thread, or makes its next ddekit_thread_sleep() return at once. Wake-ups do not add up. */
void ddekit_thread_wakeup(ddekit_thread_t *thread);

/* Ends the calling thread. */
void ddekit_thread_exit(void) DDEKIT_NORETURN;

/* Asks a thread to end. It ends inside its next, or present, ddekit_thread_sleep(), and in its next or at the
 * end of its present msleep, usleep, nsleep, schedule or yield; with the lock of ddekit_thread_sleep()
 * released. A thread asked while it holds other locks would take them with it: that is the caller's to know.
 */
void ddekit_thread_terminate(ddekit_thread_t *thread);

/* The name, "" for a thread that has ended. Another's is valid until the caller asks for one again. */
const char *ddekit_thread_get_name(ddekit_thread_t *thread);

/* A small positive number, different for every thread that ever was. */
int ddekit_thread_get_id(ddekit_thread_t *thread);

/* Let other threads run. */
void ddekit_thread_schedule(void);
void ddekit_yield(void);

#endif
