/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Consumers as transient units: what systemd is asked for, and everything that it can answer. */

#undef NDEBUG

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/epoll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/datagram.h"
#include "common/fd.h"
#include "common/program.h"
#include "fake-systemd.h"
#include "own-memfd.h"
#include "service/state/ledger.h"
#include "service/state/records.h"
#include "service/unit/consumer.h"
#include "service/unit/pair.h"

struct world {
        struct fake_systemd *systemd;
        struct consumer *consumer;
        char *reason;
        unsigned failures, ends, answers;
};

static void on_failed(const char *reason, void *userdata) {
        struct world *w = userdata;

        w->failures++;
        g_free(w->reason);
        w->reason = g_strdup(reason);
}

static void on_drained(void *userdata) {
}

static void on_ended(void *userdata) {
        struct world *w = userdata;

        w->ends++;
}

static void on_answer(int error, const char *path, void *userdata) {
        struct world *w = userdata;

        w->answers++;
}

static struct consumer_spec spec = { .owner = 1000, .session = "s", .kind = CONSUMER_OUTPUT_FD };

static void world_begin(struct world *w) {
        const struct consumer_starter starter = { .units = w->systemd->starter };
        const struct consumer_handlers handlers = { on_failed, on_drained, on_ended, w };

        g_assert_cmpint(consumer_new(w->systemd->event, &starter, &spec, &handlers, &w->consumer), ==, 0);
}

static struct world *world_new(bool user, enum fake_behaviour behaviour, uint64_t usec) {
        struct world *w = g_new0(struct world, 1);

        w->systemd = fake_systemd_new(user, usec);
        w->systemd->behaviour = behaviour;
        world_begin(w);
        return w;
}

static void world_free(struct world *w) {
        consumer_free(w->consumer);
        fake_systemd_free(w->systemd);
        g_free(w->reason);
        g_free(w);
}

#define DESCRIPTION "('CollectMode', <'inactive-or-failed'>), ('Slice', <'tracectl.slice'>), "
#define DEPENDENCIES                                                                                               \
        "('DefaultDependencies', <false>), ('Conflicts', <['shutdown.target']>), "                                  \
        "('Before', <['shutdown.target', 'tracingd.service']>), "
#define HARDENING                                                                                                  \
        "('KeyringMode', <'private'>), ('LockPersonality', <true>), ('MemoryDenyWriteExecute', <true>), "           \
        "('NoNewPrivileges', <true>), ('PrivateNetwork', <true>), ('ProtectControlGroups', <true>), "               \
        "('ProtectKernelTunables', <true>), ('ProtectSystem', <'strict'>), ('RestrictRealtime', <true>), "          \
        "('RestrictSUIDSGID', <true>), ('RestrictAddressFamilies', <(true, ['AF_UNIX'])>), "                       \
        "('RestrictNamespaces', <uint64 0>), ('SystemCallArchitectures', <['native']>), "                          \
        "('SystemCallErrorNumber', <1>), ('SystemCallFilter', <(true, ['@system-service'])>), "                    \
        "('SystemCallFilter', <(false, ['@privileged', '@resources'])>), "
#define SYSTEM_HARDENING                                                                                           \
        "('DevicePolicy', <'closed'>), ('PrivateDevices', <true>), ('ProcSubset', <'pid'>), "                       \
        "('ProtectClock', <true>), ('ProtectHostname', <true>), ('ProtectKernelLogs', <true>), "                    \
        "('ProtectKernelModules', <true>), ('ProtectProc', <'invisible'>), ('CapabilityBoundingSet', <uint64 0>), "  \
        "('AmbientCapabilities', <uint64 0>), ('IPAddressDeny', <[(2, [byte 0x00, 0x00, 0x00, 0x00], uint32 0), "   \
        "(10, [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00], 0)]>), "

