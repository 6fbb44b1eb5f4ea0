/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/tracectl/record-output.h"
#include "client/tracectl/say.h"
#include "common/cleanup.h"
#include "common/parse.h"

#define NAME_LENGTH_MAX 40
#define ATTEMPTS_MAX 1000

int record_name_from_command(const char *command, char **ret) {
        const char *slash = strrchr(command, '/');
        const char *base = slash && slash[1] ? slash + 1 : command;
        _cleanup_free_ char *name = NULL;

        name = strndup(base, NAME_LENGTH_MAX);
        if (!name)
                return -ENOMEM;
        for (char *p = name; *p; p++) {
                char one[] = { 'x', *p, '\0' };

                if (!name_is_valid(one))
                        *p = '_';
        }
        if (name[0] == '.' || name[0] == '-')
                name[0] = '_';
        *ret = TAKE_PTR(name);
        return 0;
}

static int refuse(const char *path, int r) {
        switch (-r) {
        case EEXIST:
                say("Output directory '%s' exists already. Give another name with -o, or remove it.", path);
                break;
        case ENOENT:
                say("Output directory '%s' cannot be created: the directory that it would be in does not exist.",
                    path);
                break;
        case EACCES:
        case EPERM:
        case EROFS:
                say("Output directory '%s' cannot be created: %s. Give a place that you can write to with -o.", path,
                    strerror(-r));
                break;
        default:
                say("Output directory '%s' cannot be created: %s.", path, strerror(-r));
        }
        return r;
}

/* Takes path when the directory has been created. */
static int create(char **path, struct record_output *ret) {
        _cleanup_close_ int fd = -1;
        int r;

        if (mkdir(*path, 0700) < 0)
                return -errno;
        fd = open(*path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
                r = -errno;
                (void) rmdir(*path);
                return r;
        }
        *ret = (struct record_output) { .path = TAKE_PTR(*path), .fd = TAKE_FD(fd) };
        return 0;
}

static int create_named(const char *path, struct record_output *ret) {
        _cleanup_free_ char *copy = strdup(path);
        size_t length;
        int r;

        if (!copy)
                return -ENOMEM;
        length = strlen(copy);
        while (length > 1 && copy[length - 1] == '/')
                copy[--length] = '\0';
        r = create(&copy, ret);
        return r < 0 ? refuse(path, r) : 0;
}

static int create_default(const char *command, time_t now, struct record_output *ret) {
        _cleanup_free_ char *name = NULL;
        char stamp[32];
        struct tm tm;
        int r;

        r = record_name_from_command(command, &name);
        if (r < 0)
                return r;
        if (!localtime_r(&now, &tm) || strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm) == 0)
                return -EOVERFLOW;

        for (unsigned i = 1;; i++) {
                _cleanup_free_ char *path = NULL;

                if ((i == 1 ? asprintf(&path, "%s-%s", name, stamp) : asprintf(&path, "%s-%s-%u", name, stamp, i)) < 0)
                        return -ENOMEM;
                r = create(&path, ret);
                if (r >= 0)
                        return 0;
                if (r != -EEXIST || i == ATTEMPTS_MAX)
                        return refuse(path, r);
        }
}

int record_output_create(const char *path, const char *command, time_t now, struct record_output *ret) {
        return path ? create_named(path, ret) : create_default(command, now, ret);
}

int record_output_remove_empty(struct record_output *output) {
        return output->path && rmdir(output->path) >= 0;
}

void record_output_done(struct record_output *output) {
        if (output->fd >= 0)
                close(output->fd);
        free(output->path);
        *output = (struct record_output) RECORD_OUTPUT_NULL;
}
