/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Values as people read them, and words as shells read them; the same in every locale. */

#include <stdint.h>
#include <stdio.h>

/* 1,234,567 */
void format_number(FILE *f, uint64_t n);

/* "1 process", "2 processes" */
void format_count(FILE *f, uint64_t n, const char *one, const char *many);

/* 999 bytes, 12.3 kB, 12.3 MB */
void format_bytes(FILE *f, uint64_t n);

/* One word for a POSIX shell, in quotes only where it needs them. */
void format_shell_word(FILE *f, const char *word);
