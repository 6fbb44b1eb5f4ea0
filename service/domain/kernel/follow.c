/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/domain/kernel/internal.h"

/* All rules of a channel have the same target. */
static struct process followed(const struct kernel_plan *plan, uint32_t channel) {
        for (size_t k = 0; k < plan->n_rules; k++)
                if (plan->rules[k].channel == channel)
                        return (struct process) { plan->rules[k].selector->target.pid,
                                                  plan->rules[k].selector->target.identity };
        return (struct process) { 0 };
}

static int fail_follow(const struct process *process, int error, struct failure *failure) {
        if (error == -ESRCH)
                return fail(failure, FAILURE_KERNEL, "There is no process %i any more, whose events in the kernel are "
                            "wanted; remove the rules that name it.", (int) process->pid);
        if (error == -EXDEV)
                return fail(failure, FAILURE_KERNEL, "In a container the kernel's number of process %i is not known; "
                            "mount the machine's own proc file system at " TREE_MACHINE_PROC ", or record without a "
                            "process.", (int) process->pid);
        return fail(failure, FAILURE_KERNEL, "Process %i cannot be followed in the kernel: %s.", (int) process->pid,
                    strerror(-error));
}

static int follow(struct instance *i, const struct process *process, struct failure *failure) {
        struct tree tree;
        int r;

        if (process_is_same(process, &i->followed))
                return 0;
        /* Where it fails half way, nobody says whom the kernel follows. */
        i->followed = (struct process) { .pid = -1 };
        if (process->pid == 0)
                r = instance_follow(i, NULL);
        else {
                r = tree_init(&tree, process);
                if (r >= 0) {
                        r = instance_follow(i, &tree);
                        tree_done(&tree);
                }
        }
        if (r < 0)
                return fail_follow(process, r, failure);
        i->followed = *process;
        return 0;
}

int kernel_follow(struct instance *i, const struct kernel_plan *plan, const struct instance_list *wanted,
                  struct failure *failure) {
        const struct process process = followed(plan, i->channel);
        const struct instance_list none = { 0 };
        struct instance_list added = { 0 };
        int r = 0;

        if (wanted->n == 0)
                return 0;
        if (i->adopted) {
                i->adopted = false;
                i->followed = process;
        }
        if (!process_is_same(&process, &i->followed) && i->enabled.n > 0) {
                r = instance_disable(i, &none, &added);
                free(added.items);
        }
        if (r < 0)
                return fail_follow(&process, r, failure);
        return follow(i, &process, failure);
}
