/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "common/parse.h"
#include "service/domain/kernel/internal.h"
#include "service/domain/kernel/sign.h"
#include "service/domain/kernel/tracefs.h"

#define ID_FILE "kernel-id"

static int read_id(int dir, char ret[static 17]) {
        _cleanup_free_ char *text = NULL;
        uint64_t id;
        size_t size;
        int r;

        r = tracefs_read(dir, ID_FILE, &text, &size);
        if (r < 0)
                return r;
        if (size != 16 || parse_hex64(text, &id) < 0)
                return -EBADMSG;
        memcpy(ret, text, 17);
        return 0;
}

static int make_id(int dir, char ret[static 17]) {
        _cleanup_close_ int fd = -1;
        uint64_t id;

        if (getrandom(&id, sizeof(id), 0) != sizeof(id))
                return -errno;
        snprintf(ret, 17, "%016" PRIx64, id);
        fd = openat(dir, ID_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        return write(fd, ret, 16) == 16 ? 0 : -EIO;
}

static int get_id(const char *directory, char ret[static 17]) {
        _cleanup_close_ int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (dir < 0)
                return -errno;
        return read_id(dir, ret) >= 0 ? 0 : make_id(dir, ret);
}

static void begin(struct kernel_domain *d, sd_event *event, const struct kernel_config *config) {
        int r;

        if (!config->run_directory || geteuid() != 0) {
                snprintf(d->reason, sizeof(d->reason), "only the system's tracing service can do that");
                return;
        }
        if (tracefs_open(config->tracefs ?: TRACEFS_ROOT, !config->tracefs, &d->tracefs, d->reason,
                         sizeof(d->reason)) < 0)
                return;
        r = get_id(config->run_directory, d->id);
        if (r >= 0)
                d->sign = sign_new(d->tracefs, d->id);
        if (r >= 0)
                r = formats_new(&d->formats);
        if (r >= 0)
                r = worker_new(event, &d->worker);
        if (r >= 0)
                r = spare_instance_new(event, d->worker, d->tracefs, SPARE_INSTANCE_USEC, &d->spare);
        if (r < 0)
                d->worker = worker_free(d->worker);
        if (r < 0) {
                snprintf(d->reason, sizeof(d->reason), "it cannot be prepared: %s", strerror(-r));
                closep(&d->tracefs);
                d->tracefs = -1;
        }
}

int kernel_domain_new(sd_event *event, const struct user_domain *user, const struct kernel_config *config,
                      struct kernel_domain **ret) {
        struct kernel_domain *d = calloc(1, sizeof(*d));

        if (!d)
                return -ENOMEM;
        *d = (struct kernel_domain) { .user = user, .tracefs = -1, .sign = -1 };
        LIST_INIT(&d->applies);
        begin(d, event, config);
        *ret = d;
        return 0;
}

void kernel_domain_drain(struct kernel_domain *d) {
        if (d->worker)
                worker_drain(d->worker);
        kernel_recordings_tell_gone(d);
}

struct kernel_domain *kernel_domain_free(struct kernel_domain *d) {
        if (!d)
                return NULL;
        if (d->spare)
                spare_instance_end(d->spare);
        worker_free(d->worker);
        spare_instance_free(d->spare);
        formats_free(d->formats);
        closep(&d->sign);
        closep(&d->tracefs);
        free(d);
        return NULL;
}

const char *kernel_domain_unavailable(const struct kernel_domain *d) {
        return d->worker ? NULL : d->reason;
}

int kernel_domain_require(const struct kernel_domain *d, struct failure *failure) {
        if (d->worker)
                return 0;
        return fail(failure, FAILURE_KERNEL, "The kernel cannot be traced: %s.", d->reason);
}

void kernel_instance_name(const struct kernel_domain *d, uid_t owner, uint64_t session, uint32_t channel,
                          char ret[static INSTANCE_NAME_MAX]) {
        snprintf(ret, INSTANCE_NAME_MAX, "tracectl-%s-%u-%" PRIu64, d->id, (unsigned) owner,
                 session * KERNEL_CHANNELS_OF_SESSION + channel);
}
