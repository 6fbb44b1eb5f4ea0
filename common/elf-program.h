/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A program or library as a file: where its functions and its SDT probes are. Read by libelf with read() alone,
 * never mapped: whoever may write to the file could cut it off at any time. What is read is
 * believed in nothing: an address counts if a loaded segment of the file has it.
 *
 * Source: the System V ABI (symbols, segments); SystemTap's
 * UserSpaceProbeImplementation (notes `stapsdt`, type 3: the addresses of the
 * probe, of .stapsdt.base when it was linked, and of the semaphore; provider, name
 * and arguments, each with a NUL).
 *
 * One thread at a time for each object.
 */

#include <stdint.h>

#include "common/cleanup.h"

/* A place in a program where a probe can be. */
struct elf_place {
        char *provider, *name; /* of an SDT probe, or NULL */
        char *arguments;       /* of an SDT probe: operands as sdt-argument.h has them; or NULL */
        uint64_t address;      /* as linked */
        uint64_t offset;       /* bytes from the begin of the file */
        uint64_t semaphore;    /* likewise, of what says that the probe is wanted; 0: it has none */
};

struct elf_places {
        struct elf_place *items;
        size_t n;
};

void elf_places_done(struct elf_places *places);

struct elf_program;

/* fd stays the caller's, and open as long as *ret. -EBADMSG, or another -errno, and a clause in reason. */
int elf_program_new(int fd, struct elf_program **ret, char *reason, size_t reason_size);
struct elf_program *elf_program_free(struct elf_program *p);
DEFINE_CLEANUP(struct elf_program *, elf_program_free)

/* The SDT probes; provider and name NULL: all of them. None is no error. -EBADMSG where the notes are no notes. */
int elf_program_probes(const struct elf_program *p, const char *provider, const char *name, struct elf_places *ret);

/* The begin of each function of this name. None is no error. */
int elf_program_functions(const struct elf_program *p, const char *name, struct elf_places *ret);

/* Where a symbol of any kind is, as linked. -ENOENT. */
int elf_program_symbol(const struct elf_program *p, const char *name, uint64_t *ret);
