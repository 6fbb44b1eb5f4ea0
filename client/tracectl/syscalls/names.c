/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "client/tracectl/syscalls/names.h"
#include "common/cleanup.h"

#include "syscall-names.h" /* made by generate.py */

#define SIGNAL_REALTIME 32 /* the kernel's first */

const struct syscall_argument *syscall_names_all(size_t *ret_n) {
        *ret_n = ARRAY_SIZE(syscall_arguments);
        return syscall_arguments;
}

void syscall_so_far_add(struct syscall_so_far *so_far, const char *name, size_t size, uint64_t value) {
        if (so_far->n == SYSCALL_ARGUMENTS_MAX || size >= sizeof(so_far->items[0].name))
                return;
        memcpy(so_far->items[so_far->n].name, name, size);
        so_far->items[so_far->n].name[size] = '\0';
        so_far->items[so_far->n++].value = value;
}

static bool is_name(const char *name, size_t size, const char *wanted) {
        return strlen(wanted) == size && memcmp(name, wanted, size) == 0;
}

static const uint64_t *find_value(const struct syscall_so_far *so_far, const char *name) {
        for (size_t i = 0; i < so_far->n; i++)
                if (strcmp(so_far->items[i].name, name) == 0)
                        return &so_far->items[i].value;
        return NULL;
}

static bool has_value(const struct syscall_so_far *so_far, const char *name, uint32_t value) {
        const uint64_t *found = find_value(so_far, name);

        return found && (uint32_t) *found == value;
}

uint64_t syscall_so_far_get(const struct syscall_so_far *so_far, const char *name) {
        const uint64_t *found = find_value(so_far, name);

        return found ? *found : 0;
}

/* The first of the call's, which lie side by side; NULL: it has none. */
static const struct syscall_argument *find_call(const char *call) {
        size_t low = 0, high = ARRAY_SIZE(syscall_arguments);

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(syscall_arguments[middle].call, call) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < ARRAY_SIZE(syscall_arguments) ? &syscall_arguments[low] : NULL;
}

static const struct syscall_argument *find_in(const char *call, const char *name, size_t size,
                                              const struct syscall_so_far *so_far) {
        const struct syscall_argument *end = syscall_arguments + ARRAY_SIZE(syscall_arguments);

        for (const struct syscall_argument *a = find_call(call); a && a < end && strcmp(a->call, call) == 0; a++)
                if (is_name(name, size, a->name) && (!a->other || has_value(so_far, a->other, a->value)))
                        return a;
        return NULL;
}

const struct syscall_argument *syscall_names_find(const char *call, const char *name, size_t size,
                                                  const struct syscall_so_far *so_far) {
        const struct syscall_argument *found = find_in(call, name, size, so_far);

        return found ? found : find_in("*", name, size, so_far);
}

/* A sum that is being written. */
struct sum {
        struct text *text;
        bool has_some;
};

static void add(struct sum *sum, const char *name) {
        if (sum->has_some)
                text_add_char(sum->text, '|');
        text_add(sum->text, name, strlen(name));
        sum->has_some = true;
}

static void add_number(struct sum *sum, uint64_t value, unsigned base) {
        if (sum->has_some)
                text_add_char(sum->text, '|');
        if (value > 0)
                text_add(sum->text, "0x", base == 16 ? 2 : 1);
        text_add_u64_base(sum->text, value, base, 1);
        sum->has_some = true;
}

/* As strace writes them: of the kernel's 32 signals for programs' own, the number counts from there. */
static void add_signal(struct sum *sum, uint32_t number) {
        const char *name = number > 0 && number < SIGNAL_REALTIME ? sigabbrev_np((int) number) : NULL;

        if (name) {
                add(sum, "SIG");
                text_add(sum->text, name, strlen(name));
        } else if (number > SIGNAL_REALTIME && number <= 2 * SIGNAL_REALTIME) {
                add(sum, "SIGRT_");
                text_add_u64(sum->text, number - SIGNAL_REALTIME);
        } else if (number == SIGNAL_REALTIME)
                add(sum, "SIGRTMIN");
        else
                add_number(sum, number, 16);
}

static const struct syscall_constant *find_one(const struct syscall_part *part, uint32_t value) {
        for (size_t i = 0; i < part->n_constants; i++)
                if (part->constants[i].value == value)
                        return &part->constants[i];
        return NULL;
}

