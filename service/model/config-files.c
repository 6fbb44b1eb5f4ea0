/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "service/model/config-files.h"

void config_files_done(struct config_files *f) {
        for (size_t i = 0; i < f->n_places; i++)
                free(f->places[i]);
        for (size_t i = 0; i < f->n_drop_ins; i++) {
                free(f->drop_ins[i].name);
                free(f->drop_ins[i].path);
        }
        free(f->drop_ins);
}

int config_files_add_place(struct config_files *f, const char *root, const char *base, const char *folder) {
        if (!base || *base != '/')
                return 0;
        if (asprintf(&f->places[f->n_places], "%s%s/tracectl%s", root, base, folder) < 0)
                return -ENOMEM;
        f->n_places++;
        return 0;
}

int config_files_add_system(struct config_files *f, const char *root, const char *folder) {
        static const char *const bases[] = { "/etc", "/run", "/usr/local/lib", "/usr/lib" };
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(bases) && r >= 0; i++)
                r = config_files_add_place(f, root, bases[i], folder);
        return r;
}

static int unreadable(const char *why, const char **ret_why) {
        *ret_why = why;
        return -EINVAL;
}

int config_file_read(const char *path, size_t size_max, char **ret, const char **ret_why) {
        _cleanup_fclose_ FILE *f = NULL;
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t n;
        int fd;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return errno == ENOENT ? -ENOENT : unreadable(strerror(errno), ret_why);
        f = fdopen(fd, "r");
        if (!f) {
                close(fd);
                return -ENOMEM;
        }
        if (fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)))
                return unreadable("it is no file", ret_why);
        if (st.st_size > (off_t) size_max)
                return unreadable("it is too long", ret_why);
        text = malloc((size_t) st.st_size + 1);
        if (!text)
                return -ENOMEM;
        n = S_ISREG(st.st_mode) ? fread(text, 1, (size_t) st.st_size, f) : 0;
        if (ferror(f))
                return unreadable("it has no text that can be read", ret_why);
        text[n] = '\0';
        if (strlen(text) != n)
                return unreadable("it has a NUL byte", ret_why);
        *ret = TAKE_PTR(text);
        return 0;
}

static int add_drop_in(struct config_files *f, const char *folder, const char *name) {
        size_t length = strlen(name);
        struct config_drop_in *list, d;

        if (*name == '.' || length <= 5 || strcmp(name + length - 5, ".conf") != 0)
                return 0;
        for (size_t i = 0; i < f->n_drop_ins; i++)
                if (strcmp(f->drop_ins[i].name, name) == 0)
                        return 0;
        list = realloc(f->drop_ins, (f->n_drop_ins + 1) * sizeof(*list));
        if (!list)
                return -ENOMEM;
        f->drop_ins = list;
        d.name = strdup(name);
        if (!d.name || asprintf(&d.path, "%s/%s", folder, name) < 0) {
                free(d.name);
                return -ENOMEM;
        }
        list[f->n_drop_ins++] = d;
        return 0;
}

static int find_below(struct config_files *f, const char *place, const char *name) {
        _cleanup_free_ char *folder = NULL;
        struct dirent *entry;
        DIR *dir;
        int r = 0;

        if (asprintf(&folder, "%s/%s.conf.d", place, name) < 0)
                return -ENOMEM;
        dir = opendir(folder);
        if (!dir)
                return 0;
        while (r >= 0 && (entry = readdir(dir)))
                r = add_drop_in(f, folder, entry->d_name);
        closedir(dir);
        return r;
}

static int compare(const void *a, const void *b) {
        return strcmp(((const struct config_drop_in *) a)->name, ((const struct config_drop_in *) b)->name);
}

int config_files_find(struct config_files *f, const char *name) {
        int r = 0;

        for (size_t i = 0; i < f->n_places && r >= 0; i++)
                r = find_below(f, f->places[i], name);
        if (f->n_drop_ins > 0)
                qsort(f->drop_ins, f->n_drop_ins, sizeof(*f->drop_ins), compare);
        return r;
}
