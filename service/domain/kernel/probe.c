/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#include "service/domain/kernel/filter.h"
#include "service/domain/kernel/probe.h"
#include "service/domain/kernel/tracefs.h"

static const char *const files[] = { "uprobe_events", "kprobe_events" };

/* The text of each file, or NULL where the kernel has none of that kind. */
struct existing {
        char *texts[ARRAY_SIZE(files)];
};

static void existing_done(struct existing *e) {
        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                free(e->texts[i]);
}

static void existing_read(int tracefs, struct existing *ret) {
        size_t size;

        *ret = (struct existing) { 0 };
        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                (void) tracefs_read(tracefs, files[i], &ret->texts[i], &size);
}

/* "p:GROUP/EVENT WHERE": cuts both out of the line at *at, which moves behind it. false at the end. */
static bool next_probe(char **at, const char **ret_group, const char **ret_event) {
        char *line;

        while (*at && (line = strsep(at, "\n")) && (*line || *at)) {
                char *group = strchr(line, ':'), *slash = group ? strchr(group, '/') : NULL;

                if (!slash)
                        continue;
                *slash = '\0';
                slash[1 + strcspn(slash + 1, " ")] = '\0';
                *ret_group = group + 1;
                *ret_event = slash + 1;
                return true;
        }
        return false;
}

struct count {
        size_t of_group, of_rule;
};

static struct count count(int tracefs, const char *group, const struct selector *s) {
        _cleanup_(existing_done) struct existing existing;
        struct count n = { 0 };
        struct kernel_event e;

        existing_read(tracefs, &existing);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                for (char *at = existing.texts[i]; next_probe(&at, &e.system, &e.name);) {
                        n.of_group += strcmp(e.system, group) == 0;
                        n.of_rule += kernel_probe_selected(&e, group, s);
                }
        return n;
}

static int fail_write(int tracefs, const struct probe_lines *lines, const struct selector *s, int error,
                      struct failure *failure) {
        bool of_program = s->probe.path != NULL;
        _cleanup_free_ char *log = NULL;
        char said[160] = "";
        size_t size;

        if (error == -ENOENT && faccessat(tracefs, lines->file, F_OK, 0) < 0)
                return fail(failure, FAILURE_KERNEL, "This kernel has no probes of %s: it is made without %s.",
                            of_program ? "programs" : "its own",
                            of_program ? "CONFIG_UPROBE_EVENTS" : "CONFIG_KPROBE_EVENTS");
        if (error == -EPERM || error == -EACCES || error == -EROFS)
                return fail(failure, FAILURE_KERNEL, "The probe '%.200s' cannot be set: tracefs does not allow it here "
                            "(%s: %s).", s->probe.text, lines->file, strerror(-error));
        if (tracefs_read(tracefs, "error_log", &log, &size) >= 0)
                kernel_filter_error(log, said, sizeof(said));
        return fail(failure, error == -ENOENT ? FAILURE_NO_SUCH_EVENT : FAILURE_KERNEL,
                    "The kernel refuses the probe '%.200s': %s%s%s.", s->probe.text, strerror(-error),
                    *said ? ", " : "", said);
}

static int remove_event(int tracefs, const char *file, const char *group, const char *event) {
        char text[2 * PROBE_WORD_MAX + 8];

        snprintf(text, sizeof(text), "-:%s/%s\n", group, event);
        return tracefs_write(tracefs, file, text);
}

static int write_lines(int tracefs, const char *group, const struct probe_lines *lines, const struct selector *s,
                       struct failure *failure) {
        int r = 0;

        for (size_t i = 0; i < lines->n; i++) {
                r = tracefs_write(tracefs, lines->file, lines->items[i].text);
                if (r >= 0)
                        continue;
                r = fail_write(tracefs, lines, s, r, failure);
                /* Places of the same event go at once; the later ones are not there any more. */
                while (i-- > 0)
                        (void) remove_event(tracefs, lines->file, group, lines->items[i].event);
                return r;
        }
        return 0;
}

int kernel_probes_set(int tracefs, const char *group, const struct selector *s, int file, struct failure *failure) {
        const struct count n = count(tracefs, group, s);
        struct probe_lines lines = { 0 };
        int r;

        if (n.of_rule > 0)
                return 0;
        r = kernel_probe_lines(s, group, file, &lines, failure);
        if (r >= 0 && n.of_group + lines.n > PROBES_PER_SESSION_MAX)
                r = fail(failure, FAILURE_LIMIT, "The session would have more than %i probes, which is the most that it "
                         "can have; destroy it, or use another session.", PROBES_PER_SESSION_MAX);
        if (r >= 0)
                r = write_lines(tracefs, group, &lines, s, failure);
        kernel_probe_lines_done(&lines);
        return r;
}

int kernel_probes_remove(int tracefs, bool (*is_wanted)(const char *group, void *userdata), void *userdata) {
        _cleanup_(existing_done) struct existing existing;
        const char *group, *event;
        int r = 0;

        existing_read(tracefs, &existing);
        for (size_t i = 0; i < ARRAY_SIZE(files); i++)
                for (char *at = existing.texts[i]; next_probe(&at, &group, &event);)
                        /* A second place of an event has gone with the first. */
                        if (is_wanted(group, userdata) &&
                            remove_event(tracefs, files[i], group, event) == -EBUSY)
                                r = -EBUSY;
        return r;
}

int kernel_probe_open(const struct selector *s) {
        int fd = open(s->probe.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        return fd < 0 ? -errno : fd;
}

int kernel_probe_check_file(const struct selector *s, int file, struct failure *failure) {
        int flags = fcntl(file, F_GETFL);
        struct statfs fs;

        if (flags < 0 || flags & O_PATH || (flags & O_ACCMODE) == O_WRONLY)
                return fail(failure, FAILURE_INVALID_OPTION, "The file that was passed for '%.200s' is not open for "
                            "reading; open it so, which shows that you may read it.", s->probe.text);
        if (fstatfs(file, &fs) < 0 || fs.f_type == FUSE_SUPER_MAGIC)
                return fail(failure, FAILURE_INVALID_OPTION, "'%.200s' is in a file system that a program makes (FUSE), "
                            "which could let the service wait for ever; copy it elsewhere.", s->probe.path);
        return 0;
}
