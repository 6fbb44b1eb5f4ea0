/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What starts are compared with: a shared library that does nothing. */

int bench_one_more(void);

int bench_one_more(void) {
        return 1;
}
