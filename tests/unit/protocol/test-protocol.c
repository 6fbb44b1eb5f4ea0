/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Formats that come from outside: what is written is read back, what is broken is refused. */

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "common/cleanup.h"
#include "protocol/ctf.h"
#include "protocol/definitions.h"
#include "protocol/handshake.h"
#include "protocol/ring.h"
#include "protocol/view.h"

static void test_handshake_round_trip(void) {
        struct handshake a = {
                .keys = HANDSHAKE_REGISTER | HANDSHAKE_ABI | HANDSHAKE_NAME | HANDSHAKE_EVENTS | HANDSHAKE_PID |
                        HANDSHAKE_FORM_LOCKED | HANDSHAKE_RESUME,
                .abi_major = 1,
                .abi_minor = 7,
                .events = UINT64_MAX,
                .pid = 12,
                .resume = 18446744073709551615u,
                .name = "a program",
        };
        char buffer[HANDSHAKE_SIZE_MAX];
        struct handshake b;
        size_t size = handshake_format(&a, buffer, sizeof(buffer));

        g_assert_cmpint(handshake_parse(buffer, size, &b), ==, 0);
        g_assert_cmpuint(b.keys, ==, a.keys);
        g_assert_cmpuint(b.abi_minor, ==, 7);
        g_assert_cmpuint(b.events, ==, UINT64_MAX);
        g_assert_cmpuint(b.resume, ==, UINT64_MAX);
        g_assert_cmpstr(b.name, ==, "a program");
}

/* What tracingd says of a process. A control group's name is anybody's: made harmless, and cut. */
static void test_handshake_ready(void) {
        struct handshake a = {
                .keys = HANDSHAKE_READY | HANDSHAKE_PID | HANDSHAKE_UID | HANDSHAKE_GID | HANDSHAKE_CGROUP |
                        HANDSHAKE_NAMESPACE_SAME,
                .pid = 4711,
                .uid = UINT32_MAX - 1,
                .gid = 100,
        }, b;
        g_autofree char *longer = g_strnfill(HANDSHAKE_CGROUP_MAX + 1, 'x');
        char buffer[HANDSHAKE_SIZE_MAX];

        handshake_set_cgroup(&a, "/user.slice/a\nREADY=1/\xc3\xa4");
        g_assert_cmpstr(a.cgroup, ==, "/user.slice/a?READY=1/??");
        g_assert_cmpint(handshake_parse(buffer, handshake_format(&a, buffer, sizeof(buffer)), &b), ==, 0);
        g_assert_cmpuint(b.keys, ==, a.keys);
        g_assert_cmpuint(b.pid, ==, 4711);
        g_assert_cmpuint(b.uid, ==, UINT32_MAX - 1);
        g_assert_cmpuint(b.gid, ==, 100);
        g_assert_cmpstr(b.cgroup, ==, a.cgroup);
        handshake_set_cgroup(&a, longer);
        g_assert_cmpuint(strlen(a.cgroup), ==, HANDSHAKE_CGROUP_MAX);
        g_assert_cmpint(handshake_parse("NAMESPACE=other", 15, &b), ==, -EBADMSG);
}

static void test_handshake_view(void) {
        const struct handshake h = { .keys = HANDSHAKE_CONFIG | HANDSHAKE_GENERATION, .generation = 12 };
        char buffer[HANDSHAKE_SIZE_MAX], data[HANDSHAKE_INLINE_MAX];
        struct handshake back;
        size_t text, size, view;

        memset(data, 0xa5, sizeof(data));
        text = handshake_format(&h, buffer, sizeof(buffer));
        g_assert_cmpint(handshake_find_view(buffer, text, &view), ==, (int) text);
        g_assert_cmpuint(view, ==, text);
        for (size_t n = 1; n <= sizeof(data); n += n < 64 ? 1 : 64) {
                size = handshake_append_view(buffer, sizeof(buffer), text, data, n);
                g_assert_cmpint(handshake_find_view(buffer, size, &view), ==, (int) text);
                g_assert_cmpuint(view % 8, ==, 0);
                g_assert_cmpuint(size - view, ==, n);
                g_assert_cmpint(memcmp(buffer + view, data, n), ==, 0);
                g_assert_cmpint(handshake_parse(buffer, text, &back), ==, 0);
                g_assert_cmpuint(back.generation, ==, 12);
        }
        g_assert_cmpuint(handshake_append_view(buffer, text + 8, text, data, 9), ==, 0);
        g_assert_cmpuint(handshake_append_view(buffer, text, text, data, 0), ==, 0);
        /* Zeros with nothing behind them. */
        memset(buffer + text, 0, 16);
        g_assert_cmpint(handshake_find_view(buffer, text + 1, &view), ==, -EBADMSG);
        g_assert_cmpint(handshake_find_view(buffer, (text / 8 + 1) * 8, &view), ==, -EBADMSG);
}

