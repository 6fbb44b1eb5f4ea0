/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/libtracectl-read/stream.h"

/*
 * Takes a stream that nothing was read of to the packet in which time since is,
 * or to one before it: by the index beside the streams (protocol/ctf.h), and
 * where that is missing or makes no sense, by looking for packets (bisect.h).
 */
void stream_seek(struct stream *stream, int64_t since);
