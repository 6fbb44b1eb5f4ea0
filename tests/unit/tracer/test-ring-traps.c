/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A writer that dies, or is stopped, lapped and continued, or moved to another
 * CPU, or interrupted by a signal whose handler traces, at each instruction of the recording path: traps at addresses,
 * for who steps through a restartable sequence only ever sees it aborted. Every kind of event and what comes with
 * it (thread records, extended headers, sub-buffer switches, full rings, events
 * larger than a sub-buffer) passes by; every record that is there afterwards is
 * whole and in order, and what was emitted is recorded or counted, up to the one
 * event in which the writer died.
 */

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/unit/tracer/instructions.h"
#include "tests/unit/tracer/ring-fixture.h"
#include "tracer/action.h"
#include "tracer/record.h"
#include "tracer/sys.h"
#include "tracer/thread.h"

#define SUBBUFS 4
#define SUBBUF_SIZE 4096
#define EVENTS 1500
#define OTHER UINT64_C(1000000) /* values of the other writer, from here on */
#define HANDLED 300             /* events of a signal handler, more than a sub-buffer has room for */

enum {
        ID_U64 = 1,
        ID_PAIR = 2,
        ID_TEXT = 3,
        ID_EXTENDED = 70000,
};

enum fate {
        FATE_DIE,
        FATE_STOP, /* and is lapped meanwhile */
        FATE_MOVE, /* to another CPU */
        FATE_INTERRUPTED, /* by a handler that traces */
};

static const char *const functions[] = {
        "tracectl_record_fixed", "tracectl_record_spans", "record_fixed_from", "record_fixed_slowly", "record_any",
        "ring_rseq_write", "ring_locked_write", "plan_event", "plan_next_subbuf", "plan_wake_consumer", "next_subbuf",
        "write_event", "put_event", "put_string", "put_bytes", "put_header", "fast_event", "commit_event",
        "commit_switch", "__rseq_failure", NULL,
};

/* An event counts as begun before and as done after it is written. */
struct progress {
        uint64_t begun, done;
};

struct world {
        struct fixture f;
        struct reader r;
        struct progress *progress; /* shared */
        struct tracectl_event events[4];
        uint64_t next, other; /* lowest value that may come next, of either writer */
        uint64_t recorded;
        bool gaps; /* the ring was full at times */
};

/* Room for a list of one action. */
static union {
        struct action_list list;
        char room[sizeof(struct action_list) + sizeof(struct action)];
} actions[4];

static bool is_too_large(uint64_t i) {
        return i % 97 == 50;
}

static uint64_t payload_size(uint32_t id, const char *payload, uint64_t room) {
        return id == ID_TEXT ? strnlen(payload, room) + 1 : id == ID_PAIR ? 16 : 8;
}

/* Values of each writer are in their order, without a gap but for what was refused. */
static void check_event(uint32_t cpu, int32_t pid, int32_t tid, uint64_t time, uint32_t id, const char *payload,
                        uint64_t size, void *userdata) {
        struct world *w = userdata;
        uint64_t v[2], *next;

        if (id == ID_TEXT)
                v[0] = g_ascii_strtoull(payload, NULL, 10);
        else
                memcpy(v, payload, size);
        if (id == ID_PAIR)
                g_assert_cmpuint(v[1], ==, ~v[0]);
        next = v[0] >= OTHER ? &w->other : &w->next;
        if (*next == UINT64_MAX || (w->gaps && v[0] > *next))
                *next = v[0];
        while (v[0] < OTHER && is_too_large(*next))
                (*next)++;
        g_assert_cmpuint(v[0], ==, *next);
        (*next)++;
        w->recorded++;
}

static void emit(struct world *w, uint64_t i) {
        uint64_t pair[2] = { i, ~i };
        char text[32] = "", large[SUBBUF_SIZE];
        struct tracectl_span span = { text, UINT32_MAX, TRACECTL_SPAN_STRING };
        struct ring_cpu *ring = ring_map_cpu(&w->f.map, 0);

        if (is_too_large(i)) {
                span = (struct tracectl_span) { large, sizeof(large), TRACECTL_SPAN_BYTES };
                tracectl_record_spans(&w->events[2], &span, 1);
                return;
        }
        if (i % 31 == 7) /* as if the last record were older than 27 bits of time */
                ring->commit.meta -= UINT64_C(1) << 28;
        if (i % 4 == 0)
                tracectl_record_fixed(&w->events[0], pair, 8);
        else if (i % 4 == 1)
                tracectl_record_fixed(&w->events[1], pair, 16);
        else if (i % 4 == 2) {
                g_snprintf(text, sizeof(text), "%0*" G_GUINT64_FORMAT, (int) (i % 29) + 1, i);
                tracectl_record_spans(&w->events[2], &span, 1);
        } else
                tracectl_record_fixed(&w->events[3], pair, 8);
}

