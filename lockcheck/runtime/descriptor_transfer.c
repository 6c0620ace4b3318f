/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading and writing: read(), write(), recv(), send() and their relatives, on controlled descriptors.
 *
 * An attempt never blocks in the kernel. Sockets have MSG_DONTWAIT for that. A pipe or an eventfd that poll()
 * calls readable can be read; a write of more than there may be room for is made with O_NONBLOCK set for as
 * long as it takes. A blocking write goes on until all is written, with waits between, as the kernel's does.
 *
 * Left out: sendfile(), splice(), tee() and vmsplice() on controlled descriptors are named as uncontrolled.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lockcheck/runtime/descriptor_operation.h"

#define NS_PER_S 1000000000ll
#define NS_PER_US 1000ll

/* SO_RCVTIMEO and SO_SNDTIMEO: socket(7). */
static int64_t deadline_of(const struct lc_operation *o)
{
    struct timeval limit;
    socklen_t size = sizeof limit;
    if (o->file->type != LC_FILE_SOCKET || !o->timeout_option ||
        syscall(SYS_getsockopt, o->number, SOL_SOCKET, o->timeout_option, &limit, &size) != 0 ||
        (!limit.tv_sec && !limit.tv_usec))
        return LC_NEVER;
    return lc.now_ns + limit.tv_sec * NS_PER_S + limit.tv_usec * NS_PER_US;
}

/* What the kernel would return for what has been done so far, when it cannot go on. */
static ssize_t partly(const struct lc_operation *o, ssize_t result)
{
    return result < 0 && o->done ? o->done : result;
}

static ssize_t repeat(struct lc_operation *o)
{
    struct pollfd asked = {.fd = o->fd, .events = o->events}, fds;
    struct lc_descriptor_wait w;
    int64_t deadline_ns = 0;
    lc_descriptor_wait_init(&w, &asked, &fds, 1);
    ssize_t result, done = 0;
    for (;;) {
        result = o->attempt(o);
        if (result >= 0 || errno != EAGAIN || o->nonblocking)
            break;
        if (o->done != done)
            lc_descriptors_changed();
        done = o->done;
        if (lc_file_reach(o->file) == LC_REACH_OTHERS) {
            result = o->real(o);
            break;
        }
        if (!deadline_ns)
            deadline_ns = deadline_of(o);
        enum lc_wait_end end = lc_descriptor_wait(&w, o->op, o->file->object, deadline_ns);
        o->number = fds.fd;
        if (end == LC_WAIT_TIMED_OUT || end == LC_WAIT_INTERRUPTED ||
            (end == LC_WAIT_RESTART && (o->done || deadline_ns != LC_NEVER))) {
            errno = end == LC_WAIT_TIMED_OUT ? o->timeout_error : EINTR;
            result = -1;
            break;
        }
    }
    result = partly(o, result);
    int saved = errno;
    lc_emit(LC_OP_FILE_DONE, o->file->object, result);
    if (result >= 0 || errno == EPIPE)
        lc_descriptors_changed();
    lc_descriptor_wait_end(&w);
    errno = saved;
    return result;
}

ssize_t lc_operate(struct lc_operation *o)
{
    lc_test_cancel();
    o->number = o->fd;
    o->file = lc_descriptor_enter(o->fd, o->op);
    if (!o->file)
        return o->real(o);
    o->nonblocking |= o->file->nonblocking;
    ssize_t result = repeat(o);
    int saved = errno;
    lc_file_release(o->file);
    errno = saved;
    return result;
}

/* ---- a message, of which a part may have gone ---- */

struct transfer {
    struct lc_operation operation;
    struct msghdr message; /* what is left */
    struct msghdr *whole;  /* the program's, which learns what recvmsg() has to tell; or NULL */
    int flags;
    bool plain;  /* by read() or write() */
    bool all;    /* is over only when nothing is left */
    size_t left; /* bytes */
};

static void advance(struct transfer *t, size_t bytes)
{
    t->left -= bytes;
    t->operation.done += (ssize_t)bytes;
    while (bytes && t->message.msg_iovlen) {
        struct iovec *v = t->message.msg_iov;
        size_t now = bytes < v->iov_len ? bytes : v->iov_len;
        v->iov_base = (char *)v->iov_base + now;
        v->iov_len -= now;
        bytes -= now;
        if (v->iov_len == 0) {
            t->message.msg_iov++;
            t->message.msg_iovlen--;
        }
    }
}

static ssize_t call_read(const struct transfer *t)
{
    const struct msghdr *m = &t->message;
    if (m->msg_iovlen == 1)
        return LC_REAL(read)(t->operation.number, m->msg_iov->iov_base, m->msg_iov->iov_len);
    return LC_REAL(readv)(t->operation.number, m->msg_iov, (int)m->msg_iovlen);
}

