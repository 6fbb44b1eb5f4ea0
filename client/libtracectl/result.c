/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client/libtracectl/operation.h"

const tracectl_value *tracectl_result_get_value(const tracectl_result *result) {
        return result->value;
}

tracectl_value *tracectl_result_take_value(tracectl_result *result) {
        return TAKE_PTR(result->value);
}

const tracectl_counts *tracectl_result_get_counts(const tracectl_result *result) {
        return result->counts;
}

tracectl_counts *tracectl_result_take_counts(tracectl_result *result) {
        return TAKE_PTR(result->counts);
}

tracectl_session *tracectl_result_take_session(tracectl_result *result) {
        return TAKE_PTR(result->session);
}

const char *tracectl_result_get_text(const tracectl_result *result) {
        return result->text ?: "";
}

int tracectl_result_take_fd(tracectl_result *result) {
        return TAKE_FD(result->fd);
}

uint64_t tracectl_result_get_number(const tracectl_result *result) {
        return result->number;
}