static void world_init(struct world *w, uint32_t flags) {
        static const uint32_t ids[] = { ID_U64, ID_PAIR, ID_TEXT, ID_EXTENDED };

        memset(w, 0, sizeof(*w));
        fixture_init(&w->f, flags, TRACE_CLOCK_TSC, SUBBUFS, SUBBUF_SIZE);
        w->progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        g_assert_true(w->progress != MAP_FAILED);
        for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
                bool locked = flags & RING_LOCKED;

                actions[i].list.n = 1;
                actions[i].list.actions[0] = (struct action) {
                        .fast = locked || ids[i] == ID_EXTENDED ? NULL : &w->f.map,
                        .shared = locked ? NULL : &w->f.map,
                        .locked = locked ? &w->f.map : NULL,
                        .id = ids[i],
                };
                w->events[i].actions = &actions[i].list;
        }
}

/* As it was at the beginning. */
static void world_reset(struct world *w) {
        memset(w->f.ring, 0, w->f.geometry.data_offset);
        /* The data of the turn before is the same at the same place, and would do for what was not written. */
        memset((char *) w->f.ring + w->f.geometry.data_offset, 0xa5, w->f.geometry.total_size - w->f.geometry.data_offset);
        ring_format(&w->f.geometry, trace_clock_read(TRACE_CLOCK_TSC, 0), w->f.ring, w->f.positions);
        for (uint32_t i = 0; i < w->f.geometry.n_cpus; i++)
                w->f.positions->cpu[i].consumed = 0;
        *w->progress = (struct progress) { 0 };
        w->next = w->recorded = 0;
        w->other = OTHER;
        reader_init(&w->r, &w->f, check_event, w);
        w->r.payload_size = payload_size;
}

static void world_done(struct world *w) {
        munmap(w->progress, 4096);
        fixture_done(&w->f);
}

/* What is still there of an overwritten ring: from the oldest sub-buffer that nobody has entered again. */
static void skip_overwritten(struct world *w) {
        const struct ring_geometry *g = &w->f.geometry;
        struct ring_cpu *ring = ring_cpu_at(g, w->f.ring, 0);
        uint64_t first;

        if (ring->limit <= SUBBUFS * SUBBUF_SIZE)
                return;
        first = ring->limit - SUBBUFS * SUBBUF_SIZE;
        w->r.cpu[0].consumed = first;
        w->r.cpu[0].time = ring->subbuf[RING_SUBBUF_INDEX(SUBBUFS, first / SUBBUF_SIZE - 1)].end_time;
        w->next = w->other = UINT64_MAX;
}

static _Noreturn void write_all(struct world *w) {
        for (uint64_t i = 0; i < EVENTS; i++) {
                __atomic_store_n(&w->progress->begun, i + 1, __ATOMIC_RELAXED);
                emit(w, i);
                __atomic_store_n(&w->progress->done, i + 1, __ATOMIC_RELAXED);
        }
        _exit(0);
}

static void become_writer(struct world *w) {
        record_set_process(sys_getpid());
        g_assert_cmpint(thread_enable(), ==, 0);
}

/* Dies at address when it comes there. Returns whether it did. */
static bool die_at(struct world *w, uintptr_t address) {
        pid_t pid = fork();
        int status;

        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                become_writer(w);
                (void) instruction_trap(address);
                write_all(w);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        if (WIFEXITED(status))
                g_assert_cmpint(WEXITSTATUS(status), ==, 0);
        else
                g_assert_cmpint(WTERMSIG(status), ==, SIGTRAP);
        return WIFSIGNALED(status);
}

static void check_after_death(struct world *w, uint32_t flags) {
        uint64_t begun = w->progress->begun, done = w->progress->done, before;

        if (flags & RING_OVERWRITE) {
                skip_overwritten(w);
                reader_consume(&w->r);
                while (w->next != UINT64_MAX && is_too_large(w->next))
                        w->next++;
                if (w->recorded > 0) {
                        g_assert_cmpuint(w->next, >=, done);
                        g_assert_cmpuint(w->next, <=, begun + 1);
                }
        } else {
                reader_consume(&w->r);
                g_assert_cmpuint(w->recorded + fixture_discarded(&w->f), >=, done);
                g_assert_cmpuint(w->recorded + fixture_discarded(&w->f), <=, begun);
        }
        if (flags & RING_LOCKED) /* which nobody else writes to */
                return;
        /* The others go on as if nothing had happened. */
        before = w->recorded;
        w->other = OTHER + 1;
        for (uint64_t i = 1; i <= 100; i++) {
                struct thread_slot slot = { .tid = sys_gettid(), .rseq = ring_rseq_of_thread() };
                uint64_t value = OTHER + i;
                struct tracectl_span span = { &value, sizeof(value), TRACECTL_SPAN_BYTES };
                struct write_event event = { .id = ID_U64, .pid = 1, .tid = slot.tid, .spans = &span, .n_spans = 1 };

                ring_rseq_write(slot.rseq, &w->f.map, &event);
        }
        reader_consume(&w->r);
        g_assert_cmpuint(w->recorded - before, ==, 100);
}

