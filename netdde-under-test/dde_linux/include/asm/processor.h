/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <asm/processor.h>: what a processor does while it waits. */
#ifndef DDE_LINUX_ASM_PROCESSOR_H
#define DDE_LINUX_ASM_PROCESSOR_H

/* In a loop that looks at something again and again: others run first. */
void cpu_relax(void);

#endif
