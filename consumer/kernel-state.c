/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "consumer/kernel-metadata.h"
#include "consumer/kernel-state.h"

#define PROCESSES_MAX (4 << 20)

/* As LTTng numbers them. */
enum status {
        STATUS_WAIT_FORK = 1,
        STATUS_WAIT_CPU,
        STATUS_EXIT,
        STATUS_ZOMBIE,
        STATUS_WAIT,
        STATUS_RUN,
        STATUS_DEAD,
};

#define TYPE_USER 0
#define TYPE_KERNEL 1
#define MODE_UNKNOWN 0
#define MODE_SYSCALL 4
#define SUBMODE_NONE 1

/* Fields of lttng_statedump_process_state but the name. */
struct process_fields {
        int32_t tid, pid, ppid, type, mode, submode, status;
        uint32_t cpu, uid;
};

#define EVENT_MAX (KERNEL_HEADER_MAX + KERNEL_TID_SIZE + sizeof(struct process_fields) + 20 + 1)

static bool is_written(const struct kernel_channel *channel) {
        for (uint32_t i = 0; i < channel->n_cpus; i++)
                if (channel->streams[i].state.described)
                        return true;
        return false;
}

int kernel_state_take(struct kernel_channel *channel, int fd) {
        const uint64_t max = PROCESSES_MAX * sizeof(struct consumer_kernel_process);
        struct consumer_kernel_process *processes;
        const void *data;
        size_t size;
        int r;

        r = memfd_map_constant(fd, max, &data, &size);
        if (r < 0)
                return r;
        if (size % sizeof(*processes))
                r = -EBADMSG;
        processes = r < 0 || is_written(channel) ? NULL : malloc(size);
        if (processes) {
                memcpy(processes, data, size);
                free(channel->processes);
                channel->processes = processes;
                channel->n_processes = size / sizeof(*processes);
        }
        munmap((void *) data, size);
        return r;
}

static int32_t status_of(char state) {
        switch (state) {
        case 'R':
                return STATUS_WAIT_CPU;
        case 'Z':
                return STATUS_ZOMBIE;
        case 'X':
                return STATUS_DEAD;
        default:
                return STATUS_WAIT;
        }
}

static char *put_begin(char *to, uint32_t id, uint64_t time) {
        to = kernel_put_header(to, id, time, time);
        memset(to, 0, KERNEL_TID_SIZE);
        return to + KERNEL_TID_SIZE;
}

static char *put_process(char *to, const struct consumer_kernel_process *p, uint64_t time) {
        /* The kernel's own threads are children of 2, itself a child of nobody. */
        bool kernel = p->pid == 2 || p->ppid == 2;
        struct process_fields fields = {
                .tid = p->tid,
                .pid = p->pid,
                .ppid = p->ppid,
                .type = kernel ? TYPE_KERNEL : TYPE_USER,
                .mode = kernel ? MODE_SYSCALL : MODE_UNKNOWN,
                .submode = SUBMODE_NONE,
                .status = status_of(p->state),
                .cpu = p->cpu,
                .uid = p->uid,
        };
        size_t n = strnlen(p->name, sizeof(p->name));

        to = put_begin(to, KERNEL_STATEDUMP_PROCESS, time);
        memcpy(to, &fields, sizeof(fields));
        to += sizeof(fields);
        memcpy(to, p->name, n);
        to[n] = '\0';
        return to + n + 1;
}

void kernel_state_write(struct kernel_channel *channel, struct kernel_stream *stream, struct stream_file *file,
                        uint64_t before) {
        uint64_t lost = file->state.counters.lost_output, room = before - file->state.end;
        /* A nanosecond earlier than what follows, so that nobody takes it for later. */
        uint64_t time = before - (room < NANOSECOND_MAX ? room : NANOSECOND_MAX);
        _cleanup_free_ char *records = NULL;
        struct packet packet = {
                .begin = time,
                .end = time,
                .first = time,
                .sequence = file->state.counters.packets - file->state.extra,
                /* Lost later than this. */
                .discarded = file->state.discarded > lost ? file->state.discarded - lost : 0,
        };
        char *to;

        if (!channel->processes || file != &stream->file)
                return;
        records = malloc((channel->n_processes + 2) * EVENT_MAX);
        if (!records)
                return;
        to = put_begin(records, KERNEL_STATEDUMP_START, time);
        for (size_t i = 0; i < channel->n_processes; i++)
                to = put_process(to, &channel->processes[i], time);
        to = put_begin(to, KERNEL_STATEDUMP_END, time);
        packet.records = records;
        packet.size = (size_t) (to - records);
        if (stream_file_write(file, &packet) < 0)
                return;
        stream->state.described = 1;
        free(channel->processes);
        channel->processes = NULL;
}
