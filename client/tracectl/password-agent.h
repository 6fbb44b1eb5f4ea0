/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * polkit's agent that asks for passwords on the terminal (pkttyagent). It runs
 * from the first call that needs a password to the end of the command; where
 * there is another agent, such as a desktop's, it leaves the asking to that.
 */

#include <sys/types.h>

#include "client/libtracectl/tracectl.h"

struct password_agent {
        pid_t pid; /* 0: it does not run */
};

/* From now on it is started when it is needed. agent outlives the connection, and ends by password_agent_close(). */
int password_agent_offer(struct password_agent *agent, tracectl_connection *connection);

void password_agent_close(struct password_agent *agent);
