/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The event header of protocol/ctf.h, which is also LTTng's compact one, read
 * directly where a stream has exactly that: the header's program would be half
 * of the work for an event of a few bytes.
 */

#include <stdbool.h>
#include <string.h>

#include "client/libtracectl-read/decode.h"
#include "client/libtracectl-read/metadata.h"
#include "protocol/ctf.h"

/* Whether the event header of the stream has this form, and may be read without its program. */
bool compact_header_fits(const struct metadata *metadata, const struct stream_class *stream);

/* Reads an event header: its id is the result, its time is in decoder->time. -errno as decode_run(). */
static inline int compact_header_read(struct decoder *decoder, uint64_t *ret_id) {
        uint64_t position = (decoder->position + 7) & ~UINT64_C(7), time;
        const uint8_t *p = decoder->data + position / 8;
        uint32_t word, id;

        if (!decoder_has(decoder, position, CTF_COMPACT_SIZE * 8))
                return decoder_short(decoder, position, CTF_COMPACT_SIZE * 8);
        memcpy(&word, p, sizeof(word));
        id = word & CTF_ID_EXTENDED;
        if (id != CTF_ID_EXTENDED) {
                decoder_set_time(decoder, word >> CTF_COMPACT_ID_BITS, CTF_COMPACT_TIME_BITS);
                decoder->position = position + CTF_COMPACT_SIZE * 8;
                *ret_id = id;
                return 0;
        }
        if (!decoder_has(decoder, position, CTF_EXTENDED_SIZE * 8))
                return decoder_short(decoder, position, CTF_EXTENDED_SIZE * 8);
        memcpy(&id, p + 1, sizeof(id));
        memcpy(&time, p + 1 + sizeof(id), sizeof(time));
        decoder->time = time;
        decoder->position = position + CTF_EXTENDED_SIZE * 8;
        *ret_id = id;
        return 0;
}
