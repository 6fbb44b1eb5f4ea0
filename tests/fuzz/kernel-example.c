/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/fuzz/kernel-example.h"

#include <stdint.h>
#include <string.h>

#define PAGE                                                                                                   \
        "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"                                             \
        "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"                                            \
        "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"                                             \
        "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n"
#define EVENT_HEADER                                                                                           \
        "# compressed entry header\n\ttype_len    :    5 bits\n\ttime_delta  :   27 bits\n\tarray       :   32 bits\n\n" \
        "\tpadding     : type == 29\n\ttime_extend : type == 30\n\ttime_stamp : type == 31\n"                  \
        "\tdata max type_len  == 28\n"
#define PAID                                                                                                   \
        "name: paid\nID: 7\nformat:\n"                                                                         \
        "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"                                 \
        "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"                                 \
        "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"                         \
        "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"                                           \
        "\tfield:int cents;\toffset:8;\tsize:4;\tsigned:1;\n"                                                  \
        "\tfield:__data_loc char[] who;\toffset:12;\tsize:4;\tsigned:0;\n"                                     \
        "\tfield:u64 order;\toffset:16;\tsize:8;\tsigned:0;\n"                                                 \
        "\tfield:char comm[16];\toffset:24;\tsize:16;\tsigned:0;\n"                                            \
        "\tfield:u8 mac[6];\toffset:40;\tsize:6;\tsigned:0;\n"                                                 \
        "\tfield:__rel_loc u32[] list;\toffset:48;\tsize:4;\tsigned:0;\n\n"                                    \
        "print fmt: \"%d\", REC->cents\n"

/* The sizes stand as text in the lines before; a test that reads it sees to their being right. */
const char kernel_example[] = "@ events header_page 205\n" PAGE "@ events header_event 205\n" EVENT_HEADER "@ shop paid 612\n" PAID;
_Static_assert(sizeof(PAGE) - 1 == 205 && sizeof(EVENT_HEADER) - 1 == 205 && sizeof(PAID) - 1 == 612, "as in the lines");
const char kernel_example_event[] = "@ shop paid 612\n" PAID;

struct record {
        uint32_t head; /* type_len, time_delta */
        uint16_t type;
        uint8_t flags, preempt;
        int32_t pid, cents;
        uint32_t who;
        uint64_t order;
        char comm[16];
        uint8_t mac[6], reserved[2];
        uint32_t list;
        char text[4];
        uint32_t numbers[2];
} __attribute__((packed));

void kernel_example_page(char *page) {
        const struct record record = {
                .head = (sizeof(record) - 4) / 4 | 100 << 5,
                .type = 7,
                .pid = 42,
                .cents = -5,
                .who = 4 << 16 | 52,
                .order = 9,
                .comm = "till",
                .list = 8 << 16 | 4,
                .text = "ada",
                .numbers = { 1, 2 },
        };
        uint64_t head[2] = { 1000, 2 * sizeof(record) };

        memcpy(page, head, sizeof(head));
        memcpy(page + sizeof(head), &record, sizeof(record));
        memcpy(page + sizeof(head) + sizeof(record), &record, sizeof(record));
}
