/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/libtracectl-read/event.h"
#include "client/libtracectl-read/threads.h"
#include "common/cleanup.h"

#define UNKNOWN (-1)
#define FLAG_THREAD 0x10000 /* CLONE_THREAD */

enum number { NUMBER_TID, NUMBER_PID, NUMBER_FLAGS, NUMBER_CHILD_TID, NUMBER_CHILD_PID, _NUMBER_MAX };

static const char *const numbers[_NUMBER_MAX] = {
        [NUMBER_TID] = "tid",
        [NUMBER_PID] = "pid",
        [NUMBER_FLAGS] = "clone_flags",
        [NUMBER_CHILD_TID] = "child_tid",
        [NUMBER_CHILD_PID] = "child_pid",
};

enum thread_news thread_news_from_name(const char *name) {
        static const struct {
                const char *name;
                enum thread_news news;
        } known[] = {
                { "lttng_statedump_process_state", THREAD_NEWS_STATE },
                { "task_newtask", THREAD_NEWS_NEW },
                { "sched_process_fork", THREAD_NEWS_FORK },
                { "sched_process_exec", THREAD_NEWS_EXEC },
                { "bpf_trace_printk", THREAD_NEWS_PRINT },
        };

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (strcmp(name, known[i].name) == 0)
                        return known[i].news;
        return THREAD_NEWS_NONE;
}

struct threads *threads_get(struct thread_tables *tables, const uint8_t uuid[16]) {
        struct threads *threads;

        SLIST_FOREACH(threads, tables, entries)
                if (memcmp(threads->uuid, uuid, sizeof(threads->uuid)) == 0)
                        return threads;
        threads = calloc(1, sizeof(*threads));
        if (threads) {
                memcpy(threads->uuid, uuid, sizeof(threads->uuid));
                SLIST_INSERT_HEAD(tables, threads, entries);
        }
        return threads;
}

/* Thread 0 is each processor's own when it has nothing to do. */
static int32_t find(const struct threads *threads, int32_t tid) {
        const int32_t *page;

        if (tid <= 0 || tid >= THREADS_MAX)
                return tid == 0 ? 0 : UNKNOWN;
        page = threads->pages[tid / THREADS_PAGE];
        return page ? page[tid % THREADS_PAGE] - 1 : UNKNOWN;
}

/* Where memory is short, the process stays unknown. */
static void put(struct threads *threads, int64_t tid, int64_t pid) {
        int32_t **page;

        if (tid <= 0 || tid >= THREADS_MAX || pid < UNKNOWN || pid >= THREADS_MAX)
                return;
        page = &threads->pages[tid / THREADS_PAGE];
        if (!*page)
                *page = calloc(THREADS_PAGE, sizeof(**page));
        if (*page)
                (*page)[tid % THREADS_PAGE] = (int32_t) pid + 1;
}

static void take_number(const tracectl_field *field, int64_t *values) {
        if (field->type != TRACECTL_FIELD_SIGNED && field->type != TRACECTL_FIELD_UNSIGNED)
                return;
        for (size_t i = 0; field->name && i < _NUMBER_MAX; i++)
                if (strlen(numbers[i]) == field->name_size && memcmp(numbers[i], field->name, field->name_size) == 0)
                        values[i] = field->i;
}

/* "tracectl+THREAD PROCESS", by the one of the programs that tracectl has in the kernel which sees threads begin. */
static void learn_print(struct threads *threads, tracectl_reader_event *event) {
        const tracectl_field *field;
        char text[sizeof("tracectl+2147483647 2147483647")];
        int tid, pid, n = 0;

        while ((field = tracectl_reader_event_next_field(event)))
                if (field->type == TRACECTL_FIELD_STRING && field->string.size < sizeof(text)) {
                        memcpy(text, field->string.data, field->string.size);
                        text[field->string.size] = '\0';
                        if (sscanf(text, "tracectl+%d %d%n", &tid, &pid, &n) == 2 && text[n] == '\0')
                                put(threads, tid, pid);
                }
}

static void learn(struct threads *threads, const struct record *record) {
        int64_t values[_NUMBER_MAX] = { UNKNOWN, UNKNOWN, 0, UNKNOWN, UNKNOWN };
        tracectl_reader_event event;
        const tracectl_field *field;

        event_set(&event, record);
        if (record->class->news == THREAD_NEWS_PRINT) {
                learn_print(threads, &event);
                return;
        }
        while ((field = tracectl_reader_event_next_field(&event)))
                take_number(field, values);
        switch (record->class->news) {
        case THREAD_NEWS_STATE:
                put(threads, values[NUMBER_TID], values[NUMBER_PID]);
                break;
        case THREAD_NEWS_NEW:
                threads->has_new = true;
                put(threads, values[NUMBER_PID],
                    values[NUMBER_FLAGS] & FLAG_THREAD ? find(threads, record->tid) : values[NUMBER_PID]);
                break;
        case THREAD_NEWS_FORK:
                if (values[NUMBER_CHILD_PID] != UNKNOWN || !threads->has_new)
                        put(threads, values[NUMBER_CHILD_TID], values[NUMBER_CHILD_PID]);
                break;
        default: /* THREAD_NEWS_EXEC */
                put(threads, record->tid, record->tid);
        }
}

void threads_take(struct threads *threads, struct record *record) {
        if (record->class->news != THREAD_NEWS_NONE && record->has_thread)
                learn(threads, record);
        if (record->has_thread && record->pid == UNKNOWN)
                record->pid = find(threads, record->tid);
}

void thread_tables_done(struct thread_tables *tables) {
        struct threads *threads;

        while ((threads = SLIST_FIRST(tables))) {
                SLIST_REMOVE_HEAD(tables, entries);
                for (size_t i = 0; i < ARRAY_SIZE(threads->pages); i++)
                        free(threads->pages[i]);
                free(threads);
        }
}
