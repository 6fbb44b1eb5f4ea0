/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The page on which applications wait: who is woken, who waits for them, and which pages are left alone. */

#include "running.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/wait.h"
#include "service/log.h"
#include "service/wake.h"

static const char *const shop[] = { "shop:order_paid", NULL };

static void make_page(const struct running *l, const char *text) {
        g_autofree char *path = g_build_filename(l->directory, "wait", NULL);

        g_assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0644, NULL));
}

/* As applications map it. */
static const struct wait_page *map_page(const struct running *l) {
        g_autofree char *path = g_build_filename(l->directory, "wait", NULL);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        void *page = mmap(NULL, sizeof(struct wait_page), PROT_READ, MAP_SHARED, fd, 0);

        g_assert_true(page != MAP_FAILED);
        close(fd);
        return page;
}

static bool is_in_futex(pid_t pid) {
        g_autofree char *path = g_strdup_printf("/proc/%i/syscall", (int) pid), *text = NULL;

        return g_file_get_contents(path, &text, NULL, NULL) && atoi(text) == SYS_futex && text[0] != 'r';
}

/* A process that waits as applications do, and exits when it is woken. Returns when it sleeps. */
static pid_t start_waiter(const struct wait_page *page) {
        uint32_t word = page->word;
        pid_t pid = fork();

        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                running_die_with_parent(NULL);
                (void) syscall(SYS_futex, &page->word, FUTEX_WAIT, word, NULL, NULL, 0);
                _exit(page->word & WAIT_WANTED ? 0 : 1);
        }
        while (!is_in_futex(pid))
                g_assert_no_errno(kill(pid, 0));
        return pid;
}

static void assert_woken(pid_t pid) {
        int status;

        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static int on_listed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        sd_bus_message **ret = userdata;

        g_assert_false(sd_bus_message_is_method_error(m, NULL));
        *ret = sd_bus_message_ref(m);
        return 0;
}

static void begin_list(struct running *l, const char *member, sd_bus_message **ret) {
        sd_bus_message *m = NULL;

        g_assert_cmpint(sd_bus_message_new_method_call(l->f.bus, &m, NULL, MANAGER, member), >=, 0);
        if (strcmp(member, "ListEvents") == 0)
                g_assert_cmpint(sd_bus_message_append(m, "ss", "user", "*"), >=, 0);
        g_assert_cmpint(sd_bus_message_append(m, "a{sv}", 0), >=, 0);
        g_assert_cmpint(sd_bus_call_async(l->f.bus, NULL, m, on_listed, ret, 0), >=, 0);
        sd_bus_message_unref(m);
        g_assert_cmpint(sd_bus_flush(l->f.bus), >=, 0);
}

static sd_bus_message *end_list(struct running *l, sd_bus_message **ret) {
        while (!*ret) {
                int r = sd_bus_process(l->f.bus, NULL);

                g_assert_cmpint(r, >=, 0);
                if (r == 0)
                        g_assert_cmpint(sd_bus_wait(l->f.bus, WAIT_SECONDS * G_USEC_PER_SEC), >, 0);
        }
        return *ret;
}

static struct running *begin_with_page(const struct wait_page **ret) {
        struct running *l = running_prepare(0);

        make_page(l, "TRACECTL0000");
        *ret = map_page(l);
        running_begin(l);
        l->f.bus = running_connect_control(l);
        return l;
}

/* The reply comes when the one that was woken has registered. */
static void test_wake_for_list(gconstpointer member) {
        sd_bus_message *reply = NULL;
        const struct wait_page *page;
        struct running *l = begin_with_page(&page);
        struct fake_application *a;
        uint32_t word;
        pid_t pid;
        int settled = 1;

        pid = start_waiter(page);
        begin_list(l, member, &reply);
        assert_woken(pid);
        word = page->word;
        a = fake_application_register(&l->f, shop, 0);
        end_list(l, &reply);
        if (strcmp(member, "ListApplications") == 0)
                g_assert_cmpint(sd_bus_message_read(reply, "b", &settled), >, 0);
        g_assert_true(settled);
        g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', NULL), >, 0);
        g_assert_false(sd_bus_message_at_end(reply, false));
        sd_bus_message_unref(reply);
        /* They stay awake. */
        g_assert_cmpint(running_call_manager(l->f.bus, "ListApplications"), >=, 0);
        g_assert_cmpuint(page->word, ==, word);
        fake_application_free(a);
        running_finish(l);
        g_assert_cmpuint(page->word & WAIT_WANTED, ==, 0);
        g_assert_cmpuint(page->word, !=, word & ~WAIT_WANTED);
        munmap((void *) page, sizeof(*page));
}

