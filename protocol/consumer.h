/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The protocol between tracingd and the consumer of a session: SOCK_SEQPACKET,
 * one binary message a datagram, file descriptors as ancillary data. Both ends
 * are of the same machine; integers are in its byte order. Strings are
 * NUL-terminated and padded with NUL.
 *
 * tracingd's messages each have a serial number; the consumer answers every one
 * with CONSUMER_ACK and that serial when it is done. tracingd does not wait for
 * the answer but where it says so below.
 *
 *   OUTPUT   first message: where the trace goes. + directory, for
 *            CONSUMER_OUTPUT_FD alone. Acknowledged by struct consumer_output_ack.
 *   SESSION  second message. + status page (struct consumer_status, shared).
 *   RINGS    a ring set comes. + ring file, positions file.
 *   RING_FILES  a ring set comes whose rings shall be files of the output, which the
 *            consumer makes: the answer has two descriptors, the ring file and, for
 *            reading, the positions file. Each time it is sent.
 *   CLASSES  event classes of a stream. + definitions (protocol/definitions.h).
 *            Sent before any application can use them. The consumer reads all
 *            waiting messages after it has read a ring's position and before it
 *            writes what lies below it, so a class is always in `metadata`
 *            before the first packet that has it. Where the rings are files, it is
 *            answered when a recovery would know the classes; until then no
 *            application may use them.
 *   KERNEL   a channel of the kernel comes: an instance of tracefs. + scratch file,
 *            descriptions. The session's kernel channels are one set, and one trace.
 *   KERNEL_CPUS    its processors' pipes, all of them before the first RESUMED or
 *            request. + for each processor in turn trace_pipe_raw (O_RDONLY |
 *            O_NONBLOCK) and stats, both below per_cpu/cpuN.
 *   KERNEL_EVENTS  what its events look like. + descriptions. Sent before such an
 *            event is enabled; what came before is skipped.
 *   KERNEL_STATE   the processes that there are, for the trace. + processes. Sent
 *            when the channel's first events have been enabled.
 *   RELEASE  the only process that wrote to this ring set is gone: write what it
 *            left, then forget it.
 *   FLUSH    write everything up to the present positions. Waited for.
 *   SNAPSHOT write what overwrite rings hold now. Waited for.
 *   ROTATE   as FLUSH; then what was written so far moves to a directory of its
 *            own, and what follows begins anew, with the clock that it says. Where the
 *            session has a bound, the oldest of these directories are removed until the
 *            others keep to it.
 *            Waited for.
 *   CLEAR    forget what the rings hold and what was written since the last
 *            ROTATE; counters begin at 0. Waited for.
 *   STOP     as FLUSH, in every ring; writers are off already. Waited for.
 *   STREAM   somebody reads along, as protocol/stream.h says. + a stream socket to
 *            him, the end of a pipe that the consumer closes when he is gone. A
 *            consumer that is started again knows nothing of him.
 *   RESUMED  to a consumer whose OUTPUT had CONSUMER_RESUME: everything that
 *            describes the session has been sent again. Before it no ring is read,
 *            since classes of what lies there may still be on their way. An error
 *            in answer to it means nothing.
 *   hang-up  as STOP, then the consumer ends.
 *
 * By itself the consumer says one thing, CONSUMER_NOTICE (struct consumer_ack, serial
 * 0): look at the status page. That is when it begins, when the output begins to
 * fail or works again, and when `bytes` reaches notice_at; never where that is 0.
 *
 * In private mode the consumer is tracingd's child, with the connected socket as
 * descriptor 3. As a unit it is activated by a listening socket, as in
 * sd_listen_fds(3), and accepts one connection.
 *
 * tracingd may be started again while the connection lasts (the service manager
 * holds it meanwhile). The new one sends everything behind SESSION that describes
 * the session, then RESUMED, then what was not acknowledged, each with the serial
 * of the first time. A consumer answers what it has had before, and does it once.
 * Serials ascend among the requests (FLUSH, SNAPSHOT, ROTATE, CLEAR, STOP, STREAM), and
 * among all others.
 *
 * A consumer may die at any instruction and is started again with the same
 * memory files. tracingd then sends everything again that described the session:
 * OUTPUT with CONSUMER_RESUME, SESSION, each RINGS, CLASSES and KERNEL... in the
 * order of the first time, RESUMED, and last those requests that were not
 * acknowledged, with CONSUMER_RESUME where they have flags. Each has the serial
 * of the first time. The consumer goes on in the same files, behind the last packet that is whole, without a gap and without writing
 * anything twice; the positions files and the status page tell it what it had
 * done.
 *
 * Both ends may be of different minor versions, and either may be replaced while
 * the other goes on. A message may be longer than the struct that its reader
 * knows, or of a type that it does not know, which it refuses with EOPNOTSUPP.
 * struct consumer_rings does not grow, since another one begins with it; answers
 * do not, and come to tracingd in the form that it knows.
 *
 * What was asked before RESUMED is done after it. A set's RINGS and CLASSES are
 * all sent again until its last stream's RELEASE is acknowledged, since they are
 * one metadata file; so are those of the kernel's channels.
 */