/* Everything that systemd is asked for, to the letter. */
static void assert_units(bool user, const char *output) {
        struct world *w = world_new(user, FAKE_DONE, 0);
        g_autofree char *expected = NULL;
        char *program;

        FAKE_WAIT(w->systemd, w->systemd->arguments);
        g_assert_cmpint(program_find("consumer", "tracectl-consumer", &program), ==, 0);
        expected = g_strdup_printf(
                "('%s.socket', 'fail', [('Description', <'%s'>), " DESCRIPTION DEPENDENCIES
                "('Listen', <[('SequentialPacket', '%s')]>), ('SocketMode', <uint32 384>), "
                "('RemoveOnStop', <true>), ('TriggerLimitIntervalUSec', <uint64 0>)], "
                "[('%s.service', [('Description', <'%s'>), " DESCRIPTION DEPENDENCIES
                "('Type', <'exec'>), ('ExecStart', <[('%s', ['%s'], false)]>), ('Restart', <'on-failure'>), "
                "('KillMode', <'mixed'>), ('OOMPolicy', <'kill'>), ('UMask', <uint32 63>), "
                "('StartLimitIntervalUSec', <uint64 0>), ('RestartUSec', <uint64 100000>), "
                "('TimeoutStopUSec', <uint64 20000000>), ('LimitCORE', <uint64 0>), "
                "('LimitNOFILE', <uint64 524288>), ('TasksMax', <uint64 16>), %s" HARDENING "%s%s])])",
                w->systemd->stem, user ? "Consumer of a tracing session" : "Consumer of a user's tracing session",
                w->systemd->path, w->systemd->stem,
                user ? "Consumer of a tracing session" : "Consumer of a user's tracing session", program, program,
                user ? "" : "('User', <'1000'>), ", user ? "('PrivateUsers', <true>), " : SYSTEM_HARDENING, output);
        /* The other quotes that GVariant takes where there is an apostrophe in the text. */
        if (!user) {
                GString *s = g_string_new(expected);

                g_string_replace(s, "'Consumer of a user's tracing session'", "\"Consumer of a user's tracing session\"",
                                 0);
                g_free(expected);
                expected = g_string_free(s, FALSE);
        }
        g_assert_cmpstr(w->systemd->arguments, ==, expected);
        g_assert_true(g_str_has_prefix(w->systemd->stem, "tracectl-consumer-1000-"));
        g_assert_cmpuint(strlen(w->systemd->stem), ==, strlen("tracectl-consumer-1000-") + 16);
        g_assert_cmpstr(consumer_unit(w->consumer), ==, w->systemd->stem);
        free(program);
        world_free(w);
}

static void test_fd(void) {
        spec.kind = CONSUMER_OUTPUT_FD;
        assert_units(false, "('ProtectHome', <'yes'>), ('PrivateTmp', <true>)");
        assert_units(true, "('ProtectHome', <'read-only'>), ('PrivateTmp', <true>)");
}

#define DIRECTORY(parent) "('ProtectHome', <'no'>), ('PrivateTmp', <false>), ('ReadWritePaths', <['-" parent "']>)"

static void test_directory(void) {
        spec.kind = CONSUMER_OUTPUT_DIRECTORY;
        spec.directory = "/home/alice/it's a trace";
        assert_units(false, DIRECTORY("/home/alice"));
        assert_units(true, DIRECTORY("/home/alice"));
        spec.directory = "/trace";
        assert_units(false, DIRECTORY("/"));
        spec.directory = "/a//b//";
        assert_units(false, DIRECTORY("/a"));
        spec.directory = NULL;
        spec.kind = CONSUMER_OUTPUT_FD;
}

static void test_state(void) {
        spec.kind = CONSUMER_OUTPUT_STATE;
        assert_units(false, "('ProtectHome', <'yes'>), ('PrivateTmp', <true>), "
                            "('StateDirectory', <['tracectl/1000', 'tracectl/1000/s']>), "
                            "('StateDirectoryMode', <uint32 448>)");
        assert_units(true, "('ProtectHome', <'read-only'>), ('PrivateTmp', <true>), "
                           "('StateDirectory', <['tracectl/s']>), ('StateDirectoryMode', <uint32 448>)");
        spec.kind = CONSUMER_OUTPUT_FD;
}

/* Nothing is half made: systemd is not asked. */
static void assert_refused_here(struct fake_systemd *f, const struct consumer_spec *bad) {
        const struct consumer_starter starter = { .units = f->starter };
        const struct consumer_handlers handlers = { on_failed, on_drained, on_ended, NULL };
        struct consumer *c = NULL;

        g_assert_cmpint(consumer_new(f->event, &starter, bad, &handlers, &c), ==, -EINVAL);
        g_assert_null(c);
}

