/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Contexts: every set of them, each kind of call, both forms of writers, decoded from the ring. */

#undef NDEBUG

#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "protocol/context.h"
#include "tests/unit/tracer/fake-daemon.h"
#include "tests/unit/tracer/program.h"
#include "tracer/sys.h"
#include "tracer/wait.h"

#define CODE_MAX 1024 /* of a function of program.c, sanitizers included */

/* What the next record must be. */
static struct {
        uint32_t id, contexts;
        int32_t tid;
        char name[CONTEXT_PROCNAME_SIZE];
        const char *code; /* the record is made by a call in the function that begins here */
        char payload[64];
        uint32_t payload_size;
        bool seen;
        struct handshake about; /* what the daemon says of this process */
} expected;

static uint32_t size_of_contexts(uint32_t contexts) {
        return contexts_fixed_size(contexts) +
               (contexts & CONTEXT_CGROUP ? (uint32_t) strlen(expected.about.cgroup) + 1 : 0);
}

static int32_t take_number(const char **payload) {
        int32_t number;

        memcpy(&number, *payload, sizeof(number));
        *payload += sizeof(number);
        return number;
}

/* As the daemon sees it: what it says, and of a thread in another namespace nothing but the first one's number. */
static void check_process(const char **payload) {
        const struct handshake *about = &expected.about;
        int32_t tid = about->keys & HANDSHAKE_NAMESPACE_SAME ? expected.tid
                      : expected.tid == getpid()             ? (int32_t) about->pid
                                                             : 0;
        bool known = about->keys & HANDSHAKE_UID;

        if (expected.contexts & CONTEXT_PID)
                g_assert_cmpint(take_number(payload), ==, (int32_t) about->pid);
        if (expected.contexts & CONTEXT_TID)
                g_assert_cmpint(take_number(payload), ==, tid);
        if (expected.contexts & CONTEXT_UID)
                g_assert_cmpuint((uint32_t) take_number(payload), ==, known ? about->uid : CONTEXT_ID_UNKNOWN);
        if (expected.contexts & CONTEXT_GID)
                g_assert_cmpuint((uint32_t) take_number(payload), ==, known ? about->gid : CONTEXT_ID_UNKNOWN);
        if (expected.contexts & CONTEXT_CGROUP) {
                g_assert_cmpstr(*payload, ==, about->cgroup);
                *payload += strlen(about->cgroup) + 1;
        }
}

static uint64_t payload_size(uint32_t id, const char *payload, uint64_t room) {
        return size_of_contexts(expected.contexts) + expected.payload_size;
}

static void check(uint32_t cpu, int32_t pid, int32_t tid, uint64_t time, uint32_t id, const char *payload,
                  uint64_t size, void *userdata) {
        uint64_t ip;

        g_assert_false(expected.seen);
        expected.seen = true;
        g_assert_cmpuint(id, ==, expected.id);
        if (expected.contexts & CONTEXT_VPID)
                g_assert_cmpint(take_number(&payload), ==, getpid());
        if (expected.contexts & CONTEXT_VTID)
                g_assert_cmpint(take_number(&payload), ==, expected.tid);
        if (expected.contexts & CONTEXT_PROCNAME) {
                g_assert_cmpint(memcmp(payload, expected.name, CONTEXT_PROCNAME_SIZE), ==, 0);
                payload += CONTEXT_PROCNAME_SIZE;
        }
        if (expected.contexts & CONTEXT_IP) {
                memcpy(&ip, payload, sizeof(ip));
                g_assert_cmphex(ip, >, (uint64_t) (uintptr_t) expected.code);
                g_assert_cmphex(ip, <, (uint64_t) (uintptr_t) expected.code + CODE_MAX);
                payload += 8;
        }
        check_process(&payload);
        g_assert_cmpint(memcmp(payload, expected.payload, expected.payload_size), ==, 0);
}

static void expect(struct fake_daemon *f, unsigned event, const void *code, uint64_t value, const char *text) {
        expected.seen = false;
        expected.id = fake_class(f, event);
        expected.tid = sys_gettid();
        expected.code = code;
        expected.payload_size = 0;
        if (value) {
                memcpy(expected.payload, &value, sizeof(value));
                expected.payload_size = sizeof(value);
        }
        if (text) {
                strcpy(expected.payload + expected.payload_size, text);
                expected.payload_size += (uint32_t) strlen(text) + 1;
        }
}

static void assert_seen(struct fake_daemon *f) {
        g_assert_cmpuint(fake_consume(f), ==, 1);
        g_assert_true(expected.seen);
}

static void set_name(const char *name) {
        memset(expected.name, 0, sizeof(expected.name));
        strcpy(expected.name, name);
        g_assert_cmpint(prctl(PR_SET_NAME, name), ==, 0);
}

static gpointer trace_each(gpointer userdata) {
        struct fake_daemon *f = userdata;

        set_name("fifteen-letters");
        expect(f, 0, program_trace_fixed, 0x1122334455667788, NULL);
        program_trace_fixed(0x1122334455667788);
        assert_seen(f);
        set_name("x");
        expect(f, 1, program_trace_string, 0x8877665544332211, PROGRAM_STRING);
        program_trace_string(0x8877665544332211);
        assert_seen(f);
        set_name("");
        expect(f, 0, program_trace_format, 0, "formatted");
        program_trace_format("formatted");
        assert_seen(f);
        return NULL;
}

