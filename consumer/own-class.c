/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "consumer/own-class.h"
#include "protocol/kernel-own-events.h"

/* Fields by their names; sides[1] is the other thread's of OWN_SWITCH, OWN_FORK (the child) and OWN_EXEC (before). */
static const struct rule {
        const char *pattern;
        enum own_kind kind;
        const char *tids[2];
        const char *hidden[2][OWN_HIDDEN_MAX];
} rules[] = {
        { "sched:sched_switch", OWN_SWITCH, { "prev_pid", "next_pid" },
          { { "prev_comm", "prev_pid", "prev_prio", "prev_state" }, { "next_comm", "next_pid", "next_prio" } } },
        { "sched:sched_waking", OWN_AFFECTS, { "pid" }, {} },
        { "sched:sched_wakeup", OWN_AFFECTS, { "pid" }, {} },
        { "sched:sched_wakeup_new", OWN_AFFECTS, { "pid" }, {} },
        { "sched:sched_migrate_task", OWN_AFFECTS, { "pid" }, {} },
        { "sched:sched_process_fork", OWN_FORK, { "parent_pid", "child_pid" }, {} },
        { "sched:sched_process_exec", OWN_EXEC, { "pid", "old_pid" }, {} },
        { "sched:sched_process_exit", OWN_EXIT, { "pid" }, {} },
        { "signal:signal_generate", OWN_AFFECTS, { "pid" }, {} },
        { "task:task_rename", OWN_SUBJECT, { "pid" }, {} },
        { KERNEL_OWN_CURRENT_EVENTS, OWN_CURRENT, {}, {} },
};

static const struct rule *find_rule(const char *system, const char *name) {
        char both[2 * KERNEL_NAME_MAX];

        if (!kernel_own_has_event(system, name))
                return NULL;
        snprintf(both, sizeof(both), "%s:%s", system, name);
        for (size_t i = 0; i + 1 < ARRAY_SIZE(rules); i++)
                if (strcmp(both, rules[i].pattern) == 0)
                        return &rules[i];
        return &rules[ARRAY_SIZE(rules) - 1];
}

static const struct kernel_field *find_field(const struct kernel_format *format, const char *name) {
        for (uint32_t i = 0; i < format->n_fields; i++)
                if (strcmp(format->fields[i].name, name) == 0)
                        return &format->fields[i];
        return NULL;
}

static int set_side(struct own_side *side, const char *tid, const char *const hidden[OWN_HIDDEN_MAX],
                    const struct kernel_format *format) {
        const struct kernel_field *field;

        side->tid_at = OWN_NOWHERE;
        if (!tid)
                return 0;
        field = find_field(format, tid);
        if (!field || field->kind != KERNEL_INTEGER || field->size != sizeof(int32_t))
                return -EBADMSG;
        side->tid_at = (uint16_t) field->offset;
        for (unsigned i = 0; i < OWN_HIDDEN_MAX && hidden[i]; i++) {
                field = find_field(format, hidden[i]);
                /* What lies elsewhere in the record could not be hidden in its place. */
                if (!field || (field->kind != KERNEL_INTEGER && field->kind != KERNEL_TEXT))
                        return -EBADMSG;
                side->hidden[i] = (struct own_piece) { (uint16_t) field->offset, (uint16_t) field->size, field->kind == KERNEL_TEXT };
        }
        return 0;
}

static bool is_covered(const struct kernel_format *format, uint32_t at) {
        if (at >= format->pid_at && at < format->pid_at + sizeof(int32_t))
                return true;
        for (uint32_t i = 0; i < format->n_fields; i++)
                if (at >= format->fields[i].offset && at < format->fields[i].offset + format->fields[i].size)
                        return true;
        return false;
}

static int set_holes(struct own_class *class, const struct kernel_format *format) {
        uint32_t end = format->pid_at + (uint32_t) sizeof(int32_t);
        struct own_piece *last = NULL;

        for (uint32_t i = 0; i < format->n_fields; i++) {
                const struct kernel_field *f = &format->fields[i];

                class->has_tail |= f->kind > KERNEL_ARRAY;
                if (f->offset + f->size > end)
                        end = f->offset + f->size;
        }
        for (uint32_t at = format->pid_at; at < end; at++) {
                if (is_covered(format, at))
                        continue;
                if (last && (uint32_t) last->at + last->size == at) {
                        last->size++;
                        continue;
                }
                if (class->n_holes == ARRAY_SIZE(class->holes))
                        return -EBADMSG;
                last = &class->holes[class->n_holes++];
                *last = (struct own_piece) { .at = (uint16_t) at, .size = 1 };
        }
        class->fixed_end = class->min_size = (uint16_t) end;
        return 0;
}

