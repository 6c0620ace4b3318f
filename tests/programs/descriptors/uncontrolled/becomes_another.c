/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program becomes another one. */
#include <stddef.h>
#include <unistd.h>

static void become_true(void)
{
    execl("/bin/true", "true", (char *)NULL);
}

int main(void)
{
    become_true();
    return 1;
}
