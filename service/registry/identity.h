/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the kernel says of the process at the other end of a connection: what
 * its rings belong to, its unit, its control group. Nothing here is what the
 * process itself has said. Read by the worker that has the application.
 */

#include "service/registry/application.h"

/*
 * Reads what a process is made of when it registers, and finds its compartment.
 * -ECONNRESET when it is gone: what was read may be another process's then.
 */
int application_identify(struct application *a);
