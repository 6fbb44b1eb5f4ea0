/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "client/tracectl/nearest.h"

#define WORD_MAX NEAREST_MAX

static unsigned min3(unsigned a, unsigned b, unsigned c) {
        unsigned m = a < b ? a : b;

        return m < c ? m : c;
}

/* Damerau's distance, in its restricted form: no two edits touch the same letters. */
static unsigned typing_errors(const char *a, size_t n_a, const char *b, size_t n_b) {
        unsigned d[WORD_MAX + 1][WORD_MAX + 1];

        for (size_t i = 0; i <= n_a; i++)
                d[i][0] = (unsigned) i;
        for (size_t j = 0; j <= n_b; j++)
                d[0][j] = (unsigned) j;
        for (size_t i = 1; i <= n_a; i++)
                for (size_t j = 1; j <= n_b; j++) {
                        d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                            d[i - 2][j - 2] + 1 < d[i][j])
                                d[i][j] = d[i - 2][j - 2] + 1;
                }
        return d[n_a][n_b];
}

void nearest_offer(struct nearest *nearest, const char *candidate) {
        size_t n_word = strlen(nearest->word), n_candidate = strlen(candidate), n_longer;
        unsigned errors;

        if (n_word == 0 || n_word > WORD_MAX || n_candidate > WORD_MAX)
                return;
        errors = typing_errors(nearest->word, n_word, candidate, n_candidate);

        /* With half of the letters wrong it is another word; but of two letters. */
        n_longer = n_word > n_candidate ? n_word : n_candidate;
        if (errors * 2 >= n_longer + (n_longer == 2))
                return;
        if (!nearest->best || errors < nearest->errors) {
                nearest->best = candidate;
                nearest->errors = errors;
        }
}
