/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/libtracectl-read/stream.h"

/*
 * Goes to the stream's next packet and reads its header and context. 1, 0 at
 * the end of what can be read, -ENOMEM.
 */
int packet_next(struct stream *stream);

/*
 * The same, wanted or not, without entering it. packet_is_anchor() says of it
 * whether reading can begin there: who recorded its first event does not depend
 * on what was before.
 */
int packet_look(struct stream *stream);
bool packet_is_anchor(const struct stream *stream);

/* Whether all of it is before what is wanted; with no end that makes sense, nobody knows. */
bool packet_ends_before(const struct stream *stream);