static void test_handshake_refused(void) {
        static const char *const bad[] = {
                "REGISTER",          "=1",           "REGISTER=2",  "READY=",     "GENERATION=-1", "GENERATION=x",
                "EVENTS=12345678901234567", "NEED=everything", "FORM=other", "ABI=1", "ABI=1.x",
                "READY=1\nREADY=1",  "\n",           "READY=1\n\nGENERATION=1",
        };
        struct handshake h;
        char large[HANDSHAKE_SIZE_MAX + 1];

        for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
                g_assert_cmpint(handshake_parse(bad[i], strlen(bad[i]), &h), ==, -EBADMSG);
        g_assert_cmpint(handshake_parse("", 0, &h), ==, -EBADMSG);
        g_assert_cmpint(handshake_parse("READY=1\0", 8, &h), ==, -EBADMSG);
        memset(large, 'x', sizeof(large));
        g_assert_cmpint(handshake_parse(large, sizeof(large), &h), ==, -EBADMSG);
        /* Of a later version: skipped. What is no text: made harmless. */
        g_assert_cmpint(handshake_parse("READY=1\nLATER=x", 15, &h), ==, 0);
        g_assert_cmpuint(h.keys, ==, HANDSHAKE_READY);
        g_assert_cmpint(handshake_parse("NAME=a\033[2Jb", 11, &h), ==, 0);
        g_assert_cmpstr(h.name, ==, "a?[2Jb");
}

/* Lines as long as a message: texts are cut, keys of later versions skipped, and no number is taken for another. */
static void test_handshake_long_lines(void) {
        static const char *const known[] = { "NAME=", "CGROUP=", "EXECUTABLE=" };
        char message[HANDSHAKE_SIZE_MAX];
        struct handshake h;

        for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
                memset(message, 'x', sizeof(message));
                memcpy(message, known[i], strlen(known[i]));
                memcpy(message + sizeof(message) - 8, "\nREADY=1", 8);
                g_assert_cmpint(handshake_parse(message, sizeof(message), &h), ==, 0);
                g_assert_true(h.keys & HANDSHAKE_READY);
                g_assert_cmpuint(strlen(h.name) + strlen(h.cgroup) + strlen(h.executable), ==,
                                 i == 0 ? HANDSHAKE_NAME_MAX : HANDSHAKE_CGROUP_MAX);
        }
        memset(message, '0', sizeof(message));
        memcpy(message, "LATER=", 6);
        g_assert_cmpint(handshake_parse(message, sizeof(message), &h), ==, 0);
        g_assert_cmpuint(h.keys, ==, 0);
        memcpy(message, "GET=00", 6);
        message[sizeof(message) - 1] = '7';
        g_assert_cmpint(handshake_parse(message, sizeof(message), &h), ==, -EBADMSG);
}

static size_t make_definitions(char *buffer, size_t size) {
        struct definition d = {
                .provider = "shop",
                .name = "paid",
                .loglevel = 6,
                .n_fields = 3,
                .fields = { { DEFINITION_U64, "id" }, { DEFINITION_STRING, "customer" }, { DEFINITION_ARRAY_I16, "x" } },
        };
        size_t offset = sizeof(struct definitions_header);

        g_assert_cmpint(definitions_append(buffer, size, &offset, &d), ==, 0);
        d.name = "closed";
        d.n_fields = 0;
        g_assert_cmpint(definitions_append(buffer, size, &offset, &d), ==, 0);
        definitions_finish(buffer, 2, offset);
        return offset;
}

