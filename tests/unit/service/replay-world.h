/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One consumer of a played service manager, whose process the test plays, too:
 * what it is sent, and what becomes of its answers. Everything in the test's
 * thread; nothing waits but expect() and what else needs the other side.
 */

#undef NDEBUG

#include "common/datagram.h"
#include "fake-systemd.h"
#include "service/unit/consumer.h"

struct world {
        struct fake_systemd *systemd;
        struct consumer *consumer;
        int fd; /* the present consumer's */
        int files[4];
        char *reason;
        unsigned failures, ends, answers;
        int last_error;
};

union any {
        struct consumer_header header;
        struct consumer_output output;
        struct consumer_session session;
        struct consumer_rings rings;
        struct consumer_classes classes;
        struct consumer_release release;
        struct consumer_snapshot snapshot;
        struct consumer_rotate rotate;
        char bytes[CONSUMER_MESSAGE_MAX];
};

/* Counts. For consumer_request(). */
void on_answer(int error, const char *path, void *userdata);

struct world *world_new(void);
void die(struct world *w);
void world_free(struct world *w);
int receive_now(struct world *w, union any *m, int *fds, size_t *n_fds);
/* The next message, which must be of that type and carry these files. */
void expect(struct world *w, enum consumer_type type, union any *m, const int *files, size_t n_files);
void answer(struct world *w, const union any *m, int error);
/* Nobody sends anything more for now. */
void assert_quiet(struct world *w);
void request(struct world *w, union any *m, uint32_t type, size_t size, int fd);
uint64_t tell(struct world *w, union any *m, uint32_t type, size_t size, const int *fds, size_t n_fds);
void begin_session(struct world *w);
/* Rings 1 of set and their classes. */
uint64_t add_stream(struct world *w, uint64_t set, uint32_t stream);
uint64_t add_set(struct world *w, uint64_t set);
