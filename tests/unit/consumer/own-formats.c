/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/unit/consumer/own-formats.h"

#include <string.h>

static const char page_format[] = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
                                  "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
                                  "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
                                  "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n";

static const char record_format[] = "# compressed entry header\n"
                                    "\ttype_len    :    5 bits\n\ttime_delta  :   27 bits\n\tarray       :   32 bits\n\n"
                                    "\tpadding     : type == 29\n\ttime_extend : type == 30\n\ttime_stamp : type == 31\n"
                                    "\tdata max type_len  == 28\n";

#define COMMON                                                                                                         \
        "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"                                         \
        "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"                                         \
        "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"                                 \
        "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
#define FIELD(type, name, offset, size) "\tfield:" type " " name ";\toffset:" offset ";\tsize:" size ";\tsigned:1;\n"
#define FORMAT(name, id, fields) "name: " name "\nID: " id "\nformat:\n" COMMON fields "\nprint fmt: \"\"\n"

static const struct {
        const char *system, *name, *format;
} events[] = {
        { "sched", "sched_process_fork",
          FORMAT("sched_process_fork", "1", FIELD("char", "parent_comm[16]", "8", "16") FIELD("pid_t", "parent_pid", "24", "4")
                 FIELD("char", "child_comm[16]", "28", "16") FIELD("pid_t", "child_pid", "44", "4")) },
        { "sched", "sched_process_exec",
          FORMAT("sched_process_exec", "2", FIELD("pid_t", "pid", "8", "4") FIELD("pid_t", "old_pid", "12", "4")) },
        { "sched", "sched_process_exit",
          FORMAT("sched_process_exit", "3", FIELD("char", "comm[16]", "8", "16") FIELD("pid_t", "pid", "24", "4")) },
        { "sched", "sched_switch",
          FORMAT("sched_switch", "4", FIELD("char", "prev_comm[16]", "8", "16") FIELD("pid_t", "prev_pid", "24", "4")
                 FIELD("int", "prev_prio", "28", "4") FIELD("long", "prev_state", "32", "8")
                 FIELD("char", "next_comm[16]", "40", "16") FIELD("pid_t", "next_pid", "56", "4")
                 FIELD("int", "next_prio", "60", "4")) },
        { "syscalls", "sys_enter_getpgid",
          FORMAT("sys_enter_getpgid", "5", FIELD("int", "__syscall_nr", "8", "4") FIELD("pid_t", "pid", "16", "8")) },
        { "irq", "irq_handler_entry", FORMAT("irq_handler_entry", "6", FIELD("int", "irq", "8", "4")) },
};

char *own_formats(unsigned first, unsigned end, bool head) {
        GString *text = g_string_new(NULL);

        if (head)
                g_string_append_printf(text, "@ events header_page %zu\n%s@ events header_event %zu\n%s",
                                       strlen(page_format), page_format, strlen(record_format), record_format);
        for (unsigned i = first; i < end; i++)
                g_string_append_printf(text, "@ %s %s %zu\n%s", events[i].system, events[i].name,
                                       strlen(events[i].format), events[i].format);
        return g_string_free(text, FALSE);
}
