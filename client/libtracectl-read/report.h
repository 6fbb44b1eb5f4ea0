/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where sentences about unreadable parts of a trace go while the rest is read:
 * to the user of the library, who may have set a function for them.
 */

struct report {
        void (*function)(const char *sentence, void *userdata);
        void *userdata;
};

__attribute__((format(printf, 2, 3))) void report_say(const struct report *report, const char *format, ...);
