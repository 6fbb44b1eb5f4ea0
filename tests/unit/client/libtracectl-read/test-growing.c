/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A trace that is read while it is written: each event's class comes into the metadata just before the event. */

#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "client/libtracectl-read/tracectl-read.h"
#include "play-trace.h"

#define CLASSES 400
#define FIRST_ID 2

G_DEFINE_AUTOPTR_CLEANUP_FUNC(tracectl_reader, tracectl_reader_free)

struct writer {
        const play *p;
        gint n_written; /* atomic */
};

/* In one write, as the consumer does it; who reads may see it in parts. */
static void append_class(const play *p, unsigned id) {
        g_autofree char *path = play_path(p, "metadata");
        g_autofree char *text = g_strdup_printf("event { name = \"g:e%u\"; id = %u; stream_id = 1; "
                                                "fields := struct { uint64_t n; }; };\n", id, id);
        int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(write(fd, text, strlen(text)), ==, (gssize) strlen(text));
        close(fd);
}

static void append_event(const play *p, unsigned id) {
        g_autoptr(GByteArray) events = play_events();

        play_extended(events, id, id);
        play_u64(events, id);
        play_packet(p, "c_0", &(struct play_packet) { .begin = id, .end = id, .sequence = id - FIRST_ID }, events);
}

static gpointer write_trace(gpointer userdata) {
        struct writer *writer = userdata;

        for (unsigned id = FIRST_ID; id < FIRST_ID + CLASSES; id++) {
                append_class(writer->p, id);
                append_event(writer->p, id);
                g_atomic_int_inc(&writer->n_written);
        }
        return NULL;
}

/* All that was there before is there; what is there only in part may be said to be. */
static void keep_report(const char *sentence, void *userdata) {
        if (!strstr(sentence, "is cut off"))
                g_error("%s", sentence);
}

static gint count(const play *p) {
        g_autoptr(tracectl_reader) reader = NULL;
        tracectl_reader_event *event;
        gint n = 0;

        g_assert_cmpint(tracectl_reader_new(&reader), ==, 0);
        tracectl_reader_set_report(reader, keep_report, NULL);
        if (tracectl_reader_open(reader, p->directory) < 0)
                g_error("%s", tracectl_reader_get_error(reader));
        while (tracectl_reader_next(reader, &event) > 0)
                n++;
        return n;
}

static void test_growing(void) {
        g_autoptr(play) p = play_new();
        struct writer writer = { .p = p };
        GThread *thread;
        gint before;

        play_metadata(p, "", "");
        thread = g_thread_new("writer", write_trace, &writer);
        do {
                before = g_atomic_int_get(&writer.n_written);
                g_assert_cmpint(count(p), >=, before);
        } while (before < CLASSES);
        g_thread_join(thread);
        g_assert_cmpint(count(p), ==, CLASSES);
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/read/growing", test_growing);
        return g_test_run();
}
