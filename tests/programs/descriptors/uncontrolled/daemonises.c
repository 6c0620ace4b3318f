/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program goes into the background. */
#include <unistd.h>

static void go_into_background(void)
{
    if (daemon(0, 0) != 0)
        _exit(1);
}

int main(void)
{
    go_into_background();
    return 0;
}
