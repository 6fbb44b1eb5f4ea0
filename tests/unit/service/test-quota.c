/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Limits of a uid, and the text that tells of them. */

#undef NDEBUG

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <urcu.h>

#include "service/domain/stream.h"
#include "service/domain/user.h"
#include "service/model/manager.h"
#include "service/model/text.h"

#define SOMEBODY 12345
#define ANOTHER 12346

static void test_charges(void) {
        struct charge a = { 0 }, b = { 0 }, c = { 0 };
        struct quota q;

        quota_init(&q, 0);
        quota_set_total(&q, QUOTA_RING_MEMORY, 200);
        g_assert_cmpuint(quota_limit(&q, 0, QUOTA_RING_MEMORY), ==, 200);
        g_assert_cmpuint(quota_limit(&q, SOMEBODY, QUOTA_RING_MEMORY), ==, 100);
        g_assert_cmpint(quota_charge(&q, SOMEBODY, QUOTA_RING_MEMORY, 60, &a), ==, 0);
        g_assert_cmpint(quota_charge(&q, SOMEBODY, QUOTA_RING_MEMORY, 41, &b), ==, -EDQUOT);
        g_assert_cmpint(quota_charge(&q, SOMEBODY, QUOTA_RING_MEMORY, UINT64_MAX, &b), ==, -EDQUOT);
        g_assert_null(b.user);
        /* What somebody has leaves another one's share alone. */
        g_assert_cmpint(quota_charge(&q, ANOTHER, QUOTA_RING_MEMORY, 100, &b), ==, 0);
        g_assert_cmpint(quota_charge(&q, SOMEBODY, QUOTA_RING_MEMORY, 40, &c), ==, 0);
        g_assert_cmpuint(quota_used(&q, SOMEBODY, QUOTA_RING_MEMORY), ==, 100);
        charge_done(&a);
        charge_done(&a);
        g_assert_cmpuint(quota_used(&q, SOMEBODY, QUOTA_RING_MEMORY), ==, 40);
        g_assert_cmpuint(quota_used(&q, SOMEBODY, QUOTA_SESSIONS), ==, 0);
        charge_done(&b);
        charge_done(&c);
        quota_done(&q);
}

static void assert_limit(struct quota *q, uid_t uid, enum quota_kind kind, uint64_t wanted) {
        g_assert_cmpuint(quota_limit(q, uid, kind), ==, wanted);
}

static void test_configured(void) {
        const struct quota_setting settings[] = {
                { QUOTA_EVERYBODY, QUOTA_SESSIONS, 10 }, { SOMEBODY, QUOTA_SESSIONS, 3 },
                { SOMEBODY, QUOTA_CHANNELS, UINT64_MAX }, { SOMEBODY, QUOTA_SESSIONS, 2 },
                { QUOTA_EVERYBODY, QUOTA_RULES, 5 },      { QUOTA_EVERYBODY, QUOTA_RULES, QUOTA_UNSET },
        };
        struct charge a = { 0 }, b = { 0 };
        struct quota q;

        quota_init(&q, 0);
        g_assert_cmpint(quota_charge(&q, SOMEBODY, QUOTA_SESSIONS, 2, &a), ==, 0);
        g_assert_cmpint(quota_configure(&q, settings, G_N_ELEMENTS(settings)), ==, 0);
        assert_limit(&q, SOMEBODY, QUOTA_SESSIONS, 2);
        assert_limit(&q, SOMEBODY, QUOTA_CHANNELS, UINT64_MAX);
        assert_limit(&q, ANOTHER, QUOTA_SESSIONS, 10);
        assert_limit(&q, ANOTHER, QUOTA_CHANNELS, 1024);
        assert_limit(&q, ANOTHER, QUOTA_RULES, 16384);
        /* Nobody but tracingd itself is everybody. */
        assert_limit(&q, 0, QUOTA_SESSIONS, 256);
        g_assert_cmpint(quota_charge(&q, SOMEBODY, QUOTA_SESSIONS, 1, &b), ==, -EDQUOT);
        g_assert_cmpint(quota_charge(&q, ANOTHER, QUOTA_SESSIONS, 11, &b), ==, -EDQUOT);
        /* He keeps what is more than he may have by now. */
        g_assert_cmpint(quota_configure(&q, &(struct quota_setting) { SOMEBODY, QUOTA_SESSIONS, 1 }, 1), ==, 0);
        g_assert_cmpuint(quota_used(&q, SOMEBODY, QUOTA_SESSIONS), ==, 2);
        g_assert_cmpint(quota_charge(&q, SOMEBODY, QUOTA_SESSIONS, 1, &b), ==, -EDQUOT);
        assert_limit(&q, ANOTHER, QUOTA_SESSIONS, 256);
        quota_set_total(&q, QUOTA_SESSIONS, 400);
        assert_limit(&q, SOMEBODY, QUOTA_SESSIONS, 1);
        assert_limit(&q, ANOTHER, QUOTA_SESSIONS, 200);
        g_assert_cmpint(quota_configure(&q, NULL, 0), ==, 0);
        assert_limit(&q, SOMEBODY, QUOTA_SESSIONS, 200);
        charge_done(&a);
        quota_done(&q);
}

