/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A session whose rings are files, and what a recovery makes of it. An input is a
 * byte of options, and steps: first the library records, somebody spoils the ring,
 * the consumer has its turn or is asked for something; then all are killed, and
 * the files are changed, the journal among them, whose entries keep their hashes
 * where that is wanted. Whatever there is, the recovery ends. Where only the ring
 * was spoiled, it leaves a trace that is readable to its last byte, with as many
 * events as the status page says; where nothing was, each event is in it or counted.
 * Beside it there may be files of the kernel's trace, of which whole packets are left.
 */

#undef NDEBUG

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/hash.h"
#include "consumer/journal.h"
#include "consumer/kernel-synced.h"
#include "consumer/recover-kernel.h"
#include "consumer/replay.h"
#include "consumer/tree.h"
#include "tests/fuzz/consumer-world.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/make-definitions.h"
#include "tracer/ring-map.h"
#include "tracer/ring-write.h"

#define STEPS_MAX 100
#define CHUNKS_MAX 2
#define ANSWER_STEPS 4 /* rounds, in which a message is answered */
#define JOURNAL "rings/journal"
#define KERNEL_STREAM "kernel/k_0"
#define KERNEL_METADATA "kernel/metadata"

enum {
        OVERWRITE = 1,
        EARLIER_BOOT = 2,
        INTERRUPTED = 4, /* the recovery is killed as well, after some messages, and begins again */
        KERNEL = 8,      /* there are files of the kernel's */
};

struct play {
        struct consumer_world *world;
        struct fuzz_input input;
        uint8_t options;
        struct ring_map map;
        char *ring; /* mapped, to be spoiled; NULL: all are dead */
        unsigned chunks;
        uint64_t emitted;
        bool spoiled, damaged; /* the ring; any file */
        bool cleared;          /* events are gone that were told */
        bool uncounted;        /* counters have begun anew beside what was kept */
        off_t kernel; /* bytes of its stream */
        int messages; /* before the recovery is killed; negative: it is not */
};

/* The answer to a message: its error, and its descriptors where fds is not NULL. */
static int read_answer(struct consumer_world *w, uint64_t serial, int *fds) {
        struct consumer_output_ack ack;
        int got[DATAGRAM_FDS_MAX], r;
        size_t n;

        while ((r = datagram_recv(w->socket, &ack, sizeof(ack), got, &n, MSG_DONTWAIT)) > 0) {
                bool wanted = ack.ack.header.type == CONSUMER_ACK && ack.ack.header.serial == serial;

                if (wanted && fds && n == 2)
                        memcpy(fds, got, 2 * sizeof(int));
                else
                        datagram_close_fds(got, n);
                if (wanted)
                        return -ack.ack.error;
        }
        return r < 0 ? r : -ECONNRESET;
}

static int wait_for_answer(struct consumer_world *w, uint64_t serial, int *fds) {
        int r = -EAGAIN;

        for (unsigned i = 0; i < ANSWER_STEPS && r == -EAGAIN; i++) {
                w->drainer->next_partial = 0;
                r = drainer_step(w->drainer);
                if (r >= 0)
                        r = read_answer(w, serial, fds);
        }
        return r;
}

