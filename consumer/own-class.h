/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What of a kernel event is the owner's to see. Only events of this file's table are passed on; an event whose format
 * lacks a field that the table needs is not. The reader's one thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "consumer/kernel-format.h"
#include "consumer/own-threads.h"

enum own_kind {
        OWN_CURRENT, /* the thread that it happens in must be his */
        OWN_SUBJECT, /* and the thread that it tells of */
        OWN_AFFECTS, /* the thread that it tells of must be his, wherever it happens */
        OWN_SWITCH,  /* from one thread to another: the side that is his */
        OWN_FORK,
        OWN_EXEC,
        OWN_EXIT,
};

#define OWN_NOWHERE UINT16_MAX
#define OWN_HIDDEN_MAX 4
#define OWN_NEWS_SIZE 64 /* what of a record that tells of threads is kept */

struct own_piece {
        uint16_t at, size;
        bool text;
};

struct own_side {
        uint16_t tid_at;
        struct own_piece hidden[OWN_HIDDEN_MAX]; /* of the side that is not his; size 0: none */
};

struct own_class {
        enum own_kind kind;
        bool passed; /* asked for */
        uint16_t pid_at;   /* of the thread that it happens in */
        uint16_t min_size; /* of a record */
        struct own_side sides[2];
        struct own_piece holes[8]; /* between fields: what was there before */
        unsigned n_holes;
        uint16_t fixed_end; /* behind the last field */
        bool has_tail;
};

/* -EPERM: no event for him. -EBADMSG: not as it is known. Else *ret is new, and free()'s. */
int own_class_new(const char *system, const struct kernel_format *format, struct own_class **ret);

/*
 * Whether he may see a record; what of it he may not is overwritten with 0. *ret_doubt is set where it may have been
 * his, and nobody knows.
 */
bool own_class_filter(const struct own_class *class, const struct own_threads *threads, char *record, uint32_t size,
                      uint64_t time, bool *ret_doubt);

/* What a record of OWN_FORK, OWN_EXEC or OWN_EXIT says; others: nothing. */
int own_class_follow(const struct own_class *class, struct own_threads *threads, const char *record, uint64_t time);