static void test_bad_specs(void) {
        struct fake_systemd *f = fake_systemd_new(false, 0);

        assert_refused_here(f, &(struct consumer_spec) { .session = "../x", .kind = CONSUMER_OUTPUT_STATE });
        assert_refused_here(f, &(struct consumer_spec) { .session = "s", .kind = CONSUMER_OUTPUT_DIRECTORY });
        assert_refused_here(f, &(struct consumer_spec) {
                .session = "s", .kind = CONSUMER_OUTPUT_DIRECTORY, .directory = "relative/x" });
        assert_refused_here(f, &(struct consumer_spec) {
                .session = "s", .kind = CONSUMER_OUTPUT_DIRECTORY, .directory = "/not\xfftext/x" });
        g_assert_cmpuint(f->starts, ==, 0);
        fake_systemd_free(f);
}

static void assert_starts(enum fake_behaviour behaviour, unsigned starts) {
        struct world *w = world_new(false, behaviour, 0);
        int fd = fake_systemd_accept(w->systemd);

        g_assert_cmpuint(w->systemd->starts, ==, starts);
        g_assert_cmpuint(w->failures, ==, 0);
        close(fd);
        world_free(w);
}

static void test_starts(void) {
        assert_starts(FAKE_DONE, 1);
        assert_starts(FAKE_EARLY, 1);
        assert_starts(FAKE_EXISTS, 2);
}

#define STOPPED                                                                                                    \
        "stop tracectl-consumer-1000-*.socket\nstop tracectl-consumer-1000-*.service\n"                            \
        "reset tracectl-consumer-1000-*.socket\nreset tracectl-consumer-1000-*.service\n"

static void assert_start_fails(enum fake_behaviour behaviour, const char *why) {
        struct world *w = world_new(false, behaviour, 300 * 1000);
        struct consumer_header flush = { .type = CONSUMER_FLUSH, .size = sizeof(flush) };
        g_autofree char *reason = NULL;

        FAKE_WAIT(w->systemd, w->failures);
        reason = g_strdup_printf("its consumer's unit '%s' cannot be started: %s", w->systemd->stem, why);
        g_assert_cmpstr(w->reason, ==, reason);
        g_assert_cmpint(consumer_request(w->consumer, &flush, NULL, 0, on_answer, w), ==, -EPIPE);
        /* What there is of the units stays until nobody can want to look at it. */
        g_assert_cmpstr(w->systemd->calls->str, ==, "");
        w->systemd->behaviour = FAKE_DONE;
        consumer_detach(TAKE_PTR(w->consumer));
        FAKE_WAIT(w->systemd, g_str_equal(w->systemd->calls->str, STOPPED));
        g_assert_cmpuint(w->failures, ==, 1);
        g_assert_cmpuint(w->ends, ==, 0);
        world_free(w);
}

static void test_start_fails(void) {
        assert_start_fails(FAKE_FAILED, "systemd's job for it ended with the result 'failed'");
        assert_start_fails(FAKE_REFUSED, "No.");
        assert_start_fails(FAKE_SILENT, "Method call timed out");
        assert_start_fails(FAKE_NO_SIGNAL, "systemd's job for it did not end in time");
}

static void test_manager_is_gone(void) {
        const struct unit_config config = { .run = "/run/x", .address = "unix:path=/nonexistent/bus" };
        const struct consumer_handlers handlers = { 0 };
        struct unit_starter *units;
        struct consumer *c;
        sd_event *event;

        g_assert_cmpint(sd_event_new(&event), >=, 0);
        g_assert_cmpint(unit_starter_new(event, &config, &units), ==, 0);
        g_assert_cmpint(consumer_new(event, &(struct consumer_starter) { .units = units }, &spec, &handlers, &c), ==,
                        -ENOENT);
        unit_starter_free(units);
        sd_event_unref(event);
}

