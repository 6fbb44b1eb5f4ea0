/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The registry alone, with an empty model, and the test as its main loop. */

#include "fixture.h"

#include "service/domain/user.h"
#include "service/registry/registry.h"

struct bare_registry {
        struct fixture f; /* only its register_fd, for fake_application_* */
        struct user_domain *domain;
        struct model_view *model;
        struct registry *registry;
        unsigned added, removed;
};

/* config: what differs from the default; may be NULL. The caller becomes an RCU thread. */
void bare_registry_init(struct bare_registry *w, const struct registry_config *config);
void bare_registry_done(struct bare_registry *w);

/* Waits for news and takes them, at most one of each kind. */
void bare_registry_next(struct bare_registry *w);

/* Takes news until the counter, added or removed, has come to wanted. */
void bare_registry_wait(struct bare_registry *w, const unsigned *counter, unsigned wanted);
