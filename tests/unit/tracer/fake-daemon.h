/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A tracingd that a test plays, for the library's code in the same process or
 * in a child: a directory with a wait page and a registration socket, one ring
 * set, and views that turn on all events or none. Event number i of the
 * definitions gets class fake_class(f, i), with filters fake_class_filtered(). Everything that waits, fails after
 * FAKE_TIMEOUT_MSEC.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/handshake.h"
#include "protocol/wait.h"
#include "tests/unit/tracer/ring-fixture.h"

#define FAKE_TIMEOUT_MSEC 20000
#define FAKE_EVENTS_MAX 16

struct fake_daemon {
        char *directory;
        struct wait_page *page;
        int listener;
        int connection; /* -1: none */
        struct fixture rings;
        struct reader reader;
        uint64_t ring_id, generation, definitions; /* hash of those that it knows */
        uint64_t application; /* what READY says */
        uint32_t n_events, contexts, first_class;
        uint32_t more_flags; /* enum view_ring_flags of the views, beside the form */
        const char *const *filters; /* each event has an action for each of these expressions, NULL: without one */
        uint32_t n_filters;
        const void *events; /* the definitions, mapped */
        size_t events_size;
        struct handshake registration; /* the last one */
        struct handshake about;        /* what READY says of this process */
};

/* directory is made; form is 0 or RING_LOCKED. Classes begin at first_class, so that two daemons' differ. */
void fake_init(struct fake_daemon *f, const char *directory, uint32_t form, uint32_t first_class);
void fake_done(struct fake_daemon *f);

/* Writes a wait page of this word at path. */
void fake_write_page(const char *path, uint32_t word);

/* Maps the page at the path, which may be another one than before. */
void fake_map_page(struct fake_daemon *f);

/* Changes the page's word as tracingd does. */
void fake_want(struct fake_daemon *f, bool wanted);

/* Whether somebody is about to connect within msec. */
bool fake_is_called(struct fake_daemon *f, int msec);

/* Takes a connection, the registration and, where they are new, the definitions. */
void fake_accept(struct fake_daemon *f);

/* One message from the connection. False where it is hung up. */
bool fake_receive(struct fake_daemon *f, struct handshake *ret);

/* A view with everything on or off, of the next generation; g_byte_array_unref() it. */
GByteArray *fake_make_view(struct fake_daemon *f, bool on);

/* Sends a view. reply: as below. */
bool fake_send(struct fake_daemon *f, uint32_t reply, const GByteArray *view);

/* CONFIG with the view in it, and no descriptors but these. */
bool fake_send_inline(struct fake_daemon *f, const GByteArray *view, const int *fds, size_t n_fds);

/* READY without a view: that of this hash is the right one. Likewise. */
bool fake_send_hash(struct fake_daemon *f, uint64_t view);

/* Makes and sends one. reply: HANDSHAKE_READY or HANDSHAKE_CONFIG. False where nobody is there. */
bool fake_send_view(struct fake_daemon *f, uint32_t reply, bool on);

/* Receives one message, which must have these keys. */
struct handshake fake_expect(struct fake_daemon *f, uint32_t keys);

/* fake_send_view(), and the acknowledgement. */
void fake_apply(struct fake_daemon *f, uint32_t reply, bool on);

/* The program's definitions have changed: asks for the new ones. */
void fake_take_events(struct fake_daemon *f);

void fake_hang_up(struct fake_daemon *f);

/* Hangs up on who is not registered yet, and has one more try. */
void fake_refuse(struct fake_daemon *f);

/* Takes what is in the rings: how many events. */
uint64_t fake_consume(struct fake_daemon *f);

static inline uint32_t fake_class(const struct fake_daemon *f, uint32_t event) {
        return f->first_class + event;
}

static inline uint32_t fake_class_filtered(const struct fake_daemon *f, uint32_t event, uint32_t filter) {
        return fake_class(f, event) + FAKE_EVENTS_MAX * (filter + 1);
}

/* Runs func in a process of its own, where the library's state is fresh. */
void fake_in_process(void (*func)(void));

/* How many threads this process has beside its main thread; the first's number, if it is asked for. */
unsigned fake_count_helpers(int *ret_tid);

/* Waits until thread tid, of this process or a child, sleeps in system call number nr. */
void fake_wait_asleep(int tid, long nr);