#include <stddef.h>
#include <stdint.h>

#include "protocol/context.h"
#include "protocol/later.h"

#define CONSUMER_MESSAGE_MAX 65536
#define CONSUMER_NAME_MAX 80

enum consumer_type {
        CONSUMER_OUTPUT = 1,
        CONSUMER_SESSION,
        CONSUMER_RINGS,
        CONSUMER_CLASSES,
        CONSUMER_RELEASE,
        CONSUMER_FLUSH,
        CONSUMER_SNAPSHOT,
        CONSUMER_STOP,
        CONSUMER_ROTATE,
        CONSUMER_CLEAR,
        CONSUMER_RESUMED,
        CONSUMER_KERNEL,
        CONSUMER_KERNEL_CPUS,
        CONSUMER_KERNEL_EVENTS,
        CONSUMER_KERNEL_STATE,
        CONSUMER_STREAM,
        CONSUMER_RING_FILES,
        CONSUMER_ACK = 128,
        CONSUMER_NOTICE,
};

struct consumer_header {
        uint32_t type;
        uint32_t size; /* of the whole message */
        uint64_t serial;
};

enum consumer_flags {
        CONSUMER_RESUME = 1 << 0, /* sent before, to a consumer that has died since */
        CONSUMER_FILES = 1 << 1,  /* OUTPUT: there will be RING_FILES */
        /*
         * OUTPUT, with RESUME and FILES: the machine has been switched off since. Each page of each file may be of
         * another time, and the clock began anew: the trace ends where the first thing in it is not whole.
         */
        CONSUMER_REBOOTED = 1 << 2,
        CONSUMER_FOLDER = 1 << 3, /* OUTPUT of a DIRECTORY: the one that it is in is made, too, where it is missing */
};

#define CONSUMER_PATH_MAX 4096

/* What sync_msec of SESSION can be, beside 0. */
#define CONSUMER_SYNC_MSEC_MIN 100
#define CONSUMER_SYNC_MSEC_MAX 86400000

enum consumer_output_kind {
        CONSUMER_OUTPUT_FD = 1,    /* the directory comes with the message */
        CONSUMER_OUTPUT_DIRECTORY, /* path is absolute; the last part of it is made where it is missing */
        CONSUMER_OUTPUT_STATE,     /* path is a name below the last directory of $STATE_DIRECTORY, and is made */
};

/* The directory is the trace directory itself. It is opened with the consumer's rights, which are the owner's. */
struct consumer_output {
        struct consumer_header header;
        uint32_t kind;  /* enum consumer_output_kind */
        uint32_t flags; /* enum consumer_flags */
        char path[CONSUMER_PATH_MAX]; /* "" for CONSUMER_OUTPUT_FD */
        LATER_MEMBER
};

struct consumer_session {
        struct consumer_header header;
        char name[CONSUMER_NAME_MAX];
        uint8_t clock_uuid[16]; /* the boot id */
        uint32_t clock;         /* enum trace_clock */
        uint32_t sync_msec;     /* how old what is written may be before it is on the disk; 0: as old as it gets */
        uint64_t clock_frequency;
        int64_t clock_offset_seconds;
        uint64_t clock_offset_ticks;
        uint64_t created; /* microseconds since the epoch */
        uint64_t clock_precision; /* ticks by which two processors' clocks can differ; 0: not known */
        LATER_MEMBER
};

/*
 * set is a trace of its own (metadata, UUID) in the directory user/<uid>/<name>;
 * stream, unique in the set, is one of its channels. RINGS for a new set makes it.
 */
