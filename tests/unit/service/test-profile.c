/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Profiles without a bus: their text, and what they do to sessions. */

#undef NDEBUG

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <urcu.h>

#include "protocol/context.h"
#include "service/model/manager.h"
#include "service/model/profile.h"
#include "service/registry/registry.h"

#define OWNER 4711

static struct profile *parse(const char *text) {
        struct failure failure;
        struct profile *p;

        g_assert_cmpint(profile_new("shop", &p), ==, 0);
        if (profile_parse(p, text, "Profile 'shop'", &failure) < 0 || profile_check(p, &failure) < 0)
                g_error("%s", failure.text);
        return p;
}

static void refused(const char *text, const char *wanted) {
        struct failure failure = { 0 };
        struct profile *p;

        g_assert_cmpint(profile_new("shop", &p), ==, 0);
        if (profile_parse(p, text, "Profile 'shop'", &failure) >= 0 && profile_check(p, &failure) >= 0)
                g_error("accepted: %s", text);
        if (!strstr(failure.text, wanted))
                g_error("'%s' does not say '%s'", failure.text, wanted);
        profile_free(p);
}

static void test_parse(void) {
        struct profile *p = parse("# what a shop does\n[Session]\nMode=flight-recorder\r\nDirectory = /srv/trace\n"
                                  "Rings=files\nSyncSec=2min\nStart=yes ; at once\nX-Colour=red\n\n  # indented\n[X-Other]\nanything=1\n"
                                  "[Channel a]\nSubBufferSize=64K\nSubBufferCount=4\nMode=discard\nOrderedClock=yes\nEnabled=no\n"
                                  "Context=vpid\nContext=ip\nEvent=shop:*\nEvent=shop:*\nDisabledEvent=x:y\n"
                                  "[Channel empty]\n[Channel b]\nEvent = a:b  filter=x == \" ; y\"\n"
                                  "DisabledEvent=a:b exclude=a:c loglevel=info \r\nDisabledEvent=c:d ; a comment\n");
        struct profile_channel *c = p->channels;

        g_assert_cmpstr(profile_session_name(p), ==, "shop");
        g_assert_cmpint(p->mode, ==, SESSION_FLIGHT_RECORDER);
        g_assert_cmpstr(p->directory, ==, "/srv/trace");
        g_assert_true(p->has_rings);
        g_assert_cmpuint(p->sync_msec, ==, 120000);
        g_assert_true(p->start);
        g_assert_cmpstr(c->name, ==, "a");
        g_assert_cmpuint(c->subbuf_size, ==, 65536);
        g_assert_cmpuint(c->n_subbufs, ==, 4);
        g_assert_cmpstr(c->mode, ==, "discard");
        g_assert_true(c->ordered_clock);
        g_assert_false(c->enabled);
        g_assert_cmpuint(c->contexts.bits, ==, CONTEXT_VPID | CONTEXT_IP);
        g_assert_cmpuint(c->events.n, ==, 1);
        g_assert_cmpstr(c->disabled.items[0]->text, ==, "x:y");
        g_assert_cmpstr(c->next->name, ==, "empty");
        c = c->next->next;
        g_assert_false(c->kernel);
        g_assert_cmpuint(c->events.n, ==, 1);
        g_assert_cmpstr(c->events.items[0]->text, ==, "a:b filter=x == \" ; y\"");
        g_assert_cmpuint(c->disabled.n, ==, 2);
        g_assert_cmpstr(c->disabled.items[0]->text, ==, "a:b loglevel=info exclude=a:c");
        g_assert_cmpstr(c->disabled.items[1]->text, ==, "c:d");
        profile_free(p);
}

/* Two channels can have one name; what a later section says is added to the one of its domain. */
static void test_kernel(void) {
        struct profile *p = parse("[Channel c]\nDomain=kernel\nEvent=sched_switch\n[Channel c]\n[Channel d]\nDomain=kernel\n"
                                  "[Channel c]\nEvent=a:b\n[Channel c]\nDomain=kernel\n"
                                  "Event=kernel syscall open* filter=$ctx.procname == \" ; \"\n");
        struct profile_channel *c = profile_find_channel(p, true, "c");

        g_assert_true(profile_has_kernel(p));
        g_assert_cmpuint(c->events.n, ==, 2);
        g_assert_cmpstr(c->events.items[0]->text, ==, "kernel event sched_switch");
        g_assert_cmpstr(c->events.items[1]->text, ==, "kernel syscall open* filter=$ctx.procname == \" ; \"");
        c = profile_find_channel(p, false, "c");
        g_assert_cmpuint(c->events.n, ==, 1);
        g_assert_cmpstr(c->events.items[0]->text, ==, "a:b");
        g_assert_nonnull(profile_find_channel(p, true, "d"));
        g_assert_null(profile_find_channel(p, false, "d"));
        profile_free(p);
}