/* What a limit does not stop: who was allowed to exceed it, and what was there before a restart. */
static void test_excused(void) {
        struct charge a = { 0 }, b = { 0 }, c = { 0 };
        struct failure failure;
        struct quota q;

        quota_init(&q, 0);
        g_assert_cmpint(quota_charge(&q, SOMEBODY, QUOTA_LIVE_STREAMS, 32, &a), ==, 0);
        g_assert_cmpint(quota_charge_or_fail(&q, SOMEBODY, QUOTA_LIVE_STREAMS, 1, &b, &failure), ==, -EDQUOT);
        g_assert_cmpuint(q.n_refused, ==, 1);
        quota_excuse(&q, SOMEBODY);
        g_assert_cmpint(quota_charge_or_fail(&q, SOMEBODY, QUOTA_LIVE_STREAMS, 1, &b, &failure), ==, 0);
        g_assert_cmpint(quota_charge_or_fail(&q, ANOTHER, QUOTA_LIVE_STREAMS, 33, &c, &failure), ==, -EDQUOT);
        quota_excuse_end(&q);
        g_assert_cmpuint(quota_used(&q, SOMEBODY, QUOTA_LIVE_STREAMS), ==, 33);
        g_assert_cmpint(quota_charge_or_fail(&q, SOMEBODY, QUOTA_LIVE_STREAMS, 1, &c, &failure), ==, -EDQUOT);
        charge_done(&b);
        quota_restore_begin(&q);
        g_assert_cmpint(quota_charge(&q, SOMEBODY, QUOTA_LIVE_STREAMS, 1, &b), ==, 0);
        quota_restore_end(&q);
        g_assert_cmpint(quota_charge(&q, SOMEBODY, QUOTA_LIVE_STREAMS, 1, &c), ==, -EDQUOT);
        charge_done(&a);
        charge_done(&b);
        g_assert_cmpuint(quota_used(&q, SOMEBODY, QUOTA_LIVE_STREAMS), ==, 0);
        quota_done(&q);
}

static gpointer charge_often(gpointer userdata) {
        for (int i = 0; i < 20000; i++) {
                struct charge c = { 0 };

                if (quota_charge(userdata, SOMEBODY, QUOTA_STREAMS, 300, &c) >= 0)
                        g_assert_cmpuint(quota_used(userdata, SOMEBODY, QUOTA_STREAMS), <=, 1024);
                charge_done(&c);
        }
        return NULL;
}

