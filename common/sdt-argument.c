/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/sdt-argument.h"

#define OPERAND_MAX 256

/* What the kernel calls the registers, and what the assembler calls them and their lower parts. */
static const struct {
        const char *kernels, *names[4];
} registers[] = {
        { "ax", { "rax", "eax", "ax", "al" } },    { "bx", { "rbx", "ebx", "bx", "bl" } },
        { "cx", { "rcx", "ecx", "cx", "cl" } },    { "dx", { "rdx", "edx", "dx", "dl" } },
        { "si", { "rsi", "esi", "si", "sil" } },   { "di", { "rdi", "edi", "di", "dil" } },
        { "bp", { "rbp", "ebp", "bp", "bpl" } },   { "sp", { "rsp", "esp", "sp", "spl" } },
        { "r8", { "r8", "r8d", "r8w", "r8b" } },   { "r9", { "r9", "r9d", "r9w", "r9b" } },
        { "r10", { "r10", "r10d", "r10w", "r10b" } }, { "r11", { "r11", "r11d", "r11w", "r11b" } },
        { "r12", { "r12", "r12d", "r12w", "r12b" } }, { "r13", { "r13", "r13d", "r13w", "r13b" } },
        { "r14", { "r14", "r14d", "r14w", "r14b" } }, { "r15", { "r15", "r15d", "r15w", "r15b" } },
};

static const char *find_register(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
                for (size_t k = 0; k < ARRAY_SIZE(registers[i].names); k++)
                        if (strcmp(registers[i].names[k], name) == 0)
                                return registers[i].kernels;
        return NULL;
}

static bool read_number(const char *text, size_t n, int64_t *ret) {
        char copy[32], *end;

        if (n == 0 || n >= sizeof(copy))
                return false;
        memcpy(copy, text, n);
        copy[n] = '\0';
        errno = 0;
        *ret = strtoll(copy, &end, 0);
        return *end == '\0' && errno == 0;
}

/* SYMBOL, SYMBOL+N, N+SYMBOL: of what lies beside the code. */
static bool read_symbol(const struct elf_program *p, const char *text, size_t n, uint64_t *ret) {
        char copy[OPERAND_MAX], *plus, *name = copy;
        int64_t number = 0;

        if (n == 0 || n >= sizeof(copy))
                return false;
        memcpy(copy, text, n);
        copy[n] = '\0';
        plus = strpbrk(copy, "+-");
        if (plus && read_number(copy, (size_t) (plus - copy), &number))
                name = plus + 1;
        else if (plus) {
                if (!read_number(plus, strlen(plus), &number))
                        return false;
                *plus = '\0';
        }
        if (elf_program_symbol(p, name, ret) < 0)
                return false;
        *ret += (uint64_t) number;
        return true;
}

/*
 * DISPLACEMENT(%BASE). The kernel finds @+OFFSET from where the code is loaded, so that of data is counted from
 * the code's segment.
 */
static bool fetch_memory(const struct elf_program *p, const struct elf_place *place, const char *text,
                         const char *open, char *ret) {
        size_t n = (size_t) (open - text), length = strlen(open);
        char base[16];
        const char *name;
        uint64_t address;
        int64_t displacement = 0;

        if (open[1] != '%' || open[length - 1] != ')' || length - 3 >= sizeof(base))
                return false;
        memcpy(base, open + 2, length - 3);
        base[length - 3] = '\0';
        if (strcmp(base, "rip") == 0) {
                if (!read_symbol(p, text, n, &address))
                        return false;
                snprintf(ret, SDT_FETCH_MAX, "@+0x%" PRIx64, address - place->address + place->offset);
                return true;
        }
        name = find_register(base);
        if (!name || (n > 0 && !read_number(text, n, &displacement)))
                return false;
        snprintf(ret, SDT_FETCH_MAX, "%+" PRIi64 "(%%%s)", displacement, name);
        return true;
}

static bool fetch(const struct elf_program *p, const struct elf_place *place, const char *operand, char *ret) {
        const char *open = strchr(operand, '('), *name;
        int64_t number;

        if (open)
                return fetch_memory(p, place, operand, open, ret);
        if (*operand == '%' && (name = find_register(operand + 1))) {
                snprintf(ret, SDT_FETCH_MAX, "%%%s", name);
                return true;
        }
        if (*operand == '$' && read_number(operand + 1, strlen(operand + 1), &number)) {
                snprintf(ret, SDT_FETCH_MAX, "\\%" PRIi64, number);
                return true;
        }
        return false;
}

/* "-4@" and the like; without one, it is as large as a register. */
static const char *read_size(const char *text, struct sdt_argument *ret) {
        const char *at = strchr(text, '@');
        int64_t size;

        ret->size = 8;
        ret->is_signed = false;
        if (!at)
                return text;
        if (at > text && at[-1] == 'f' && read_number(text, (size_t) (at - text) - 1, &size)) {
                ret->size = 0;
                return at + 1;
        }
        if (!read_number(text, (size_t) (at - text), &size))
                return NULL;
        ret->is_signed = size < 0;
        size = size < 0 ? -size : size;
        if (size != 1 && size != 2 && size != 4 && size != 8)
                return NULL;
        ret->size = (uint8_t) size;
        return at + 1;
}

static int read_argument(const struct elf_program *p, const struct elf_place *place, const char *text,
                         struct sdt_argument *ret) {
        const char *operand = read_size(text, ret);

        *ret->fetch = '\0';
        if (!operand || *operand == '\0')
                return -EBADMSG;
        if (ret->size > 0 && !fetch(p, place, operand, ret->fetch))
                ret->size = 0;
        return 0;
}

int sdt_arguments_read(const struct elf_program *p, const struct elf_place *place,
                       struct sdt_argument ret[static SDT_ARGUMENTS_MAX]) {
        const char *at = place->arguments;
        char text[OPERAND_MAX];
        int n = 0;

        while (*(at += strspn(at, " "))) {
                size_t length = strcspn(at, " ");

                if (n >= SDT_ARGUMENTS_MAX || length >= sizeof(text))
                        return -EBADMSG;
                memcpy(text, at, length);
                text[length] = '\0';
                if (read_argument(p, place, text, &ret[n++]) < 0)
                        return -EBADMSG;
                at += length;
        }
        return n;
}
