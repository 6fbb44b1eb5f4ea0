/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/libtracectl-read/stream.h"

/*
 * Goes to the stream's next packet and reads its header and context. 1, 0 at
 * the end of what can be read, -ENOMEM.
 */
int packet_next(struct stream *stream);