/* One that was woken and does not come is waited for once, and for a bounded time. */
static void test_wake_unsettled(void) {
        sd_bus_message *reply = NULL;
        const struct wait_page *page;
        struct running *l = begin_with_page(&page);
        int settled = 1;
        pid_t pid;

        pid = start_waiter(page);
        begin_list(l, "ListApplications", &reply);
        assert_woken(pid);
        end_list(l, &reply);
        g_assert_cmpint(sd_bus_message_read(reply, "b", &settled), >, 0);
        g_assert_false(settled);
        sd_bus_message_unref(reply);
        reply = NULL;
        begin_list(l, "ListApplications", &reply);
        end_list(l, &reply);
        g_assert_cmpint(sd_bus_message_read(reply, "b", &settled), >, 0);
        g_assert_true(settled);
        sd_bus_message_unref(reply);
        running_finish(l);
        munmap((void *) page, sizeof(*page));
}

/* Enabling an event waits for those that were woken, too. */
static void test_wake_for_session(void) {
        const struct wait_page *page;
        struct running *l = begin_with_page(&page);
        g_autofree char *session = NULL;
        sd_bus_message *reply;
        uint32_t pending = 0;
        pid_t pid;

        pid = start_waiter(page);
        session = fixture_session(&l->f, "s");
        assert_woken(pid);
        fixture_ok(&l->f, session, BUS_NAME ".Session", "Start", "a{sv}", 0);
        reply = fixture_call(&l->f, session, BUS_NAME ".Session", "EnableEvent", NULL, "sssa{sv}", "user", "", "*", 0);
        g_assert_cmpint(sd_bus_message_read(reply, "otu", NULL, NULL, &pending), >, 0);
        g_assert_cmpuint(pending, ==, 0);
        sd_bus_message_unref(reply);
        running_finish(l);
        munmap((void *) page, sizeof(*page));
}

static void never_settles(void *userdata) {
        g_assert_not_reached();
}

/* A page that is none of ours is left alone. */
static void test_wrong_pages(void) {
        static const char *const texts[] = { "TRACECTL000", "tracectl0000", "" };
        struct running *l = running_prepare(0);
        g_autofree char *path = g_build_filename(l->directory, "wait", NULL);
        g_autofree char *target = g_build_filename(l->directory, "bus.conf", NULL), *text = NULL;
        sd_event *event = NULL;
        struct wake *wake;

        g_assert_cmpint(sd_event_new(&event), >=, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(texts) + 3; i++) {
                running_remove_file(l, "wait");
                if (i < G_N_ELEMENTS(texts))
                        make_page(l, texts[i]);
                else if (i == G_N_ELEMENTS(texts)) {
                        g_assert_true(g_file_set_contents(target, "TRACECTL0000", -1, NULL));
                        g_assert_no_errno(symlink(target, path));
                } else if (i == G_N_ELEMENTS(texts) + 1) {
                        make_page(l, "TRACECTL0000");
                        g_assert_no_errno(chmod(path, 0666));
                }
                g_assert_cmpint(wake_new(event, l->directory, false, never_settles, NULL, &wake), ==, 0);
                wake_want(wake);
                g_assert_cmpuint(wake_expected(wake), ==, 0);
                wake_free(wake);
                if (i == G_N_ELEMENTS(texts)) {
                        g_assert_true(g_file_get_contents(target, &text, NULL, NULL));
                        g_assert_cmpstr(text, ==, "TRACECTL0000");
                }
        }
        sd_event_unref(event);
        running_finish(l);
}

/* One that a killed tracingd has left set is at rest again; one that was made later, or again, is found. */
static void test_page_found(void) {
        const struct wait_page *page;
        struct running *l = running_prepare(0);
        sd_event *event = NULL;
        struct wake *wake;

        g_assert_cmpint(sd_event_new(&event), >=, 0);
        make_page(l, "TRACECTL1000");
        page = map_page(l);
        g_assert_cmpint(wake_new(event, l->directory, false, never_settles, NULL, &wake), ==, 0);
        g_assert_cmpuint(page->word & WAIT_WANTED, ==, 0);
        munmap((void *) page, sizeof(*page));
        running_remove_file(l, "wait");
        make_page(l, "TRACECTL0000");
        page = map_page(l);
        wake_want(wake);
        g_assert_cmpuint(page->word & WAIT_WANTED, ==, WAIT_WANTED);
        wake_rest(wake);
        g_assert_cmpuint(page->word & WAIT_WANTED, ==, 0);
        wake_want(wake);
        g_assert_cmpuint(page->word & WAIT_WANTED, ==, 0);
        wake_free(wake);
        munmap((void *) page, sizeof(*page));
        sd_event_unref(event);
        running_finish(l);
}