/* Nobody answered: the consumer has nothing to write, and ends at the hang-up. */
static void test_hang_up(void) {
        struct world *w = world_new(false, FAKE_DONE, 0);
        int fd = fake_systemd_accept(w->systemd);
        char byte;

        consumer_hang_up(w->consumer);
        FAKE_WAIT(w->systemd, recv(fd, &byte, 1, MSG_DONTWAIT) == 0);
        g_assert_cmpstr(w->systemd->calls->str, ==, "");
        close(fd);
        FAKE_WAIT(w->systemd, w->ends);
        g_assert_true(g_str_has_prefix(w->systemd->calls->str, "stop tracectl-consumer-1000-*.socket\nstop "));
        FAKE_WAIT(w->systemd, g_str_equal(w->systemd->calls->str, STOPPED));
        g_assert_cmpuint(w->failures, ==, 0);
        world_free(w);
}

/* Before there are units at all. */
static void test_hang_up_early(void) {
        struct world *w = world_new(false, FAKE_NO_SIGNAL, 0);

        consumer_hang_up(w->consumer);
        FAKE_WAIT(w->systemd, w->ends);
        FAKE_WAIT(w->systemd, g_str_equal(w->systemd->calls->str, STOPPED));
        world_free(w);
}

/* One that does not answer; where nobody needs it any more it is not killed either. */
static void test_kill(void) {
        struct world *w = world_new(false, FAKE_DONE, 0);
        int fd = fake_systemd_accept(w->systemd);

        consumer_kill(w->consumer);
        FAKE_WAIT(w->systemd, w->systemd->calls->len > 0);
        g_assert_cmpstr(w->systemd->calls->str, ==, "kill tracectl-consumer-1000-*.service\n");
        close(fd);
        /* The successor. */
        fd = fake_systemd_accept(w->systemd);
        g_assert_cmpuint(w->failures, ==, 0);
        consumer_give_up(w->consumer, "its consumer sleeps");
        g_assert_cmpuint(w->failures, ==, 1);
        g_assert_cmpstr(w->reason, ==, "its consumer sleeps");
        consumer_kill(w->consumer);
        consumer_detach(TAKE_PTR(w->consumer));
        FAKE_WAIT(w->systemd, strstr(w->systemd->calls->str, "reset"));
        g_assert_null(strstr(strchr(w->systemd->calls->str, '\n'), "kill"));
        close(fd);
        world_free(w);
}

static void test_free(void) {
        struct world *w = world_new(false, FAKE_DONE, 0);
        int fd = fake_systemd_accept(w->systemd);
        char byte;

        w->consumer = consumer_free(w->consumer);
        g_assert_cmpint(recv(fd, &byte, 1, 0), ==, 0);
        FAKE_WAIT(w->systemd, g_str_equal(w->systemd->calls->str, STOPPED));
        close(fd);
        world_free(w);
}

/* What was made ready for the next session goes when there is none for so long, as if there had been one. */
static void test_unused_spare(void) {
        struct world *w;
        int fd;

        spec.brief = true;
        w = world_new(false, FAKE_DONE, 0);
        w->systemd->starter->spare_usec = 100 * 1000;
        fd = fake_systemd_accept(w->systemd);
        consumer_hang_up(w->consumer);
        close(fd);
        FAKE_WAIT(w->systemd, w->systemd->starter->spare);
        FAKE_WAIT(w->systemd, w->systemd->starts == 2);
        FAKE_WAIT(w->systemd, !w->systemd->starter->spare);
        FAKE_WAIT(w->systemd, g_str_equal(w->systemd->calls->str, STOPPED STOPPED));
        g_assert_cmpuint(w->systemd->starts, ==, 2);
        g_assert_cmpuint(w->ends, ==, 1);
        world_free(w);
        spec.brief = false;
}

/* The main loop ends while a detached one still writes: only the socket is removed; the consumer ends by itself. */
static void test_leave(void) {
        struct world *w = world_new(false, FAKE_DONE, 0);
        int fd = fake_systemd_accept(w->systemd);

        consumer_detach(TAKE_PTR(w->consumer));
        w->systemd->starter = unit_starter_free(w->systemd->starter);
        FAKE_WAIT(w->systemd, w->systemd->calls->len > 0);
        g_assert_cmpstr(w->systemd->calls->str, ==, "stop tracectl-consumer-1000-*.socket\n");
        close(fd);
        world_free(w);
}

