/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The handshake between an application and tracingd: SOCK_SEQPACKET, one text
 * message a datagram, KEY=VALUE lines in the manner of sd_notify(3), file
 * descriptors as ancillary data. Who the peer is, the kernel says.
 *
 *   application                             tracingd
 *   REGISTER=1 ABI= NAME= EVENTS=<hash>
 *     [PID=] [WORD=] [FORM=locked] [RESUME= [VIEW=<hash>]] [EXECUTABLE=]
 *                                           NEED=events
 *   EVENTS=<hash> + definitions
 *                                           READY=1 APPLICATION= GENERATION= PID= UID= GID=
 *                                             [CGROUP=] [NAMESPACE=same] + view, rings | VIEW=<hash>
 *   APPLIED=<generation> | ERRNO=<errno> GENERATION=
 *                                           CONFIG=1 GENERATION= [+ view, rings | the view itself]
 *   GET=<generation>                          (asked for where CONFIG had none)
 *   APPLIED=<generation>
 *   EVENTS=<hash> [FORM=locked]               (dlopen, dlclose; a thread without rseq)
 *                                           NEED=events | CONFIG=1 ...
 *
 * Definitions: protocol/definitions.h; view and rings: protocol/view.h. PID of
 * REGISTER is the process's number in its own namespace, for messages only.
 * EXECUTABLE is the path of its program, for where tracingd may not see it. What
 * READY says about the process is for contexts (protocol/context.h): how tracingd
 * sees it, and whether it is in tracingd's process namespace, so that its threads
 * have the same numbers in both. FORM=locked
 * asks for rings of the process's own (protocol/ring.h, RING_LOCKED). ERRNO refuses
 * the view of that generation, and says that the process records nothing; the newest
 * one, where a library of an earlier version leaves GENERATION out. A message that
 * breaks the form ends the connection.
 *
 * RESUME names the application that this process was to a tracingd which has
 * hung up. It has kept everything meanwhile: its rings are mapped, its events
 * are on, and what it records arrives. READY then brings the same APPLICATION,
 * where this tracingd knows it of its predecessor and the process is the same as
 * the kernel says, or a new one, and a view like any other. Ring sets whose ids
 * the process has mapped stay as they are, others come and go by the view. A
 * process that was never registered, or has given its rings up, sends no RESUME;
 * nor does a child of fork(). VIEW is the hash (view_hash()) of the view that is
 * in force there. Where the new one would say the same, READY brings that hash
 * in place of the view: then it stays, and APPLIED is the answer, or GET where it
 * is not in force after all.
 *
 * A small view whose ring sets the application has all mapped, since it has
 * acknowledged a view with them, is in the message itself (since minor version
 * 1): behind the text, from the next multiple of 8 bytes on, with zeros between.
 * No descriptors come with it. GET is the answer where a ring set is not mapped
 * after all.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/later.h"

#define HANDSHAKE_SIZE_MAX 4096
#define HANDSHAKE_ABI_MAJOR 1
#define HANDSHAKE_ABI_MINOR (1 + LATER_MINOR)
#define HANDSHAKE_MINOR_INLINE 1 /* from this one on a view may be in the message */
#define HANDSHAKE_INLINE_MAX (HANDSHAKE_SIZE_MAX - 256) /* its size, beside CONFIG and GENERATION */
#define HANDSHAKE_NAME_MAX 64
#define HANDSHAKE_CGROUP_MAX 255
#define HANDSHAKE_EXECUTABLE_MAX 255

enum handshake_keys {
        HANDSHAKE_REGISTER = 1 << 0,
        HANDSHAKE_EVENTS = 1 << 1,
        HANDSHAKE_NEED = 1 << 2,
        HANDSHAKE_READY = 1 << 3,
        HANDSHAKE_CONFIG = 1 << 4,
        HANDSHAKE_APPLIED = 1 << 5,
        HANDSHAKE_ERRNO = 1 << 6,
        HANDSHAKE_GET = 1 << 7,
        HANDSHAKE_RESUME = 1 << 8,
        HANDSHAKE_APPLICATION = 1 << 9,
        HANDSHAKE_GENERATION = 1 << 10,
        HANDSHAKE_PID = 1 << 11,
        HANDSHAKE_WORD = 1 << 12,
        HANDSHAKE_FORM_LOCKED = 1 << 13,
        HANDSHAKE_ABI = 1 << 14,
        HANDSHAKE_NAME = 1 << 15,
        HANDSHAKE_UID = 1 << 16,
        HANDSHAKE_GID = 1 << 17,
        HANDSHAKE_CGROUP = 1 << 18,
        HANDSHAKE_NAMESPACE_SAME = 1 << 19,
        HANDSHAKE_EXECUTABLE = 1 << 20,
        HANDSHAKE_VIEW = 1 << 21,
};

/* A message after parsing; a value counts only where its key is in keys. */
struct handshake {
        uint32_t keys; /* enum handshake_keys */
        uint32_t abi_major, abi_minor;
        uint64_t events; /* hash of the definitions */
        uint64_t applied, error, get, resume, view, application, generation, pid, word, uid, gid;
        char name[HANDSHAKE_NAME_MAX + 1]; /* printable; other bytes became '?' */
        char cgroup[HANDSHAKE_CGROUP_MAX + 1]; /* likewise */
        char executable[HANDSHAKE_EXECUTABLE_MAX + 1]; /* likewise */
};

/*
 * Parses one datagram. -EBADMSG where it breaks the form: an empty message, a
 * NUL, a line without '=', a value that is no number, a key twice. Keys that it
 * does not know are skipped. No memory is allocated.
 */
int handshake_parse(const char *data, size_t size, struct handshake *ret);

/* Makes text what a message can carry: cut where it is too long, other bytes than printable ones become '?'. */
void handshake_set_cgroup(struct handshake *h, const char *text);
void handshake_set_executable(struct handshake *h, const char *text);

/*
 * Writes a message with the keys of h into buffer (HANDSHAKE_SIZE_MAX bytes are
 * always enough). Returns its size. No memory is allocated; async-signal-safe.
 */
size_t handshake_format(const struct handshake *h, char *buffer, size_t size);

/* Puts a view behind the text. Returns the size of both; 0 where there is no room for it. */
size_t handshake_append_view(char *buffer, size_t size, size_t text_size, const void *view, size_t view_size);

/* The size of a datagram's text. *ret_view is where a view begins, or its end: then there is none. -EBADMSG, too. */
int handshake_find_view(const char *data, size_t size, size_t *ret_view);