static void test_resets(void) {
        struct profile *p = parse("[Session]\nName=other\nStart=yes\nStart=\nMode=flight-recorder\nMode=\n"
                                  "Directory=/x\nDirectory=\nRings=files\nRings=\nSyncSec=5\nSyncSec=\n[Channel c]\nEvent=a:b\nEvent=\nEvent=c:d\nContext=ip\n"
                                  "Context=\nEnabled=no\nEnabled=\nMode=overwrite\nMode=\nSubBufferSize=64K\n"
                                  "SubBufferSize=\n");

        g_assert_cmpstr(profile_session_name(p), ==, "other");
        g_assert_false(p->start);
        g_assert_cmpint(p->mode, ==, SESSION_RECORD);
        g_assert_null(p->directory);
        g_assert_false(p->has_rings);
        g_assert_cmpuint(p->sync_msec, ==, 0);
        g_assert_cmpuint(p->channels->events.n, ==, 1);
        g_assert_cmpstr(p->channels->events.items[0]->text, ==, "c:d");
        g_assert_cmpuint(p->channels->contexts.bits, ==, 0);
        g_assert_true(p->channels->enabled);
        g_assert_null(p->channels->mode);
        g_assert_cmpuint(p->channels->subbuf_size, ==, 0);
        profile_free(p);
}

static void test_refusals(void) {
        g_autofree char *name = g_strnfill(64, 'n'), *pattern = g_strnfill(186, 'p');
        g_autofree char *longest = g_strdup_printf("[Channel %s]\nEvent=%s:*\nEvent=%s:*\n", name, pattern, pattern);
        g_autofree char *longer = g_strdup_printf("[Channel c]\nEvent=%s:*abcd\n", pattern);

        profile_free(parse(longest));
        refused(longer, "line 2: The line is longer than 197 characters");
        refused("[Session]\nname=x\n", "line 2: Unknown key 'name'; known are: Name, Mode, Directory, Rings, SyncSec, RotateSize, "
                "RotateEvery, MaxSize, Start.");
        refused("[Channel c]\n\nEvents=a:*\n", "line 3: Unknown key 'Events'");
        refused("\n[Sesion]\n", "line 2: Unknown section 'Sesion'");
        refused("[Channel]\n", "Unknown section 'Channel'");
        refused("[Channel a/b]\n", "line 1: That is no name for a channel");
        refused("[Session\n", "has no end");
        refused("Name=x\n", "line 1: The assignment belongs to no section");
        refused("[Session]\nName=x\nStart\nMode=wrong\n", "line 3: This is no section, no assignment");
        refused("[Session]\nName=../x\n", "line 2: Name=../x is not possible");
        refused("[Session]\nStart=perhaps\n", "it can be yes or no");
        refused("[Session]\nMode=fast\n", "record or flight-recorder");
        refused("[Session]\nRings=disk\n", "memory or files");
        refused("[Session]\nSyncSec=soon\n", "such as 5s");
        refused("[Session]\nSyncSec=25h\n", "up to 24h");
        refused("[Session]\nSyncSec=5s\n", "whose rings are files");
        refused("[Session]\nRings=files\nSyncSec=99ms\n", "100 ms to 24 h");
        refused("[Session]\nDirectory=x\n", "not an absolute path");
        refused("[Session]\nDirectory=/a/../b\n", "'..'");
        refused("[Session]\nDirectory=/a\n  /b\n", "line 3: The line begins with a space");
        refused("[Session]\nDirectory=/a\x01\n", "control character");
        refused("[Session]\nDirectory=/\xff\n", "no UTF-8");
        refused("[Channel c]\nDomain=disk\n", "it can be user or kernel");
        refused("[Channel c]\nEvent=kernel event sched_switch\n", "line 2: Events of the kernel are for a channel");
        refused("[Channel c]\nMode=\nDomain=kernel\n", "line 3: Domain= is a part of the channel's name");
        refused("[Channel c]\nDomain=kernel\nContext=vpid\n", "line 3: Events of the kernel have no contexts");
        refused("[Channel c]\nDomain=kernel\nEvent=a:*:b\n", "line 3: 'a:*:b' is no pattern");
        refused("[Channel c]\nDomain=kernel\nEvent=kernel probe x probe=vfs_read\n", "line 3: A probe is no part");
        refused("[Channel c]\nDomain=kernel\nEvent=sched_switch pid=1:1 children\n", "line 3: A process is no part");
        refused("[Channel c]\nSubBufferSize=many\n", "512K");
        refused("[Channel c]\nSubBufferSize=0\n", "512K");
        refused("[Channel c]\nSubBufferCount=-1\n", "a number");
        refused("[Channel c]\nSubBufferCount=4294967296\n", "a number");
        refused("[Channel c]\nMode=loud\n", "discard or overwrite");
        refused("[Channel c]\nOrderedClock=fast\n", "yes or no");
        refused("[Channel c]\nContext=mood\n", "one of vpid, vtid, procname, ip, pid, tid, uid, gid, cgroup, app:PROVIDER:NAME");
        refused("[Channel c]\n\nEvent=a:b loglevel>=loud\n", "line 3: Unknown log level 'loud'");
        refused("[Channel c]\nEvent=a:b filter=id >\n", "line 2: The filter 'id >' is wrong at its end");
        refused("[Channel c]\nEvent=a:b exclude=a:c ; why\n", "line 2: ';' is no option of an event");
        refused("[Channel c]\nEvent=a:b if=id\n", "line 2: 'if=id' is no option of an event");
        refused("[Channel c]\nEvent=a:b filter=x == \"\x01\"\n", "line 2: The filter");
        refused("Event=a:b filter=id\n", "line 1: The assignment belongs to no section");
        refused("[Channel c]\nEvent=a:b loglevel=info\n[Channel d]\nEvent=a:b\n", "one channel only");
        refused("[Channel c]\nEvent=shop\n", "line 2: 'shop' is no event pattern");
        refused("[Channel c]\nEvent=a:b\nDisabledEvent=a:b\n", "keep one of them");
        refused("[Channel c]\nEvent=a:b\n[Channel d]\nEvent=a:b\n", "one channel only");
}

