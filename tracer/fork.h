/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Makes children of fork() register for themselves. Once in a process. */
void fork_install(void);
