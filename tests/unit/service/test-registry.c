/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Applications against a whole tracingd: the handshake, what views hold, and hostile messages. */

#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "protocol/ctf.h"
#include "protocol/ring.h"

#define MANAGER "/org/tracectl/Tracing1", "org.tracectl.Tracing1.Manager"
#define SESSION "org.tracectl.Tracing1.Session"

static const char *const shop[] = { "shop:order_paid", "shop:order_sent", "store:opened", NULL };

static void enable(struct fixture *f, const char *session, const char *channel, const char *pattern) {
        fixture_ok(f, session, SESSION, "EnableEvent", "sssa{sv}", "user", channel, pattern, 0);
}

/* A reply that will come while the test plays the applications. */
static sd_bus_slot *begin(struct fixture *f, const char *path, const char *member, sd_bus_message_handler_t done,
                          void *userdata, const char *types, ...) {
        sd_bus_message *m = NULL;
        sd_bus_slot *slot = NULL;
        va_list ap;

        g_assert_cmpint(sd_bus_message_new_method_call(f->bus, &m, NULL, path, SESSION, member), >=, 0);
        va_start(ap, types);
        g_assert_cmpint(sd_bus_message_appendv(m, types, ap), >=, 0);
        va_end(ap);
        g_assert_cmpint(sd_bus_call_async(f->bus, &slot, m, done, userdata, 0), >=, 0);
        g_assert_cmpint(sd_bus_flush(f->bus), >=, 0);
        sd_bus_message_unref(m);
        return slot;
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        sd_bus_message **ret = userdata;

        g_assert_false(sd_bus_message_is_method_error(m, NULL));
        *ret = sd_bus_message_ref(m);
        return 0;
}

static sd_bus_message *finish(struct fixture *f, sd_bus_slot *slot, sd_bus_message **reply) {
        while (!*reply) {
                int r = sd_bus_process(f->bus, NULL);

                g_assert_cmpint(r, >=, 0);
                if (r == 0)
                        g_assert_cmpint(sd_bus_wait(f->bus, WAIT_SECONDS * G_USEC_PER_SEC), >, 0);
        }
        sd_bus_slot_unref(slot);
        return *reply;
}

static void test_handshake(void) {
        const uint32_t about = HANDSHAKE_PID | HANDSHAKE_UID | HANDSHAKE_GID | HANDSHAKE_NAMESPACE_SAME;
        struct fixture *f = fixture_new();
        struct fake_application *a, *b;
        _cleanup_free_ char *cgroup = NULL;
        struct handshake h;

        a = fake_application_register(f, shop, 0);
        g_assert_cmpuint(a->id, >, 0);
        g_assert_cmpuint(a->view.n_actions, ==, 0);
        g_assert_cmpuint(a->view.header->n_events, ==, 3);
        /* The same definitions are known now: nothing is asked for. */
        b = fake_application_connect(f);
        b->hash = a->hash;
        fake_application_send(b, &(struct handshake) {
                .keys = HANDSHAKE_REGISTER | HANDSHAKE_ABI | HANDSHAKE_NAME | HANDSHAKE_EVENTS,
                .abi_major = 1,
                .events = a->hash,
        }, NULL, 0);
        h = fake_application_recv(b);
        g_assert_true(h.keys & HANDSHAKE_READY);
        g_assert_cmpuint(b->id, !=, a->id);
        /* It learns how it looks from here; and this is the same namespace. */
        g_assert_cmphex(h.keys & about, ==, about);
        g_assert_cmpuint(h.pid, ==, (uint64_t) getpid());
        g_assert_cmpuint(h.uid, ==, getuid());
        g_assert_cmpuint(h.gid, ==, getgid());
        if (sd_pid_get_cgroup(0, &cgroup) >= 0)
                g_assert_cmpstr(h.cgroup, ==, cgroup);
        /* And it is the very same file. */
        g_assert_true(fd_same_file(a->fds[0], b->fds[0]));
        fake_application_free(a);
        fake_application_free(b);
        fixture_free(f);
}

