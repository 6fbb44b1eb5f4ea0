/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The page on which applications wait (protocol/wait.h), from our side: wakes
 * them when somebody wants to trace, and tells how many of those that were woken
 * have not come yet. They are woken a window at a time. A wake-up has settled when
 * as many have registered, or a bounded time after the last window. A page that is
 * not there is no error: then the applications that wait look again by themselves.
 * Main loop only.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"

#define WAKE_SETTLE_USEC (500 * 1000)

struct wake;

/*
 * directory: with the page; NULL: there is none. It is copied. resumed: there are
 * sessions, and applications that look at the page now shall come back. settled: a
 * wake-up has.
 */
int wake_new(sd_event *event, const char *directory, bool resumed, void (*settled)(void *userdata), void *userdata,
             struct wake **ret);

/* Leaves the page at rest. */
struct wake *wake_free(struct wake *w);
DEFINE_CLEANUP(struct wake *, wake_free)

/* They shall register. No effect after wake_rest(). */
void wake_want(struct wake *w);

/* tracingd is about to end: they shall wait again. */
void wake_rest(struct wake *w);

/* As wake_rest(), but applications shall come back: the next tracingd needs them. */
void wake_leave(struct wake *w);

/*
 * Whether some are known who will come to the page, and may not be asleep there
 * yet: those that were hung up on notice it one after the other. As long as
 * there are any, whoever is found asleep is woken in his turn.
 */
void wake_await(struct wake *w, bool awaited);

/* One has come. */
void wake_registered(struct wake *w);

/* So many of those that came have all that they need, and sleep again, or are gone: the next may come. */
void wake_served(struct wake *w, uint64_t n);

/* Some may be asleep, who are woken as soon as wake_served() has made room for them. */
bool wake_is_waking(const struct wake *w);

/* Of the wake-up that has not settled: those that have not come. */
uint32_t wake_expected(const struct wake *w);

/* Of the last wake-up that has settled: those that have not come in time, and not since. */
uint32_t wake_missing(const struct wake *w);
