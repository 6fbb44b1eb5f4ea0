/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/parse.h"
#include "consumer/ring-files.h"
#include "consumer/session.h"

/*
 * The counter may be read a little before the loads that precede it in the
 * program; without this a record of that very moment would look like garbage.
 */
#define CLOCK_SLACK UINT64_C(65536)

static void make_printable(char *s) {
        for (; *s; s++)
                if (*s < ' ' || *s > '~' || *s == '"' || *s == '\\')
                        *s = '?';
}

void session_init(struct session *session, int opener, bool resumed) {
        struct utsname names;

        *session = (struct session) { .output.opener = opener, .resumed = resumed, .journal.file = FILE_INIT };
        if (gethostname(session->hostname, sizeof(session->hostname) - 1) < 0 || !session->hostname[0])
                session->hostname[0] = '?';
        make_printable(session->hostname);
        if (uname(&names) >= 0) {
                snprintf(session->kernel_release, sizeof(session->kernel_release), "%s", names.release);
                snprintf(session->machine, sizeof(session->machine), "%s", names.machine);
        }
        make_printable(session->kernel_release);
        make_printable(session->machine);
        session->timens_offset = trace_clock_timens_offset();
        /* Opens the file of the time zone, once. */
        tzset();
}

void session_done(struct session *session) {
        live_done(&session->live);
        if (session->has_rings)
                journal_done(&session->journal);
        if (session->record_file)
                munmap(session->record_file, CONSUMER_OWN_SIZE);
        free(session->scratch);
        output_done(&session->output);
        *session = (struct session) {};
}

int session_reserve_scratch(struct session *session, size_t size) {
        char *scratch;

        if (size <= session->scratch_size)
                return 0;
        scratch = malloc(size);
        if (!scratch)
                return -ENOMEM;
        free(session->scratch);
        session->scratch = scratch;
        session->scratch_size = size;
        return 0;
}

uint64_t session_now(const struct session *session) {
        return trace_clock_read(session->info.clock, session->timens_offset);
}

uint64_t session_latest(const struct session *session) {
        return session->rebooted ? INT64_MAX : session_now(session) + CLOCK_SLACK;
}

static struct checkpoint *own(const struct session *session) {
        void *own = session->record_file ?: session->output.status->own;

        return own;
}

void session_save(struct session *session) {
        checkpoint_save(own(session), &session->record, sizeof(session->record));
}

void session_commit(struct session *session) {
        session->record.generation++;
        session_save(session);
}

/* Between the commit and its end a rotation leaves the old files where the new ones shall be. */
static int finish_rotation(struct session *session) {
        int r;

        if (session->record.kind != CONSUMER_ROTATE || !session->record.running)
                return 0;
        r = output_move(&session->output, session->record.name);
        /* The directories can be newer on the disk than the record. */
        if (r == -EEXIST && session->rebooted)
                r = 0;
        if (r < 0)
                return r;
        session->record.running = 0;
        session_save(session);
        return 0;
}

static int open_files(struct session *session) {
        int r;

        if (!session->has_rings)
                return 0;
        if (!session->record_file) {
                r = ring_files_map_record(session, &session->record_file);
                if (r < 0)
                        return r;
        }
        journal_done(&session->journal);
        return journal_open(&session->journal, session);
}

int session_begin(struct session *session, const struct consumer_session *info, int status_fd) {
        int r;

        r = output_map_status(&session->output, status_fd);
        if (r < 0)
                return r;
        r = open_files(session);
        if (r >= 0 && session->resumed)
                /* The session's record is saved, never proposed. */
                checkpoint_load(own(session), 0, &session->record, sizeof(session->record));
        if (r >= 0 && session->record.major != 0 && session->record.major != SESSION_RECORD_MAJOR)
                r = -EPROTONOSUPPORT;
        else if (r >= 0)
                r = finish_rotation(session);
        if (r >= 0 && session->has_rings)
                r = journal_add(&session->journal, &info->header, NULL, 0);
        if (r >= 0 && session->has_rings && info->sync_msec > 0)
                r = output_ask(&session->output,
                               &(struct request) { .kind = REQUEST_SYNC, .size = info->sync_msec });
        if (r < 0) {
                output_done(&session->output);
                return r;
        }
        session->record.major = SESSION_RECORD_MAJOR;
        session->record.minor = SESSION_RECORD_MINOR;
        session_save(session);
        session->totals = session->record.base;
        session->info = *info;
        session_set_clock(session, &session->record.clock);
        return 0;
}

void session_set_clock(struct session *session, const struct session_clock *clock) {
        struct consumer_session *info = &session->info;

        if (clock->frequency == 0)
                return;
        info->clock_frequency = clock->frequency;
        info->clock_offset_seconds = clock->offset_seconds;
        info->clock_offset_ticks = clock->offset_ticks;
        info->clock_precision = clock->precision;
}

static void show(uint64_t *counter, uint64_t n) {
        if (n > __atomic_load_n(counter, __ATOMIC_RELAXED))
                __atomic_store_n(counter, n, __ATOMIC_RELAXED);
}

void session_show(struct session *session) {
        struct consumer_status *status = session->output.status;
        const struct counters *totals = &session->totals;

        show(&status->events, totals->events);
        show(&status->lost_ring, totals->lost_ring);
        show(&status->lost_output, totals->lost_output);
        show(&status->lost_overwrite, totals->lost_overwrite);
        show(&status->lost_garbage, totals->lost_garbage);
        show(&status->packets, totals->packets);
        show(&status->bytes, totals->bytes);
}

void session_restart(struct session *session, const struct counters *totals) {
        struct consumer_status *status = session->output.status;

        session->totals = *totals;
        __atomic_store_n(&status->events, totals->events, __ATOMIC_RELAXED);
        __atomic_store_n(&status->lost_ring, totals->lost_ring, __ATOMIC_RELAXED);
        __atomic_store_n(&status->lost_output, totals->lost_output, __ATOMIC_RELAXED);
        __atomic_store_n(&status->lost_overwrite, totals->lost_overwrite, __ATOMIC_RELAXED);
        __atomic_store_n(&status->lost_garbage, totals->lost_garbage, __ATOMIC_RELAXED);
        __atomic_store_n(&status->packets, totals->packets, __ATOMIC_RELAXED);
        __atomic_store_n(&status->bytes, totals->bytes, __ATOMIC_RELAXED);
}
