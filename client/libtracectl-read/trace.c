/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/libtracectl-read/record.h"
#include "client/libtracectl-read/trace.h"
#include "common/cleanup.h"

#define FIND_DEPTH_MAX 16

DEFINE_CLEANUP(struct stream *, stream_free)

struct find {
        struct traces *traces;
        const struct report *report;
        struct problem *problem; /* the first trace that could not be read */
        unsigned depth;
};

static struct trace *trace_free(struct trace *trace) {
        if (trace) {
                for (size_t i = 0; i < trace->n_streams; i++)
                        stream_free(trace->streams[i]);
                free(trace->streams);
                metadata_free(trace->metadata);
                free(trace);
        }
        return NULL;
}
DEFINE_CLEANUP(struct trace *, trace_free)

void traces_done(struct traces *traces) {
        for (size_t i = 0; i < traces->n; i++)
                trace_free(traces->traces[i]);
        free(traces->traces);
        thread_tables_done(&traces->threads);
        *traces = (struct traces) {};
}

/* Room for one more pointer. */
static int reserve(void *array, size_t n, size_t *capacity) {
        void **pointers = *(void ***) array;

        if (n == *capacity) {
                size_t more = n > 0 ? 2 * n : 8;

                pointers = realloc(pointers, more * sizeof(void *));
                if (!pointers)
                        return -ENOMEM;
                *(void ***) array = pointers;
                *capacity = more;
        }
        return 0;
}

static void set_threads(struct traces *traces, struct stream *stream) {
        if (stream->metadata->is_kernel)
                stream->threads = threads_get(&traces->threads, stream->metadata->uuid);
}

/*
 * What a file of a kernel's trace begins with may be the state dump, which holds
 * for what other processors did before the time that it has, too.
 */
static int learn_state(struct traces *traces, const struct metadata *metadata, int fd) {
        _cleanup_(stream_freep) struct stream *stream = NULL;
        const struct report nobody = {};
        struct record record;
        int r;

        if (!metadata->is_kernel)
                return 0;
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        r = fd < 0 ? -errno : stream_new_fd(metadata, &nobody, fd, "", &stream);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        set_threads(traces, stream);
        while (stream->threads && (r = stream_next(stream, true)) > 0 && stream->event->is_state) {
                r = stream_read_event(stream);
                if (r <= 0)
                        break;
                record_take(&record, stream);
        }
        return r < 0 ? r : 0;
}

static int add_stream(struct trace *trace, const struct find *find, int fd, const char *path, const char *name,
                      uint64_t size) {
        _cleanup_free_ char *stream_path = NULL;
        struct stat st;
        int r;

        if (name[0] == '.' || strcmp(name, "metadata") == 0 || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(st.st_mode))
                return 0;
        if (asprintf(&stream_path, "%s/%s", path, name) < 0) {
                stream_path = NULL;
                return -ENOMEM;
        }
        r = reserve(&trace->streams, trace->n_streams, &trace->capacity);
        if (r < 0)
                return r;
        r = stream_new(trace->metadata, find->report, fd, name, stream_path, &trace->streams[trace->n_streams]);
        if (r >= 0) {
                struct stream *stream = trace->streams[trace->n_streams++];

                stream->number = find->traces->n_streams++;
                if (stream->file_size > size)
                        stream->file_size = size;
                set_threads(find->traces, stream);
                r = learn_state(find->traces, trace->metadata, stream->window.fd);
        } else if (r != -ENOMEM) {
                report_say(find->report, "Failed to open %s, which is left out: %s", stream_path, strerror(-r));
                r = 0;
        }
        return r;
}

/*
 * While a trace is being written, the metadata has a class before the first
 * event of it is in a stream. So streams are read as far as they went before
 * the metadata was.
 */
static uint64_t *measure(int fd, struct dirent **names, int n_names) {
        uint64_t *sizes = calloc((size_t) n_names + 1, sizeof(*sizes));
        struct stat st;

        for (int i = 0; sizes && i < n_names; i++)
                if (fstatat(fd, names[i]->d_name, &st, AT_SYMLINK_NOFOLLOW) >= 0)
                        sizes[i] = (uint64_t) st.st_size;
        return sizes;
}

