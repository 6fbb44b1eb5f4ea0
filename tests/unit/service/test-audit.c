/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the journal is told, with the test as journald: fields, and what is not written when there is too much. */

#undef NDEBUG

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-event.h>

#include "service/bus/audit.h"
#include "service/journal.h"

#define BURST 3
#define ALICE 1001
#define BOB 1002

struct test {
        sd_event *event;
        struct audit *audit;
        char *folder, *path;
        int fd;
};

static void set_up(struct test *t, uint64_t window_usec) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        t->folder = g_dir_make_tmp("tracectl-audit-XXXXXX", NULL);
        t->path = g_build_filename(t->folder, "socket", NULL);
        g_strlcpy(address.sun_path, t->path, sizeof(address.sun_path));
        t->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        g_assert_cmpint(bind(t->fd, (struct sockaddr *) &address, sizeof(address)), ==, 0);
        g_assert_cmpint(sd_event_new(&t->event), >=, 0);
        const struct audit_config config = { .socket = t->path, .window_usec = window_usec, .burst = BURST };
        g_assert_cmpint(audit_new(t->event, &config, &t->audit), ==, 0);
}

static void tear_down(struct test *t) {
        audit_free(t->audit);
        sd_event_unref(t->event);
        close(t->fd);
        g_unlink(t->path);
        g_rmdir(t->folder);
        g_free(t->path);
        g_free(t->folder);
}

/* The next record, or NULL. */
static char *receive(struct test *t) {
        char text[16384];
        ssize_t n = recv(t->fd, text, sizeof(text) - 1, 0);

        if (n < 0) {
                g_assert_cmpint(errno, ==, EAGAIN);
                return NULL;
        }
        text[n] = '\0';
        return g_strdup(text);
}

static bool has(const char *record, const char *line) {
        g_autofree char *wanted = g_strdup_printf("\n%s\n", line), *all = g_strdup_printf("\n%s", record);

        return strstr(all, wanted);
}

static void receive_with(struct test *t, const char *const *lines) {
        g_autofree char *record = receive(t);

        g_assert_nonnull(record);
        for (; *lines; lines++)
                if (!has(record, *lines))
                        g_error("no '%s' in:\n%s", *lines, record);
}

static void receive_nothing(struct test *t) {
        g_autofree char *record = receive(t);

        g_assert_null(record);
}

static void write_record(struct test *t, uid_t caller, uid_t owner, enum audit_result result) {
        const struct question question = { ACTION_CONTROL, owner, .session = "one" };

        audit_write(t->audit, &(struct audit_record) { &question, "Stop", "org.x", caller, 17, result });
}

static void test_fields(void) {
        static const struct question question = {
                ACTION_CONTROL, ALICE, .session = "one", .domain = "user", .pattern = "a:\n\x1b[2J", .target_unit = "x.service",
        };
        struct test t;

        set_up(&t, 0);
        audit_write(t.audit, &(struct audit_record) { &question, "EnableEvent", "org.x", BOB, 17, AUDIT_PASSWORD });
        receive_with(&t, (const char *[]) {
                "MESSAGE=Refused (needs-password): EnableEvent in session 'one' of user 1001, by user 1002 (process 17): org.x",
                "MESSAGE_ID=9e00ee21e0bb48b4a73797f0bb7b355c", "PRIORITY=5", "SYSLOG_IDENTIFIER=tracingd",
                "TRACECTL_ACTION=org.x", "TRACECTL_VERB=EnableEvent", "TRACECTL_SESSION=one", "TRACECTL_OWNER_UID=1001",
                "TRACECTL_CALLER_UID=1002", "TRACECTL_CALLER_PID=17", "TRACECTL_RESULT=needs-password",
                "TRACECTL_DOMAIN=user", "TRACECTL_PATTERN=a:\\x0a\\x1b[2J", "TRACECTL_TARGET_UNIT=x.service", NULL });
        write_record(&t, BOB, ALICE, AUDIT_ALLOWED);
        receive_with(&t, (const char *[]) { "MESSAGE_ID=6855291d743049248863bbeb9782e359", "TRACECTL_RESULT=allowed", NULL });
        write_record(&t, BOB, BOB, AUDIT_ALLOWED);
        receive_with(&t, (const char *[]) { "MESSAGE_ID=da9aab5c034345f092fb75fe5250ee3f", "PRIORITY=7", NULL });
        write_record(&t, BOB, OWNER_ANY, AUDIT_GONE);
        receive_with(&t, (const char *[]) { "TRACECTL_OWNER_UID=all", "TRACECTL_RESULT=caller-gone", NULL });
        receive_nothing(&t);
        tear_down(&t);
}

/* A name that no session can have may be made to deceive: the record does without it. */
static void test_odd_session(void) {
        const struct question question = { ACTION_CONTROL, ALICE, .session = "one' of user 0\nMESSAGE_ID=x" };
        struct test t;

        set_up(&t, 0);
        audit_write(t.audit, &(struct audit_record) { &question, "Stop", "org.x", BOB, 0, AUDIT_REFUSED });
        g_autofree char *record = receive(&t);
        g_assert_nonnull(strstr(record, "MESSAGE=Refused (refused): Stop of user 1001, by"));
        g_assert_null(strstr(record, "TRACECTL_SESSION"));
        g_assert_null(strstr(record, "MESSAGE_ID=x"));
        g_assert_null(strstr(record, "CALLER_PID"));
        tear_down(&t);
}