static void assert_rings(struct fake_application *a, struct fake_message *rings) {
        struct ring_geometry g;
        uint64_t ring_size, positions_size;
        void *ring, *p;

        g_assert_cmpuint(a->n_fds, ==, 3);
        g_assert_true(fd_same_file(a->fds[1], rings->fds[0]));
        g_assert_true(fd_same_file(a->fds[2], rings->fds[1]));
        g_assert_cmpint(memfd_check_shared(a->fds[1], &ring_size), ==, 0);
        g_assert_cmpint(memfd_check_shared(a->fds[2], &positions_size), ==, 0);
        ring = mmap(NULL, ring_size, PROT_READ | PROT_WRITE, MAP_SHARED, a->fds[1], 0);
        g_assert_true(ring != MAP_FAILED);
        g_assert_cmpint(ring_geometry_load(ring, ring_size, positions_size, &g), ==, 0);
        g_assert_cmpuint(g.created, >, 0);
        munmap(ring, ring_size);
        /* The consumer's positions are for reading. */
        p = mmap(NULL, positions_size, PROT_READ | PROT_WRITE, MAP_SHARED, a->fds[2], 0);
        g_assert_true(p == MAP_FAILED);
        g_assert_cmpint(errno, ==, EACCES);
}

static void test_view(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_message *rings, *classes;
        struct fake_application *a;
        struct fake_consumer *c;

        enable(f, session, "", "shop:*");
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        /* No ring is made before somebody needs it. */
        g_assert_null(fake_consumer_peek(c, CONSUMER_RINGS));
        a = fake_application_register(f, shop, 0);
        rings = fake_consumer_wait(c, CONSUMER_RINGS);
        classes = fake_consumer_wait(c, CONSUMER_CLASSES);
        g_assert_cmpstr(rings->rings.set_name, ==, "shared");
        g_assert_cmpstr(rings->rings.channel, ==, "channel0");
        g_assert_cmpuint(rings->rings.uid, ==, getuid());
        g_assert_cmpuint(rings->rings.word_size, ==, 64);
        g_assert_cmpint(rings->rings.pid, ==, 0);
        g_assert_cmpuint(classes->classes.set, ==, rings->rings.set);
        g_assert_cmpuint(classes->classes.stream, ==, rings->rings.stream);
        g_assert_cmpuint(classes->classes.n_classes, ==, 2);
        g_assert_cmpuint(classes->classes.classes[1].event, ==, 1);
        g_assert_cmpuint(classes->classes.classes[1].id, ==, 2);
        assert_rings(a, rings);
        g_assert_cmpuint(a->view.n_rings, ==, 1);
        g_assert_cmpuint(view_ring_at(&a->view, 0)->flags, ==, VIEW_RING_SHARED | fixture_ordered_anyway());
        g_assert_cmpuint(view_ring_at(&a->view, 0)->shared_id, >, 0);
        g_assert_cmpuint(fake_application_class(a, 0, NULL), ==, 1);
        g_assert_cmpuint(fake_application_class(a, 1, NULL), ==, 2);
        g_assert_cmpuint(fake_application_class(a, 2, NULL), ==, 0);
        fake_message_free(rings);
        fake_message_free(classes);
        fake_application_free(a);
        fixture_free(f);
}

static void apply(struct fixture *f, struct fake_application *a, const char *session, const char *member,
                  const char *types, const char *channel, const char *pattern) {
        sd_bus_message *reply = NULL;
        sd_bus_slot *slot;

        if (*types == 's')
                slot = begin(f, session, member, on_reply, &reply, types, "user", channel, pattern, 0);
        else
                slot = begin(f, session, member, on_reply, &reply, types, 0);
        fake_application_apply(a);
        sd_bus_message_unref(finish(f, slot, &reply));
}