int own_class_new(const char *system, const struct kernel_format *format, struct own_class **ret) {
        const struct rule *rule = find_rule(system, format->name);
        _cleanup_free_ struct own_class *class = NULL;
        int r = 0;

        if (!rule)
                return -EPERM;
        class = calloc(1, sizeof(*class));
        if (!class)
                return -ENOMEM;
        class->kind = rule->kind;
        class->pid_at = (uint16_t) format->pid_at;
        for (unsigned i = 0; i < 2 && r >= 0; i++)
                r = set_side(&class->sides[i], rule->tids[i], rule->hidden[i], format);
        if (r >= 0)
                r = set_holes(class, format);
        if (r >= 0 && class->kind >= OWN_FORK && class->min_size > OWN_NEWS_SIZE)
                r = -EBADMSG;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(class);
        return 0;
}

static int32_t tid_at(const char *record, uint16_t at) {
        int32_t tid;

        memcpy(&tid, record + at, sizeof(tid));
        return tid;
}

/* A name becomes "-": readers take an empty one for the one before. */
static void hide(char *record, const struct own_side *side) {
        for (unsigned i = 0; i < OWN_HIDDEN_MAX; i++) {
                const struct own_piece *piece = &side->hidden[i];

                memset(record + piece->at, 0, piece->size);
                if (piece->text && piece->size > 1)
                        record[piece->at] = '-';
        }
}

static bool filter_switch(const struct own_class *class, const struct own_threads *threads, char *record,
                          uint64_t time) {
        bool his[2];

        for (unsigned i = 0; i < 2; i++)
                his[i] = own_threads_have(threads, tid_at(record, class->sides[i].tid_at), time);
        for (unsigned i = 0; i < 2; i++)
                if (!his[i])
                        hide(record, &class->sides[i]);
        return his[0] || his[1];
}

static bool is_his(const struct own_class *class, const struct own_threads *threads, char *record, uint64_t time,
                   bool current) {
        switch (class->kind) {
        case OWN_SWITCH:
                return filter_switch(class, threads, record, time);
        case OWN_AFFECTS:
                return own_threads_have(threads, tid_at(record, class->sides[0].tid_at), time);
        case OWN_CURRENT:
        case OWN_FORK:
                return current;
        default:
                return current && own_threads_have(threads, tid_at(record, class->sides[0].tid_at), time);
        }
}

bool own_class_filter(const struct own_class *class, const struct own_threads *threads, char *record, uint32_t size,
                      uint64_t time, bool *ret_doubt) {
        bool current;

        if (size < class->min_size)
                return false;
        current = own_threads_have(threads, tid_at(record, class->pid_at), time);
        if (!is_his(class, threads, record, time, current)) {
                *ret_doubt = own_threads_doubt(threads, tid_at(record, class->pid_at), time);
                return false;
        }
        if (!current)
                memset(record + class->pid_at, 0, sizeof(int32_t));
        for (unsigned i = 0; i < class->n_holes; i++)
                memset(record + class->holes[i].at, 0, class->holes[i].size);
        if (!class->has_tail)
                memset(record + class->fixed_end, 0, size - class->fixed_end);
        return true;
}

int own_class_follow(const struct own_class *class, struct own_threads *threads, const char *record, uint64_t time) {
        int32_t first;

        if (class->sides[0].tid_at == OWN_NOWHERE)
                return 0;
        first = tid_at(record, class->sides[0].tid_at);
        switch (class->kind) {
        case OWN_FORK:
                return own_threads_fork(threads, first, tid_at(record, class->sides[1].tid_at), time);
        case OWN_EXEC:
                return own_threads_exec(threads, first, tid_at(record, class->sides[1].tid_at), time);
        case OWN_EXIT:
                own_threads_exit(threads, first, time);
                return 0;
        default:
                return 0;
        }
}
