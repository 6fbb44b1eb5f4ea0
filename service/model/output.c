/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "service/model/output.h"
#include "service/model/text.h"

static char *escaped(const char *path) {
        char text[CONSUMER_PATH_MAX];

        text_escape(path, text, sizeof(text));
        return strdup(text);
}

static char *fd_path(int fd) {
        char link[64], path[CONSUMER_PATH_MAX];
        ssize_t n;

        snprintf(link, sizeof(link), "/proc/self/fd/%i", fd);
        n = readlink(link, path, sizeof(path) - 1);
        if (n < 0)
                return strdup("");
        path[n] = '\0';
        return escaped(path);
}

int session_output_fd(struct session_output *ret, const char *session, int fd, struct failure *failure) {
        struct stat st;
        char *path;

        if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
                return fail(failure, FAILURE_OUTPUT, "The output of session '%.64s' is not a directory; pass one.",
                            session);
        path = fd_path(fd);
        if (!path)
                return fail_memory(failure);
        *ret = (struct session_output) { .kind = CONSUMER_OUTPUT_FD, .fd = fd, .path = path };
        return 0;
}

int session_output_check(const struct session_output *o, const char *session, struct failure *failure) {
        if (o->sync_msec == 0)
                return 0;
        if (!o->has_rings)
                return fail(failure, FAILURE_INVALID_OPTION, "Session '%.64s' is to be synced to the disk, which is for "
                            "sessions whose rings are files; make it with 'tracectl create --persistent'.", session);
        if (o->sync_msec < CONSUMER_SYNC_MSEC_MIN || o->sync_msec > CONSUMER_SYNC_MSEC_MAX)
                return fail(failure, FAILURE_INVALID_OPTION, "The sync interval of session '%.64s' is %u ms; it can be "
                            "%i ms to %i h.", session, o->sync_msec, CONSUMER_SYNC_MSEC_MIN,
                            CONSUMER_SYNC_MSEC_MAX / 3600000);
        return 0;
}

int session_output_restore(struct session_output *ret, enum consumer_output_kind kind, int fd, uint64_t stored,
                           const char *path, const char *asked, const char *folder) {
        struct session_output o = { .kind = kind, .fd = -1, .stored = stored, .path = strdup(path) };

        if (kind != CONSUMER_OUTPUT_FD)
                o.asked = strdup(asked);
        if (*folder)
                o.folder = strdup(folder);
        if (!o.path || (kind != CONSUMER_OUTPUT_FD && !o.asked) || (*folder && !o.folder)) {
                session_output_done(&o);
                return -ENOMEM;
        }
        o.fd = fd;
        *ret = o;
        return 0;
}

static bool has_dots(const char *path) {
        for (const char *p = path; (p = strstr(p, "/..")); p++)
                if (p[3] == '/' || p[3] == '\0')
                        return true;
        return false;
}

int session_output_directory(struct session_output *ret, const char *path, struct failure *failure) {
        _cleanup_free_ char *shown = NULL, *asked = NULL;

        if (path[0] != '/')
                return fail(failure, FAILURE_OUTPUT, "The directory '%.200s' is not an absolute path; write it from "
                            "the root.", path);
        if (strlen(path) >= CONSUMER_PATH_MAX || has_dots(path))
                return fail(failure, FAILURE_OUTPUT, "The directory '%.200s' is too long or has '..' in it; write the "
                            "path that it stands for.", path);
        asked = strdup(path);
        shown = escaped(path);
        if (!asked || !shown)
                return fail_memory(failure);
        *ret = (struct session_output) {
                .kind = CONSUMER_OUTPUT_DIRECTORY,
                .fd = -1,
                .path = TAKE_PTR(shown),
                .asked = TAKE_PTR(asked),
        };
        return 0;
}

static int dated_name(const char *session, uint64_t created, bool taken, char **ret, struct failure *failure) {
        time_t seconds = (time_t) (created / 1000000);
        char text[32], suffix[16] = "";
        struct tm tm;

        if (!localtime_r(&seconds, &tm) || strftime(text, sizeof(text), "%Y%m%d-%H%M%S", &tm) == 0)
                return fail(failure, FAILURE_INTERNAL, "The time makes no sense; set the clock.");
        if (taken)
                snprintf(suffix, sizeof(suffix), "-%06u", (unsigned) (created % 1000000));
        if (asprintf(ret, "%s-%s%s", session, text, suffix) < 0)
                return fail_memory(failure);
        return 0;
}

int session_output_in_folder(struct session_output *ret, const char *folder, const char *session, uint64_t created,
                             bool taken, struct failure *failure) {
        _cleanup_free_ char *name = NULL, *path = NULL, *copy = NULL;
        int r;

        r = dated_name(session, created, taken, &name, failure);
        if (r < 0)
                return r;
        copy = strdup(folder);
        if (!copy || asprintf(&path, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name) < 0) {
                path = NULL;
                return fail_memory(failure);
        }
        r = session_output_directory(ret, path, failure);
        if (r >= 0)
                ret->folder = TAKE_PTR(copy);
        return r;
}

int session_output_state(struct session_output *ret, const char *session, uint64_t created, bool taken,
                         struct failure *failure) {
        _cleanup_free_ char *name = NULL, *path = NULL;
        int r;

        r = dated_name(session, created, taken, &name, failure);
        if (r < 0)
                return r;
        path = strdup("");
        if (!path)
                return fail_memory(failure);
        *ret = (struct session_output) {
                .kind = CONSUMER_OUTPUT_STATE,
                .fd = -1,
                .path = TAKE_PTR(path),
                .asked = TAKE_PTR(name),
        };
        return 0;
}

void session_output_done(struct session_output *output) {
        closep(&output->fd);
        free(output->path);
        free(output->asked);
        free(output->folder);
        *output = SESSION_OUTPUT_NULL;
}

const char *session_output_asked(const struct session_output *output) {
        if (output->kind != CONSUMER_OUTPUT_DIRECTORY)
                return NULL;
        return output->folder ? output->folder : output->asked;
}

void session_output_message(const struct session_output *output, struct consumer_output *ret) {
        *ret = (struct consumer_output) {
                .header = { .type = CONSUMER_OUTPUT, .size = sizeof(*ret) },
                .kind = output->kind,
                .flags = (output->has_rings ? CONSUMER_FILES : 0) | (output->folder ? CONSUMER_FOLDER : 0),
        };
        if (output->kind != CONSUMER_OUTPUT_FD)
                strncpy(ret->path, output->asked, sizeof(ret->path) - 1);
}

bool session_output_opened(struct session_output *output, const char *path) {
        char *shown;

        if (output->kind == CONSUMER_OUTPUT_FD || *path == '\0')
                return false;
        shown = escaped(path);
        if (!shown || strcmp(shown, output->path) == 0) {
                free(shown);
                return false;
        }
        free(output->path);
        output->path = shown;
        return true;
}