static void test_definitions_round_trip(void) {
        struct definitions_reader reader;
        struct definition d;
        char buffer[512];
        size_t size = make_definitions(buffer, sizeof(buffer)), measured = sizeof(struct definitions_header);

        g_assert_cmpint(definitions_reader_init(&reader, buffer, size), ==, 0);
        g_assert_cmpint(definitions_reader_next(&reader, &d), ==, 1);
        g_assert_cmpstr(d.provider, ==, "shop");
        g_assert_cmpstr(d.name, ==, "paid");
        g_assert_cmpuint(d.n_fields, ==, 3);
        g_assert_cmpstr(d.fields[1].name, ==, "customer");
        g_assert_cmpuint(d.fields[2].type, ==, DEFINITION_ARRAY_I16);
        g_assert_cmpint(definitions_append(NULL, 0, &measured, &d), ==, 0);
        g_assert_cmpint(definitions_reader_next(&reader, &d), ==, 1);
        g_assert_cmpstr(d.name, ==, "closed");
        g_assert_cmpint(definitions_append(NULL, 0, &measured, &d), ==, 0);
        g_assert_cmpint(definitions_reader_next(&reader, &d), ==, 0);
        g_assert_cmpuint(measured, ==, size);
        measured = size;
        g_assert_cmpint(definitions_append(buffer, size, &measured, &d), ==, -EMSGSIZE);
}

/* Any single changed byte, and any shorter file, is read without harm: refused or understood. */
static void test_definitions_mutated(void) {
        char buffer[512], copy[512];
        size_t size = make_definitions(buffer, sizeof(buffer));
        unsigned refused = 0;

        for (size_t i = 0; i < size; i++)
                for (unsigned k = 0; k < 256; k++) {
                        g_autofree char *exact = g_malloc(size);
                        struct definitions_reader reader;
                        struct definition d;
                        int r;

                        memcpy(copy, buffer, size);
                        copy[i] = (char) k;
                        memcpy(exact, copy, size);
                        r = definitions_reader_init(&reader, exact, size);
                        while (r >= 0 && (r = definitions_reader_next(&reader, &d)) > 0)
                                for (unsigned f = 0; f < d.n_fields; f++)
                                        g_assert_cmpuint(strlen(d.fields[f].name), <=, DEFINITION_NAME_MAX);
                        refused += r < 0;
                }
        g_assert_cmpuint(refused, >, 1000);
        for (size_t cut = 0; cut < size; cut++) {
                g_autofree char *exact = g_memdup2(buffer, cut);
                struct definitions_reader reader;

                g_assert_cmpint(definitions_reader_init(&reader, exact, cut), <, 0);
        }
}

static size_t make_view(char *buffer) {
        struct view_header *h = (struct view_header *) buffer;
        struct view_ring *rings = (struct view_ring *) (h + 1);
        struct view_action *actions = (struct view_action *) (rings + 2);

        *h = (struct view_header) {
                .magic = VIEW_MAGIC, .major = VIEW_MAJOR, .header_size = sizeof(*h), .ring_size = sizeof(*rings),
                .action_size = sizeof(*actions), .n_rings = 2, .n_actions = 3, .n_events = 5, .generation = 9,
                .total_size = sizeof(*h) + 2 * sizeof(*rings) + 3 * sizeof(*actions),
        };
        rings[0] = (struct view_ring) { .shared_id = 1, .flags = VIEW_RING_SHARED };
        rings[1] = (struct view_ring) { .shared_id = 2, .locked_id = 3, .flags = VIEW_RING_SHARED | VIEW_RING_LOCKED };
        actions[0] = (struct view_action) { .event = 0, .ring = 0, .id = 1 };
        actions[1] = (struct view_action) { .event = 4, .ring = 0, .id = 2 };
        actions[2] = (struct view_action) { .event = 4, .ring = 1, .id = 40 };
        return h->total_size;
}

