/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "service/journal.h"
#include "service/model/text.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

#define RECORD_MAX 8192

int journal_open(struct journal *j, const char *path) {
        *j = (struct journal) { .fd = -1, .address = { .sun_family = AF_UNIX } };
        if (!path)
                path = JOURNAL_SOCKET;
        if (strlen(path) >= sizeof(j->address.sun_path))
                return -ENAMETOOLONG;
        strcpy(j->address.sun_path, path);
        j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        return j->fd < 0 ? -errno : 0;
}

void journal_close(struct journal *j) {
        closep(&j->fd);
        j->fd = -1;
}

/* Without a newline in it a value needs no length: NAME=VALUE, and a newline. */
static int append(char record[RECORD_MAX], size_t *size, const struct journal_field *field) {
        size_t room = RECORD_MAX - *size;
        int n;

        n = snprintf(record + *size, room, "%s=", field->name);
        if (n < 0 || (size_t) n + 2 > room)
                return -EMSGSIZE;
        *size += (size_t) n;
        text_escape(field->value, record + *size, RECORD_MAX - *size - 1);
        *size += strlen(record + *size);
        record[(*size)++] = '\n';
        return 0;
}

int journal_send(struct journal *j, const struct journal_field *fields, size_t n) {
        char record[RECORD_MAX];
        size_t size = 0;
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                if (fields[i].value)
                        r = append(record, &size, &fields[i]);
        if (r < 0)
                return r;
        if (sendto(j->fd, record, size, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *) &j->address,
                   sizeof(j->address)) < 0)
                return -errno;
        return 0;
}