static ssize_t call_write(const struct transfer *t)
{
    const struct msghdr *m = &t->message;
    if (m->msg_iovlen == 1)
        return LC_REAL(write)(t->operation.number, m->msg_iov->iov_base, m->msg_iov->iov_len);
    return LC_REAL(writev)(t->operation.number, m->msg_iov, (int)m->msg_iovlen);
}

static short ready_for(const struct transfer *t, short events)
{
    struct pollfd p = {.fd = t->operation.number, .events = events};
    lc_poll_now(&p, 1);
    return p.revents;
}

static ssize_t would_block(void)
{
    errno = EAGAIN;
    return -1;
}

/* ---- reading ---- */

static ssize_t receive_call(struct transfer *t, int flags)
{
    ssize_t n = LC_REAL(recvmsg)(t->operation.number, &t->message, flags);
    if (n >= 0 && t->whole && !t->operation.done) {
        t->whole->msg_namelen = t->message.msg_namelen;
        t->whole->msg_controllen = t->message.msg_controllen;
        t->whole->msg_flags = t->message.msg_flags;
    }
    return n;
}

static ssize_t real_receive(struct lc_operation *o)
{
    struct transfer *t = (struct transfer *)o;
    ssize_t n = t->plain ? call_read(t) : receive_call(t, t->flags);
    return n >= 0 ? o->done + n : n;
}

static ssize_t attempt_receive(struct lc_operation *o)
{
    struct transfer *t = (struct transfer *)o;
    if (o->file->type != LC_FILE_SOCKET) {
        /* What cannot be read at all fails at once, and so does what is too short for an eventfd. */
        bool at_once = !o->file->reads || !t->left || o->file->type == LC_FILE_EPOLL ||
                       (o->file->type == LC_FILE_EVENTFD && t->left < sizeof(uint64_t));
        return at_once || o->file->nonblocking || ready_for(t, POLLIN) ? call_read(t) : would_block();
    }
    if (t->plain && !t->left)
        return call_read(t);
    ssize_t n = receive_call(t, t->flags | MSG_DONTWAIT);
    if (n <= 0 || !t->all || o->nonblocking)
        return n >= 0 ? o->done + n : n;
    advance(t, (size_t)n);
    t->message.msg_control = NULL;
    t->message.msg_controllen = 0;
    return t->left ? would_block() : o->done;
}

/* Descriptors in a message become the program's. */
static void take_descriptors(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++)
            lc_descriptor_received(((int *)CMSG_DATA(c))[i]);
    }
}

static ssize_t transfer(struct transfer *t, bool out);

static ssize_t receive(int fd, struct msghdr *whole, const struct msghdr *message, int flags, bool plain)
{
    struct transfer t = {.operation = {.fd = fd,
                                       .op = LC_OP_FILE_READ,
                                       .events = POLLIN,
                                       .attempt = attempt_receive,
                                       .real = real_receive,
                                       .nonblocking = flags & (MSG_DONTWAIT | MSG_ERRQUEUE),
                                       .timeout_option = SO_RCVTIMEO,
                                       .timeout_error = EAGAIN},
                         .message = *message,
                         .whole = whole,
                         .flags = flags & ~MSG_WAITALL,
                         .plain = plain,
                         .all = (flags & (MSG_WAITALL | MSG_PEEK | MSG_DONTWAIT)) == MSG_WAITALL};
    ssize_t n = transfer(&t, false);
    if (n >= 0 && whole && whole->msg_controllen)
        take_descriptors(whole);
    return n;
}

/* ---- writing ---- */

static ssize_t real_send(struct lc_operation *o)
{
    struct transfer *t = (struct transfer *)o;
    ssize_t n = t->plain ? call_write(t) : LC_REAL(sendmsg)(o->number, &t->message, t->flags);
    return n >= 0 ? o->done + n : n;
}

static bool surely_has_room(const struct transfer *t)
{
    if (!t->left || !(ready_for(t, POLLOUT) & POLLOUT))
        return false;
    if (t->operation.file->type == LC_FILE_PIPE)
        return t->left <= PIPE_BUF;
    uint64_t value;
    if (t->left != sizeof value || t->message.msg_iovlen != 1)
        return false;
    memcpy(&value, t->message.msg_iov->iov_base, sizeof value);
    return value <= 1; /* eventfd(2): what POLLOUT promises */
}

static ssize_t write_without_waiting(struct transfer *t)
{
    int flags = (int)syscall(SYS_fcntl, t->operation.number, F_GETFL);
    syscall(SYS_fcntl, t->operation.number, F_SETFL, flags | O_NONBLOCK);
    ssize_t n = call_write(t);
    int saved = errno;
    syscall(SYS_fcntl, t->operation.number, F_SETFL, flags);
    errno = saved;
    return n;
}

