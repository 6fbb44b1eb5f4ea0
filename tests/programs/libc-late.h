/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A library that still works when its program has ended: see libc-late.c. */
int late_answer(void);