static GVariant *unit_list(const char *state) {
        GVariantBuilder b;
        const char *units[][2] = {
                { "tracectl-consumer-1000-00000000000000aa.socket", "active" },
                { "tracectl-consumer-1000-00000000000000aa.service", state },
                { "tracectl-consumer-7-00000000000000bb.service", "failed" },
        };

        g_variant_builder_init(&b, G_VARIANT_TYPE("a(ssssssouso)"));
        for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
                if (state || i == 2)
                        g_variant_builder_add(&b, "(ssssssouso)", units[i][0], "d", "loaded", units[i][1], "x", "", "/u",
                                              0, "", "/");
        return g_variant_ref_sink(g_variant_builder_end(&b));
}

static void set_units(struct fake_systemd *f, GVariant *units) {
        g_clear_pointer(&f->units, g_variant_unref);
        f->units = units;
}

/* Ours stay; one that still writes is waited for. */
static void test_leftovers(void) {
        struct fake_systemd *f = fake_systemd_new(false, 0);

        set_units(f, unit_list("active"));
        FAKE_WAIT(f, strstr(f->calls->str, "stop tracectl-consumer-7-*.service\n"));
        g_assert_cmpstr(f->calls->str, ==, "stop tracectl-consumer-7-*.socket\nstop tracectl-consumer-7-*.service\n");
        g_string_truncate(f->calls, 0);
        set_units(f, unit_list("inactive"));
        FAKE_WAIT(f, strstr(f->calls->str, "stop tracectl-consumer-1000-*.service\n"));
        g_assert_cmpstr(f->calls->str, ==,
                        "stop tracectl-consumer-1000-*.socket\nstop tracectl-consumer-1000-*.service\n");
        fake_systemd_free(f);
}

/* Early at boot there is no message bus; the manager has a socket of its own, where there are no names. */
static int on_private_call(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        GString *calls = userdata;

        if (sd_bus_message_get_member(m))
                g_string_append_printf(calls, "%s ", sd_bus_message_get_member(m));
        g_assert_null(sd_bus_message_get_destination(m));
        if (sd_bus_message_is_method_call(m, NULL, "StartTransientUnit"))
                g_assert_cmpint(sd_bus_reply_method_errorf(m, "some.Error", "It's private."), >=, 0);
        else
                g_assert_cmpint(sd_bus_reply_method_return(m, NULL), >=, 0);
        return 1;
}

static int on_private_client(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        static sd_bus *bus;

        g_assert_cmpint(client, >=, 0);
        g_assert_cmpint(sd_bus_new(&bus), >=, 0);
        g_assert_cmpint(sd_bus_set_fd(bus, client, client), >=, 0);
        g_assert_cmpint(sd_bus_set_server(bus, 1, (sd_id128_t) { .bytes = { 1 } }), >=, 0);
        g_assert_cmpint(sd_bus_add_filter(bus, NULL, on_private_call, userdata), >=, 0);
        g_assert_cmpint(sd_bus_start(bus), >=, 0);
        g_assert_cmpint(sd_bus_attach_event(bus, sd_event_source_get_event(source), 0), >=, 0);
        return 0;
}

static void test_private_socket(void) {
        g_autofree char *run = g_dir_make_tmp("private-XXXXXX", NULL);
        g_autofree char *folder = g_build_filename(run, "systemd", NULL), *path = g_build_filename(folder, "private", NULL);
        g_autoptr(GString) calls = g_string_new(NULL);
        const struct unit_config config = { .user = true, .run = run };
        struct world w = { 0 };
        const struct consumer_handlers handlers = { on_failed, on_drained, on_ended, &w };
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        struct unit_starter *units;
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        g_unsetenv("DBUS_SESSION_BUS_ADDRESS");
        g_setenv("XDG_RUNTIME_DIR", run, TRUE);
        g_assert_no_errno(g_mkdir(folder, 0700));
        g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
        g_assert_no_errno(bind(fd, (struct sockaddr *) &address, sizeof(address)));
        g_assert_no_errno(listen(fd, 1));
        g_assert_cmpint(sd_event_new(&event), >=, 0);
        g_assert_cmpint(sd_event_add_io(event, NULL, fd, EPOLLIN, on_private_client, calls), >=, 0);
        g_assert_cmpint(unit_starter_new(event, &config, &units), ==, 0);
        g_assert_cmpint(consumer_new(event, &(struct consumer_starter) { .units = units }, &spec, &handlers, &w.consumer),
                        ==, 0);
        while (!w.failures)
                g_assert_cmpint(sd_event_run(event, UINT64_MAX), >=, 0);
        g_assert_true(g_str_has_suffix(w.reason, "cannot be started: It's private."));
        g_assert_cmpstr(calls->str, ==, "Subscribe ListUnitsByPatterns StartTransientUnit ");
        consumer_free(w.consumer);
        unit_starter_free(units);
        close(fd);
        g_unlink(path);
        g_rmdir(folder);
        g_rmdir(run);
        g_free(w.reason);
}

