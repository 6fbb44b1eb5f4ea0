/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Programs as files: their probes and functions, what operands become, and files that are none or broken. */

#undef NDEBUG

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/sdt-argument.h"

int operand_data = 5;

/* A probe in this program itself, with an argument beside the code. */
__attribute__((noinline)) void operand_function(void);
void operand_function(void) {
        __asm__ volatile("990: nop\n"
                         ".pushsection .note.stapsdt,\"?\",\"note\"\n"
                         ".balign 4\n.4byte 992f-991f, 994f-993f, 3\n"
                         "991: .asciz \"stapsdt\"\n992: .balign 4\n"
                         "993: .8byte 990b\n.8byte 0\n.8byte 0\n"
                         ".asciz \"own\"\n.asciz \"probe\"\n.asciz \"-4@operand_data(%%rip) 8@%%rax\"\n"
                         "994: .balign 4\n.popsection\n" ::"m"(operand_data));
}

static const struct {
        const char *arguments, *wanted;
} operands[] = {
        { "", "" },
        { "8@%rbx -4@%ebp 2@%r12w -1@%sil", "%bx:u8 %bp:s4 %r12:u2 %si:s1 " },
        { "-4@$-7 8@$0x10", "\\-7:s4 \\16:u8 " },
        { "-4@112(%rsp) 8@-8(%rbp) 8@(%rax)", "+112(%sp):s4 -8(%bp):u8 +0(%ax):u8 " },
        { "%rax", "%ax:u8 " },
        /* Nothing that the kernel can fetch. */
        { "8f@%xmm0 8@8(%rax,%rdx,8) 1@%ah 8@%xmm1", "- - - - " },
        /* Not the language. */
        { "3@%rax", NULL },
        { "x@%rax", NULL },
        { "4@", NULL },
        { "8@%rax 8@%rax 8@%rax 8@%rax 8@%rax 8@%rax 8@%rax 8@%rax 8@%rax 8@%rax 8@%rax 8@%rax 8@%rax", NULL },
};

static void test_operands(void) {
        for (size_t i = 0; i < ARRAY_SIZE(operands); i++) {
                g_autofree char *text = g_strdup(operands[i].arguments);
                const struct elf_place place = { .arguments = text };
                struct sdt_argument arguments[SDT_ARGUMENTS_MAX];
                g_autoptr(GString) found = g_string_new("");
                int n = sdt_arguments_read(NULL, &place, arguments);

                if (!operands[i].wanted) {
                        g_assert_cmpint(n, ==, -EBADMSG);
                        continue;
                }
                for (int k = 0; k < n; k++)
                        if (arguments[k].size > 0)
                                g_string_append_printf(found, "%s:%c%u ", arguments[k].fetch,
                                                       arguments[k].is_signed ? 's' : 'u', arguments[k].size);
                        else
                                g_string_append(found, "- ");
                g_assert_cmpstr(found->str, ==, operands[i].wanted);
        }
}

static void test_own_program(void) {
        _cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        _cleanup_(elf_program_freep) struct elf_program *p = NULL;
        struct elf_places probes, functions;
        struct sdt_argument arguments[SDT_ARGUMENTS_MAX];
        char reason[128];
        uint64_t data;

        operand_function();
        g_assert_cmpint(elf_program_new(fd, &p, reason, sizeof(reason)), ==, 0);
        g_assert_cmpint(elf_program_probes(p, "own", "probe", &probes), ==, 0);
        g_assert_cmpuint(probes.n, ==, 1);
        g_assert_cmpint(elf_program_functions(p, "operand_function", &functions), ==, 0);
        g_assert_cmpuint(functions.n, ==, 1);
        g_assert_cmpuint(probes.items[0].offset, >=, functions.items[0].offset);
        g_assert_cmpuint(probes.items[0].offset, <, functions.items[0].offset + 64);
        g_assert_cmpuint(probes.items[0].semaphore, ==, 0);
        /* Data lies as far from the code as it was linked. */
        g_assert_cmpint(elf_program_symbol(p, "operand_data", &data), ==, 0);
        g_assert_cmpint(sdt_arguments_read(p, &probes.items[0], arguments), ==, 2);
        g_assert_true(g_str_has_prefix(arguments[0].fetch, "@+0x"));
        g_assert_cmpuint(g_ascii_strtoull(arguments[0].fetch + 2, NULL, 16), ==,
                         data - probes.items[0].address + probes.items[0].offset);
        elf_places_done(&probes);
        elf_places_done(&functions);
        g_assert_cmpint(elf_program_probes(p, "own", "other", &probes), ==, 0);
        g_assert_cmpuint(probes.n, ==, 0);
        g_assert_cmpint(elf_program_symbol(p, "no_such_symbol", &data), ==, -ENOENT);
}

static int file_of(const char *content, size_t size) {
        int fd = memfd_create("test", MFD_CLOEXEC);

        g_assert_cmpint(write(fd, content, size), ==, (ssize_t) size);
        return fd;
}

static void refused(int fd, const char *wanted) {
        struct elf_program *p;
        char reason[128];

        g_assert_cmpint(elf_program_new(fd, &p, reason, sizeof(reason)), <, 0);
        g_assert_nonnull(strstr(reason, wanted));
        close(fd);
}

static void test_no_programs(void) {
        g_autofree char *own = NULL;
        gsize size;

        refused(file_of("hello", 5), "no ELF file");
        refused(file_of("", 0), "no ELF file");
        refused(open("/", O_RDONLY | O_CLOEXEC), "no regular file");
        g_assert_true(g_file_get_contents("/proc/self/exe", &own, &size, NULL));
        own[4] = 1; /* 32 bits */
        refused(file_of(own, size), "64-bit");
}

/* Whatever is in the file, it is read without harm; address and undefined sanitizers see more. */
static void test_broken_programs(void) {
        g_autofree char *own = NULL, *broken = NULL;
        gsize size;

        g_assert_true(g_file_get_contents("/proc/self/exe", &own, &size, NULL));
        broken = g_malloc(size);
        for (int round = 0; round < 400; round++) {
                gsize cut = round % 4 == 0 ? (gsize) g_test_rand_int_range(16, (gint32) size) : size;
                _cleanup_(elf_program_freep) struct elf_program *p = NULL;
                struct elf_places places;
                char reason[128];
                int fd;

                memcpy(broken, own, size);
                for (int i = 0; i < 1 << round % 12; i++)
                        broken[round % 3 == 0 ? g_test_rand_int_range(0, 1024) : g_test_rand_int_range(0, (gint32) size)] =
                                (char) g_test_rand_int();
                fd = file_of(broken, cut);
                if (elf_program_new(fd, &p, reason, sizeof(reason)) >= 0) {
                        if (elf_program_probes(p, NULL, NULL, &places) >= 0) {
                                struct sdt_argument arguments[SDT_ARGUMENTS_MAX];

                                for (size_t i = 0; i < places.n; i++)
                                        (void) sdt_arguments_read(p, &places.items[i], arguments);
                                elf_places_done(&places);
                        }
                        if (elf_program_functions(p, "operand_function", &places) >= 0)
                                elf_places_done(&places);
                }
                close(fd);
        }
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/elf-program/operands", test_operands);
        g_test_add_func("/elf-program/own-program", test_own_program);
        g_test_add_func("/elf-program/no-programs", test_no_programs);
        g_test_add_func("/elf-program/broken-programs", test_broken_programs);
        return g_test_run();
}
