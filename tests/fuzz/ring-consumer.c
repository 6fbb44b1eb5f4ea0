/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A ring as the consumer reads it, while somebody spoils it. An input is a byte
 * of options and steps: the library records an event, bytes or words of the ring
 * change, the consumer has its turn or is asked for something. What the consumer
 * then leaves is a trace that is readable to its last byte, with as many events
 * as the status page says.
 */

#undef NDEBUG

#include <string.h>

#include "protocol/context.h"
#include "tests/fuzz/consumer-world.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/make-definitions.h"
#include "tracer/ring-map.h"
#include "tracer/ring-write.h"

#define STEPS_MAX 200
#define CHUNKS_MAX 3 /* named snapshots and rotations */

enum {
        OVERWRITE = 1,
        CONTEXTS = 2,
        LATE = 4, /* the classes come after the first events */
        ALL = 8,  /* there is an event with every type of field, which takes its time to describe and to read */
};

struct play {
        struct consumer_world *world;
        struct fuzz_input input;
        struct ring_map map;
        unsigned chunks;
        bool uncounted; /* some events were written twice, or counters begun anew beside what was kept */
};

static struct ring_cpu *words(const struct play *p) {
        return ring_cpu_at(&p->world->geometry, p->world->ring, 0);
}

static void send_definitions(struct consumer_world *w, uint32_t n_events) {
        char definitions[MADE_DEFINITIONS_SIZE];
        size_t size = made_definitions_example(definitions);

        world_send_classes(w, definitions, size, n_events);
}

/* An event of n bytes of the input, which may be what its class says or not. */
static void record(struct play *p, uint32_t id, size_t n) {
        const uint8_t *payload = fuzz_take(&p->input, n);
        const struct tracectl_span span = { payload, (uint32_t) n, TRACECTL_SPAN_BYTES };
        const struct write_event event = { .id = id, .pid = 77, .tid = 78 + (int32_t) n % 2, .spans = &span, .n_spans = 1 };

        if (payload)
                ring_locked_write(&p->map, &event);
}

