/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The counts that Stop and Snapshot reply with; a plain value once it was read. */

#include "client/libtracectl/connection.h"

/* Reads an a{sv}. Keys that it does not know are skipped. */
int counts_read(sd_bus_message *m, tracectl_counts **ret);
