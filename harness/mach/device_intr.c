/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts as messages: the kernel's side between the interrupt controller and the ports. See
 * <device/device.h>.
 */
#include <device/device.h>

#include <pthread.h>

#include "harness/mach/ipc.h"
#include "harness/machine/irq.h"

/* The port that has each line or message, or 0, and a send right to it. The kernel's, of which there is one.
 */
static struct {
    pthread_mutex_t lock; /* taken before the controller's */
    mach_port_t ports[IRQ_NUMBERS];
    bool given[IRQ_NUMBERS]; /* messages that somebody has */
} registrations = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* An interrupt: called by the controller, with its lock held. */
static bool deliver(unsigned line, void *context)
{
    mach_intr_notification_t message = {
        .intr_header = {.msgh_remote_port = (mach_port_t)(uintptr_t)context, .msgh_id = MACH_INTR_NOTIFY},
        .intr_type = {.msgt_name = MACH_MSG_TYPE_INTEGER_32,
                      .msgt_size = 32,
                      .msgt_inline = TRUE,
                      .msgt_number = 1},
        .line = (int)line,
    };
    return kernel_send(&message.intr_header, sizeof(message));
}

/* End the registration of a line. Called with the lock held. */
static void forget(unsigned line)
{
    irq_set_receiver(line, NULL, NULL);
    send_right_release(registrations.ports[line]);
    registrations.ports[line] = MACH_PORT_NULL;
}

/* Called with the lock held. */
static kern_return_t set_port(unsigned line, mach_port_t port, mach_msg_type_name_t type)
{
    if (registrations.ports[line] && port_exists(registrations.ports[line]) && port != MACH_PORT_NULL)
        return D_ALREADY_OPEN;
    if (registrations.ports[line])
        forget(line);
    if (port == MACH_PORT_NULL)
        return D_SUCCESS;
    if (type != MACH_MSG_TYPE_MAKE_SEND && type != MACH_MSG_TYPE_COPY_SEND)
        return KERN_INVALID_VALUE;
    kern_return_t result = send_right_take(port, type);
    if (result != KERN_SUCCESS)
        return result;
    registrations.ports[line] = port;
    irq_set_receiver(line, deliver, (void *)(uintptr_t)port);
    return D_SUCCESS;
}

kern_return_t device_intr_register(mach_port_t master_port, int line, int id, int flags,
                                   mach_port_t receive_port, mach_msg_type_name_t receive_type)
{
    (void)id;
    (void)flags;
    if (master_port != NAME_DEVICE_MASTER)
        return KERN_INVALID_ARGUMENT;
    if (line < 0 || line >= (int)IRQ_NUMBERS)
        return D_NO_SUCH_DEVICE;
    pthread_mutex_lock(&registrations.lock);
    kern_return_t result = set_port((unsigned)line, receive_port, receive_type);
    pthread_mutex_unlock(&registrations.lock);
    return result;
}

kern_return_t device_intr_enable(mach_port_t master_port, int line, char status)
{
    if (master_port != NAME_DEVICE_MASTER)
        return KERN_INVALID_ARGUMENT;
    if (line < 0 || line >= (int)IRQ_NUMBERS)
        return D_NO_SUCH_DEVICE;
    if (status)
        irq_unmask((unsigned)line);
    else
        irq_mask((unsigned)line);
    return D_SUCCESS;
}

/* The first of `count` numbers that nobody has, or 0. Called with the lock held. */
static unsigned find_messages(unsigned count)
{
    unsigned first = (IRQ_LINES + count - 1) / count * count;

    for (; first + count <= IRQ_NUMBERS; first += count) {
        unsigned free = 0;
        while (free < count && !registrations.given[first + free])
            free++;
        if (free == count)
            return first;
    }
    return 0;
}

kern_return_t device_intr_messages(mach_port_t master_port, int count, int *first, uint64_t *address)
{
    if (master_port != NAME_DEVICE_MASTER || count <= 0 || (count & (count - 1)))
        return KERN_INVALID_ARGUMENT;
    pthread_mutex_lock(&registrations.lock);
    unsigned found = find_messages((unsigned)count);
    for (int i = 0; found && i < count; i++)
        registrations.given[found + (unsigned)i] = true;
    pthread_mutex_unlock(&registrations.lock);
    if (!found)
        return D_NO_MEMORY;
    *first = (int)found;
    *address = IRQ_MESSAGE_ADDRESS;
    return D_SUCCESS;
}

kern_return_t device_intr_messages_free(mach_port_t master_port, int first, int count)
{
    if (master_port != NAME_DEVICE_MASTER || first < (int)IRQ_LINES || count <= 0 ||
        count > (int)IRQ_NUMBERS - first)
        return KERN_INVALID_ARGUMENT;
    pthread_mutex_lock(&registrations.lock);
    for (int i = first; i < first + count; i++)
        registrations.given[i] = false;
    pthread_mutex_unlock(&registrations.lock);
    return D_SUCCESS;
}