static void test_no_name(void) {
        struct failure failure;
        struct profile *p;

        g_assert_cmpint(profile_new("", &p), ==, 0);
        g_assert_cmpint(profile_parse(p, "[Channel c]\n", "The profile", &failure), ==, 0);
        g_assert_cmpint(profile_check(p, &failure), <, 0);
        g_assert_nonnull(strstr(failure.text, "Name="));
        profile_free(p);
}

struct model {
        sd_event *event;
        struct user_domain *domain;
        struct manager *manager;
        struct registry *registry;
        int listen_fd;
};

static int start_nothing(int socket, void *userdata, int *ret_pidfd) {
        return -ENOSYS;
}

static bool admit_nobody(uid_t uid, void *userdata) {
        return false;
}

static void model_init(struct model *m) {
        const struct consumer_starter starter = { .start = start_nothing };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct registry_config config;

        rcu_register_thread();
        m->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        g_assert_no_errno(bind(m->listen_fd, (struct sockaddr *) &address, sizeof(sa_family_t)));
        g_assert_no_errno(listen(m->listen_fd, 8));
        g_assert_cmpint(sd_event_new(&m->event), >=, 0);
        g_assert_cmpint(user_domain_new(&m->domain), ==, 0);
        g_assert_cmpint(manager_new(m->event, m->domain, &starter, &m->manager), ==, 0);
        config = (struct registry_config) {
                .listen_fd = m->listen_fd,
                .domain = m->domain,
                .model = &m->manager->published,
                .admits = admit_nobody,
        };
        g_assert_cmpint(registry_new(&config, &m->registry), ==, 0);
        m->manager->registry = m->registry;
        m->manager->has_state_directories = true;
}

static void model_done(struct model *m) {
        registry_stop(m->registry);
        manager_free(m->manager);
        registry_free(m->registry);
        for (int k = 0; k < _QUOTA_MAX; k++)
                g_assert_cmpuint(quota_used(&m->domain->quota, OWNER, k), ==, 0);
        user_domain_free(m->domain);
        sd_event_unref(m->event);
        close(m->listen_fd);
        rcu_unregister_thread();
}

