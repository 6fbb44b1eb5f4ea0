/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "service/bus/inquiry.h"

static void answer_freep(struct answer **a) {
        if (!*a)
                return;
        for (size_t i = 0; i < ARRAY_SIZE((*a)->strings); i++)
                free((*a)->strings[i]);
        free(*a);
}

int inquiry_new(sd_bus_message *m, uid_t caller, const struct caller_process *process, void *userdata,
                struct inquiry **ret) {
        struct inquiry *i;

        i = malloc(sizeof(*i));
        if (!i)
                return -ENOMEM;
        *i = (struct inquiry) {
                .userdata = userdata,
                .message = sd_bus_message_ref(m),
                .caller = caller,
                .process = *process,
                .state = INQUIRY_RUNNING,
        };
        *ret = i;
        return 0;
}

struct inquiry *inquiry_free(struct inquiry *i) {
        if (!i)
                return NULL;
        polkit_check_free(i->check);
        while (i->answers) {
                _cleanup_(answer_freep) struct answer *a = i->answers;

                i->answers = a->next;
        }
        sd_bus_message_unref(i->message);
        free(i);
        return NULL;
}

int inquiry_add(struct inquiry *i, const struct question *question) {
        const char *const strings[] = { question->session, question->domain, question->pattern,
                                        question->target_unit };
        _cleanup_(answer_freep) struct answer *a = NULL;

        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        for (size_t k = 0; k < ARRAY_SIZE(strings); k++)
                if (strings[k] && !(a->strings[k] = strdup(strings[k])))
                        return -ENOMEM;
        a->question = *question;
        a->question.session = a->strings[0];
        a->question.domain = a->strings[1];
        a->question.pattern = a->strings[2];
        a->question.target_unit = a->strings[3];
        a->next = i->answers;
        i->answers = TAKE_PTR(a);
        return 0;
}

static bool covers(const char *told, const char *wanted) {
        return !wanted || (told && strcmp(told, wanted) == 0);
}

const struct answer *inquiry_find(const struct inquiry *i, const struct question *question) {
        for (const struct answer *a = i->answers; a; a = a->next)
                if (a->question.action == question->action && a->question.owner == question->owner &&
                    a->question.quiet == question->quiet && covers(a->question.session, question->session) &&
                    covers(a->question.domain, question->domain) && covers(a->question.pattern, question->pattern) &&
                    covers(a->question.target_unit, question->target_unit))
                        return a;
        return NULL;
}
