/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client/tracectl/known-names.h"
#include "client/tracectl/say.h"
#include "client/tracectl/view-names.h"

static void list(const void *from, known_names_function function, void *userdata) {
        tracectl_reader_list_names(from, function, userdata);
}

static struct known_names names_of(const tracectl_reader *reader) {
        return (struct known_names) { .list = list, .from = reader };
}

static void check_glob(const tracectl_reader *reader, const char *glob) {
        struct known_names known = names_of(reader);
        struct known_answer answer;

        known_names_find_event(&known, glob, &answer);
        if (answer.is_known)
                return;
        if (*answer.meant)
                say("This recording has no event '%s'. Did you mean '%s'?", glob, answer.meant);
        else
                say("This recording has no event '%s'. Those that it has: tracectl summary", glob);
}

void view_names_check_field(const char *field, const tracectl_reader *reader, const char *const others[]) {
        struct known_names known = names_of(reader);
        struct known_answer answer;

        known_names_find_field(&known, "*", field, others, &answer);
        if (answer.is_known)
                return;
        if (*answer.meant)
                say("No event of this recording has a field '%s'. Did you mean '%s'?", field, answer.meant);
        else
                say("No event of this recording has a field '%s'.", field);
}

static void check_field(const char *field, void *userdata) {
        view_names_check_field(field, userdata, NULL);
}

void view_names_check(const struct view_select *select, tracectl_reader *reader) {
        for (size_t i = 0; i < select->n_globs; i++)
                check_glob(reader, select->globs[i]);
        if (select->filter)
                known_names_of_filter(select->filter, check_field, reader);
}