static void test_changes(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a = fake_application_register(f, shop, 0);
        uint64_t ring, generation, t;
        sd_bus_message *reply = NULL;
        const char *path;
        sd_bus_slot *slot;
        uint32_t pending, r0, r1;

        enable(f, session, "", "shop:order_paid");
        apply(f, a, session, "Start", "a{sv}", NULL, NULL);
        g_assert_cmpuint(fake_application_class(a, 0, NULL), ==, 1);
        g_assert_cmpuint(fake_application_class(a, 1, NULL), ==, 0);
        ring = view_ring_at(&a->view, 0)->shared_id;
        generation = a->generation;

        /* The reply of EnableEvent comes when the application has acknowledged. */
        slot = begin(f, session, "EnableEvent", on_reply, &reply, "sssa{sv}", "user", "", "store:*", 0);
        fake_application_apply(a);
        finish(f, slot, &reply);
        g_assert_cmpint(sd_bus_message_read(reply, "otu", &path, &t, &pending), >, 0);
        g_assert_cmpuint(t, ==, a->generation);
        g_assert_cmpuint(t, >, generation);
        g_assert_cmpuint(pending, ==, 0);
        sd_bus_message_unref(reply);
        /* Ids stay; the ring is still the same. */
        g_assert_cmpuint(fake_application_class(a, 0, &r0), ==, 1);
        g_assert_cmpuint(fake_application_class(a, 2, &r1), ==, 2);
        g_assert_cmpuint(r0, ==, r1);
        g_assert_cmpuint(view_ring_at(&a->view, 0)->shared_id, ==, ring);

        fixture_ok(f, session, SESSION, "EnableChannel", "ssa{sv}", "user", "second", 0);
        apply(f, a, session, "EnableEvent", "sssa{sv}", "second", "shop:order_sent");
        g_assert_cmpuint(a->view.n_rings, ==, 2);
        g_assert_cmpuint(a->n_fds, ==, 5);
        g_assert_cmpuint(fake_application_class(a, 1, &r1), ==, 1);
        g_assert_cmpuint(fake_application_class(a, 0, &r0), ==, 1);
        g_assert_cmpuint(r0, !=, r1);
        apply(f, a, session, "Stop", "a{sv}", NULL, NULL);
        g_assert_cmpuint(a->view.n_actions, ==, 0);
        g_assert_cmpuint(a->n_fds, ==, 1);
        fake_application_free(a);
        fixture_free(f);
}

static void test_pending(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a = fake_application_register(f, shop, 0);
        sd_bus_message *reply;
        uint32_t pending;
        const char *path;
        uint64_t t;

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        /* Nobody acknowledges: the reply comes all the same, and says so. */
        reply = fixture_call(f, session, SESSION, "EnableEvent", NULL, "sssa{sv}", "user", "", "*", 0);
        g_assert_cmpint(sd_bus_message_read(reply, "otu", &path, &t, &pending), >, 0);
        g_assert_cmpuint(pending, ==, 1);
        sd_bus_message_unref(reply);
        /* An application that refuses is not waited for. */
        g_assert_true(fake_application_recv(a).keys & HANDSHAKE_CONFIG);
        fake_application_send(a, &(struct handshake) { .keys = HANDSHAKE_ERRNO, .error = ENOMEM }, NULL, 0);
        /* Nothing changes for it: nothing is sent, nothing is waited for. */
        reply = fixture_call(f, session, SESSION, "EnableEvent", NULL, "sssa{sv}", "user", "", "none:*", 0);
        g_assert_cmpint(sd_bus_message_read(reply, "otu", &path, &t, &pending), >, 0);
        g_assert_cmpuint(pending, ==, 0);
        sd_bus_message_unref(reply);
        fake_application_free(a);
        fixture_free(f);
}

/* A refusal that comes when a newer view is on its way, which was asked for, is none of that one. */
static void test_refuses_late(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a = fake_application_register(f, shop, 0);
        const struct handshake get = { .keys = HANDSHAKE_GET };
        struct handshake first, second, refusal = { .keys = HANDSHAKE_ERRNO | HANDSHAKE_GENERATION, .error = ENOMEM };
        sd_bus_message *reply = NULL;
        sd_bus_slot *slot;
        uint32_t pending;
        const char *path;
        uint64_t t;

        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        slot = begin(f, session, "EnableEvent", on_reply, &reply, "sssa{sv}", "user", "", "store:*", 0);
        first = fake_application_recv(a);
        finish(f, slot, &reply);
        sd_bus_message_unref(reply);
        reply = NULL;
        slot = begin(f, session, "EnableEvent", on_reply, &reply, "sssa{sv}", "user", "", "*", 0);
        do {
                fake_application_send(a, &get, NULL, 0);
                second = fake_application_recv(a);
        } while (second.generation == first.generation);
        refusal.generation = first.generation;
        fake_application_send(a, &refusal, NULL, 0);
        finish(f, slot, &reply);
        g_assert_cmpint(sd_bus_message_read(reply, "otu", &path, &t, &pending), >, 0);
        g_assert_cmpuint(pending, ==, 1);
        sd_bus_message_unref(reply);
        /* That of the newer one counts. */
        refusal.generation = second.generation;
        fake_application_send(a, &refusal, NULL, 0);
        reply = fixture_call(f, session, SESSION, "EnableEvent", NULL, "sssa{sv}", "user", "", "none:*", 0);
        g_assert_cmpint(sd_bus_message_read(reply, "otu", &path, &t, &pending), >, 0);
        g_assert_cmpuint(pending, ==, 0);
        sd_bus_message_unref(reply);
        fake_application_free(a);
        fixture_free(f);
}

