/* SPDX-License-Identifier: LGPL-2.1-or-later */

#undef NDEBUG
#include <endian.h>
#include <string.h>
#include <sys/stat.h>

#include "packets.h"
#include "protocol/ctf.h"

/* discarded: by the packets before in this file. */
static void read_packet(struct packets *p, const char *data, gsize size, gsize offset, uint64_t *discarded,
                        struct ctf_packet *ret) {
        g_assert_cmpuint(size - offset, >=, sizeof(*ret));
        memcpy(ret, data + offset, sizeof(*ret));
        g_assert_cmphex(ret->magic, ==, CTF_MAGIC);
        g_assert_cmpuint(ret->packet_size / 8, <=, size - offset);
        g_assert_cmpuint(ret->content_size, ==, ret->packet_size);
        if (p->n == 0)
                p->first_sequence = ret->packet_seq_num;
        else
                g_assert_cmpuint(ret->packet_seq_num, ==, p->next_sequence);
        if (offset == 0)
                g_assert_cmpuint(ret->events_discarded, ==, 0);
        g_assert_cmpuint(ret->events_discarded, >=, *discarded);
        p->next_sequence = ret->packet_seq_num + 1;
        p->discarded += ret->events_discarded - *discarded;
        *discarded = ret->events_discarded;
        p->n++;
}

/* Records of class 1, { u64 }, and tracectl:thread: both have eight bytes of payload. */
static void read_events(struct packets *p, const char *at, const char *end) {
        while (at < end) {
                bool extended = (*at & 31) == CTF_ID_EXTENDED;
                uint32_t id = *at & 31;
                uint64_t value;

                if (extended)
                        memcpy(&id, at + 1, sizeof(id));
                at += extended ? CTF_EXTENDED_SIZE : CTF_COMPACT_SIZE;
                g_assert_cmpint(end - at, >=, sizeof(value));
                memcpy(&value, at, sizeof(value));
                at += sizeof(value);
                if (id == CTF_ID_THREAD)
                        continue;
                g_assert_cmpuint(id, ==, 1);
                g_assert_cmpuint(value, >, p->last);
                p->last = value;
                p->events++;
        }
}

void packets_read(struct packets *p, const char *directory, const char *channel, unsigned cpu) {
        g_autofree char *path = g_strdup_printf("%s/%s_%u", directory, channel, cpu), *data = NULL, *index = NULL;
        g_autofree char *index_path = g_strdup_printf("%s/index/%s_%u.idx", directory, channel, cpu);
        gsize size = 0, index_size = 0, offset = 0, at = sizeof(struct ctf_index_header);
        uint64_t discarded = 0;

        if (!g_file_get_contents(path, &data, &size, NULL) || size == 0)
                return;
        g_assert_true(g_file_get_contents(index_path, &index, &index_size, NULL));
        for (; offset < size; at += sizeof(struct ctf_index_entry)) {
                struct ctf_index_entry entry;
                struct ctf_packet packet;

                read_packet(p, data, size, offset, &discarded, &packet);
                g_assert_cmpuint(at + sizeof(entry), <=, index_size);
                memcpy(&entry, index + at, sizeof(entry));
                g_assert_cmpuint(be64toh(entry.offset), ==, offset);
                g_assert_cmpuint(be64toh(entry.packet_seq_num), ==, packet.packet_seq_num);
                if (p->has_events)
                        read_events(p, data + offset + sizeof(packet), data + offset + packet.packet_size / 8);
                offset += packet.packet_size / 8;
        }
        g_assert_cmpuint(at, ==, index_size);
        p->bytes += size + index_size;
}

uint64_t packets_file_size(const char *directory, const char *name) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        struct stat st;

        return stat(path, &st) < 0 ? 0 : (uint64_t) st.st_size;
}
