/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An input is a profile. One that is accepted is written as a text that says the same.
 */

#undef NDEBUG

#include <string.h>

#include "service/domain/user.h"
#include "service/model/profile.h"
#include "tests/fuzz/fuzz.h"

static struct profile *parse(const char *text) {
        _cleanup_(profile_freep) struct profile *p = NULL;
        struct failure failure = { 0 };

        g_assert_cmpint(profile_new("shop", &p), ==, 0);
        if (profile_parse(p, text, "Profile 'shop'", &failure) >= 0 && profile_check(p, &failure) >= 0)
                return TAKE_PTR(p);
        g_assert_cmpuint(strlen(failure.text), >, 0);
        g_assert_true(g_utf8_validate(failure.text, -1, NULL));
        return NULL;
}

/* Where it is what no profile can say, that is said. */
static void check_text(struct profile *p, const struct user_domain *domain) {
        _cleanup_(profile_changes_freep) struct profile_change *changes = NULL;
        _cleanup_(profile_freep) struct profile *again = NULL;
        _cleanup_free_ char *text = NULL;
        struct failure failure;

        if (profile_resolve(p, domain, &failure) < 0 || profile_format(p, &text, &failure) < 0)
                return;
        again = parse(text);
        g_assert_nonnull(again);
        g_assert_cmpint(profile_resolve(again, domain, &failure), ==, 0);
        g_assert_cmpint(profile_diff(p, again, &changes), ==, 0);
        g_assert_null(changes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        g_autofree char *text = g_strndup((const char *) data, size);
        _cleanup_(profile_freep) struct profile *p = parse(text);
        static struct user_domain *domain;

        if (!domain)
                g_assert_cmpint(user_domain_new(&domain), ==, 0);
        if (p)
                check_text(p, domain);
        return 0;
}

void fuzz_seeds(fuzz_add add) {
        static const char *const seeds[] = {
                "# what a shop does\n[Session]\nName=x\nMode=flight-recorder\r\nDirectory = /srv/trace\nStart=yes ; now\n"
                "X-Colour=red\n\n  # indented\n[X-Other]\nanything=1\n[Channel a]\nDomain=user\nSubBufferSize=64K\n"
                "SubBufferCount=4\nMode=discard\nOrderedClock=yes\nEnabled=no\nContext=vpid\n"
                "Context=app:shop:queue\nEvent=shop:*\nDisabledEvent=x:y\n",
                "[Channel b]\nEvent = a:b  filter=x == \" ; y\"\nDisabledEvent=a:b exclude=a:c loglevel>=info \r\n"
                "Event=c:d executable=/usr/bin/till\nEvent=e:* unit=till.service\nContext=\nMode=overwrite\nEvent=\n"
                "[Channel empty]\n[Session]\nMode=record\nDirectory=\nStart=off\n",
        };

        for (unsigned i = 0; i < G_N_ELEMENTS(seeds); i++)
                add(seeds[i], strlen(seeds[i]));
}