static void test_classes_are_shared(void) {
        static const char *const other[] = { "store:opened", "bank:open", "shop:order_paid", NULL };
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a, *b, *again;
        struct fake_message *classes;
        struct fake_consumer *c;

        enable(f, session, "", "*");
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        a = fake_application_register(f, shop, 0);
        b = fake_application_register(f, other, 0);
        g_assert_true(fd_same_file(a->fds[1], b->fds[1]));
        g_assert_cmpuint(fake_application_class(b, 0, NULL), ==, 3);
        g_assert_cmpuint(fake_application_class(b, 1, NULL), ==, 4);
        g_assert_cmpuint(fake_application_class(b, 2, NULL), ==, 1);
        fake_message_free(fake_consumer_wait(c, CONSUMER_RINGS));
        fake_message_free(fake_consumer_wait(c, CONSUMER_CLASSES));
        classes = fake_consumer_wait(c, CONSUMER_CLASSES);
        g_assert_cmpuint(classes->classes.n_classes, ==, 1);
        g_assert_cmpuint(classes->classes.classes[0].event, ==, 1);
        g_assert_cmpuint(classes->classes.classes[0].id, ==, 4);
        g_assert_true(fd_same_file(classes->fds[0], b->definitions_fd));
        fake_message_free(classes);
        /* A restart of a program finds its classes again, and the consumer hears nothing of it. */
        fake_application_free(a);
        again = fake_application_register(f, shop, 0);
        g_assert_cmpuint(fake_application_class(again, 2, NULL), ==, 3);
        fixture_ok(f, session, SESSION, "Rotate", "a{sv}", 0);
        g_assert_null(fake_consumer_peek(c, CONSUMER_CLASSES));
        g_assert_null(fake_consumer_peek(c, CONSUMER_RINGS));
        fake_application_free(again);
        fake_application_free(b);
        fixture_free(f);
}

static void test_many_classes(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        struct fake_application *a;
        uint32_t last = 0;

        for (int i = 0; i < 100; i++)
                g_ptr_array_add(names, g_strdup_printf("many:event_%i", i));
        g_ptr_array_add(names, NULL);
        enable(f, session, "", "many:*");
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        a = fake_application_register(f, (const char *const *) names->pdata, 0);
        for (uint32_t i = 0; i < 100; i++) {
                uint32_t id = fake_application_class(a, i, NULL);

                g_assert_cmpuint(id, ==, i < CTF_ID_COMPACT_MAX ? i + 1 : i + 3);
                g_assert_cmpuint(id, >, last);
                last = id;
        }
        fake_application_free(a);
        fixture_free(f);
}

static void test_locked(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        g_autofree char *name = g_strdup_printf("process-%i", (int) getpid()), *name2 = g_strconcat(name, "-2", NULL);
        struct fake_message *rings, *release;
        struct fake_application *a;
        struct fake_consumer *c;
        uint64_t set;

        enable(f, session, "", "*");
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        a = fake_application_register(f, shop, HANDSHAKE_FORM_LOCKED);
        g_assert_cmpuint(view_ring_at(&a->view, 0)->flags, ==,
                         VIEW_RING_SHARED | VIEW_RING_LOCKED | fixture_ordered_anyway());
        g_assert_cmpuint(a->n_fds, ==, 5);
        fake_message_free(fake_consumer_wait(c, CONSUMER_RINGS));
        rings = fake_consumer_wait(c, CONSUMER_RINGS);
        g_assert_cmpstr(rings->rings.set_name, ==, name);
        g_assert_cmpint(rings->rings.pid, ==, getpid());
        g_assert_true(fd_same_file(a->fds[3], rings->fds[0]));
        set = rings->rings.set;
        fake_message_free(rings);
        fake_application_free(a);
        release = fake_consumer_wait(c, CONSUMER_RELEASE);
        g_assert_cmpuint(release->release.set, ==, set);
        fake_message_free(release);
        /* The same number again is another trace. */
        a = fake_application_register(f, shop, HANDSHAKE_FORM_LOCKED);
        rings = fake_consumer_wait(c, CONSUMER_RINGS);
        g_assert_cmpstr(rings->rings.set_name, ==, name2);
        g_assert_cmpuint(rings->rings.set, !=, set);
        fake_message_free(rings);
        fake_application_free(a);
        fixture_free(f);
}

