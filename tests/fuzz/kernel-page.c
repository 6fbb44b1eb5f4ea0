/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What comes from tracefs, as any bytes: the input begins with the descriptions
 * of events, up to a NUL, behind which is a sub-buffer. Whatever they are, the
 * walk ends, stays inside its room, and what it says fits together.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "consumer/kernel-description.h"
#include "consumer/kernel-page.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/kernel-example.h"

#define SUBBUF 4096
#define CLASSES 2048

static void learn(const char *text, size_t size, struct kernel_classes *classes, struct text *metadata) {
        struct kernel_format *format = malloc(sizeof(*format));
        struct kernel_descriptions descriptions;
        struct kernel_description d;
        uint32_t id = 0;

        if (!format)
                abort();
        kernel_descriptions_init(&descriptions, text, size);
        while (kernel_descriptions_next(&descriptions, &d) > 0) {
                if (kernel_format_parse(d.text, d.size, format) < 0 || format->id >= CLASSES ||
                    classes->by_id[format->id])
                        continue;
                (void) kernel_class_new(d.system, format, id++, 0, metadata, &classes->by_id[format->id]);
        }
        free(format);
}

static void check(const struct kernel_walk *walk, const struct kernel_walked *walked) {
        if (walked->size > walk->room || walked->end < walk->begin || walked->garbage > SUBBUF)
                abort();
        if (walked->events > 0 && (walked->size == 0 || walked->end > walk->latest))
                abort();
}

static void walk_page(const struct kernel_classes *classes, const uint8_t *data, size_t size) {
        const struct kernel_layout layout = { 8, 16, SUBBUF };
        char *page = calloc(1, SUBBUF + KERNEL_SLACK), *to = malloc(kernel_walk_room(SUBBUF));
        struct kernel_walk walk = {
                .begin = 1000,
                .latest = UINT64_MAX / 2,
                .to = to,
                .room = kernel_walk_room(SUBBUF),
        };
        struct kernel_walked walked;

        if (!page || !to)
                abort();
        memcpy(page, data, size < SUBBUF ? size : SUBBUF);
        kernel_walk(&layout, classes, page, &walk, &walked);
        check(&walk, &walked);
        walk.skip = true;
        kernel_walk(&layout, classes, page, &walk, &walked);
        check(&walk, &walked);
        free(page);
        free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const uint8_t *end = memchr(data, '\0', size);
        struct kernel_class *by_id[CLASSES] = {};
        struct kernel_classes classes = { by_id, CLASSES };
        struct text metadata = {};
        size_t n = end ? (size_t) (end - data) : size;

        learn((const char *) data, n, &classes, &metadata);
        if (end)
                walk_page(&classes, end + 1, size - n - 1);
        for (size_t i = 0; i < CLASSES; i++)
                free(by_id[i]);
        text_done(&metadata);
        return 0;
}

void fuzz_seeds(fuzz_add add) {
        g_autoptr(GByteArray) input = g_byte_array_new();
        char page[512] = "";

        kernel_example_page(page);
        g_byte_array_append(input, (const guint8 *) kernel_example_event, (guint) strlen(kernel_example_event) + 1);
        g_byte_array_append(input, (const guint8 *) page, sizeof(page));
        add(input->data, input->len);
}
