/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drivers include it; nothing of it is needed. */
