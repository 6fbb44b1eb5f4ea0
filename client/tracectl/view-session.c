/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/tracectl/command.h"
#include "client/tracectl/nearest.h"
#include "client/tracectl/say.h"
#include "client/tracectl/view-session.h"
#include "common/cleanup.h"
#include "common/parse.h"

DEFINE_CLEANUP(DIR *, closedir)
DEFINE_CLEANUP(tracectl_value *, tracectl_value_free)

bool view_may_be_session(const char *text) {
        const char *slash = strchr(text, '/');

        return slash ? slash > text && name_is_valid(slash + 1) : name_is_valid(text);
}

/* The directory here whose name is nearest, as a question; NULL where none is near. */
static char *ask_for_directory(const char *name) {
        _cleanup_(closedirp) DIR *dir = opendir(".");
        struct nearest nearest = NEAREST_INIT(name);
        char *question = NULL, best[NEAREST_MAX + 1];
        struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
                struct stat st;

                if (entry->d_name[0] == '.' || strlen(entry->d_name) > NEAREST_MAX ||
                    fstatat(dirfd(dir), entry->d_name, &st, 0) < 0 || !S_ISDIR(st.st_mode))
                        continue;
                nearest_offer(&nearest, entry->d_name);
                if (nearest.best == entry->d_name) {
                        strcpy(best, entry->d_name);
                        nearest.best = best;
                }
        }
        if (nearest.best && asprintf(&question, " Did you mean the directory '%s'?", nearest.best) < 0)
                return NULL;
        return question;
}

int view_find_session(bool is_user, const char *session, char **ret) {
        _cleanup_free_ char *question = session ? ask_for_directory(session) : NULL, *hint = NULL;
        _cleanup_(command_free) struct command command = {
                .verb = "view",
                .is_user = is_user,
                .hint = question,
                .no_directory = session,
        };
        _cleanup_(tracectl_value_freep) tracectl_value *info = NULL;
        const char *output;
        int status, r;

        status = command_connect(&command);
        if (status != 0)
                return status;
        if (session && asprintf(&hint, " There is no such directory either.%s", question ? question : "") < 0)
                hint = NULL;
        command.hint = hint;
        status = command_open_session(&command, session);
        if (status != 0)
                return status;
        command.hint = NULL;
        r = tracectl_session_get_info(command.session, &info);
        if (r < 0)
                return command_fail(&command, "ask where the trace is", r);
        output = tracectl_value_get_string(tracectl_value_lookup(info, "output"));
        if (!*output) {
                say("Session '%s' has recorded nothing yet. See: tracectl start", command.session_name);
                return EXIT_FAILURE;
        }
        *ret = strdup(output);
        return *ret ? 0 : command_out_of_memory();
}