static void test_locked_later(void) {
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a;

        enable(f, session, "", "*");
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        a = fake_application_register(f, shop, 0);
        g_assert_cmpuint(a->n_fds, ==, 3);
        fake_application_send(a, &(struct handshake) { .keys = HANDSHAKE_EVENTS | HANDSHAKE_FORM_LOCKED,
                                                       .events = a->hash }, NULL, 0);
        fake_application_apply(a);
        g_assert_cmpuint(a->n_fds, ==, 5);
        fake_application_free(a);
        fixture_free(f);
}

static void test_new_definitions(void) {
        static const char *const more[] = { "shop:order_paid", "plugin:loaded", NULL };
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a;
        struct handshake h;

        enable(f, session, "", "*");
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        a = fake_application_register(f, shop, 0);
        close(a->definitions_fd);
        a->definitions_fd = make_definitions(more, &a->hash);
        h = (struct handshake) { .keys = HANDSHAKE_EVENTS, .events = a->hash };
        /* Twice, as when a thread without rseq shows up meanwhile: asked once. */
        fake_application_send(a, &h, NULL, 0);
        fake_application_send(a, &h, NULL, 0);
        g_assert_true(fake_application_recv(a).keys & HANDSHAKE_NEED);
        fake_application_send(a, &h, &a->definitions_fd, 1);
        fake_application_apply(a);
        g_assert_cmpuint(a->view.header->n_events, ==, 2);
        g_assert_cmpuint(fake_application_class(a, 0, NULL), ==, 1);
        g_assert_cmpuint(fake_application_class(a, 1, NULL), ==, 4);
        /* The same ones again: answered all the same. */
        fake_application_send(a, &h, NULL, 0);
        fake_application_apply(a);
        /* GET: the view once more. */
        fake_application_send(a, &(struct handshake) { .keys = HANDSHAKE_GET, .get = a->generation }, NULL, 0);
        fake_application_apply(a);
        fake_application_free(a);
        fixture_free(f);
}

/* More messages than a socket holds: views wait until the consumer has been told of their classes. */
static void test_slow_consumer(void) {
        enum { APPLICATIONS = 6, EVENTS = 9000 };
        struct fixture *f = fixture_new();
        g_autofree char *session = fixture_session(f, "s");
        struct fake_application *a[APPLICATIONS];
        struct fake_consumer *c;

        enable(f, session, "", "*");
        fixture_ok(f, session, SESSION, "Start", "a{sv}", 0);
        c = fake_consumer_next(f);
        g_atomic_int_set(&f->paused, 1);
        for (int i = 0; i < APPLICATIONS; i++) {
                g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
                struct handshake h = { .keys = HANDSHAKE_REGISTER | HANDSHAKE_ABI | HANDSHAKE_NAME | HANDSHAKE_EVENTS,
                                       .abi_major = 1 };

                for (int e = 0; e < EVENTS; e++)
                        g_ptr_array_add(names, g_strdup_printf("p%i:e%i", i, e));
                g_ptr_array_add(names, NULL);
                a[i] = fake_application_connect(f);
                a[i]->definitions_fd = make_definitions((const char *const *) names->pdata, &a[i]->hash);
                h.events = a[i]->hash;
                fake_application_send(a[i], &h, NULL, 0);
                g_assert_true(fake_application_recv(a[i]).keys & HANDSHAKE_NEED);
                h.keys = HANDSHAKE_EVENTS;
                fake_application_send(a[i], &h, &a[i]->definitions_fd, 1);
        }
        /* The main loop, the workers: none of them waits. */
        g_assert_cmpuint(fixture_get_u64(f, session, SESSION, "EventsRecorded"), ==, 0);
        fake_consumer_resume(c);
        for (int i = 0; i < APPLICATIONS; i++) {
                g_assert_true(fake_application_recv(a[i]).keys & HANDSHAKE_READY);
                g_assert_cmpuint(a[i]->view.n_actions, ==, EVENTS);
                fake_application_free(a[i]);
        }
        fixture_free(f);
}