static void test_view(void) {
        char buffer[2048] __attribute__((aligned(8)));
        struct view_header *h = (struct view_header *) buffer;
        size_t size = make_view(buffer);
        struct view_action *last = (struct view_action *) (buffer + size) - 1;
        struct view v;

        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, 0);
        g_assert_cmpuint(view_ring_at(&v, 1)->locked_id, ==, 3);
        g_assert_cmpuint(view_action_at(&v, 2)->id, ==, 40);
        g_assert_cmpint(view_check(buffer, size, 5, &v), ==, -EBADMSG);
        g_assert_cmpint(view_check(buffer, size - 1, 6, &v), ==, -EBADMSG);
        last->event = 5;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EBADMSG);
        last->event = 3; /* not in order */
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EBADMSG);
        last->event = 4;
        last->ring = 2;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EBADMSG);
        last->ring = 1;
        last->id = CTF_ID_THREAD;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EBADMSG);
        last->id = 40;
        h->n_actions = UINT32_MAX;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EBADMSG);
        h->n_actions = 3;
        h->n_rings = VIEW_RINGS_MAX + 1;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EBADMSG);
        h->n_rings = 2;
        h->major++;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EPROTONOSUPPORT);
}

/* As before there were filters, and as a later version may write it: with more of everything. */
static void test_view_versions(void) {
        char buffer[2048] __attribute__((aligned(8))), old[2048] __attribute__((aligned(8))) = "";
        struct view_header *h = (struct view_header *) old;
        size_t size = make_view(buffer), missing = sizeof(*h) - VIEW_HEADER_SIZE_MIN;
        struct view v;

        memcpy(old, buffer, VIEW_HEADER_SIZE_MIN);
        memcpy(old + VIEW_HEADER_SIZE_MIN, buffer + sizeof(*h), size - sizeof(*h));
        h->header_size = VIEW_HEADER_SIZE_MIN;
        h->minor = 1;
        h->total_size = size -= missing;
        g_assert_cmpint(view_check(old, size, 6, &v), ==, 0);
        g_assert_cmpuint(v.n_filters, ==, 0);
        g_assert_cmpuint(view_action_at(&v, 2)->id, ==, 40);
        /* Something behind the last array. */
        h->total_size += 64;
        g_assert_cmpint(view_check(old, size, 6, &v), ==, -EBADMSG);
        g_assert_cmpint(view_check(old, size + 64, 6, &v), ==, 0);
        h->total_size -= 72;
        g_assert_cmpint(view_check(old, size, 6, &v), ==, -EBADMSG);
        h->header_size -= 8;
        g_assert_cmpint(view_check(old, size, 6, &v), ==, -EBADMSG);
}

/* One filter, 1 PASS. */
static char *put_filter(char *p, size_t *size) {
        struct filter_code *code = (struct filter_code *) p;
        struct filter_instruction *i = (struct filter_instruction *) (code + 1);

        i[0] = (struct filter_instruction) { .op = FILTER_SIGNED, .value = 1 };
        i[1] = (struct filter_instruction) { .op = FILTER_PASS };
        *code = (struct filter_code) { FILTER_CODE_MAJOR, FILTER_CODE_MINOR, sizeof(*code) + 2 * sizeof(*i), 2 };
        *size = code->size;
        return p + code->size;
}

static void test_view_filters(void) {
        char buffer[2048] __attribute__((aligned(8))) = "";
        struct view_header *h = (struct view_header *) buffer;
        size_t size = make_view(buffer), first;
        struct view_action *last = (struct view_action *) (buffer + size) - 1;
        struct view_filter *filters = (struct view_filter *) (buffer + size);
        struct filter_code *code = (struct filter_code *) (filters + 2);
        struct view v;
        char *end;

        end = put_filter((char *) code, &first);
        end = put_filter(end, &first);
        h->n_filters = 2;
        h->filter_size = sizeof(*filters);
        h->total_size = size = (size_t) (end - buffer);
        filters[0] = (struct view_filter) { (uint32_t) ((char *) code - buffer), (uint32_t) first };
        filters[1] = (struct view_filter) { filters[0].offset + (uint32_t) first, (uint32_t) first };
        last->filter = 2;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, 0);
        g_assert_true(view_filter_code(&v, view_filter_at(&v, 1)) == code);
        g_assert_cmpuint(view_filter_at(&v, view_action_at(&v, 2)->filter)->offset, ==, filters[1].offset);
        last->filter = 3;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EBADMSG);
        last->filter = 1;
        /* Each byte belongs to one filter. */
        filters[1].offset -= 8;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EBADMSG);
        filters[1].offset = filters[0].offset;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EBADMSG);
        filters[1].offset = UINT32_MAX;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EBADMSG);
        filters[1].offset = filters[0].offset + (uint32_t) first;
        filters[1].size = UINT32_MAX;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EBADMSG);
        filters[1].size = (uint32_t) first;
        g_assert_cmpint(view_check(buffer, size - 8, 6, &v), ==, -EBADMSG);
        h->filter_size = 12;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EBADMSG);
        h->filter_size = 0;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EBADMSG);
        h->filter_size = sizeof(*filters);
        h->n_filters = UINT32_MAX;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EBADMSG);
        h->n_filters = 2;
        /* What cannot be run, whether an action uses it or not. */
        code->n_instructions = 1;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EBADMSG);
        code->n_instructions = 2;
        code->major++;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, -EPROTONOSUPPORT);
        code->major--;
        g_assert_cmpint(view_check(buffer, size, 6, &v), ==, 0);
}

