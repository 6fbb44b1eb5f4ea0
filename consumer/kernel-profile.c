/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Source: the event layouts of Trace Compass (LttngEventLayout.java,
 * Lttng27EventLayout.java, Lttng29EventLayout.java), which are what its analyses
 * ask for. A trace of LTTng has priorities as the scheduler counts them, 100
 * (MAX_RT_PRIO) below the kernel's events.
 */

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "consumer/kernel-profile.h"

#define RT_PRIORITIES 100

/* Prefixes; an event of NULL stands for all of the system. */
static const struct {
        const char *system, *event, *prefix;
} events[] = {
        { "irq", "softirq_raise", "irq_" },
        { "irq", "softirq_entry", "irq_" },
        { "irq", "softirq_exit", "irq_" },
        { "timer", "hrtimer_start", "timer_" },
        { "timer", "hrtimer_cancel", "timer_" },
        { "timer", "hrtimer_expire_entry", "timer_" },
        { "timer", "hrtimer_expire_exit", "timer_" },
        { "kmem", "mm_page_alloc", "kmem_" },
        { "kmem", "mm_page_free", "kmem_" },
        { "irq_vectors", NULL, "x86_irq_vectors_" },
};

/* Fields of the scheduler's events. What the kernel calls pid is one thread's number. */
static const struct {
        const char *event, *field, *name;
} fields[] = {
        { "sched_switch", "prev_pid", "prev_tid" },
        { "sched_switch", "next_pid", "next_tid" },
        { "sched_wakeup", "pid", "tid" },
        { "sched_wakeup_new", "pid", "tid" },
        { "sched_waking", "pid", "tid" },
        { "sched_migrate_task", "pid", "tid" },
        { "sched_process_exit", "pid", "tid" },
        { "sched_process_free", "pid", "tid" },
        { "sched_process_exec", "pid", "tid" },
        { "sched_process_wait", "pid", "tid" },
        { "sched_pi_setprio", "pid", "tid" },
        { "sched_stat_wait", "pid", "tid" },
        { "sched_stat_sleep", "pid", "tid" },
        { "sched_stat_iowait", "pid", "tid" },
        { "sched_stat_blocked", "pid", "tid" },
        { "sched_stat_runtime", "pid", "tid" },
        { "sched_process_fork", "parent_pid", "parent_tid" },
        { "sched_process_fork", "child_pid", "child_tid" },
};

static const char *const priorities[] = { "prio", "prev_prio", "next_prio", "oldprio", "newprio" };

/* "sys_enter_" and what follows it in syscalls:sys_enter_openat. */
static const char *after(const char *name, const char *prefix) {
        size_t n = strlen(prefix);

        return strncmp(name, prefix, n) == 0 ? name + n : NULL;
}

void kernel_profile_event(const char *system, const char *name, char *ret, size_t size) {
        const char *prefix = "", *rest = name;

        if (strcmp(system, "syscalls") == 0) {
                if ((rest = after(name, "sys_enter_")))
                        prefix = "syscall_entry_";
                else if ((rest = after(name, "sys_exit_")))
                        prefix = "syscall_exit_";
                else
                        rest = name;
        }
        for (size_t i = 0; i < ARRAY_SIZE(events); i++)
                if (strcmp(system, events[i].system) == 0 && (!events[i].event || strcmp(name, events[i].event) == 0))
                        prefix = events[i].prefix;
        snprintf(ret, size, "%s%s", prefix, rest);
}

const char *kernel_profile_field(const char *system, const char *event, const char *field) {
        if (strcmp(system, "syscalls") == 0 && strcmp(field, "__syscall_nr") == 0)
                return NULL;
        if (strcmp(system, "sched") != 0)
                return field;
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
                if (strcmp(event, fields[i].event) == 0 && strcmp(field, fields[i].field) == 0)
                        return fields[i].name;
        return field;
}

int32_t kernel_profile_bias(const char *system, const char *event, const char *field) {
        if (strcmp(system, "sched") != 0)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(priorities); i++)
                if (strcmp(field, priorities[i]) == 0)
                        return RT_PRIORITIES;
        return 0;
}