/* With every set of the contexts that mask allows. */
static void every_set(uint32_t form, const struct handshake *about, uint32_t mask) {
        g_autofree char *directory = g_dir_make_tmp("tracectl-contexts-XXXXXX", NULL);
        g_autofree char *run = g_build_filename(directory, TRACECTL_RUN, NULL);
        struct fake_daemon f;

        fake_init(&f, run, form, 1);
        f.about = expected.about = *about;
        reader_init(&f.reader, &f.rings, check, NULL);
        f.reader.payload_size = payload_size;
        wait_config.system_run = "/nonexistent";
        g_setenv("XDG_RUNTIME_DIR", directory, TRUE);
        g_unsetenv("TRACECTL_SOCKET");
        program_register();
        fake_want(&f, true);
        fake_accept(&f);
        fake_apply(&f, HANDSHAKE_READY, true);
        for (uint32_t contexts = 0; contexts <= CONTEXTS_ALL; contexts++) {
                if (contexts & ~mask)
                        continue;
                expected.contexts = f.contexts = contexts;
                fake_apply(&f, HANDSHAKE_CONFIG, true);
                trace_each(&f);
                g_thread_join(g_thread_new("thread", trace_each, &f));
        }
        g_assert_cmpuint(fixture_discarded(&f.rings), ==, 0);
        fake_done(&f);
        rmdir(directory);
}

static const struct handshake outside = {
        .keys = HANDSHAKE_PID | HANDSHAKE_UID | HANDSHAKE_GID | HANDSHAKE_CGROUP,
        .pid = 4711,
        .uid = 1000,
        .gid = 100,
        .cgroup = "/system.slice/shop.service",
};

static void every_set_rseq(void) {
        every_set(0, &outside, CONTEXTS_ALL);
}

static void every_set_locked(void) {
        every_set(RING_LOCKED, &outside, CONTEXTS_ALL);
}

static void same_namespace(void) {
        struct handshake inside = outside;

        inside.keys |= HANDSHAKE_NAMESPACE_SAME;
        inside.pid = (uint64_t) getpid();
        memset(inside.cgroup, 'x', sizeof(inside.cgroup) - 1);
        every_set(RING_LOCKED, &inside, CONTEXT_VPID | CONTEXT_PID | CONTEXT_TID | CONTEXT_CGROUP);
}

static void nothing_said(void) {
        const struct handshake nothing = { 0 };

        every_set(RING_LOCKED, &nothing, CONTEXT_PID | CONTEXT_TID | CONTEXT_UID | CONTEXT_GID | CONTEXT_CGROUP);
}

static void test_rseq(void) {
        if (!ring_rseq_of_thread()) {
                g_test_skip("this thread has no restartable sequences");
                return;
        }
        fake_in_process(every_set_rseq);
}

static void test_locked(void) {
        fake_in_process(every_set_locked);
}

static void test_same_namespace(void) {
        fake_in_process(same_namespace);
}

static void test_nothing_said(void) {
        fake_in_process(nothing_said);
}

/* Across many sub-buffers: contexts count as room like everything else. */
static void test_laps(gconstpointer form) {
        uint64_t value = 5;
        struct tracectl_span span = { &value, sizeof(value), TRACECTL_SPAN_BYTES };
        char bytes[CONTEXTS_ALL_SIZE_MAX] = "";
        struct write_event event = { CHECK_ID, 1234, sys_gettid(), &span, 1, sizeof(bytes), bytes };
        bool locked = GPOINTER_TO_UINT(form) & RING_LOCKED;
        struct fixture f;
        struct reader r;

        if (!locked && !ring_rseq_of_thread()) {
                g_test_skip("this thread has no restartable sequences");
                return;
        }
        fixture_init(&f, GPOINTER_TO_UINT(form), 0, 4, 4096);
        reader_init(&r, &f, NULL, NULL);
        r.payload_size = payload_size;
        expected.contexts = CONTEXTS_ALL;
        memset(expected.about.cgroup, 'x', CONTEXT_CGROUP_MAX);
        expected.payload_size = sizeof(value);
        for (unsigned i = 0; i < 20000; i++) {
                if (locked)
                        ring_locked_write(&f.map, &event);
                else
                        ring_rseq_write(ring_rseq_of_thread(), &f.map, &event);
                if (i % 25 == 0)
                        reader_consume(&r);
        }
        reader_consume(&r);
        g_assert_cmpuint(r.events, ==, 20000);
        g_assert_cmpuint(fixture_discarded(&f), ==, 0);
        fixture_done(&f);
}

int main(int argc, char **argv) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/contexts/rseq", test_rseq);
        g_test_add_func("/contexts/locked", test_locked);
        g_test_add_func("/contexts/same-namespace", test_same_namespace);
        g_test_add_func("/contexts/nothing-said", test_nothing_said);
        g_test_add_data_func("/contexts/laps-rseq", GUINT_TO_POINTER(0), test_laps);
        g_test_add_data_func("/contexts/laps-locked", GUINT_TO_POINTER(RING_LOCKED), test_laps);
        return g_test_run();
}
