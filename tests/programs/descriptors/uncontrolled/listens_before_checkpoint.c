/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A socket that listens since before the checkpoint would be one for all schedules. */
#include <lockcheck.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static void serve(int fd)
{
    accept(fd, NULL, NULL);
}

int main(void)
{
    struct sockaddr_un any = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&any, sizeof(sa_family_t)) != 0 || listen(fd, 1) != 0)
        return 2;
    lockcheck_checkpoint();
    serve(fd);
    return 0;
}
