/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/libtracectl-read/stream.h"

/* What all packets of a stream file begin with: magic, UUID, stream. */
#define PACKET_BEGINNING 24

/*
 * Takes a stream without an index, of which nothing was read, to a packet from
 * which reading can begin and which ends before its since, near the first that
 * does not: by looking for packets in the middle of what is left, again and
 * again. Where it finds nothing that convinces, the stream stays as it was.
 */
void stream_bisect(struct stream *stream);