struct consumer_rings {
        struct consumer_header header;
        uint64_t set;
        uint32_t stream;
        uint32_t uid;
        uint32_t word_size; /* bits */
        int32_t pid;        /* of the process that has the set for itself; 0: shared */
        uint32_t contexts;  /* protocol/context.h: of all events of the stream but tracectl:thread */
        char app_contexts[APP_CONTEXTS_SIZE]; /* struct context_set */
        uint8_t uuid[16];   /* of the set's trace */
        char set_name[CONSUMER_NAME_MAX];
        char channel[CONSUMER_NAME_MAX];
};

/*
 * What the file system of the output must bear: every byte is allocated, and no
 * writer may find later that there is no room. The rings are in the output's
 * directory `rings`, beside what makes a trace of them when nobody is left who
 * knows (consumer/journal.h); a consumer that ends well removes it.
 */
struct consumer_ring_files {
        struct consumer_rings rings;
        uint32_t flags;  /* enum ring_flags */
        uint32_t n_cpus;
        uint32_t n_subbufs;
        uint32_t reserved;
        uint64_t subbuf_size;
        LATER_MEMBER
};

struct consumer_class {
        uint32_t event; /* index into the definitions */
        uint32_t id;
};

/* Classes that a stream has already are skipped. */
struct consumer_classes {
        struct consumer_header header;
        uint64_t set;
        uint32_t stream;
        uint32_t n_classes;
        struct consumer_class classes[];
};

#define CONSUMER_CLASSES_MAX                                                                                   \
        ((CONSUMER_MESSAGE_MAX - sizeof(struct consumer_classes)) / sizeof(struct consumer_class))

struct consumer_release {
        struct consumer_header header;
        uint64_t set;
        uint32_t stream;
        uint32_t reserved;
        LATER_MEMBER
};

enum consumer_kernel_flags {
        CONSUMER_KERNEL_OVERWRITE = 1 << 0, /* as an overwrite ring: read by SNAPSHOT, RELEASE and the end alone */
};

/*
 * The trace is in the directory `kernel`. set, which no ring set may have, and
 * uuid are the same in all kernel channels of the session; stream and channel
 * are unique among them. tracefs's clock is the session's: x86-tsc or mono.
 * When the last of them was released the trace has ended: no other one begins.
 *
 * Before SNAPSHOT, RELEASE and the end, an overwrite channel's instance must not
 * be written to (tracing_on 0): what is read is taken out, and a writer that goes
 * on would never let it end.
 *
 * The scratch file is a shared memory file as common/fd.h makes them, of
 * CONSUMER_KERNEL_SCRATCH_SIZE bytes of 0, the consumer's own. Reading a pipe
 * destroys what is read: the sub-buffer that a consumer had in hand when it was
 * killed is there, for its successor.
 *
 * Descriptions are a constant memory file of text, of at most
 * CONSUMER_KERNEL_EVENTS_MAX bytes: for each event a line "@ SYSTEM NAME SIZE\n"
 * and SIZE bytes, the event's `format` file. Those of KERNEL begin with the
 * files events/header_page and events/header_event, whose SYSTEM is "events".
 */
struct consumer_kernel {
        struct consumer_header header;
        uint64_t set;
        uint32_t stream;
        uint32_t flags;       /* enum consumer_kernel_flags */
        uint32_t subbuf_size; /* bytes, what one read() of a pipe returns: a power of two from 4096 on */
        uint32_t n_cpus;      /* possible ones */
        uint64_t buffer_size; /* bytes, of each CPU */
        uint8_t uuid[16];     /* of the trace */
        char channel[CONSUMER_NAME_MAX];
        LATER_MEMBER
};

#define CONSUMER_KERNEL_SUBBUF_MAX (1 << 20)
#define CONSUMER_KERNEL_OWN_SIZE 1024 /* of each CPU, behind all sub-buffers */
#define CONSUMER_KERNEL_SCRATCH_SIZE(n_cpus, subbuf_size)                                                      \
        ((uint64_t) (n_cpus) * (CONSUMER_KERNEL_OWN_SIZE + (uint64_t) (subbuf_size)))
#define CONSUMER_KERNEL_EVENTS_MAX (64 << 20)

