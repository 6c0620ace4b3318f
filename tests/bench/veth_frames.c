/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many frames a second a veth pair of this machine's kernel carries, from a packet socket at its one end
 * to a packet socket at the other. Prints frames and octets per second.
 *
 *   veth_frames FROM TO COUNT OCTETS WINDOW
 *
 * FROM and TO: the ends, which are up. Never more than WINDOW frames are under way; see frames.h. A system
 * call for each frame on either side, as programs have that send and receive single frames.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/frames.h"

#define ROOM 4096 /* of the receiver's socket for a frame, with what the kernel needs besides */

static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t sender[6] = {2, 0, 0, 0, 0, 1};

static struct frames frames;
static sem_t room; /* posted when the sender may send another half of the window */
static int to;     /* the receiver's socket */

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int open_socket(const char *name, int buffer)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(FRAME_TYPE)};
    int end = socket(AF_PACKET, SOCK_RAW, htons(FRAME_TYPE));

    address.sll_ifindex = (int)if_nametoindex(name);
    if (end < 0 || !address.sll_ifindex || bind(end, (struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(end, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer) != 0)
        fail(name);
    return end;
}

static void *receive(void *unused)
{
    uint8_t frame[FRAME_MAX];

    (void)unused;
    for (unsigned long arrived = 0; arrived < frames.count;) {
        ssize_t length = recv(to, frame, sizeof frame, 0);

        if (length < FRAME_HEADER ||
            !frames_payload_is(&frames, frame + FRAME_HEADER, (size_t)length - FRAME_HEADER, arrived)) {
            fprintf(stderr, "frame %lu has not arrived as it was sent\n", arrived);
            exit(1);
        }
        if (++arrived % (frames.window / 2) == 0)
            sem_post(&room);
    }
    return NULL;
}

static void send_all(int from)
{
    for (unsigned long i = 0; i < frames.count; i++) {
        if (i % (frames.window / 2) == 0)
            while (sem_wait(&room) != 0)
                ;
        frames_number(&frames, i);
        if (send(from, frames.frame, frames.octets, 0) != (ssize_t)frames.octets)
            fail("send");
    }
}

int main(int argc, char **argv)
{
    pthread_t receiver;
    double begin;
    int from;

    if (argc != 6 || frames_parse(&frames, argv + 3)) {
        fprintf(stderr, "usage: veth_frames FROM TO COUNT OCTETS WINDOW\n");
        return 2;
    }
    from = open_socket(argv[1], 0);
    to = open_socket(argv[2], (int)frames.window * ROOM);
    frames_address(&frames, everybody, sender);
    sem_init(&room, 0, 2);
    begin = frames_clock();
    if (pthread_create(&receiver, NULL, receive, NULL) != 0)
        fail("pthread_create");
    send_all(from);
    pthread_join(receiver, NULL);
    frames_tell(&frames, frames_clock() - begin);
    return 0;
}
