/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

/* The process id that thread records carry, as the process sees it itself. Before thread_enable(). */
void record_set_process(int32_t pid);