/* At most CONSUMER_KERNEL_CPUS_MAX processors a message. */
struct consumer_kernel_cpus {
        struct consumer_header header;
        uint64_t set;
        uint32_t stream;
        uint32_t first_cpu;
        uint32_t n_cpus;
        uint32_t reserved;
        LATER_MEMBER
};

#define CONSUMER_KERNEL_CPUS_MAX 64

struct consumer_kernel_events {
        struct consumer_header header;
        uint64_t set;
        uint32_t stream;
        uint32_t reserved;
        LATER_MEMBER
};

/* + a constant memory file of struct consumer_kernel_process, as many as fit. */
struct consumer_kernel_state {
        struct consumer_header header;
        uint64_t set;
        uint32_t stream;
        uint32_t reserved;
        LATER_MEMBER
};

/* A thread, as /proc tells it to tracingd: all that the session's owner may see. */
struct consumer_kernel_process {
        int32_t tid, pid, ppid;
        uint32_t uid;
        uint32_t cpu;
        char state; /* as in /proc/PID/stat */
        char name[16 + 3];
};

/* FLUSH, STOP, CLEAR, STREAM and RESUMED are a header alone. */

struct consumer_snapshot {
        struct consumer_header header;
        char name[CONSUMER_NAME_MAX]; /* directory below the output, or "" for the output itself */
        uint32_t flags;               /* CONSUMER_RESUME: an unfinished one of that name is replaced */
        uint32_t reserved;
        LATER_MEMBER
};

/* Before its number, in the name of a directory that a session with a bound may lose. */
#define CONSUMER_CHUNK_PREFIX "chunk-"

struct consumer_rotate {
        struct consumer_header header;
        char name[CONSUMER_NAME_MAX]; /* directory below the output, for what was written so far */
        uint32_t flags;               /* CONSUMER_RESUME: it may have been moved already */
        uint32_t keep_kib;            /* that the chunks (CONSUMER_CHUNK_PREFIX) may have together; 0: no bound */
        /* The clock as it was measured last, which is that of what follows. frequency 0: it was not. As in SESSION. */
        uint64_t clock_frequency;
        int64_t clock_offset_seconds;
        uint64_t clock_offset_ticks;
        uint64_t clock_precision;
        LATER_MEMBER
};

/* Of a version that did not say the clock. */
#define CONSUMER_ROTATE_SIZE_MIN offsetof(struct consumer_rotate, clock_frequency)

struct consumer_ack {
        struct consumer_header header;
        int32_t error; /* 0 or an errno */
        uint32_t reserved;
};

/* The answer to OUTPUT. */
struct consumer_output_ack {
        struct consumer_ack ack;
        char path[CONSUMER_PATH_MAX]; /* of the directory, as its owner sees it; "" where that is not known */
};

#define CONSUMER_STATUS_MAGIC UINT32_C(0x54415453)
#define CONSUMER_STATUS_MAJOR 1
#define CONSUMER_STATUS_MINOR (1 + LATER_MINOR)
#define CONSUMER_OWN_SIZE 512

/*
 * Counters of a session, written by the consumer alone, read by anyone who has
 * the page. All since the session began. tracingd sets magic, the versions and
 * notice_at.
 */
struct consumer_status {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t wake;           /* futex: tracingd adds one and wakes after each message */
        int32_t output_error;    /* errno of the output while it fails, else 0 */
        uint64_t events;         /* written; tracectl:thread is not counted */
        uint64_t lost_ring;      /* discarded by writers: ring full, or too large */
        uint64_t lost_output;    /* events of packets that could not be written */
        uint64_t lost_overwrite; /* bytes that newer ones took the place of */
        uint64_t lost_garbage;   /* bytes that were no records */
        uint64_t packets;
        uint64_t bytes;          /* of all files */
        int32_t output_failure;  /* errno of the output's last failure, also when it works again; 0: none yet */
        uint32_t chunks_removed; /* the number of the newest chunk that ROTATE has removed: those before it are gone, too */
        uint64_t notice_at;      /* see CONSUMER_NOTICE; UINT64_MAX: not for the bytes' sake */
        /* What the next consumer of the session must know of this one; nobody else's. */
        char own[CONSUMER_OWN_SIZE] __attribute__((aligned(64)));
        LATER_MEMBER
};

/* Without what later versions have behind it, for which there is room: it is mapped in pages. */
#define CONSUMER_STATUS_SIZE_MIN (offsetof(struct consumer_status, own) + CONSUMER_OWN_SIZE)
