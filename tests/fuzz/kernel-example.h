/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What tracefs has of an event: the descriptions that tracingd sends, and a sub-buffer with a record of it. */

extern const char kernel_example[];

/* Without header_page and header_event. */
extern const char kernel_example_event[];

/* Fills in the beginning of a page of zeros. */
void kernel_example_page(char *page);