static void test_threads(void) {
        struct quota q;
        GThread *threads[4];

        quota_init(&q, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = g_thread_new("charge", charge_often, &q);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                g_thread_join(threads[i]);
        g_assert_cmpuint(quota_used(&q, SOMEBODY, QUOTA_STREAMS), ==, 0);
        quota_done(&q);
}

static int start_nothing(int socket, void *userdata, int *ret_pidfd) {
        return -ENOSYS;
}

struct model {
        sd_event *event;
        struct user_domain *domain;
        struct manager *manager;
};

static void model_init(struct model *m) {
        const struct consumer_starter starter = { .start = start_nothing };

        rcu_register_thread();
        g_assert_cmpint(sd_event_new(&m->event), >=, 0);
        g_assert_cmpint(user_domain_new(&m->domain), ==, 0);
        g_assert_cmpint(manager_new(m->event, m->domain, &starter, &m->manager), ==, 0);
}

static void model_done(struct model *m) {
        manager_free(m->manager);
        for (int k = 0; k < _QUOTA_MAX; k++) {
                g_assert_cmpuint(quota_used(&m->domain->quota, SOMEBODY, k), ==, 0);
                g_assert_cmpuint(quota_used(&m->domain->quota, ANOTHER, k), ==, 0);
        }
        user_domain_free(m->domain);
        sd_event_unref(m->event);
        rcu_unregister_thread();
}

static int create(struct model *m, uid_t owner, unsigned i, struct session **ret, struct failure *failure) {
        g_autofree char *name = g_strdup_printf("s%u", i);
        struct session_config config = { .name = name, .owner = owner };

        g_assert_cmpint(session_output_directory(&config.output, "/tmp/x", failure), ==, 0);
        if (manager_create_session(m->manager, &config, ret, failure) >= 0)
                return 0;
        session_output_done(&config.output);
        return -failure_errno(failure->kind);
}

/* By its length: what it takes is bounded by the number that a user may have. */
static void test_long_rules(void) {
        const struct channel_options options = { .subbuf_size = 4096, .n_subbufs = 2 };
        g_autofree char *digits = g_strnfill(600, '1'), *text = g_strdup_printf("* filter=s == '%s'", digits);
        struct failure failure;
        struct selector *selector;
        struct channel *channel;
        struct session *s;
        struct rule *rule;
        struct model m;

        model_init(&m);
        g_assert_cmpint(create(&m, SOMEBODY, 0, &s, &failure), ==, 0);
        g_assert_cmpint(session_enable_channel(s, "c", &options, &channel, &failure), ==, 0);
        g_assert_cmpint(selector_parse(text, &selector, &failure), ==, 0);
        g_assert_cmpint(rule_new(channel, 1, selector, &rule, &failure), ==, 0);
        g_assert_cmpuint(quota_used(&m.domain->quota, SOMEBODY, QUOTA_RULES), ==, 2);
        rule_free(rule);
        selector_unref(selector);
        model_done(&m);
}

static void test_sessions(void) {
        struct failure failure;
        struct session *s, *last;
        struct model m;

        model_init(&m);
        for (unsigned i = 0; i < 256; i++)
                g_assert_cmpint(create(&m, SOMEBODY, i, &last, &failure), ==, 0);
        g_assert_cmpint(create(&m, SOMEBODY, 256, &s, &failure), ==, -EDQUOT);
        g_assert_nonnull(strstr(failure.text, "user 12345 has 256 sessions of 256 that a user can have; destroy one"));
        g_assert_cmpint(create(&m, ANOTHER, 0, &s, &failure), ==, 0);
        manager_remove_session(m.manager, last);
        g_assert_cmpint(create(&m, SOMEBODY, 256, &s, &failure), ==, 0);
        model_done(&m);
}

static void test_channels(void) {
        const struct channel_options small = { .subbuf_size = 4096, .n_subbufs = 2 };
        struct channel *channel;
        struct failure failure;
        struct session *s;
        struct model m;
        int r = 0;

        model_init(&m);
        for (unsigned i = 0; r >= 0 && i < 40; i++) {
                g_assert_cmpint(create(&m, SOMEBODY, i, &s, &failure), ==, 0);
                for (unsigned k = 0; r >= 0 && k < CHANNELS_PER_SESSION_MAX; k++) {
                        g_autofree char *name = g_strdup_printf("c%u", k);

                        r = session_enable_channel(s, name, &small, &channel, &failure);
                }
        }
        g_assert_cmpint(r, ==, -EDQUOT);
        g_assert_nonnull(strstr(failure.text, "1024 channels of 1024"));
        g_assert_cmpint(create(&m, ANOTHER, 0, &s, &failure), ==, 0);
        g_assert_cmpint(session_enable_channel(s, "c", &small, &channel, &failure), ==, 0);
        model_done(&m);
}

static void test_ring_memory(void) {
        const struct model_channel config = { .name = "c", .id = 1, .n_subbufs = 2, .subbuf_size = 4096 };
        struct stream *streams[64], *other, *refused;
        struct user_domain *d;
        size_t n = 0;
        int r;

        g_assert_cmpint(user_domain_new(&d), ==, 0);
        quota_set_total(&d->quota, QUOTA_RING_MEMORY, UINT64_C(4096) * 4 * d->n_cpus * 20);
        while ((r = stream_new(d, &config, SOMEBODY, false, &streams[n])) >= 0)
                g_assert_cmpuint(++n, <, G_N_ELEMENTS(streams));
        g_assert_cmpint(r, ==, -EDQUOT);
        g_assert_cmpuint(n, >, 0);
        g_assert_cmpint(stream_new(d, &config, ANOTHER, false, &other), ==, 0);
        stream_unref(streams[--n]);
        g_assert_cmpint(stream_new(d, &config, SOMEBODY, false, &streams[n]), ==, 0);
        g_assert_cmpint(stream_new(d, &config, SOMEBODY, false, &refused), ==, -EDQUOT);
        for (size_t i = 0; i <= n; i++)
                stream_unref(streams[i]);
        stream_unref(other);
        g_assert_cmpuint(quota_used(&d->quota, SOMEBODY, QUOTA_RING_MEMORY), ==, 0);
        g_assert_cmpuint(quota_used(&d->quota, SOMEBODY, QUOTA_STREAMS), ==, 0);
        user_domain_free(d);
}

static void assert_escaped(const char *text, const char *wanted) {
        char escaped[64];

        text_escape(text, escaped, sizeof(escaped));
        g_assert_cmpstr(escaped, ==, wanted);
        g_assert_true(g_utf8_validate(escaped, -1, NULL));
}

static void test_escape(void) {
        g_autofree char *longer = g_strnfill(100, 'x');
        struct failure failure;
        char small[6];

        assert_escaped("a\nb\x1b[31m", "a\\x0ab\\x1b[31m");
        assert_escaped("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
        assert_escaped("\xc2\x9b\xff\xc3", "\\xc2\\x9b\\xff\\xc3");
        assert_escaped("\xed\xa0\x80\xf4\x90\x80\x80\xe0\x80\x80",
                       "\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xe0\\x80\\x80");
        /* Whole characters, or none. */
        text_escape("abcd\xc3\xbc", small, sizeof(small));
        g_assert_cmpstr(small, ==, "abcd");
        text_escape("abc\n", small, sizeof(small));
        g_assert_cmpstr(small, ==, "abc");
        /* A sentence cuts in the middle of a character. */
        longer[99] = '\xc3';
        fail(&failure, FAILURE_INVALID_NAME, "'%.100s'\n", longer);
        g_assert_true(g_utf8_validate(failure.text, -1, NULL));
        g_assert_true(g_str_has_suffix(failure.text, "\\xc3'\\x0a"));
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/quota/charges", test_charges);
        g_test_add_func("/quota/configured", test_configured);
        g_test_add_func("/quota/excused", test_excused);
        g_test_add_func("/quota/threads", test_threads);
        g_test_add_func("/quota/sessions", test_sessions);
        g_test_add_func("/quota/long-ruleslong-rules", test_long_rules);
        g_test_add_func("/quota/channels", test_channels);
        g_test_add_func("/quota/ring-memory", test_ring_memory);
        g_test_add_func("/quota/escape", test_escape);
        return g_test_run();
}