static void append_side(GString *seen, const char *text, const struct strings *list, const char *end) {
        g_string_append(seen, text ? text : list ? "[" : "-");
        for (size_t i = 0; list && i < list->n; i++)
                g_string_append_printf(seen, "%s%s", i ? " " : "", list->items[i]);
        g_string_append_printf(seen, "%s%s", list ? "]" : "", end);
}

/* "key: before > after" of everything that differs. */
static char *apply(struct model *m, const char *text, bool dry_run, struct session **ret) {
        g_autoptr(GString) seen = g_string_new(NULL);
        struct profile_result result;
        struct failure failure;
        struct profile *p = parse(text);
        const struct profile_request q = { .profile = p, .owner = OWNER, .dry_run = dry_run };

        if (profile_apply(m->manager, &q, &result, &failure) < 0)
                g_string_append(seen, failure.text);
        else {
                for (const struct profile_change *c = result.changes; c; c = c->next) {
                        g_string_append_printf(seen, "%s: ", c->key);
                        append_side(seen, c->before, c->before_list, " > ");
                        append_side(seen, c->after, c->after_list, "\n");
                }
                profile_changes_free(result.changes);
                if (ret)
                        *ret = result.session;
        }
        profile_free(p);
        return g_string_free(g_steal_pointer(&seen), false);
}

#define assert_apply(m, text, wanted)                                          \
        ({                                                                     \
                g_autofree char *_dry = apply(m, text, true, NULL);            \
                g_autofree char *_seen = apply(m, text, false, NULL);          \
                g_assert_cmpstr(_dry, ==, wanted);                             \
                g_assert_cmpstr(_seen, ==, wanted);                            \
        })

static void test_apply(void) {
        struct model m;
        struct session *s;
        uint64_t generation;

        model_init(&m);
        generation = manager_generation(m.manager);
        assert_apply(&m, "[Session]\nDirectory=/srv/t\n[Channel a]\nSubBufferSize=4K\nSubBufferCount=2\nEvent=x:*\n",
                     "Session.Mode: - > record\nSession.Directory: - > /srv/t\nSession.Start: - > no\n"
                     "Channel a.SubBufferSize: - > 4K\nChannel a.SubBufferCount: - > 2\nChannel a.Mode: - > discard\n"
                     "Channel a.Enabled: - > yes\nChannel a.Event: - > [x:*]\n");
        s = manager_find_session(m.manager, OWNER, "shop");
        g_assert_nonnull(s);
        g_assert_cmpstr(s->profile, ==, "shop");
        assert_apply(&m, "[Session]\nDirectory=/srv/t\n[Channel a]\nSubBufferSize=4K\nSubBufferCount=2\nEvent=x:*\n",
                     "");
        g_assert_cmpstr(s->output.folder, ==, "/srv/t");
        g_assert_true(g_str_has_prefix(s->output.asked, "/srv/t/shop-20"));
        /* It was never started: all of it can be another one. */
        assert_apply(&m, "[Session]\nMode=flight-recorder\n[Channel a]\nSubBufferSize=8K\nSubBufferCount=2\n"
                         "Context=ip\nDisabledEvent=x:*\nEvent=y:*\n[Channel b]\nSubBufferSize=4K\nSubBufferCount=2\n"
                         "Enabled=no\n",
                     "Session.Mode: record > flight-recorder\nSession.Directory: /srv/t > -\n"
                     "Channel a.SubBufferSize: 4K > 8K\nChannel a.Mode: discard > overwrite\n"
                     "Channel a.Context: [] > [ip]\nChannel a.Event: [x:*] > [y:*]\n"
                     "Channel a.DisabledEvent: [] > [x:*]\nChannel b.SubBufferSize: - > 4K\n"
                     "Channel b.SubBufferCount: - > 2\nChannel b.Mode: - > overwrite\nChannel b.Enabled: - > no\n");
        g_assert_cmpint(s->output.kind, ==, CONSUMER_OUTPUT_STATE);
        g_assert_cmpint(s->mode, ==, SESSION_FLIGHT_RECORDER);
        g_assert_cmpuint(s->n_rules, ==, 2);
        /* Where its rings are, too, with the place and without another one. */
        assert_apply(&m, "[Session]\nMode=flight-recorder\nRings=files\nSyncSec=5\n[Channel a]\nSubBufferSize=8K\n"
                         "SubBufferCount=2\nContext=ip\nDisabledEvent=x:*\nEvent=y:*\n",
                     "Session.Rings: - > files\nSession.SyncSec: - > 5000ms\n");
        g_assert_true(s->output.has_rings);
        g_assert_cmpuint(s->output.sync_msec, ==, 5000);
        assert_apply(&m, "[Session]\nMode=flight-recorder\nRings=files\nDirectory=/srv/u\n[Channel a]\n"
                         "SubBufferSize=8K\nSubBufferCount=2\nContext=ip\nDisabledEvent=x:*\nEvent=y:*\n",
                     "Session.Directory: - > /srv/u\nSession.SyncSec: 5000ms > -\n");
        g_assert_true(s->output.has_rings);
        g_assert_cmpuint(s->output.sync_msec, ==, 0);
        assert_apply(&m, "[Session]\nMode=flight-recorder\n[Channel a]\nSubBufferSize=8K\nSubBufferCount=2\n"
                         "Context=ip\nDisabledEvent=x:*\nEvent=y:*\n",
                     "Session.Directory: /srv/u > -\nSession.Rings: files > -\n");
        g_assert_false(s->output.has_rings);
        assert_apply(&m, "[Session]\nMode=flight-recorder\n[Channel a]\nSubBufferSize=8K\nSubBufferCount=2\n"
                         "OrderedClock=yes\nContext=ip\nDisabledEvent=x:*\nEvent=y:*\n",
                     "Channel a.OrderedClock: no > yes\n");
        g_assert_true(session_find_channel(s, false, "a")->config.ordered_clock);
        assert_apply(&m, "[Session]\nMode=flight-recorder\n[Channel a]\nSubBufferSize=8K\nSubBufferCount=2\n"
                         "Context=ip\nDisabledEvent=x:*\nEvent=y:*\n",
                     "Channel a.OrderedClock: yes > no\n");
        /* A channel that it has no more is off and empty, and that is no difference the next time. */
        assert_apply(&m, "[Session]\nMode=flight-recorder\n",
                     "Channel a.Enabled: yes > no\nChannel a.Event: [y:*] > []\nChannel a.DisabledEvent: [x:*] > []\n");
        assert_apply(&m, "[Session]\nMode=flight-recorder\n", "");
        g_assert_cmpuint(s->n_rules, ==, 0);
        g_assert_cmpuint(s->n_channels, ==, 2);
        /* None of it concerned an application. */
        g_assert_cmpuint(manager_generation(m.manager), ==, generation);
        model_done(&m);
}