/* What the next tracingd would read of the consumer. */
static void assert_kept(const char *unit, int status_fd, int connection_fd) {
        const struct fd_identity status = fd_identity_of(status_fd), connection = fd_identity_of(connection_fd);
        _cleanup_close_ int fd = own_memfd("tracectl-state");
        _cleanup_(ledger_image_freep) struct ledger_image *image = NULL;
        const struct record_consumer *kept;

        g_assert_cmpint(ledger_read(fd, &image), ==, 0);
        g_assert_cmpuint(image->n_items, ==, 1);
        g_assert_cmpuint(image->items[0].type, ==, RECORD_CONSUMER);
        kept = image->items[0].data;
        g_assert_cmpuint(kept->restarts, ==, 3);
        g_assert_cmpuint(kept->key, ==, spec.key);
        g_assert_cmpmem(&kept->status, sizeof(status), &status, sizeof(status));
        g_assert_cmpmem(&kept->connection, sizeof(connection), &connection, sizeof(connection));
        g_assert_cmpstr((const char *) kept + kept->size, ==, unit);
}

/* Made again after a restart it is in the state at once: tracingd may be killed before it goes on with it. */
static void test_restored(void) {
        struct world *w = g_new0(struct world, 1);
        struct consumer_starter starter = { .life = 2 };
        const struct consumer_handlers handlers = { on_failed, on_drained, on_ended, w };
        struct consumer_remains remains = { .unit = "tracectl-consumer-1000-00000000000000aa", .restarts = 3,
                                            .connection_stored = 8, .status_stored = 9 };
        _cleanup_(ledger_freep) struct ledger *ledger = NULL;
        _cleanup_close_ int status = -1;
        int pair[2];

        w->systemd = fake_systemd_new(false, 0);
        g_assert_cmpint(ledger_new(NULL, 1, &ledger), ==, 0);
        (void) ledger_complete(ledger); /* there is no store */
        g_assert_cmpint(memfd_new_shared("test-status", CONSUMER_STATUS_SIZE_MIN, &status), ==, 0);
        g_assert_no_errno(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
        starter.units = w->systemd->starter;
        starter.ledger = ledger;
        remains.status_fd = fcntl(status, F_DUPFD_CLOEXEC, 3);
        remains.connection_fd = pair[0];
        g_assert_cmpint(consumer_restore(w->systemd->event, &starter, &spec, &remains, &handlers, &w->consumer), ==, 0);
        assert_kept(remains.unit, status, pair[0]);
        g_assert_cmpint(consumer_resume(w->consumer), ==, 0);
        assert_kept(remains.unit, status, pair[0]);
        world_free(w);
        close(pair[1]);
}

int main(int argc, char *argv[]) {
        signal(SIGPIPE, SIG_IGN);
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/units/fd", test_fd);
        g_test_add_func("/units/directory", test_directory);
        g_test_add_func("/units/state", test_state);
        g_test_add_func("/units/bad-specs", test_bad_specs);
        g_test_add_func("/units/starts", test_starts);
        g_test_add_func("/units/start-fails", test_start_fails);
        g_test_add_func("/units/manager-is-gone", test_manager_is_gone);
        g_test_add_func("/units/hang-up", test_hang_up);
        g_test_add_func("/units/hang-up-early", test_hang_up_early);
        g_test_add_func("/units/kill", test_kill);
        g_test_add_func("/units/free", test_free);
        g_test_add_func("/units/unused-spare", test_unused_spare);
        g_test_add_func("/units/leave", test_leave);
        g_test_add_func("/units/leftovers", test_leftovers);
        g_test_add_func("/units/restored", test_restored);
        g_test_add_func("/units/private-socket", test_private_socket);
        return g_test_run();
}