#define CROWD 300
#define WINDOW 32

static void on_crowd_settled(void *userdata) {
        *(int *) userdata += 1;
}

/* Those of the crowd that have been woken: they end. */
static unsigned count_woken(pid_t *pids) {
        unsigned n = 0;

        for (size_t i = 0; i < CROWD; i++) {
                if (pids[i] > 0 && waitpid(pids[i], NULL, WNOHANG) == pids[i])
                        pids[i] = 0;
                n += pids[i] == 0;
        }
        return n;
}

/* Waiters at a page, and a tracingd that wakes them. */
struct crowd {
        struct running *running;
        const struct wait_page *page;
        sd_event *event;
        struct wake *wake;
        pid_t pids[CROWD];
        int settled;
};

static struct crowd *crowd_new(void) {
        struct crowd *c = g_new0(struct crowd, 1);

        c->running = running_prepare(0);
        make_page(c->running, "TRACECTL0000");
        c->page = map_page(c->running);
        for (size_t i = 0; i < CROWD; i++)
                c->pids[i] = start_waiter(c->page);
        g_assert_cmpint(sd_event_new(&c->event), >=, 0);
        g_assert_cmpint(wake_new(c->event, c->running->directory, false, on_crowd_settled, &c->settled, &c->wake), ==, 0);
        wake_want(c->wake);
        return c;
}

static void crowd_free(struct crowd *c) {
        wake_free(c->wake);
        sd_event_unref(c->event);
        munmap((void *) c->page, sizeof(*c->page));
        running_finish(c->running);
        g_free(c);
}

/* Who falls asleep after all others were woken is woken, too, as long as some are missing. */
static void test_late_sleepers(void) {
        struct crowd *c = crowd_new();
        unsigned n = 0;

        wake_await(c->wake, true);
        while (n < CROWD) {
                g_assert_cmpint(sd_event_run(c->event, UINT64_MAX), >, 0);
                n = count_woken(c->pids);
        }
        for (size_t i = 0; i < 2; i++) {
                g_assert_true(wake_is_waking(c->wake));
                c->pids[i] = start_waiter(c->page);
                while (c->pids[i]) {
                        g_assert_cmpint(sd_event_run(c->event, UINT64_MAX), >, 0);
                        (void) count_woken(c->pids);
                }
        }
        wake_await(c->wake, false);
        while (wake_is_waking(c->wake))
                g_assert_cmpint(sd_event_run(c->event, UINT64_MAX), >, 0);
        crowd_free(c);
}

/* Nobody is asleep when tracingd begins: also then they are woken when they are. */
static void test_all_late(void) {
        struct running *l = running_prepare(0);
        const struct wait_page *page;
        sd_event *event = NULL;
        struct wake *wake;
        pid_t pid;

        make_page(l, "TRACECTL0000");
        page = map_page(l);
        g_assert_cmpint(sd_event_new(&event), >=, 0);
        g_assert_cmpint(wake_new(event, l->directory, true, never_settles, NULL, &wake), ==, 0);
        g_assert_false(wake_is_waking(wake));
        wake_await(wake, true);
        g_assert_true(wake_is_waking(wake));
        pid = start_waiter(page);
        while (waitpid(pid, NULL, WNOHANG) == 0)
                g_assert_cmpint(sd_event_run(event, UINT64_MAX), >, 0);
        wake_free(wake);
        munmap((void *) page, sizeof(*page));
        sd_event_unref(event);
        running_finish(l);
}

/* Whoever leaves, leaves nobody asleep. */
static void crowd_leave(struct crowd *c) {
        wake_leave(c->wake);
        g_assert_false(wake_is_waking(c->wake));
        for (size_t i = 0; i < CROWD; i++)
                assert_woken(c->pids[i]);
        crowd_free(c);
}