/* { u64 id; string name; u32 n; i16 list[]; f64 f } */
static void record_paid(struct play *p) {
        static const uint8_t payload[] = { 1, 2, 3, 4, 5, 6, 7, 8, 'a', 0, 2, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
        const struct tracectl_span span = { payload, sizeof(payload), TRACECTL_SPAN_BYTES };
        const struct write_event event = { .id = 1, .pid = 77, .tid = 78, .spans = &span, .n_spans = 1 };

        ring_locked_write(&p->map, &event);
}

static uint64_t *choose_word(struct play *p, uint8_t n) {
        struct ring_cpu *c = words(p);
        struct ring_subbuf *s = &c->subbuf[n / 16 % (2 * WORLD_SUBBUFS)];
        uint64_t *const all[] = { &c->commit.position, &c->commit.meta, &c->last_time, &c->limit,   &c->discarded,
                                  &s->end,             &s->end_time,    &s->discarded, &s->sequence };

        return all[n % 16 % G_N_ELEMENTS(all)];
}

static void spoil_bytes(struct play *p) {
        uint64_t size = p->world->geometry.n_subbufs * p->world->geometry.subbuf_size;
        uint64_t at = fuzz_take_u8(&p->input) | (uint64_t) fuzz_take_u8(&p->input) << 8;
        uint8_t n = fuzz_take_u8(&p->input) % 64;
        const uint8_t *bytes = fuzz_take(&p->input, n);

        at %= size - n;
        if (bytes)
                memcpy(ring_data_at(&p->world->geometry, p->world->ring, 0) + at, bytes, n);
}

static void ask(struct play *p, uint32_t type, bool named) {
        struct consumer_header header;
        struct consumer_rotate m = { 0 }; /* a snapshot's has the same form */

        p->uncounted |= type == CONSUMER_CLEAR && p->chunks > 0;
        if (type != CONSUMER_SNAPSHOT && type != CONSUMER_ROTATE) {
                g_assert_true(world_send(p->world, type, &header, sizeof(header), NULL, 0));
                return;
        }
        if (named) {
                if (p->chunks == CHUNKS_MAX)
                        return;
                g_snprintf(m.name, sizeof(m.name), "chunk-%u", ++p->chunks);
                p->uncounted |= type == CONSUMER_SNAPSHOT;
        }
        g_assert_true(world_send(p->world, type, &m, sizeof(m), NULL, 0));
}

/* A round, of which the first only takes a request. */
static void turn(struct play *p, bool partial) {
        p->world->drainer->next_partial = partial ? 0 : UINT64_MAX;
        g_assert_cmpint(drainer_step(p->world->drainer), >=, 0);
        world_read_acks(p->world);
}

static void step(struct play *p) {
        uint8_t n = fuzz_take_u8(&p->input);

        switch (n % 16) {
        case 0:
        case 1:
                for (unsigned i = 0; i <= n / 16; i++)
                        record_paid(p);
                break;
        case 2:
                record(p, 1 + n / 16 % 3, fuzz_take_u8(&p->input));
                break;
        case 3:
                record(p, 40 + n / 16, fuzz_take_u8(&p->input));
                break;
        case 4:
                *choose_word(p, fuzz_take_u8(&p->input)) = fuzz_take_u64(&p->input);
                break;
        case 5:
                *choose_word(p, fuzz_take_u8(&p->input)) += (uint64_t) (int8_t) fuzz_take_u8(&p->input);
                break;
        case 6:
                *choose_word(p, fuzz_take_u8(&p->input)) += WORLD_SUBBUFS * RING_SUBBUF_SIZE_MIN * (n / 16);
                break;
        case 7:
                spoil_bytes(p);
                break;
        case 8:
                ask(p, CONSUMER_FLUSH, false);
                break;
        case 9:
                ask(p, CONSUMER_STOP, false);
                break;
        case 10:
                ask(p, CONSUMER_SNAPSHOT, n / 16 % 2);
                break;
        case 11:
                ask(p, n / 16 % 2 ? CONSUMER_ROTATE : CONSUMER_CLEAR, true);
                break;
        case 12:
                for (unsigned i = 0; i < 20U * (n / 16); i++)
                        record_paid(p);
                break;
        default:
                turn(p, n / 16 % 2);
        }
}

static void play(struct consumer_world *w, struct fuzz_input input) {
        uint8_t options = fuzz_take_u8(&input);
        struct play p = { .world = w, .input = input };

        world_begin(w, false, options & OVERWRITE ? RING_OVERWRITE : 0);
        world_send_session(w);
        world_send_rings(w, options & CONTEXTS ? CONTEXT_VPID | CONTEXT_CGROUP : 0);
        g_assert_cmpint(drainer_step(w->drainer), ==, 1);
        g_assert_cmpint(ring_map_open(&p.map, 1, w->ring_fd, w->positions_fd, RING_LOCKED, false), ==, 0);
        if (options & LATE)
                record_paid(&p);
        send_definitions(w, options & ALL ? 2 : 1);
        turn(&p, true);
        for (unsigned i = 0; i < STEPS_MAX && p.input.size > 0; i++)
                step(&p);
        turn(&p, true);
        drainer_end(w->drainer);
        ring_map_close(&p.map);
        g_assert_cmpint(w->status->output_failure, ==, 0);
        if (!p.uncounted)
                g_assert_cmpuint(world_read_traces(), ==, w->status->events);
        else
                (void) world_read_traces();
        world_end(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static struct consumer_world world;

        play(&world, (struct fuzz_input) { data, size });
        return 0;
}

void fuzz_seeds(fuzz_add add) {
        /* Events, a round, a leap of limit, of position, a rotation, garbage, all kinds of requests. */
        static const uint8_t discard[] = {
                ALL, 0xf0, 0x1d, 4, 0, 8, 7, 6, 5, 4, 3, 2, 1, 13, 0x10, 0x1d, 6, 3, 0x10, 0x1d, 0x1b, 0x1d, 7, 4, 0, 3,
                0xff, 0xff, 0xff, 0x30, 0x1d, 8, 13, 9, 13, 5, 4, 0xff, 13, 0x0b, 13, 2, 3, 1, 2, 3, 0x1d, 0xfc, 13, 0xfc,
        };
        static const uint8_t overwrite[] = {
                OVERWRITE, 0xf0, 0xf0, 10, 13, 0xfc, 0x1a, 13, 5, 0x28, 1, 0xf0, 0x0a, 13, 0x1b, 13, 6, 0x13, 0x20, 10, 13, 13,
        };
        static const uint8_t contexts[] = { CONTEXTS | LATE | ALL, 2, 9, 1, 2, 3, 4, '/', 0, 1, 2, 3, 0x1d, 0x30, 0x1d };

        add(discard, sizeof(discard));
        add(overwrite, sizeof(overwrite));
        add(contexts, sizeof(contexts));
}