/* Writes past the end of the whole ring, as somebody else, and reads in discard mode. */
static void lap(struct world *w, bool overwrite) {
        for (uint64_t i = 0; i < 2 * SUBBUFS * SUBBUF_SIZE / 12; i++) {
                uint64_t value = w->progress[1].begun++ + OTHER;
                struct tracectl_span span = { &value, sizeof(value), TRACECTL_SPAN_BYTES };
                struct write_event event = { .id = ID_U64, .pid = 1, .tid = 1, .spans = &span, .n_spans = 1 };

                ring_rseq_write(ring_rseq_of_thread(), &w->f.map, &event);
                if (!overwrite && i % 100 == 0)
                        reader_consume(&w->r);
        }
}

static uint64_t position_of_first(const struct world *w) {
        return __atomic_load_n(&ring_cpu_at(&w->f.geometry, w->f.ring, 0)->commit.position, __ATOMIC_ACQUIRE);
}

/* One that is stopped changes over before it executes anything more. */
static void move(pid_t pid) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(1, &set);
        g_assert_cmpint(sched_setaffinity(pid, sizeof(set), &set), ==, 0);
}

/* Stops at address, is lapped or moved, and goes on. Returns whether it came there. */
static bool stop_at(struct world *w, uintptr_t address, uint32_t flags, enum fate fate) {
        struct user_regs_struct regs;
        uint8_t original = *(uint8_t *) address;
        uint64_t position;
        int status;
        long word;
        pid_t pid;

        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                become_writer(w);
                (void) instruction_trap(address);
                (void) ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                write_all(w);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        if (!WIFSTOPPED(status))
                return false;
        g_assert_cmpint(WSTOPSIG(status), ==, SIGTRAP);
        if (fate == FATE_MOVE)
                move(pid);
        else
                lap(w, flags & RING_OVERWRITE);
        position = position_of_first(w);
        word = ptrace(PTRACE_PEEKTEXT, pid, address, NULL);
        g_assert_cmpint(ptrace(PTRACE_POKETEXT, pid, address, (word & ~0xffL) | original), ==, 0);
        g_assert_cmpint(ptrace(PTRACE_GETREGS, pid, NULL, &regs), ==, 0);
        g_assert_cmpuint(regs.rip, ==, address + 1);
        regs.rip = address;
        g_assert_cmpint(ptrace(PTRACE_SETREGS, pid, NULL, &regs), ==, 0);
        g_assert_cmpint(ptrace(PTRACE_DETACH, pid, NULL, NULL), ==, 0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        /* Not even the event that was on its way: another writer on that CPU would be in its middle. */
        if (fate == FATE_MOVE)
                g_assert_cmpuint(position_of_first(w), ==, position);
        return true;
}

static void check_after_stop(struct world *w, uint32_t flags) {
        uint64_t emitted = EVENTS + w->progress[1].begun;

        if (flags & RING_OVERWRITE) {
                skip_overwritten(w);
                reader_consume(&w->r);
                while (is_too_large(w->next))
                        w->next++;
                g_assert_cmpuint(w->next, ==, EVENTS);
        } else {
                reader_consume(&w->r);
                g_assert_cmpuint(w->recorded + fixture_discarded(&w->f), ==, emitted);
        }
}

/* Of the writer that is to be interrupted. */
static struct {
        struct world *world;
        uintptr_t address;
        uint8_t original;
} interruption;

/* Where the trap was in a restartable sequence, the kernel has aborted that by now: it begins again. */
static void trace_in_handler(int sig, siginfo_t *info, void *userdata) {
        greg_t *rip = &((ucontext_t *) userdata)->uc_mcontext.gregs[REG_RIP];
        struct world *w = interruption.world;

        *(uint8_t *) interruption.address = interruption.original;
        if (*rip == (greg_t) interruption.address + 1)
                (*rip)--;
        for (uint64_t i = 0; i < HANDLED; i++) {
                uint64_t pair[2] = { OTHER + i, ~(OTHER + i) };
                struct tracectl_span span = { pair, 16, TRACECTL_SPAN_BYTES };

                if (i % 2)
                        tracectl_record_fixed(&w->events[0], pair, 8);
                else
                        tracectl_record_spans(&w->events[1], &span, 1);
        }
        w->progress[1].done += HANDLED;
}

/* A handler traces once, when the writer comes to address. Returns whether it did. */
static bool interrupt_at(struct world *w, uintptr_t address) {
        pid_t pid = fork();
        int status;

        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                struct sigaction action = { .sa_sigaction = trace_in_handler, .sa_flags = SA_SIGINFO };

                become_writer(w);
                interruption.world = w;
                interruption.address = address;
                g_assert_cmpint(sigaction(SIGTRAP, &action, NULL), ==, 0);
                interruption.original = instruction_trap(address);
                write_all(w);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        return w->progress[1].done > 0;
}

/* Both the handler's events and those around them, wherever there was room. */
static void check_after_interruption(struct world *w, uint32_t flags) {
        if (flags & RING_OVERWRITE)
                skip_overwritten(w);
        reader_consume(&w->r);
        if (flags & RING_OVERWRITE) {
                g_assert_cmpuint(w->next, ==, EVENTS);
                g_assert_cmpuint(fixture_discarded(&w->f), ==, (EVENTS + 46) / 97);
        } else
                g_assert_cmpuint(w->recorded + fixture_discarded(&w->f), ==, EVENTS + w->progress[1].done);
}

static bool meet(struct world *w, uintptr_t address, uint32_t flags, enum fate fate) {
        switch (fate) {
        case FATE_DIE:
                return die_at(w, address);
        case FATE_INTERRUPTED:
                return interrupt_at(w, address);
        default:
                return stop_at(w, address, flags, fate);
        }
}

static void at_each(uint32_t flags, enum fate fate) {
        GArray *addresses = instructions_of(functions, (uintptr_t) tracectl_record_fixed, "tracectl_record_fixed");
        unsigned reached = 0;
        struct world w;

        if (!addresses) {
                g_test_skip("there is no objdump to find the instructions with");
                return;
        }
        world_init(&w, flags);
        fixture_pin(0);
        for (unsigned i = 0; i < addresses->len; i++) {
                uintptr_t address = g_array_index(addresses, uintptr_t, i);
                bool came;

                world_reset(&w);
                w.gaps = fate != FATE_DIE && !(flags & RING_OVERWRITE);
                w.progress[1] = (struct progress) { 0 };
                came = meet(&w, address, flags, fate);
                reached += came;
                if (fate == FATE_INTERRUPTED)
                        check_after_interruption(&w, flags);
                else if (fate != FATE_DIE && came)
                        check_after_stop(&w, flags);
                else
                        check_after_death(&w, flags);
        }
        g_test_message("%u instructions, %u of them reached", addresses->len, reached);
        g_assert_cmpuint(reached, >, 300);
        g_array_unref(addresses);
        world_done(&w);
}

static void test_die(gconstpointer flags) {
        at_each(GPOINTER_TO_UINT(flags), FATE_DIE);
}

static void test_stop(gconstpointer flags) {
        at_each(GPOINTER_TO_UINT(flags), FATE_STOP);
}

static void test_interrupt(gconstpointer flags) {
        at_each(GPOINTER_TO_UINT(flags), FATE_INTERRUPTED);
}

static void test_move(gconstpointer flags) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(1, &set);
        if (sched_setaffinity(0, sizeof(set), &set) < 0) {
                g_test_skip("there is no second CPU to move to");
                return;
        }
        at_each(GPOINTER_TO_UINT(flags), FATE_MOVE);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        if (ring_rseq_of_thread()) {
                g_test_add_data_func("/traps/die/discard", GUINT_TO_POINTER(0), test_die);
                g_test_add_data_func("/traps/die/overwrite", GUINT_TO_POINTER(RING_OVERWRITE), test_die);
                g_test_add_data_func("/traps/stop/discard", GUINT_TO_POINTER(0), test_stop);
                g_test_add_data_func("/traps/stop/overwrite", GUINT_TO_POINTER(RING_OVERWRITE), test_stop);
                g_test_add_data_func("/traps/move", GUINT_TO_POINTER(0), test_move);
                g_test_add_data_func("/traps/interrupt/discard", GUINT_TO_POINTER(0), test_interrupt);
                g_test_add_data_func("/traps/interrupt/overwrite", GUINT_TO_POINTER(RING_OVERWRITE), test_interrupt);
        }
        g_test_add_data_func("/traps/die/locked", GUINT_TO_POINTER(RING_LOCKED), test_die);
        g_test_add_data_func("/traps/die/locked-overwrite", GUINT_TO_POINTER(RING_LOCKED | RING_OVERWRITE), test_die);
        g_test_add_data_func("/traps/interrupt/locked", GUINT_TO_POINTER(RING_LOCKED), test_interrupt);
        g_test_add_data_func("/traps/interrupt/locked-overwrite", GUINT_TO_POINTER(RING_LOCKED | RING_OVERWRITE),
                             test_interrupt);
        return g_test_run();
}
