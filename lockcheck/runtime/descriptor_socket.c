/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sockets between the program's own threads: socketpair(), and connections by AF_UNIX and by the loopback of
 * AF_INET and AF_INET6.
 *
 * A connection is the program's own when the other end is one of its sockets: for AF_UNIX the kernel knows
 * the process (SO_PEERCRED), for the others the address is looked for among the program's sockets. Every
 * other connection is the world outside, where calls block for real. Whom a datagram socket hears from cannot
 * be known, nor who will connect to a listening one before somebody has: their waits are the scheduler's
 * until nothing else can run.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lockcheck/runtime/descriptor_operation.h"

static struct lc_file *add(int fd, int domain, int type, int protocol, struct lc_object *object)
{
    struct lc_file *file = lc_file_new(fd, LC_FILE_SOCKET, "socket", object);
    if (file) {
        file->domain = domain;
        file->socket_type = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
        file->protocol = protocol;
        file->nonblocking = type & SOCK_NONBLOCK;
    }
    return file;
}

LC_EXPORT int socketpair(int domain, int type, int protocol, int fds[2])
{
    if (!lc_controlled())
        return LC_REAL(socketpair)(domain, type, protocol, fds);
    lc_descriptor_point(LC_OP_FILE_OPEN, NULL);
    int result = LC_REAL(socketpair)(domain, type, protocol, fds);
    if (result)
        return result;
    struct lc_file *a = add(fds[0], domain, type, protocol, NULL);
    struct lc_file *b = add(fds[1], domain, type, protocol, a ? a->object : NULL);
    if (a)
        a->object->kind_name = "socket pair";
    if (a && b)
        lc_file_pair(a, b);
    return result;
}

LC_EXPORT int socket(int domain, int type, int protocol)
{
    if (!lc_controlled() || (domain != AF_UNIX && domain != AF_INET && domain != AF_INET6))
        return LC_REAL(socket)(domain, type, protocol);
    lc_descriptor_point(LC_OP_FILE_OPEN, NULL);
    int fd = LC_REAL(socket)(domain, type, protocol);
    if (fd >= 0)
        add(fd, domain, type, protocol, NULL);
    return fd;
}

/* ---- whose socket is at the other end ---- */

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    static const struct in6_addr any6 = IN6ADDR_ANY_INIT;
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *x = (const struct sockaddr_in *)a, *y = (const struct sockaddr_in *)b;
        return x->sin_port == y->sin_port &&
               (x->sin_addr.s_addr == y->sin_addr.s_addr || x->sin_addr.s_addr == INADDR_ANY);
    }
    const struct sockaddr_in6 *x = (const struct sockaddr_in6 *)a, *y = (const struct sockaddr_in6 *)b;
    return a->ss_family == AF_INET6 && x->sin6_port == y->sin6_port &&
           (memcmp(&x->sin6_addr, &y->sin6_addr, sizeof any6) == 0 ||
            memcmp(&x->sin6_addr, &any6, sizeof any6) == 0);
}

/* Does one of the program's sockets have that address? */
static bool own_address(const struct sockaddr_storage *address)
{
    for (int fd = 0; fd <= lc_highest_descriptor; fd++) {
        const struct lc_file *file = lc_file_at(fd);
        struct sockaddr_storage own;
        socklen_t size = sizeof own;
        if (file && file != LC_CLOSED && file->type == LC_FILE_SOCKET &&
            syscall(SYS_getsockname, fd, &own, &size) == 0 && same_address(&own, address))
            return true;
    }
    return false;
}

static bool own_peer(int fd, const struct lc_file *file)
{
    if (file->domain == AF_UNIX) {
        struct ucred peer;
        socklen_t size = sizeof peer;
        return syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
               peer.pid == (pid_t)syscall(SYS_getpid);
    }
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    return syscall(SYS_getpeername, fd, &peer, &size) == 0 && own_address(&peer);
}

/* ---- connect ---- */

struct connection {
    struct lc_operation operation;
    const struct sockaddr *address;
    socklen_t size;
    bool begun;
};

static ssize_t real_connect(struct lc_operation *o)
{
    const struct connection *c = (const struct connection *)o;
    return LC_REAL(connect)(o->number, c->address, c->size);
}

/* To somebody else for sure: nothing is gained by not waiting in the kernel. */
static bool leads_outside(const struct lc_file *file, const struct sockaddr *address, socklen_t size)
{
    struct sockaddr_storage to = {0};
    if (file->domain == AF_UNIX || file->socket_type != SOCK_STREAM || size > sizeof to)
        return false;
    memcpy(&to, address, size);
    return !own_address(&to);
}