static ssize_t send_call(struct transfer *t)
{
    const struct lc_file *file = t->operation.file;
    if (file->type != LC_FILE_SOCKET)
        return !file->writes || file->nonblocking || surely_has_room(t) ? call_write(t)
                                                                        : write_without_waiting(t);
    int flags = t->flags | MSG_DONTWAIT | (t->operation.done ? MSG_NOSIGNAL : 0);
    return LC_REAL(sendmsg)(t->operation.number, &t->message, flags);
}

static ssize_t attempt_send(struct lc_operation *o)
{
    struct transfer *t = (struct transfer *)o;
    for (;;) {
        ssize_t n = send_call(t);
        if (n <= 0 || (size_t)n == t->left || o->nonblocking)
            return n >= 0 ? o->done + n : n;
        advance(t, (size_t)n);
        t->message.msg_control = NULL;
        t->message.msg_controllen = 0;
    }
}

static ssize_t send_message(int fd, const struct msghdr *message, int flags, bool plain)
{
    struct transfer t = {.operation = {.fd = fd,
                                       .op = LC_OP_FILE_WRITE,
                                       .events = POLLOUT,
                                       .attempt = attempt_send,
                                       .real = real_send,
                                       .nonblocking = flags & MSG_DONTWAIT,
                                       .timeout_option = SO_SNDTIMEO,
                                       .timeout_error = EAGAIN},
                         .message = *message,
                         .flags = flags,
                         .plain = plain,
                         .all = true};
    return transfer(&t, true);
}

/* ---- both ---- */

static ssize_t transfer(struct transfer *t, bool out)
{
    size_t count = t->message.msg_iovlen;
    if (count > IOV_MAX) {
        t->operation.number = t->operation.fd;
        return out ? real_send(&t->operation) : real_receive(&t->operation);
    }
    /* advance() changes it. */
    struct iovec left[count ? count : 1];
    for (size_t i = 0; i < count; i++) {
        left[i] = t->message.msg_iov[i];
        t->left += left[i].iov_len;
    }
    t->message.msg_iov = left;
    return lc_operate(&t->operation);
}

/* ---- interposers ---- */

static struct msghdr one(struct iovec *v)
{
    return (struct msghdr){.msg_iov = v, .msg_iovlen = 1};
}

LC_EXPORT ssize_t read(int fd, void *buffer, size_t size)
{
    if (!lc_descriptor_controlled(fd))
        return LC_REAL(read)(fd, buffer, size);
    struct iovec v = {buffer, size};
    struct msghdr m = one(&v);
    return receive(fd, NULL, &m, 0, true);
}

LC_EXPORT ssize_t readv(int fd, const struct iovec *v, int count)
{
    if (!lc_descriptor_controlled(fd) || count < 0)
        return LC_REAL(readv)(fd, v, count);
    struct msghdr m = {.msg_iov = (struct iovec *)v, .msg_iovlen = (size_t)count};
    return receive(fd, NULL, &m, 0, true);
}

LC_EXPORT ssize_t write(int fd, const void *buffer, size_t size)
{
    if (!lc_descriptor_controlled(fd))
        return LC_REAL(write)(fd, buffer, size);
    struct iovec v = {(void *)buffer, size};
    struct msghdr m = one(&v);
    return send_message(fd, &m, 0, true);
}

LC_EXPORT ssize_t writev(int fd, const struct iovec *v, int count)
{
    if (!lc_descriptor_controlled(fd) || count < 0)
        return LC_REAL(writev)(fd, v, count);
    struct msghdr m = {.msg_iov = (struct iovec *)v, .msg_iovlen = (size_t)count};
    return send_message(fd, &m, 0, true);
}

/* A descriptor that is no socket refuses at once. */
static bool is_socket(int fd)
{
    const struct lc_file *file = lc_file_at(fd);
    return lc_descriptor_controlled(fd) && (file == LC_CLOSED || file->type == LC_FILE_SOCKET);
}

LC_EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    if (!is_socket(fd))
        return LC_REAL(recvmsg)(fd, message, flags);
    return receive(fd, message, message, flags, false);
}

LC_EXPORT ssize_t recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *from,
                           socklen_t *from_size)
{
    if (!is_socket(fd))
        return LC_REAL(recvfrom)(fd, buffer, size, flags, from, from_size);
    struct iovec v = {buffer, size};
    struct msghdr m = one(&v);
    if (from && from_size) {
        m.msg_name = from;
        m.msg_namelen = *from_size;
    }
    ssize_t n = receive(fd, &m, &m, flags, false);
    if (n >= 0 && from && from_size)
        *from_size = m.msg_namelen;
    return n;
}

