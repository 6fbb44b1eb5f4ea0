/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A table, on stdout or in a file: rows of text under headers, in columns as wide as their
 * longest cell. What is in the cells comes from elsewhere, and is escaped.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct table {
        const char *const *headers; /* the columns, until NULL */
        const char *indent;         /* before each line, or NULL */
        bool with_legend;           /* print the headers */
        char **cells;
        size_t n;
        uint32_t text_columns; /* a bit for each that has text, which is aligned to the left */
        int error;             /* -errno: some cell could not be added */
};

void table_add(struct table *table, const char *cell);

/* Where a column has nothing but these, it is aligned to the right. */
void table_add_number(struct table *table, uint64_t number);
void table_add_quantity(struct table *table, const char *cell); /* our own text: a number with a unit, or so */

/* 0, or -errno of a cell that is missing; nothing is printed then. */
int table_print(const struct table *table);
int table_print_to(const struct table *table, FILE *f);

void table_done(struct table *table);
