/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tracectl/table.h"
#include "client/tracectl/text.h"
#include "common/cleanup.h"

#define SPACES_BETWEEN 2

static size_t count_columns(const struct table *table) {
        size_t n = 0;

        while (table->headers[n])
                n++;
        return n;
}

/* Takes cell over; NULL: there was no memory for it. */
static void add(struct table *table, char *cell) {
        char **cells = NULL;

        if (cell)
                cells = reallocarray(table->cells, table->n + 1, sizeof(*cells));
        if (!cells) {
                free(cell);
                table->error = -ENOMEM;
                return;
        }
        table->cells = cells;
        table->cells[table->n++] = cell;
}

void table_add(struct table *table, const char *cell) {
        table->text_columns |= UINT32_C(1) << table->n % count_columns(table);
        add(table, text_escaped_copy(*cell ? cell : "-"));
}

void table_add_number(struct table *table, uint64_t number) {
        char *cell;

        add(table, asprintf(&cell, "%" PRIu64, number) < 0 ? NULL : cell);
}

void table_add_quantity(struct table *table, const char *cell) {
        add(table, strdup(cell));
}

/* Characters, each of which is one place wide on the terminal; broken UTF-8 has been escaped. */
static size_t width_of(const char *cell) {
        size_t n = 0;

        for (; *cell; cell++)
                n += ((unsigned char) *cell & 0xc0) != 0x80;
        return n;
}

struct column {
        size_t width;
        bool is_numeric;
};

static struct column measure(const struct table *table, size_t n_columns, size_t column) {
        struct column c = {
                .width = table->with_legend ? width_of(table->headers[column]) : 0,
                .is_numeric = table->n > 0 && !(table->text_columns >> column & 1),
        };

        for (size_t i = column; i < table->n; i += n_columns) {
                size_t width = width_of(table->cells[i]);

                c.width = width > c.width ? width : c.width;
        }
        return c;
}

static void print_row(const struct table *table, const char *const cells[], const struct column columns[], size_t n,
                      FILE *f) {
        fputs(table->indent ? table->indent : "", f);
        for (size_t i = 0; i < n; i++) {
                int fill = (int) (columns[i].width - width_of(cells[i]));

                if (columns[i].is_numeric)
                        fprintf(f, "%*s%s", fill, "", cells[i]);
                else
                        fprintf(f, "%s%*s", cells[i], i + 1 < n ? fill : 0, "");
                fprintf(f, "%*s", i + 1 < n ? SPACES_BETWEEN : 0, "");
        }
        fputc('\n', f);
}

int table_print_to(const struct table *table, FILE *f) {
        size_t n_columns = count_columns(table);
        _cleanup_free_ struct column *columns = calloc(n_columns, sizeof(*columns));

        if (table->error < 0 || !columns)
                return -ENOMEM;
        for (size_t i = 0; i < n_columns; i++)
                columns[i] = measure(table, n_columns, i);
        if (table->with_legend)
                print_row(table, table->headers, columns, n_columns, f);
        for (size_t i = 0; i + n_columns <= table->n; i += n_columns)
                print_row(table, (const char *const *) table->cells + i, columns, n_columns, f);
        return 0;
}

int table_print(const struct table *table) {
        return table_print_to(table, stdout);
}

void table_done(struct table *table) {
        for (size_t i = 0; i < table->n; i++)
                free(table->cells[i]);
        free(table->cells);
}
