/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where applications and tracingd find each other, and the page on which
 * applications wait until somebody wants to trace.
 *
 * The page is a small file, made by systemd-tmpfiles before the first
 * application starts, with the text "TRACECTL0000", and never replaced: who has
 * mapped a file that was replaced is never woken again. Applications map it
 * read-only. tracingd alone writes to it: it changes the word and wakes all its
 * waiters (FUTEX_WAKE, shared).
 *
 *   bit 0        1: register now; 0: wait (the text "0000" has it 0)
 *   other bits   different after each change, so that no waiter sleeps through one
 *
 * An application that finds bit 0 set connects to the registration socket. One
 * that was registered and is hung up on goes on recording and, while bit 0 is set,
 * sleeps until it is woken or the word changes, for WAIT_RESTART_MSEC to twice that
 * (as long again where it has changed, and nobody was woken yet). Then it
 * looks at the word: where bit 0 is set, it connects again, with RESUME
 * (protocol/handshake.h), for as long as WAIT_RESUME_SECONDS, in which time does
 * not count while the socket's backlog is full. Where it is not, or nobody has
 * answered until then, it records nothing more, gives its rings up and waits for
 * the word to change. So a daemon that has nothing to trace clears the bit before
 * it hangs up, and one that takes sessions up again changes the word when it can
 * be connected to, and wakes those that were left, also those that fall asleep
 * after that. Waiters look again by themselves after WAIT_RECHECK_SECONDS, also
 * whether the file at the path is still theirs.
 */

#include <stdint.h>

#define WAIT_MAGIC "TRACECTL" /* 8 bytes, no NUL */
#define WAIT_WANTED UINT32_C(1)
#define WAIT_RECHECK_SECONDS 300
#define WAIT_RESUME_SECONDS 10
#define WAIT_RESTART_MSEC 2000

struct wait_page {
        char magic[8];
        uint32_t word; /* futex */
};

/* Below /run for the system, below $XDG_RUNTIME_DIR for a user. */
#define TRACECTL_RUN "tracectl"
#define TRACECTL_SYSTEM_RUN "/run/" TRACECTL_RUN
#define TRACECTL_WAIT_NAME "wait"
#define TRACECTL_REGISTER_NAME "register" /* SOCK_SEQPACKET, protocol/handshake.h */
#define TRACECTL_CONTROL_NAME "control"   /* SOCK_STREAM, D-Bus peer to peer, for the daemon's own uid */
#define TRACECTL_CONSUMER_NAME "consumer" /* directory of the consumers' sockets */
