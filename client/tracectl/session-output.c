/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/tracectl/say.h"
#include "client/tracectl/session-output.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

/* 0, -ENOTEMPTY, or -errno. */
static int check_empty(const char *path) {
        _cleanup_(closedirp) DIR *d = opendir(path);
        const struct dirent *entry;

        if (!d)
                return -errno;
        while ((entry = readdir(d)))
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        return -ENOTEMPTY;
        return 0;
}

static int refuse(const char *path, int r) {
        switch (-r) {
        case ENOTEMPTY:
                say("Output directory '%s' is not empty. Give another one with -o, or empty it.", path);
                break;
        case ENOENT:
                say("Output directory '%s' cannot be created: the directory that it would be in does not exist.",
                    path);
                break;
        case ENOTDIR:
                say("Output directory '%s' cannot be opened: it is no directory, or it is in none.", path);
                break;
        default:
                say("Output directory '%s' cannot be opened: %s. Give a place that you can write to with -o.", path,
                    strerror(-r));
        }
        return EXIT_FAILURE;
}

int session_output_open(struct session_output *output, const char *path, bool may_have_files) {
        bool is_new;
        int r;

        if (!*path) {
                say("The output directory's name is empty. Write -o DIR, or leave -o away.");
                return EXIT_USAGE;
        }
        is_new = mkdir(path, 0700) >= 0;
        if (!is_new && errno != EEXIST)
                return refuse(path, -errno);
        output->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (output->fd < 0)
                return refuse(path, -errno);
        if (is_new)
                output->path = path;
        else if (!may_have_files) {
                r = check_empty(path);
                if (r < 0)
                        return refuse(path, r);
        }
        return 0;
}

void session_output_abandon(struct session_output *output) {
        if (output->path)
                (void) rmdir(output->path);
}

void session_output_done(struct session_output *output) {
        if (output->fd >= 0)
                close(output->fd);
}
