/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Makes sub-buffers of what the owner may see of others: what is left out leaves no trace, neither its bytes nor its
 * place. The reader's one thread.
 */

#include "consumer/kernel-page.h"
#include "consumer/own-class.h"
#include "protocol/kernel-own.h"

struct own_page {
        char data[OWN_PAGE_MAX];
        size_t size; /* with the header; 0: there is nothing in it */
        uint64_t last;
};

/* Begins one; the header's other bytes are 0. */
void own_page_begin(struct own_page *page, const struct kernel_layout *layout, uint64_t time);

/* Adds an event that is not before the last one. false: the page is full, or has none yet and never could. */
bool own_page_add(struct own_page *page, const struct kernel_layout *layout, const char *record, uint32_t size,
                  uint64_t time);