/* Also where one takes the place of another within a second, before or after a restart. */
static void test_state_outputs(void) {
        struct session_output outputs[7];
        struct failure failure;
        struct model m, next;
        uint64_t second;

        model_init(&m);
        second = (session_now() / 1000000 + 2) * 1000000;
        g_assert_cmpint(manager_dated_output(m.manager, NULL, "s", second, &outputs[0], &failure), ==, 0);
        g_assert_cmpint(manager_dated_output(m.manager, NULL, "s", second + 999999, &outputs[1], &failure), ==, 0);
        g_assert_cmpint(manager_dated_output(m.manager, NULL, "s", second + 1000000, &outputs[2], &failure), ==, 0);
        g_assert_true(g_str_has_prefix(outputs[0].asked, "s-20"));
        g_assert_true(g_str_has_prefix(outputs[1].asked, outputs[0].asked));
        g_assert_true(g_str_has_suffix(outputs[1].asked, "-999999"));
        g_assert_cmpuint(strlen(outputs[2].asked), ==, strlen(outputs[0].asked));
        model_done(&m);
        model_init(&next);
        second = next.manager->state_second * 1000000;
        g_assert_cmpint(manager_dated_output(next.manager, NULL, "s", second + 7, &outputs[3], &failure), ==, 0);
        g_assert_true(g_str_has_suffix(outputs[3].asked, "-000007"));
        /* And where the clock was set back. */
        g_assert_cmpint(manager_dated_output(next.manager, NULL, "s", second - 5000000, &outputs[4], &failure), ==, 0);
        g_assert_true(g_str_has_suffix(outputs[4].asked, "-000000"));
        g_assert_cmpint(manager_dated_output(next.manager, "/srv/t", "s", second - 5000000, &outputs[5], &failure), ==, 0);
        g_assert_cmpstr(outputs[5].folder, ==, "/srv/t");
        g_assert_true(g_str_has_prefix(outputs[5].asked, "/srv/t/s-20"));
        g_assert_true(g_str_has_suffix(outputs[5].asked, outputs[4].asked));
        g_assert_cmpint(manager_dated_output(next.manager, "/", "s", second - 5000000, &outputs[6], &failure), ==, 0);
        g_assert_true(g_str_has_prefix(outputs[6].asked, "/s-20"));
        for (unsigned i = 0; i < G_N_ELEMENTS(outputs); i++)
                session_output_done(&outputs[i]);
        model_done(&next);
}