static int add_trace(const struct find *find, int fd, const char *path, struct dirent **names, int n_names) {
        _cleanup_(trace_freep) struct trace *trace = calloc(1, sizeof(*trace));
        _cleanup_free_ uint64_t *sizes = measure(fd, names, n_names);
        _cleanup_free_ char *metadata_path = NULL;
        struct problem problem = {};
        int r;

        if (!trace || !sizes)
                return -ENOMEM;
        if (asprintf(&metadata_path, "%s/metadata", path) < 0) {
                metadata_path = NULL;
                return -ENOMEM;
        }
        r = metadata_load(fd, metadata_path, &problem, &trace->metadata);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                problem_set(find->problem, r, "%s", problem.text);
                report_say(find->report, "%s", problem.text);
                return 0;
        }
        if (trace->metadata->is_cut)
                report_say(find->report, "%s: the last declaration is cut off, and left out", metadata_path);
        for (int i = 0; r >= 0 && i < n_names; i++)
                r = add_stream(trace, find, fd, path, names[i]->d_name, sizes[i]);
        if (r >= 0)
                r = reserve(&find->traces->traces, find->traces->n, &find->traces->capacity);
        if (r < 0)
                return r;
        metadata_number_kinds(trace->metadata, find->traces->n_kinds);
        find->traces->n_kinds += trace->metadata->n_kinds;
        find->traces->traces[find->traces->n++] = TAKE_PTR(trace);
        return 0;
}

int traces_add(struct traces *traces, struct metadata **metadata, struct trace **ret) {
        _cleanup_(trace_freep) struct trace *trace = calloc(1, sizeof(*trace));
        int r;

        if (!trace)
                return -ENOMEM;
        r = reserve(&traces->traces, traces->n, &traces->capacity);
        if (r < 0)
                return r;
        trace->metadata = TAKE_PTR(*metadata);
        metadata_number_kinds(trace->metadata, traces->n_kinds);
        traces->n_kinds += trace->metadata->n_kinds;
        *ret = traces->traces[traces->n++] = TAKE_PTR(trace);
        return 0;
}

int trace_add_file(struct traces *traces, struct trace *trace, const struct report *report, int fd, const char *path,
                   struct stream **ret) {
        int r;

        r = reserve(&trace->streams, trace->n_streams, &trace->capacity);
        if (r < 0) {
                close(fd);
                return r;
        }
        r = stream_new_fd(trace->metadata, report, fd, path, ret);
        if (r < 0)
                return r;
        (*ret)->number = traces->n_streams++;
        set_threads(traces, *ret);
        trace->streams[trace->n_streams++] = *ret;
        return learn_state(traces, trace->metadata, (*ret)->window.fd);
}

static int find_below(struct find *find, int fd, const char *path);

static int find_in(struct find *find, int parent_fd, const char *path, const char *name) {
        _cleanup_free_ char *below = NULL;
        _cleanup_close_ int fd = -1;
        struct stat st;

        if (name[0] == '.' || fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
                return 0;
        if (asprintf(&below, "%s/%s", path, name) < 0) {
                below = NULL;
                return -ENOMEM;
        }
        fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
                problem_set(find->problem, -errno, "Failed to open %s: %s", below, strerror(errno));
                report_say(find->report, "Failed to open %s, which is left out: %s", below, strerror(errno));
                return 0;
        }
        return find_below(find, fd, below);
}

static int scan(struct find *find, int fd, const char *path, struct dirent **names, int n_names) {
        int r = 0;

        if (faccessat(fd, "metadata", F_OK, AT_SYMLINK_NOFOLLOW) >= 0)
                r = add_trace(find, fd, path, names, n_names);
        if (find->depth < FIND_DEPTH_MAX) {
                find->depth++;
                for (int i = 0; r >= 0 && i < n_names; i++)
                        r = find_in(find, fd, path, names[i]->d_name);
                find->depth--;
        }
        return r;
}

static int find_below(struct find *find, int fd, const char *path) {
        struct dirent **names;
        int r, n;

        n = scandirat(fd, ".", &names, NULL, alphasort);
        if (n < 0)
                return -errno;
        r = scan(find, fd, path, names, n);
        for (int i = 0; i < n; i++)
                free(names[i]);
        free(names);
        return r;
}

int trace_find(struct traces *traces, const struct report *report, struct problem *problem, const char *path) {
        struct find find = { .traces = traces, .report = report, .problem = problem };
        _cleanup_close_ int fd = -1;
        size_t before = traces->n;
        int r;

        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return problem_set(problem, -errno, "Failed to open the trace directory %s: %s", path,
                                   strerror(errno));
        r = find_below(&find, fd, path);
        if (r < 0)
                return problem_set(problem, r, "Failed to read the trace directory %s: %s", path, strerror(-r));
        if (traces->n == before)
                return problem_set(problem, -ENODATA, "There is no trace in or below %s: no file 'metadata'", path);
        return 0;
}
