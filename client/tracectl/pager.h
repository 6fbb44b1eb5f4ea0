/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The program that shows a long text on a terminal page by page: $PAGER, or
 * less. stdout leads into it between pager_open() and pager_close(), which
 * waits until the user has left it.
 */

#include <sys/types.h>

struct pager {
        pid_t pid;  /* 0: there is none, stdout is what it was */
        int stdout_fd; /* the terminal */
};

/* Without a terminal, or with PAGER empty or cat, nothing. What fails is left out: the text is shown without it. */
void pager_open(struct pager *pager);

void pager_close(struct pager *pager);