static void test_nothing_half_done(void) {
        g_autoptr(GString) many = g_string_new("[Session]\nMode=record\n");
        g_autofree char *seen = NULL, *without = NULL, *large = NULL;
        struct model m;

        model_init(&m);
        for (int i = 0; i < 30; i++)
                g_string_append_printf(many, "[Channel c%i]\nSubBufferSize=4K\nSubBufferCount=2\nEvent=p%i:*\n", i, i);
        g_free(apply(&m, many->str, false, NULL));
        g_assert_cmpuint(quota_used(&m.domain->quota, OWNER, QUOTA_CHANNELS), ==, 30);
        /* 30 of the session stay, so one of another name is too many. */
        seen = apply(&m, "[Channel another]\nSubBufferSize=4K\nSubBufferCount=2\nEvent=q:*\n", false, NULL);
        g_assert_nonnull(strstr(seen, "it can have 30"));
        large = apply(&m, "[Session]\nName=large\n[Channel a]\nSubBufferSize=4K\nEvent=q:*\n[Channel b]\n"
                          "SubBufferSize=16M\nSubBufferCount=4096\n", false, NULL);
        g_assert_nonnull(strstr(large, "smaller"));
        m.manager->has_state_directories = false;
        without = apply(&m, "[Session]\nName=without\n", false, NULL);
        g_assert_nonnull(strstr(without, "Directory="));
        g_assert_cmpuint(m.manager->n_sessions, ==, 1);
        g_assert_cmpuint(quota_used(&m.domain->quota, OWNER, QUOTA_SESSIONS), ==, 1);
        g_assert_cmpuint(quota_used(&m.domain->quota, OWNER, QUOTA_CHANNELS), ==, 30);
        g_assert_cmpuint(quota_used(&m.domain->quota, OWNER, QUOTA_RULES), ==, 30);
        model_done(&m);
}

static struct rule *enable(struct session *s, const char *channel, const char *text) {
        _cleanup_(selector_unrefp) struct selector *selector = NULL;
        struct failure failure;
        struct rule *rule;

        if (selector_parse(text, &selector, &failure) < 0)
                g_error("%s: %s", text, failure.text);
        g_assert_cmpint(session_enable_event(s, channel, selector, &rule, &failure), ==, 0);
        return rule;
}

/* Such as a line of a profile has to carry unharmed. */
static char *random_options(void) {
        static const char *const levels[] = { "", " loglevel>=warning", " loglevel=debug-line" };
        static const char *const excludes[] = { "", " exclude=a:*", " exclude=a:* exclude=b:c" };
        g_autofree char *digits = g_strnfill(300, '1');
        g_autofree char *large = g_strdup_printf(" filter=name == \"%s\"", digits);
        const char *const filters[] = {
                "", " filter=id > 7 && !($ctx.procname == \"x*\")", " filter=name == \" ; # = [x]  \\\\\"",
                " filter=name == \"\xc3\xa4\"", " filter='loglevel=x' == name", large,
        };

        return g_strconcat(levels[g_test_rand_int_range(0, G_N_ELEMENTS(levels))],
                           excludes[g_test_rand_int_range(0, G_N_ELEMENTS(excludes))],
                           filters[g_test_rand_int_range(0, G_N_ELEMENTS(filters))], NULL);
}

/* A session as a client makes it by hand, of everything that there is. */
static struct session *random_session(struct model *m, const char *name) {
        static const char *const contexts[] = {
                "vpid", "vtid", "procname", "ip", "pid", "tid", "uid", "gid", "cgroup",
        };
        struct session_config config = { .name = name, .owner = OWNER, .mode = g_test_rand_int_range(0, 2) };
        struct failure failure;
        struct channel *channel;
        struct session *s;

