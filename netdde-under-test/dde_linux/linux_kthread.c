/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel threads, see <linux/kthread.h>. The creator waits on a semaphore until the new thread is there and
 * sleeps; the record is shared by the thread and whoever stops it, and freed by the last.
 */
#include <stdio.h>

#include <linux/atomic.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include "netdde-under-test/dde_linux/internal.h"

/* Numbers of the DDEKit names; one sequence for the process. */
static atomic_t last_number = ATOMIC_INIT(0);

static void kthread_main(void *argument)
{
    struct task_struct *task = argument;

    task_set_current(task);
    /* Asleep before the creator can learn of it: its wake_up_process is then never too early. */
    set_current_state(TASK_UNINTERRUPTIBLE);
    ddekit_sem_up(task->started);
    schedule();
    if (!kthread_should_stop())
        task->result = task->threadfn(task->data);
    complete_all(&task->exited);
    task_put(task);
}

struct task_struct *kthread_create(int (*threadfn)(void *data), void *data, const char *namefmt, ...)
{
    char comm[TASK_NAME_MAX], name[TASK_NAME_MAX];
    struct task_struct *task;
    ddekit_sem_t *started;
    va_list args;

    va_start(args, namefmt);
    linux_vsnprintf(comm, sizeof(comm), namefmt, args);
    va_end(args);
    task = task_create(comm);
    if (!task)
        return ERR_PTR(-ENOMEM);
    task->threadfn = threadfn;
    task->data = data;
    task->result = -EINTR; /* what kthread_stop says of a thread that never ran */
    task->started = started = ddekit_sem_init(0);
    ddekit_sem_set_name(started, "start of a Linux thread");
    snprintf(name, sizeof(name), ".kthread%d", atomic_inc_return(&last_number));
    if (!ddekit_thread_create(kthread_main, task, name)) {
        ddekit_sem_deinit(started);
        task_put(task);
        return ERR_PTR(-ENOMEM);
    }
    ddekit_sem_down(started);
    ddekit_sem_deinit(started);
    return task;
}

int kthread_stop(struct task_struct *task)
{
    int result;

    atomic_inc(&task->usage);
    __atomic_store_n(&task->should_stop, true, __ATOMIC_SEQ_CST);
    wake_up_process(task);
    wait_for_completion(&task->exited);
    result = task->result;
    task_put(task);
    return result;
}

bool kthread_should_stop(void)
{
    return __atomic_load_n(&current->should_stop, __ATOMIC_SEQ_CST);
}
