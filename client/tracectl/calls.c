/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/calls.h"

bool call_is_of(const struct call *call, int32_t pid, int32_t tid) {
        return call->has_thread && call->tid == tid && (call->pid == pid || call->pid < 0 || pid < 0);
}

struct call *calls_find(struct calls *calls, int32_t pid, int32_t tid) {
        struct call *set = calls->items + (uint32_t) tid % CALLS_SETS * CALLS_WAYS, *oldest = set;

        calls->now++;
        for (struct call *call = set; call < set + CALLS_WAYS; call++) {
                if (call_is_of(call, pid, tid)) {
                        call->age = calls->now;
                        return call;
                }
                if (call->age < oldest->age)
                        oldest = call;
        }
        oldest->age = calls->now;
        return oldest;
}

void call_take(struct call *call, int32_t pid, int32_t tid) {
        call_clear(call);
        call->has_thread = true;
        call->pid = pid;
        call->tid = tid;
}

void call_forget_names(struct call *call) {
        for (size_t i = 0; i < CALL_NAMES_MAX; i++) {
                free(call->names[i]);
                call->names[i] = NULL;
        }
}

int call_set_name(struct call *call, size_t i, const char *data, size_t size) {
        char *copy;

        if (size > CALL_NAME_SIZE)
                size = CALL_NAME_SIZE;
        copy = malloc(size + 1);

        if (!copy)
                return -ENOMEM;
        memcpy(copy, data, size);
        copy[size] = '\0';
        if (i == 0)
                call_forget_names(call);
        free(call->names[i]);
        call->names[i] = copy;
        call->name_sizes[i] = size;
        return 0;
}

bool call_never_returns(const char *name) {
        return strcmp(name, "exit") == 0 || strcmp(name, "exit_group") == 0 || strcmp(name, "rt_sigreturn") == 0;
}

void call_clear(struct call *call) {
        call_forget_names(call);
        free(call->arguments);
        call->arguments = NULL;
        call->n_arguments = 0;
        call->n_pointers = 0;
        call->pair[0] = call->pair[1] = -1;
        call->is_open = false;
}

void calls_done(struct calls *calls) {
        for (size_t i = 0; i < CALLS_MAX; i++)
                call_clear(&calls->items[i]);
}
