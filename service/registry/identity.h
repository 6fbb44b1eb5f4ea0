/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the kernel says of the process at the other end of a connection: what
 * its rings belong to, its unit, its control group, and which targets of rules
 * it is among. Read by the worker that has the application, and nothing of it
 * before some rule wants to know.
 *
 * Whose descendant it is has to be remembered: when a process ends, the kernel
 * forgets that its children were a third one's. An application descends from a
 * target if the kernel says so when that is first asked, or if it says so of an
 * application that was found to descend from it. So it is found as long as each
 * process between the two is either alive when its child registers or an
 * application itself, which has registered before.
 */

#include "service/model/view.h"
#include "service/registry/application.h"
#include "service/registry/process.h"

/* What was found of one target; the application's, under its lock. */
struct descent {
        struct process ancestor;
        bool is;
};

/*
 * Reads what a process is made of, when it has connected and not spoken yet or
 * when it registers. -ECONNRESET when it is gone: what was read may be another
 * process's then.
 */
int application_look(struct application *a);

/* Finds its compartment, when it registers; reads what was not read before. -ECONNRESET when it is gone. */
int application_identify(struct application *a);

/*
 * Sets the bits of those targets of the model that reach it. *ret has room for
 * all of them, and only zeros.
 */
void application_find_targets(struct application *a, const struct model_view *model, uint64_t *ret);