static void open_ring(struct play *p, int fds[2]) {
        g_assert_cmpint(ring_map_open(&p->map, 1, fds[0], fds[1], RING_LOCKED, true), ==, 0);
        p->ring = mmap(NULL, p->world->geometry.total_size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
        g_assert_true(p->ring != MAP_FAILED);
        close(fds[0]);
        close(fds[1]);
}

static void begin(struct play *p) {
        struct consumer_world *w = p->world;
        struct consumer_ring_files m = {
                .rings = { .set = WORLD_SET, .stream = WORLD_STREAM, .uid = 7, .word_size = 64, .uuid = { 5, 6 },
                           .set_name = "shared", .channel = "channel0" },
                .flags = RING_LOCKED | (p->options & OVERWRITE ? RING_OVERWRITE : 0), .n_cpus = 1,
                .n_subbufs = WORLD_SUBBUFS, .subbuf_size = RING_SUBBUF_SIZE_MIN,
        };
        char definitions[MADE_DEFINITIONS_SIZE];
        size_t size = made_definitions_example(definitions);
        int fds[2] = { -1, -1 };

        world_begin(w, false, p->options & OVERWRITE ? RING_OVERWRITE : 0);
        close(world_use_files(w, false));
        world_send_session(w);
        g_assert_cmpint(wait_for_answer(w, w->serial, NULL), ==, 0);
        g_assert_true(world_send(w, CONSUMER_RING_FILES, &m, sizeof(m), NULL, 0));
        g_assert_cmpint(wait_for_answer(w, w->serial, fds), ==, 0);
        open_ring(p, fds);
        world_send_classes(w, definitions, size, 1);
        g_assert_cmpint(wait_for_answer(w, w->serial, NULL), ==, 0);
}

static void append(int directory, const char *path, const void *data, size_t size) {
        _cleanup_close_ int fd = openat(directory, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(write(fd, data, size), ==, size);
}

/* Packets that are nothing, and that they are on the disk. */
static void make_kernel(struct play *p) {
        static const char metadata[] = "/* CTF 1.8 */\n\ntrace {\n};\n\nstream {\n};\n\n";
        _cleanup_close_ int directory = world_open(".", O_RDONLY | O_DIRECTORY);
        static const char body[100];
        const uint64_t bits = 8 * (sizeof(struct ctf_packet) + sizeof(body));
        struct ctf_packet h = { .magic = CTF_MAGIC, .content_size = bits, .packet_size = bits };
        struct kernel_synced synced;

        /* A rotation that was begun would move it. */
        if (!(p->options & KERNEL) || p->chunks > 0)
                return;
        g_assert_cmpint(mkdirat(directory, "kernel", 0700), ==, 0);
        append(directory, KERNEL_METADATA, metadata, sizeof(metadata) - 1);
        for (unsigned i = 0; i < 5; i++) {
                h.timestamp_begin = h.timestamp_end = 1000 * i + 1;
                append(directory, KERNEL_STREAM, &h, sizeof(h));
                append(directory, KERNEL_STREAM, body, sizeof(body));
                p->kernel += (off_t) bits / 8;
        }
        g_assert_cmpint(kernel_synced_look(directory, &synced), ==, 0);
        g_assert_cmpint(kernel_synced_keep(directory, &synced), ==, 0);
        kernel_synced_done(&synced);
}

/* { u64 id; string name; u32 n; i16 list[]; f64 f } */
static void record(struct play *p, unsigned n) {
        static const uint8_t payload[] = { 1, 2, 3, 4, 5, 6, 7, 8, 'a', 0, 2, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
        const struct tracectl_span span = { payload, sizeof(payload), TRACECTL_SPAN_BYTES };
        const struct write_event event = { .id = 1, .pid = 77, .tid = 78, .spans = &span, .n_spans = 1 };

        for (unsigned i = 0; i < n; i++)
                ring_locked_write(&p->map, &event);
        p->emitted += n;
}

/* Words or bytes of the ring, as a program can that has it. */
static void spoil(struct play *p) {
        const struct ring_geometry *g = &p->world->geometry;
        struct ring_cpu *c = ring_cpu_at(g, p->ring, 0);
        struct ring_subbuf *s = &c->subbuf[fuzz_take_u8(&p->input) % (2 * WORLD_SUBBUFS)];
        uint64_t *const all[] = { &c->commit.position, &c->commit.meta, &c->last_time, &c->limit,   &c->discarded,
                                  &s->end,             &s->end_time,    &s->discarded, &s->sequence };
        uint8_t which = fuzz_take_u8(&p->input), n = which % 64;
        uint64_t at = fuzz_take_u64(&p->input);
        const uint8_t *bytes;

        p->spoiled = true;
        if (which < 128) {
                *all[which % G_N_ELEMENTS(all)] = at;
                return;
        }
        bytes = fuzz_take(&p->input, n);
        if (bytes)
                memcpy(ring_data_at(g, p->ring, 0) + at % (g->n_subbufs * g->subbuf_size - n), bytes, n);
}

static void ask(struct play *p, uint32_t type) {
        struct consumer_rotate m = { 0 };

        if (type == CONSUMER_ROTATE) {
                if (p->chunks == CHUNKS_MAX)
                        return;
                g_snprintf(m.name, sizeof(m.name), "chunk-%u", ++p->chunks);
        }
        p->cleared |= type == CONSUMER_CLEAR;
        p->uncounted |= type == CONSUMER_CLEAR && p->chunks > 0;
        g_assert_true(world_send(p->world, type, &m, type == CONSUMER_ROTATE ? sizeof(m) : sizeof(m.header), NULL, 0));
}

static void turn(struct play *p) {
        p->world->drainer->next_partial = 0;
        g_assert_cmpint(drainer_step(p->world->drainer), >=, 0);
        (void) read_answer(p->world, UINT64_MAX, NULL);
}

static void kill_all(struct play *p) {
        munmap(p->ring, p->world->geometry.total_size);
        p->ring = NULL;
        ring_map_close(&p->map);
        world_kill(p->world);
        make_kernel(p);
}

static void play_step(struct play *p, uint8_t n) {
        switch (n % 8) {
        case 0:
                record(p, 1 + n / 8);
                break;
        case 1:
                spoil(p);
                break;
        case 2:
                ask(p, n / 8 % 2 ? CONSUMER_ROTATE : n / 16 % 2 ? CONSUMER_CLEAR : CONSUMER_FLUSH);
                break;
        case 3:
                kill_all(p);
                break;
        default:
                turn(p);
        }
}

/* Anything that there is, at a place that one has. */
static void change_file(struct play *p, uint8_t n) {
        static const char *const paths[] = { JOURNAL, "rings/session", "rings/9-3", "rings/9-3.positions",
                                             "user/7/shared/channel0_0", "user/7/shared/index/channel0_0.idx",
                                             "user/7/shared/metadata" };
        static const char *const of_kernel[] = { KERNEL_STREAM, "rings/synced", KERNEL_STREAM, KERNEL_METADATA };
        off_t at = fuzz_take_u8(&p->input) | (off_t) fuzz_take_u8(&p->input) << 8;
        size_t size = fuzz_take_u8(&p->input) % 64;
        const uint8_t *bytes = fuzz_take(&p->input, size);
        bool kernel = p->options & KERNEL && n & 4;
        _cleanup_close_ int fd = world_open(kernel ? of_kernel[n / 8 % G_N_ELEMENTS(of_kernel)]
                                                   : paths[n / 8 % G_N_ELEMENTS(paths)], O_RDWR);
        struct stat st;

        if (fd < 0)
                return;
        p->damaged = true;
        g_assert_cmpint(fstat(fd, &st), ==, 0);
        at = st.st_size > 0 ? at % st.st_size : 0;
        if (n % 2)
                g_assert_cmpint(ftruncate(fd, at), ==, 0);
        else if (bytes)
                g_assert_cmpint(pwrite(fd, bytes, size, at), ==, size);
}

/* What an entry of the journal says is changed, and its hash with it. */
static void change_entry(struct play *p) {
        unsigned skip = fuzz_take_u8(&p->input) % 4;
        off_t at = fuzz_take_u8(&p->input) | (off_t) fuzz_take_u8(&p->input) << 8;
        size_t size = fuzz_take_u8(&p->input) % 64, whole;
        const uint8_t *bytes = fuzz_take(&p->input, size);
        _cleanup_close_ int fd = world_open(JOURNAL, O_RDWR);
        char data[16384] __attribute__((aligned(8)));
        struct consumer_header *m = (struct consumer_header *) data;
        struct journal_entry e;
        off_t offset = 0;

        for (unsigned i = 0; fd >= 0 && pread(fd, &e, sizeof(e), offset) == sizeof(e); i++) {
                whole = (e.message_size + 7) / 8 * 8 + (e.data_size + 7) / 8 * 8;
                if (e.magic != JOURNAL_MAGIC || e.message_size > 8192 || e.data_size > 8000)
                        return;
                if (i < skip) {
                        offset += (off_t) (e.header_size + whole);
                        continue;
                }
                if (!bytes || pread(fd, data, whole, offset + e.header_size) != (ssize_t) whole)
                        return;
                p->damaged = true;
                memcpy(data + at % (off_t) (whole > size ? whole - size : 1), bytes, MIN(size, whole));
                m->size = e.message_size;
                m->serial = e.serial;
                e.hash = hash_bytes(hash_bytes(HASH_INIT, data, e.message_size), data + (e.message_size + 7) / 8 * 8,
                                    e.data_size);
                g_assert_cmpint(pwrite(fd, &e, sizeof(e), offset), ==, sizeof(e));
                g_assert_cmpint(pwrite(fd, data, whole, offset + e.header_size), ==, whole);
                return;
        }
}

static int tell(void *userdata, const struct consumer_header *message, const int *fds, size_t n_fds) {
        struct play *p = userdata;
        int r;

        if (p->messages == 0)
                return -ECANCELED;
        p->messages -= p->messages > 0;
        r = datagram_send(p->world->socket, message, message->size, fds, n_fds, MSG_DONTWAIT);
        return r < 0 ? r : wait_for_answer(p->world, message->serial, NULL);
}

/* As recover() does it, whose consumer is a process of its own. */
static bool recover_once(struct play *p) {
        struct recover_result result = { 0 };
        struct replay replay = { .status_fd = p->world->status_fd, .tell = tell, .userdata = p, .result = &result };
        _cleanup_close_ int directory = world_open(".", O_RDONLY | O_DIRECTORY);
        int r;

        world_begin(p->world, true, 0);
        replay.journal = world_open(JOURNAL, O_RDONLY);
        g_assert_cmpint(replay.journal, >=, 0);
        r = replay_find_boot(&replay);
        replay.place = world_use_files(p->world, result.rebooted);
        g_assert_cmpint(recover_kernel(directory, replay.place, result.rebooted, &result.kernel), ==, 0);
        if (r >= 0)
                r = replay_tell(&replay);
        close(replay.journal);
        close(replay.place);
        if (r < 0)
                return false;
        g_assert_cmpint(shutdown(p->world->socket, SHUT_WR), ==, 0);
        (void) drainer_step(p->world->drainer);
        drainer_end(p->world->drainer);
        g_assert_cmpint(world_open("rings", O_RDONLY), <, 0);
        return true;
}

/* Whole packets, as many as can be believed. Nobody reads them. */
static void check_kernel(const struct play *p) {
        _cleanup_close_ int directory = world_open(".", O_RDONLY | O_DIRECTORY);
        _cleanup_close_ int fd = world_open(KERNEL_STREAM, O_RDONLY);
        struct ctf_packet h;
        off_t at = 0;

        while (fd >= 0 && pread(fd, &h, sizeof(h), at) > 0) {
                g_assert_cmpint(h.magic, ==, CTF_MAGIC);
                at += (off_t) h.packet_size / 8;
        }
        g_assert_cmpint(at, <=, p->kernel);
        if (fd >= 0)
                g_assert_cmpint(lseek(fd, 0, SEEK_END), ==, at);
        if (!p->damaged)
                g_assert_cmpint(at, ==, p->kernel);
        (void) tree_remove_part(directory, "kernel");
}

static void check(const struct play *p) {
        const struct consumer_status *status = p->world->status;
        uint64_t events;

        if (p->damaged)
                return;
        g_assert_cmpint(status->output_failure, ==, 0);
        events = world_read_traces();
        /* After another boot chunks are left as they are, and not counted. */
        if (!p->uncounted && (!(p->options & EARLIER_BOOT) || p->chunks == 0))
                g_assert_cmpuint(events, ==, status->events);
        if (!p->spoiled && !p->cleared && !(p->options & (OVERWRITE | EARLIER_BOOT)))
                g_assert_cmpuint(status->events + status->lost_ring, ==, p->emitted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static struct consumer_world world;
        struct play p = { .world = &world, .input = { data, size }, .messages = -1 };
        bool well;

        p.options = fuzz_take_u8(&p.input);
        world.earlier_boot = p.options & EARLIER_BOOT;
        if (p.options & INTERRUPTED)
                p.messages = fuzz_take_u8(&p.input) % 6;
        begin(&p);
        for (unsigned i = 0; i < STEPS_MAX && p.input.size > 0; i++) {
                uint8_t n = fuzz_take_u8(&p.input);

                if (p.ring)
                        play_step(&p, n);
                else if (n % 4 == 3)
                        change_entry(&p);
                else
                        change_file(&p, n);
        }
        if (p.ring)
                kill_all(&p);
        well = recover_once(&p);
        if (!well && p.messages == 0) {
                p.messages = -1;
                world_kill(&world);
                well = recover_once(&p);
        }
        g_assert_true(well || p.damaged);
        if (well)
                check_kernel(&p);
        if (well)
                check(&p);
        world_end(&world);
        return 0;
}

void fuzz_seeds(fuzz_add add) {
        /* Many events, turns, a flush, a rotation, more events. */
        static const uint8_t plain[] = { 0, 0xf8, 4, 0xf8, 4, 2, 4, 0x50, 10, 4, 0xf8, 4, 0x20 };
        static const uint8_t boot[] = { EARLIER_BOOT, 0xf8, 4, 0xf8, 2, 4, 0xf8, 4, 3, 0x20, 0, 1, 4, 0, 0, 0, 0 };
        static const uint8_t twice[] = { INTERRUPTED, 3, 0xf8, 4, 0x12, 4, 0xf8, 4, 0x28 };
        /* The ring: a word, bytes. Then the files: bytes, a truncation, an entry. */
        static const uint8_t spoiled[] = { OVERWRITE, 0xf8, 1, 0, 3, 1, 2, 3, 4, 0, 0, 0, 0, 4, 0x48,
                                           1, 1, 0x84, 0, 1, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 4, 4 };
        static const uint8_t damaged[] = { 0, 0xf8, 4, 2, 4, 0x48, 3, 0x10, 0, 0, 4, 1, 2, 3, 4, 0x21, 9, 0, 0,
                                           3, 1, 0x20, 0, 4, 0, 0, 0, 9, 0, 40, 1, 2, 1, 1 };

        /* The kernel's stream, what is kept of it, both cut. */
        static const uint8_t kernel[] = { KERNEL | EARLIER_BOOT, 0xf8, 4, 3, 4, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x0c,
                                          9, 0, 4, 9, 9, 9, 9, 5, 0x80, 0, 0, 0x0d, 70, 0, 0 };

        add(kernel, sizeof(kernel));
        add(plain, sizeof(plain));
        add(boot, sizeof(boot));
        add(twice, sizeof(twice));
        add(spoiled, sizeof(spoiled));
        add(damaged, sizeof(damaged));
}