LC_EXPORT ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    if (!is_socket(fd))
        return LC_REAL(recv)(fd, buffer, size, flags);
    return recvfrom(fd, buffer, size, flags, NULL, NULL);
}

LC_EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (!is_socket(fd))
        return LC_REAL(sendmsg)(fd, message, flags);
    return send_message(fd, message, flags, false);
}

LC_EXPORT ssize_t sendto(int fd, const void *buffer, size_t size, int flags, const struct sockaddr *to,
                         socklen_t to_size)
{
    if (!is_socket(fd))
        return LC_REAL(sendto)(fd, buffer, size, flags, to, to_size);
    struct iovec v = {(void *)buffer, size};
    struct msghdr m = one(&v);
    m.msg_name = (void *)to;
    m.msg_namelen = to_size;
    return send_message(fd, &m, flags, false);
}

LC_EXPORT ssize_t send(int fd, const void *buffer, size_t size, int flags)
{
    if (!is_socket(fd))
        return LC_REAL(send)(fd, buffer, size, flags);
    return sendto(fd, buffer, size, flags, NULL, 0);
}

/* Its time-out counts only between messages, as recvmmsg(2) says under BUGS: here it never does. */
LC_EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    if (!is_socket(fd))
        return LC_REAL(recvmmsg)(fd, messages, count, flags, timeout);
    unsigned got = 0;
    for (; got < count; got++) {
        ssize_t n = recvmsg(fd, &messages[got].msg_hdr, flags & ~MSG_WAITFORONE);
        if (n < 0)
            break;
        messages[got].msg_len = (unsigned)n;
        if (flags & MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
    }
    return got || !count ? (int)got : -1;
}

LC_EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    if (!is_socket(fd))
        return LC_REAL(sendmmsg)(fd, messages, count, flags);
    unsigned sent = 0;
    for (; sent < count; sent++) {
        ssize_t n = sendmsg(fd, &messages[sent].msg_hdr, flags);
        if (n < 0)
            break;
        messages[sent].msg_len = (unsigned)n;
    }
    return sent || !count ? (int)sent : -1;
}

/* ---- the same with _FORTIFY_SOURCE: the C library checks the size ---- */

ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room);
LC_EXPORT ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room)
{
    if (size > room || !lc_descriptor_controlled(fd))
        return LC_REAL(__read_chk)(fd, buffer, size, room);
    return read(fd, buffer, size);
}

ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t room, int flags);
LC_EXPORT ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t room, int flags)
{
    if (size > room || !is_socket(fd))
        return LC_REAL(__recv_chk)(fd, buffer, size, room, flags);
    return recv(fd, buffer, size, flags);
}

ssize_t __recvfrom_chk(int fd, void *buffer, size_t size, size_t room, int flags, struct sockaddr *from,
                       socklen_t *from_size);
LC_EXPORT ssize_t __recvfrom_chk(int fd, void *buffer, size_t size, size_t room, int flags,
                                 struct sockaddr *from, socklen_t *from_size)
{
    if (size > room || !is_socket(fd))
        return LC_REAL(__recvfrom_chk)(fd, buffer, size, room, flags, from, from_size);
    return recvfrom(fd, buffer, size, flags, from, from_size);
}

/* ---- what the kernel moves by itself ---- */

static void refuse(const char *function, int a, int b)
{
    if (lc_descriptor_controlled(a) || lc_descriptor_controlled(b))
        lc_uncontrolled("{t%u} calls %s() on a pipe or a socket, which lockcheck does not control",
                        lc_self->id, function);
}

LC_EXPORT ssize_t sendfile(int out, int in, off_t *offset, size_t size)
{
    refuse("sendfile", out, in);
    return LC_REAL(sendfile)(out, in, offset, size);
}

LC_EXPORT ssize_t sendfile64(int out, int in, off64_t *offset, size_t size)
{
    refuse("sendfile", out, in);
    return LC_REAL(sendfile64)(out, in, offset, size);
}

LC_EXPORT ssize_t splice(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t size,
                         unsigned flags)
{
    refuse("splice", in, out);
    return LC_REAL(splice)(in, in_offset, out, out_offset, size, flags);
}

LC_EXPORT ssize_t tee(int in, int out, size_t size, unsigned flags)
{
    refuse("tee", in, out);
    return LC_REAL(tee)(in, out, size, flags);
}

LC_EXPORT ssize_t vmsplice(int fd, const struct iovec *v, size_t count, unsigned flags)
{
    refuse("vmsplice", fd, fd);
    return LC_REAL(vmsplice)(fd, v, count, flags);
}