/* The process is gone while a child of it keeps the socket open: the registration ends nevertheless. */
static void test_process_gone(void) {
        struct fixture *f = fixture_new();
        struct fake_application *a = fake_application_connect(f);
        sd_bus_message *reply;
        int hold[2];
        pid_t pid;

        /* The parent plays the child that holds the socket; the child connects and ends. */
        fake_application_free(a);
        g_assert_no_errno(pipe(hold));
        g_assert_no_errno(pid = fork());
        if (pid == 0) {
                pid_t keeper;

                a = fake_application_register(f, shop, 0);
                keeper = fork();
                if (keeper == 0) {
                        char byte;

                        close(hold[1]);
                        _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
                }
                _exit(0);
        }
        g_assert_no_errno(waitpid(pid, NULL, 0));
        for (;;) {
                const char *contents;
                int settled;

                reply = fixture_call(f, MANAGER, "ListApplications", NULL, "a{sv}", 0);
                g_assert_cmpint(sd_bus_message_read(reply, "b", &settled), >, 0);
                g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "(uusso)"), >, 0);
                if (sd_bus_message_peek_type(reply, NULL, &contents) == 0)
                        break;
                sd_bus_message_unref(reply);
                /* Its removal is announced. */
                while (sd_bus_process(f->bus, NULL) > 0)
                        ;
                sd_bus_wait(f->bus, G_USEC_PER_SEC);
        }
        sd_bus_message_unref(reply);
        close(hold[0]);
        close(hold[1]);
        fixture_free(f);
}

static uint32_t count_applications(struct fixture *f) {
        uint32_t n = 0;

        g_assert_cmpint(sd_bus_get_property_trivial(f->bus, NULL, MANAGER, "Applications", NULL, 'u', &n), >=, 0);
        return n;
}

/* A client that reads nothing is sent signals up to a bound, and its calls are answered as ever. */
static void test_deaf_client(void) {
        /* The socket itself holds some thousands. */
        enum { N = 5000, ALL = 2 * N };
        struct fixture *f = fixture_new();
        struct fake_application *a;
        unsigned n_signals = 0;
        sd_bus_message *m;
        int r;

        /* It is there, and then not heard of. */
        fixture_ok(f, MANAGER, "ListSessions", "a{sv}", 0);
        for (int i = 0; i < N; i++)
                fake_application_free(fake_application_register(f, shop, 0));
        while (count_applications(f) > 0)
                ;
        do {
                m = NULL;
                r = sd_bus_process(f->bus, &m);
                g_assert_cmpint(r, >=, 0);
                n_signals += m && sd_bus_message_is_signal(m, NULL, NULL);
                sd_bus_message_unref(m);
        } while (r > 0);
        g_assert_cmpuint(n_signals, >, 0);
        g_assert_cmpuint(n_signals, <, ALL);
        /* Having read, it hears again. */
        a = fake_application_register(f, shop, 0);
        do {
                m = NULL;
                g_assert_cmpint(sd_bus_wait(f->bus, WAIT_SECONDS * G_USEC_PER_SEC), >, 0);
                g_assert_cmpint(sd_bus_process(f->bus, &m), >=, 0);
                r = m && sd_bus_message_is_signal(m, "org.freedesktop.DBus.ObjectManager", "InterfacesAdded");
                sd_bus_message_unref(m);
        } while (!r);
        fake_application_free(a);
        fixture_free(f);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/registry/handshake", test_handshake);
        g_test_add_func("/registry/view", test_view);
        g_test_add_func("/registry/changes", test_changes);
        g_test_add_func("/registry/pending", test_pending);
        g_test_add_func("/registry/refuses-late", test_refuses_late);
        g_test_add_func("/registry/classes-are-shared", test_classes_are_shared);
        g_test_add_func("/registry/many-classes", test_many_classes);
        g_test_add_func("/registry/locked", test_locked);
        g_test_add_func("/registry/locked-later", test_locked_later);
        g_test_add_func("/registry/new-definitions", test_new_definitions);
        g_test_add_func("/registry/slow-consumer", test_slow_consumer);
        g_test_add_func("/registry/process-gone", test_process_gone);
        g_test_add_func("/registry/deaf-client", test_deaf_client);
        return g_test_run();
}