/* Those of several bits, or those of one, that are in left: each at the place of its lowest. Returns what is left. */
static uint32_t take_bits(const struct syscall_part *part, bool of_several, uint32_t left, const char **names) {
        for (size_t i = 0; i < part->n_constants; i++) {
                uint32_t value = part->constants[i].value;

                if (value == 0 || (left & value) != value || (__builtin_popcount(value) > 1) != of_several)
                        continue;
                names[__builtin_ctz(value)] = part->constants[i].name;
                left &= ~value;
        }
        return left;
}

/* In the order of the bits. Returns those that have no name. */
static uint32_t add_bits(struct sum *sum, const struct syscall_part *part, uint32_t value) {
        const char *names[32] = { NULL };
        uint32_t left = take_bits(part, false, take_bits(part, true, value, names), names);

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (names[i])
                        add(sum, names[i]);
        return left;
}

static void add_int(struct sum *sum, int32_t value, bool is_descriptor) {
        if (is_descriptor && value == AT_FDCWD)
                add(sum, "AT_FDCWD");
        else
                text_add_i64(sum->text, value);
        sum->has_some = true;
}

/* Returns the bits that it has not written. */
static uint32_t add_part(struct sum *sum, const struct syscall_part *part, uint32_t value) {
        uint32_t mine = value & part->mask;
        const struct syscall_constant *one;

        switch (part->kind) {
        case SYSCALL_PART_BITS:
                return add_bits(sum, part, value);
        case SYSCALL_PART_ONE:
                one = find_one(part, mine);
                if (!one)
                        return value;
                add(sum, one->name);
                break;
        case SYSCALL_PART_SIGNAL:
                if (mine > 0)
                        add_signal(sum, mine);
                break;
        case SYSCALL_PART_OCTAL:
                add_number(sum, mine, 8);
                break;
        case SYSCALL_PART_INT:
        case SYSCALL_PART_DESCRIPTOR:
                add_int(sum, (int32_t) mine, part->kind == SYSCALL_PART_DESCRIPTOR);
                break;
        default:
                return value;
        }
        return value & ~part->mask;
}

/* What 0 is called where it is no sum. */
static const struct syscall_constant *find_zero(const struct syscall_part *part) {
        for (; part->kind != SYSCALL_PART_END; part++)
                if (part->kind == SYSCALL_PART_BITS) {
                        const struct syscall_constant *zero = find_one(part, 0);

                        if (zero)
                                return zero;
                }
        return NULL;
}

void syscall_names_add(struct text *text, const struct syscall_argument *argument, uint64_t value) {
        struct sum sum = { .text = text };
        const struct syscall_constant *zero;
        /* The kernel takes an int, and lists what the register had, whose upper half may be its sign. */
        uint64_t left = value >= UINT64_MAX - INT32_MAX ? (uint32_t) value : value;

        if (argument->parts->kind == SYSCALL_PART_ADDRESS) {
                add_number(&sum, value, 16);
                return;
        }
        for (const struct syscall_part *part = argument->parts; part->kind != SYSCALL_PART_END; part++)
                left = (left & ~(uint64_t) UINT32_MAX) | add_part(&sum, part, (uint32_t) left);
        if (left > 0)
                add_number(&sum, left, 16);
        if (sum.has_some)
                return;
        zero = find_zero(argument->parts);
        if (zero)
                add(&sum, zero->name);
        else
                text_add_char(text, '0');
}

bool syscall_names_are_constants(const struct syscall_argument *argument) {
        for (const struct syscall_part *part = argument->parts; part->kind != SYSCALL_PART_END; part++)
                if (part->kind == SYSCALL_PART_BITS || part->kind == SYSCALL_PART_ONE || part->kind == SYSCALL_PART_SIGNAL)
                        return true;
        return false;
}

const char *syscall_names_one(const char *call, const char *name, uint64_t value) {
        const struct syscall_so_far none = { 0 };
        const struct syscall_argument *argument = syscall_names_find(call, name, strlen(name), &none);
        const struct syscall_constant *one = argument ? find_one(argument->parts, (uint32_t) value) : NULL;

        return one ? one->name : NULL;
}