static void test_ring_geometry(void) {
        struct ring_geometry g, loaded;
        g_autofree void *ring = NULL, *positions = NULL;
        struct ring_header *h;

        g_assert_cmpint(ring_geometry_init(&g, 0, 0, 0, 4, 4096), ==, -EINVAL);
        g_assert_cmpint(ring_geometry_init(&g, 0, 0, 2, 3, 4096), ==, -EINVAL);
        g_assert_cmpint(ring_geometry_init(&g, 0, 0, 2, 4, 5000), ==, -EINVAL);
        g_assert_cmpint(ring_geometry_init(&g, 0, 0, 2, 4, 2048), ==, -EINVAL);
        g_assert_cmpint(ring_geometry_init(&g, 0, 0, 2, 1, 4096), ==, -EINVAL);
        g_assert_cmpint(ring_geometry_init(&g, RING_OVERWRITE, 0, 3, 4, 8192), ==, 0);
        g_assert_cmpuint(g.total_size, ==, g.data_offset + 3 * 4 * 8192);

        h = ring = g_malloc0(g.total_size);
        positions = g_malloc0(g.positions_size);
        ring_format(&g, 77, ring, positions);
        g_assert_cmpint(ring_geometry_load(ring, g.total_size, g.positions_size, &loaded), ==, 0);
        g_assert_cmpuint(loaded.created, ==, 77);
        g_assert_cmpuint(loaded.flags, ==, RING_OVERWRITE);
        g_assert_cmpuint(ring_cpu_at(&g, ring, 2)->limit, ==, 8192);
        g_assert_cmpint(ring_geometry_load(ring, g.total_size - 1, g.positions_size, &loaded), ==, -EBADMSG);
        g_assert_cmpint(ring_geometry_load(ring, g.total_size, 0, &loaded), ==, -EBADMSG);
        h->n_cpus = 4;
        g_assert_cmpint(ring_geometry_load(ring, g.total_size, g.positions_size, &loaded), ==, -EBADMSG);
        h->n_cpus = 3;
        h->data_offset += 4096;
        g_assert_cmpint(ring_geometry_load(ring, g.total_size, g.positions_size, &loaded), ==, -EBADMSG);
        h->data_offset -= 4096;
        h->major++;
        g_assert_cmpint(ring_geometry_load(ring, g.total_size, g.positions_size, &loaded), ==, -EPROTONOSUPPORT);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/protocol/handshake/round-trip", test_handshake_round_trip);
        g_test_add_func("/protocol/handshake/ready", test_handshake_ready);
        g_test_add_func("/protocol/handshake/view", test_handshake_view);
        g_test_add_func("/protocol/handshake/refused", test_handshake_refused);
        g_test_add_func("/protocol/handshake/long-lines", test_handshake_long_lines);
        g_test_add_func("/protocol/definitions/round-trip", test_definitions_round_trip);
        g_test_add_func("/protocol/definitions/mutated", test_definitions_mutated);
        g_test_add_func("/protocol/view", test_view);
        g_test_add_func("/protocol/view/versions", test_view_versions);
        g_test_add_func("/protocol/view/filters", test_view_filters);
        g_test_add_func("/protocol/ring-geometry", test_ring_geometry);
        return g_test_run();
}