/* A crowd is expected as a whole, and woken in parts: the next when those are served, or do not come. */
static void test_wake_in_windows(gconstpointer come) {
        struct crowd *c = crowd_new();
        unsigned n_come = 0, n_served = 0, n = 0;

        g_assert_cmpuint(wake_expected(c->wake), ==, CROWD);
        while (n < CROWD && come) {
                n = count_woken(c->pids);
                g_assert_cmpuint(n, <=, n_served + WINDOW);
                if (n_come < n) {
                        wake_registered(c->wake);
                        n_come++;
                } else if (n_served < n_come) {
                        wake_served(c->wake, 1);
                        n_served++;
                }
        }
        while (n < CROWD) {
                g_assert_cmpint(sd_event_run(c->event, 1000), >=, 0);
                n = count_woken(c->pids);
        }
        for (; n_come < CROWD && come; n_come++)
                wake_registered(c->wake);
        while (!c->settled)
                g_assert_cmpint(sd_event_run(c->event, UINT64_MAX), >=, 0);
        g_assert_cmpint(c->settled, ==, 1);
        g_assert_cmpuint(wake_missing(c->wake), ==, come ? 0 : CROWD);
        crowd_free(c);
}

/* As the kernel counts them: it moves all to where they are. */
static unsigned count_asleep(const struct wait_page *page) {
        long n = syscall(SYS_futex, &page->word, FUTEX_REQUEUE, 0, (void *) INT_MAX, &page->word, 0);

        g_assert_cmpint(n, >=, 0);
        return (unsigned) n;
}

/* One comes each time that the window's time is over: a machine that is slow is not given ever more to do. */
static void test_slow_crowd(void) {
        enum { ROUNDS = 6 };
        struct crowd *c = crowd_new();

        g_assert_cmpuint(count_asleep(c->page), ==, CROWD - WINDOW);
        for (size_t i = 0; i < ROUNDS; i++) {
                wake_registered(c->wake);
                wake_served(c->wake, 1);
                g_assert_cmpint(sd_event_run(c->event, UINT64_MAX), >, 0);
        }
        /* After some of these times those that have not come are not waited for, once. */
        g_assert_cmpuint(count_asleep(c->page), <, CROWD - WINDOW);
        g_assert_cmpuint(count_asleep(c->page), >=, CROWD - 2 * WINDOW);
        g_assert_true(wake_is_waking(c->wake));
        crowd_leave(c);
}

/* When nobody comes for a while more are woken; when they do come after all, as few as before. */
static void test_late_crowd(void) {
        struct crowd *c = crowd_new();

        g_assert_cmpuint(count_asleep(c->page), ==, CROWD - WINDOW);
        g_assert_cmpint(sd_event_run(c->event, UINT64_MAX), >, 0);
        g_assert_cmpuint(count_asleep(c->page), ==, CROWD - 3 * WINDOW);
        /* Of the 64 that were woken last, one after the other: no more are awake than one window. */
        for (size_t i = 0; i < 3 * WINDOW / 2; i++) {
                g_assert_cmpuint(count_asleep(c->page), ==, CROWD - 3 * WINDOW);
                wake_served(c->wake, 1);
        }
        g_assert_cmpuint(count_asleep(c->page), ==, CROWD - 3 * WINDOW - WINDOW / 2);
        crowd_leave(c);
}

/* Who leaves in the middle leaves nobody asleep that the next one needs. */
static void test_leave_in_window(void) {
        struct crowd *c = crowd_new();

        crowd_leave(c);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        log_open(g_test_verbose(), false);
        g_test_add_data_func("/wake/for-applications", "ListApplications", test_wake_for_list);
        g_test_add_data_func("/wake/for-events", "ListEvents", test_wake_for_list);
        g_test_add_func("/wake/unsettled", test_wake_unsettled);
        g_test_add_func("/wake/for-session", test_wake_for_session);
        g_test_add_func("/wake/wrong-pages", test_wrong_pages);
        g_test_add_func("/wake/page-found", test_page_found);
        g_test_add_data_func("/wake/in-windows", "come", test_wake_in_windows);
        g_test_add_data_func("/wake/in-windows-that-stall", NULL, test_wake_in_windows);
        g_test_add_func("/wake/slow-crowd", test_slow_crowd);
        g_test_add_func("/wake/late-crowd", test_late_crowd);
        g_test_add_func("/wake/late-sleepers", test_late_sleepers);
        g_test_add_func("/wake/all-late", test_all_late);
        g_test_add_func("/wake/leave-in-window", test_leave_in_window);
        return g_test_run();
}