/* Whoever calls too often hides neither others' records nor another kind of his own. */
static void test_too_many(void) {
        struct test t;

        set_up(&t, 1000);
        for (int i = 0; i < BURST + 7; i++)
                write_record(&t, BOB, BOB, AUDIT_ALLOWED);
        write_record(&t, BOB, ALICE, AUDIT_REFUSED);
        write_record(&t, ALICE, ALICE, AUDIT_ALLOWED);
        for (int i = 0; i < BURST; i++)
                receive_with(&t, (const char *[]) { "TRACECTL_CALLER_UID=1002", "TRACECTL_RESULT=allowed", NULL });
        receive_with(&t, (const char *[]) { "TRACECTL_CALLER_UID=1002", "TRACECTL_RESULT=refused", NULL });
        receive_with(&t, (const char *[]) { "TRACECTL_CALLER_UID=1001", NULL });
        receive_nothing(&t);
        /* The window ends. */
        g_assert_cmpint(sd_event_run(t.event, UINT64_MAX), >, 0);
        receive_with(&t, (const char *[]) { "MESSAGE_ID=3d80321c61184df0807348ac2a0eda1f", "TRACECTL_SUPPRESSED=7",
                                            "TRACECTL_CALLER_UID=1002", "TRACECTL_KIND=own", NULL });
        receive_nothing(&t);
        write_record(&t, BOB, BOB, AUDIT_ALLOWED);
        receive_with(&t, (const char *[]) { "TRACECTL_CALLER_UID=1002", NULL });
        tear_down(&t);
}

/* More users than have a place: each record is written or counted. */
static void test_many_users(void) {
        enum { USERS = 100 };
        unsigned n = 0, suppressed = 0;
        struct test t;
        char *record;

        set_up(&t, 1000);
        for (unsigned i = 0; i < USERS; i++) {
                write_record(&t, 2000 + i, 2000 + i, AUDIT_ALLOWED);
                /* A socket has room for a few datagrams only. */
                while ((record = receive(&t))) {
                        n++;
                        g_free(record);
                }
        }
        g_assert_cmpint(sd_event_run(t.event, UINT64_MAX), >, 0);
        while ((record = receive(&t))) {
                const char *count = strstr(record, "TRACECTL_SUPPRESSED=");

                g_assert_nonnull(count);
                g_assert_true(has(record, "TRACECTL_CALLER_UID=all"));
                suppressed += (unsigned) atoi(count + strlen("TRACECTL_SUPPRESSED="));
                g_free(record);
        }
        g_assert_cmpuint(n, ==, 63 + BURST);
        g_assert_cmpuint(n + suppressed, ==, USERS);
        tear_down(&t);
}

/* Nobody reads: nothing waits, and what was lost is told when there is room again. */
static void test_journald_hangs(void) {
        struct test t;
        char *record;
        unsigned n = 0;

        set_up(&t, 1000);
        for (uid_t user = 0; user < 60; user++)
                for (int i = 0; i < BURST; i++)
                        write_record(&t, 3000 + user, 1, AUDIT_REFUSED);
        while ((record = receive(&t))) {
                n++;
                g_free(record);
        }
        g_assert_cmpuint(n, <, 60 * BURST);
        g_assert_cmpint(sd_event_run(t.event, UINT64_MAX), >, 0);
        receive_with(&t, (const char *[]) { "MESSAGE_ID=3d80321c61184df0807348ac2a0eda1f", NULL });
        tear_down(&t);
}

static void test_no_journald(void) {
        struct journal journal;
        const struct journal_field field = { "MESSAGE", "x" };
        char *path = g_strnfill(200, 'x');

        g_assert_cmpint(journal_open(&journal, path), ==, -ENAMETOOLONG);
        g_assert_cmpint(journal_open(&journal, "/nowhere/socket"), ==, 0);
        g_assert_cmpint(journal_send(&journal, &field, 1), ==, -ENOENT);
        journal_close(&journal);
        g_free(path);
        /* Where there is no audit at all. */
        audit_write(NULL, NULL);
}

/* A value that does not fit ends the record, not the process. */
static void test_long_value(void) {
        struct test t;
        struct journal journal;
        char *value = g_strnfill(100000, 'v');
        const struct journal_field fields[] = { { "LONG", value }, { "MESSAGE", "behind" } };

        set_up(&t, 0);
        g_assert_cmpint(journal_open(&journal, t.path), ==, 0);
        g_assert_cmpint(journal_send(&journal, fields, 2), ==, -EMSGSIZE);
        g_assert_cmpint(journal_send(&journal, fields, 1), ==, 0);
        g_autofree char *record = receive(&t);
        g_assert_cmpuint(strlen(record), <=, 8192);
        g_assert_true(g_str_has_suffix(record, "v\n"));
        journal_close(&journal);
        g_free(value);
        tear_down(&t);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/audit/fields", test_fields);
        g_test_add_func("/audit/odd-session", test_odd_session);
        g_test_add_func("/audit/too-many", test_too_many);
        g_test_add_func("/audit/many-users", test_many_users);
        g_test_add_func("/audit/journald-hangs", test_journald_hangs);
        g_test_add_func("/audit/no-journald", test_no_journald);
        g_test_add_func("/audit/long-value", test_long_value);
        return g_test_run();
}
