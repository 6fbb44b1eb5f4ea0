/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/tracectl/profile-file.h"
#include "client/tracectl/say.h"
#include "common/cleanup.h"
#include "common/parse.h"

/* A message to the bus is no place for more, and no profile has it. */
#define PROFILE_SIZE_MAX (256 * 1024)

/* 0, -E2BIG, -EBADMSG where it is no text, -ENODATA where it is empty, or -errno. */
static int read_text(int fd, char **ret) {
        _cleanup_free_ char *text = malloc(PROFILE_SIZE_MAX + 1);
        size_t size = 0;
        ssize_t n;

        if (!text)
                return -ENOMEM;
        do {
                n = read(fd, text + size, PROFILE_SIZE_MAX + 1 - size);
                if (n < 0 && errno != EINTR)
                        return -errno;
                size += n > 0 ? (size_t) n : 0;
                if (size > PROFILE_SIZE_MAX)
                        return -E2BIG;
        } while (n != 0);
        /* To the service, an empty text is a profile that it has to find itself. */
        if (size == 0)
                return -ENODATA;
        text[size] = '\0';
        if (strlen(text) != size)
                return -EBADMSG;
        *ret = TAKE_PTR(text);
        return 0;
}

static int find_name(const char *path, char **ret) {
        const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
        size_t n = strlen(base);
        char *name;

        name = strndup(base, n > 5 && strcmp(base + n - 5, ".conf") == 0 ? n - 5 : n);
        if (!name)
                return -ENOMEM;
        if (!name_is_valid(name)) {
                free(name);
                name = NULL;
        }
        *ret = name;
        return 0;
}

static int refuse(const char *path, int r) {
        if (r == -E2BIG)
                say("Profile '%s' has more than %i KiB, which no profile has. Look at the file.", path,
                    PROFILE_SIZE_MAX / 1024);
        else if (r == -EBADMSG)
                say("Profile '%s' is no text. Look at the file.", path);
        else if (r == -ENODATA)
                say("Profile '%s' is empty. Look at the file.", path);
        else if (r == -ENOENT)
                say("Profile '%s' does not exist. For an installed one: tracectl apply --profile NAME", path);
        else
                say("Failed to read the profile '%s': %s.", path, strerror(-r));
        return EXIT_FAILURE;
}

int profile_file_read(const char *path, char **ret_text, char **ret_name) {
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int fd = -1;
        int r;

        if (strcmp(path, "-") == 0)
                fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
        else
                fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        r = fd < 0 ? -errno : read_text(fd, &text);
        if (r >= 0)
                r = find_name(path, ret_name);
        if (r < 0)
                return refuse(path, r);
        *ret_text = TAKE_PTR(text);
        return 0;
}