        g_assert_cmpint(g_test_rand_bit() ? session_output_directory(&config.output, "/srv/a b/c;d", &failure)
                                          : session_output_state(&config.output, name, 1, false, &failure), ==, 0);
        g_assert_cmpint(manager_create_session(m->manager, &config, &s, &failure), ==, 0);
        for (int i = g_test_rand_int_range(0, 5); i > 0; i--) {
                g_autofree char *channel_name = g_strdup_printf("c%i", i);
                const struct channel_options options = {
                        .subbuf_size = UINT64_C(4096) << g_test_rand_int_range(0, 4),
                        .n_subbufs = (uint32_t) g_test_rand_int_range(2, 9),
                        .mode = g_test_rand_bit() ? NULL : g_test_rand_bit() ? "discard" : "overwrite",
                        .ordered_clock = g_test_rand_bit(),
                };

                g_assert_cmpint(session_enable_channel(s, channel_name, &options, &channel, &failure), ==, 0);
                for (int k = g_test_rand_int_range(0, 3); k > 0; k--)
                        g_assert_cmpint(session_add_context(s, channel_name, contexts[g_test_rand_int_range(0, 9)],
                                                            &failure), ==, 0);
                for (int k = g_test_rand_int_range(0, 6); k > 0; k--) {
                        g_autofree char *more = random_options(), *text = NULL;
                        struct rule *rule;

                        text = g_strdup_printf("p%i:e%i*%s", i, k / 2, more);
                        rule = enable(s, channel_name, text);
                        if (g_test_rand_bit())
                                g_assert_cmpint(session_disable_event(s, rule, &failure), ==, 0);
                }
                if (g_test_rand_bit())
                        g_assert_cmpint(session_disable_channel(s, false, channel_name, &failure), ==, 0);
        }
        return s;
}

static char *dump(const struct session *s) {
        struct failure failure;
        struct profile *p;
        char *text;

        g_assert_cmpint(profile_of_session(s, &p, &failure), ==, 0);
        if (profile_format(p, &text, &failure) < 0)
                g_error("%s", failure.text);
        profile_free(p);
        return text;
}

static void test_dump(void) {
        struct model m;

        model_init(&m);
        for (int i = 0; i < 200; i++) {
                struct session *s = random_session(&m, "one"), *copy = NULL;
                char *text = dump(s), *again;

                assert_apply(&m, text, "");
                /* And without it, it makes the same one. */
                manager_remove_session(m.manager, s);
                g_free(apply(&m, text, false, &copy));
                again = dump(copy);
                g_assert_cmpstr(again, ==, text);
                manager_remove_session(m.manager, copy);
                free(again);
                free(text);
        }
        model_done(&m);
}

/* What a line of a profile cannot say is refused, not written wrong. */
static void test_dump_refused(void) {
        static const char *const directories[] = { "/a ;b", "/a ", "/a\tb" };
        g_autofree char *pattern = g_strnfill(200, 'p'), *event = g_strconcat(pattern, ":x", NULL);
        struct failure failure;
        struct model m;

        model_init(&m);
        for (size_t i = 0; i <= G_N_ELEMENTS(directories); i++) {
                bool is_event = i == G_N_ELEMENTS(directories);
                struct session_config config = { .name = "s", .owner = OWNER };
                struct profile *p;
                struct session *s;
                char *text;

                g_assert_cmpint(session_output_directory(&config.output, is_event ? "/a" : directories[i], &failure),
                                ==, 0);
                g_assert_cmpint(manager_create_session(m.manager, &config, &s, &failure), ==, 0);
                if (is_event)
                        enable(s, "", event);
                g_assert_cmpint(profile_of_session(s, &p, &failure), ==, 0);
                g_assert_cmpint(profile_format(p, &text, &failure), <, 0);
                profile_free(p);
                manager_remove_session(m.manager, s);
        }
        model_done(&m);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/profile/parse", test_parse);
        g_test_add_func("/profile/kernel", test_kernel);
        g_test_add_func("/profile/resets", test_resets);
        g_test_add_func("/profile/refusals", test_refusals);
        g_test_add_func("/profile/no-name", test_no_name);
        g_test_add_func("/profile/apply", test_apply);
        g_test_add_func("/profile/state-outputs", test_state_outputs);
        g_test_add_func("/profile/nothing-half-done", test_nothing_half_done);
        g_test_add_func("/profile/dump", test_dump);
        g_test_add_func("/profile/dump-refused", test_dump_refused);
        return g_test_run();
}
