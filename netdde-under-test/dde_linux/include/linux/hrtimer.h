/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/hrtimer.h>: virtio_ring includes it for what it measures when it is debugged. */
