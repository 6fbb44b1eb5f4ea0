/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "spans.h"

static const char EVENTS[] =
        "event { name = \"w:job_begin\"; id = 2; stream_id = 1; fields := struct { uint32_t _n; }; };"
        "event { name = \"w:job_end\"; id = 3; stream_id = 1; fields := struct { uint32_t _n; }; };"
        "event { name = \"w:step_entry\"; id = 4; stream_id = 1; fields := struct { uint32_t _n; }; };"
        "event { name = \"w:step_exit\"; id = 5; stream_id = 1; fields := struct { uint32_t _n; }; };"
        "event { name = \"libc:call\"; id = 6; stream_id = 1;"
        "        fields := struct { uint32_t _ret; uint64_t _duration; }; };"
        "event { name = \"w:text\"; id = 7; stream_id = 1; fields := struct { string _text; }; };"
        "event { name = \"syscall_entry_read\"; id = 8; stream_id = 1; fields := struct { uint32_t _n; }; };"
        "event { name = \"syscall_exit_read\"; id = 9; stream_id = 1; fields := struct { uint32_t _n; }; };";

void spans_metadata(const play *p) {
        play_metadata(p, "", EVENTS);
}

void spans_add(GByteArray *events, unsigned id, uint64_t time) {
        play_compact(events, id, time);
        play_u32(events, id);
}

void spans_call(GByteArray *events, uint64_t time, uint32_t ret, uint64_t duration) {
        play_compact(events, SPANS_CALL, time);
        play_u32(events, ret);
        play_u64(events, duration);
}

void spans_text(GByteArray *events, uint64_t time, const char *text) {
        play_compact(events, SPANS_TEXT, time);
        play_string(events, text);
}

void spans_standard(const play *p) {
        g_autoptr(GByteArray) events = play_events();

        spans_metadata(p);
        play_thread(events, 0, 7, 8);
        spans_add(events, SPANS_JOB_BEGIN, 1000);
        spans_add(events, SPANS_STEP_ENTRY, 1500);
        spans_call(events, 4500, 3, 1000);
        spans_add(events, SPANS_STEP_EXIT, 6500);
        spans_text(events, 8000, "</script>\"\\;\n\x80\xc3\xa9\xf0\x9f\x98\x80\x1b");
        spans_add(events, SPANS_STEP_ENTRY, 9000);
        spans_add(events, SPANS_JOB_END, 11000);
        play_thread(events, 12000, 7, 9);
        spans_add(events, SPANS_JOB_END, 12000);
        spans_add(events, SPANS_STEP_ENTRY, 13000);
        play_packet(p, "c_0", &(struct play_packet) {}, events);
}
