/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Files of configuration, as systemd looks for units: the first NAME.conf of
 * some directories, then every NAME.conf.d/ *.conf of all of them in the order of
 * the files' names, of one name the first. An empty file, or a link to /dev/null,
 * hides those of its name that come after it. A plain value of its user.
 */

#include <stddef.h>

#define CONFIG_PLACES_MAX 4

struct config_drop_in {
        char *name, *path;
};

struct config_files {
        char *places[CONFIG_PLACES_MAX];
        size_t n_places;
        struct config_drop_in *drop_ins; /* in the order in which they are read */
        size_t n_drop_ins;
};

/* The next directory: root, base, "/tracectl", folder. base NULL, or relative: none. */
int config_files_add_place(struct config_files *f, const char *root, const char *base, const char *folder);

/* Those of the system, by their precedence. */
int config_files_add_system(struct config_files *f, const char *root, const char *folder);

/* When all directories are there: finds the drop-ins of name. */
int config_files_find(struct config_files *f, const char *name);
void config_files_done(struct config_files *f);

/*
 * The text of a file, which the caller frees; "" for one that hides others.
 * -ENOENT: there is none. -ENOMEM. -EINVAL: *ret_why says why it cannot be read.
 */
int config_file_read(const char *path, size_t size_max, char **ret, const char **ret_why);
