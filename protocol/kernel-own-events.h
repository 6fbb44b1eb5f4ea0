/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which of the kernel's events tell an ordinary user of his own processes, and of nobody else's: those that happen in
 * a thread on its own behalf. Interrupts, timers, blocks and memory of the kernel happen in whichever thread is there,
 * and addresses of the kernel are nobody's to know.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The others of the table below: nothing of another thread is in them. */
#define KERNEL_OWN_CURRENT_EVENTS "syscalls:*, raw_syscalls:*, exceptions:page_fault_user, signal:signal_deliver"

/* An event of NULL: all of the system. */
static const struct {
        const char *system, *event;
        bool filtered; /* a filter cannot tell of others either */
} kernel_own_events[] = {
        { "syscalls", NULL, true },
        { "raw_syscalls", NULL, true },
        { "exceptions", "page_fault_user", true },
        { "signal", "signal_deliver", true },
        { "signal", "signal_generate", false },
        { "sched", "sched_switch", false },
        { "sched", "sched_waking", false },
        { "sched", "sched_wakeup", false },
        { "sched", "sched_wakeup_new", false },
        { "sched", "sched_migrate_task", false },
        { "sched", "sched_process_fork", false },
        { "sched", "sched_process_exec", false },
        { "sched", "sched_process_exit", false },
        { "task", "task_rename", false },
};

#define KERNEL_OWN_EVENT_NAMES                                                                                         \
        "system calls, page_fault_user, signal_generate, signal_deliver, sched_switch, sched_wak*, sched_migrate_task," \
        " sched_process_fork, _exec and _exit, task_rename"

static inline bool kernel_own_has(const char *system, const char *name, bool with_filter) {
        for (size_t i = 0; i < sizeof(kernel_own_events) / sizeof(kernel_own_events[0]); i++)
                if (strcmp(system, kernel_own_events[i].system) == 0 &&
                    (!kernel_own_events[i].event || strcmp(name, kernel_own_events[i].event) == 0))
                        return kernel_own_events[i].filtered || !with_filter;
        return false;
}

static inline bool kernel_own_has_event(const char *system, const char *name) {
        return kernel_own_has(system, name, false);
}