static ssize_t begin_connect(struct connection *c)
{
    struct lc_operation *o = &c->operation;
    if (o->file->nonblocking || leads_outside(o->file, c->address, c->size))
        return real_connect(o);
    int flags = (int)syscall(SYS_fcntl, o->number, F_GETFL);
    syscall(SYS_fcntl, o->number, F_SETFL, flags | O_NONBLOCK);
    ssize_t result = real_connect(o);
    int saved = errno;
    syscall(SYS_fcntl, o->number, F_SETFL, flags);
    errno = saved;
    if (result == 0 || errno != EINPROGRESS)
        return result;
    c->begun = true;
    errno = EAGAIN;
    return -1;
}

static ssize_t attempt_connect(struct lc_operation *o)
{
    struct connection *c = (struct connection *)o;
    if (!c->begun)
        return begin_connect(c);
    struct pollfd p = {.fd = o->number, .events = POLLOUT};
    int error = EAGAIN;
    socklen_t size = sizeof error;
    if (lc_poll_now(&p, 1) > 0)
        syscall(SYS_getsockopt, o->number, SOL_SOCKET, SO_ERROR, &error, &size);
    errno = error;
    return error ? -1 : 0;
}

LC_EXPORT int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    if (!lc_descriptor_controlled(fd))
        return LC_REAL(connect)(fd, address, size);
    struct connection c = {.operation = {.fd = fd,
                                         .op = LC_OP_FILE_CONNECT,
                                         .events = POLLOUT,
                                         .attempt = attempt_connect,
                                         .real = real_connect,
                                         .timeout_option = SO_SNDTIMEO,
                                         .timeout_error = EINPROGRESS},
                           .address = address,
                           .size = size};
    int result = (int)lc_operate(&c.operation);
    struct lc_file *file = lc_file_at(fd);
    if (!file || file == LC_CLOSED || file->type != LC_FILE_SOCKET || (result && errno != EINPROGRESS))
        return result;
    int saved = errno;
    file->connected = own_peer(fd, file);
    file->remote = result == 0 ? !file->connected && file->socket_type != SOCK_DGRAM
                               : leads_outside(file, address, size);
    errno = saved;
    return result;
}

/* ---- accept ---- */

struct acceptance {
    struct lc_operation operation;
    struct sockaddr *address;
    socklen_t *size;
    int flags;
};

static ssize_t real_accept(struct lc_operation *o)
{
    const struct acceptance *a = (const struct acceptance *)o;
    return LC_REAL(accept4)(o->number, a->address, a->size, a->flags);
}

static ssize_t attempt_accept(struct lc_operation *o)
{
    struct pollfd p = {.fd = o->number, .events = POLLIN};
    if (!o->file->listening || o->file->nonblocking || lc_poll_now(&p, 1) > 0)
        return real_accept(o);
    errno = EAGAIN;
    return -1;
}

LC_EXPORT int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    if (!lc_descriptor_controlled(fd))
        return LC_REAL(accept4)(fd, address, size, flags);
    struct acceptance a = {.operation = {.fd = fd,
                                         .op = LC_OP_FILE_ACCEPT,
                                         .events = POLLIN,
                                         .attempt = attempt_accept,
                                         .real = real_accept,
                                         .timeout_option = SO_RCVTIMEO,
                                         .timeout_error = EAGAIN},
                           .address = address,
                           .size = size,
                           .flags = flags};
    int result = (int)lc_operate(&a.operation);
    struct lc_file *listener = a.operation.file;
    if (result < 0 || !listener)
        return result;
    struct lc_file *file = add(result, listener->domain, listener->socket_type | (flags & SOCK_NONBLOCK),
                               listener->protocol, NULL);
    if (file) {
        file->connected = own_peer(result, file);
        file->remote = !file->connected;
        listener->accepted_own |= file->connected;
    }
    return result;
}

LC_EXPORT int accept(int fd, struct sockaddr *address, socklen_t *size)
{
    if (!lc_descriptor_controlled(fd))
        return LC_REAL(accept)(fd, address, size);
    return accept4(fd, address, size, 0);
}

/* ---- what never blocks, but may let others go on ---- */

LC_EXPORT int listen(int fd, int backlog)
{
    struct lc_file *file = lc_descriptor_controlled(fd) ? lc_descriptor_enter(fd, LC_OP_FILE_CONTROL) : NULL;
    int result = LC_REAL(listen)(fd, backlog);
    if (file) {
        file->listening |= result == 0;
        lc_descriptors_changed();
        lc_file_release(file);
    }
    return result;
}

LC_EXPORT int shutdown(int fd, int how)
{
    struct lc_file *file = lc_descriptor_controlled(fd) ? lc_descriptor_enter(fd, LC_OP_FILE_CONTROL) : NULL;
    int result = LC_REAL(shutdown)(fd, how);
    if (file) {
        lc_descriptors_changed();
        lc_file_release(file);
    }
    return result;
}
