/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Follows what happens in the tracing service from the main loop of GLib:
 *
 *   cc follow-glib.c -o follow-glib $(pkg-config --cflags --libs tracectl glib-2.0 gio-unix-2.0)
 *   ./follow-glib [--user]
 *
 * The first part is all that a program with such a loop needs of it.
 */

#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <tracectl/tracectl.h>

/* A connection as a source of a main loop */

struct tracectl_source {
        GSource source;
        tracectl_connection *connection; /* the program's */
        gpointer fd;
};

/* What the loop has to wait for is different each time. */
static gboolean source_prepare(GSource *source, gint *timeout) {
        struct tracectl_source *s = (struct tracectl_source *) source;
        uint64_t usec;

        g_source_modify_unix_fd(source, s->fd, (GIOCondition) tracectl_connection_get_events(s->connection));
        if (tracectl_connection_get_timeout(s->connection, &usec) >= 0)
                g_source_set_ready_time(source, usec > G_MAXINT64 ? -1 : (gint64) usec);
        *timeout = -1;
        return FALSE;
}

static gboolean source_dispatch(GSource *source, GSourceFunc on_lost, gpointer userdata) {
        struct tracectl_source *s = (struct tracectl_source *) source;

        if (tracectl_connection_process(s->connection) >= 0)
                return G_SOURCE_CONTINUE;
        if (on_lost)
                (void) on_lost(userdata);
        return G_SOURCE_REMOVE;
}

/* on_lost is called when the connection has ended. Remove the source before the connection is freed. */
static guint add_connection(tracectl_connection *connection, GSourceFunc on_lost, gpointer userdata) {
        static GSourceFuncs functions = { .prepare = source_prepare, .dispatch = source_dispatch };
        GSource *source = g_source_new(&functions, sizeof(struct tracectl_source));
        struct tracectl_source *s = (struct tracectl_source *) source;
        guint id;

        s->connection = connection;
        s->fd = g_source_add_unix_fd(source, tracectl_connection_get_fd(connection), 0);
        g_source_set_callback(source, on_lost, userdata, NULL);
        id = g_source_attach(source, NULL);
        g_source_unref(source);
        return id;
}

/* What is done with it here */

static void on_notice(tracectl_connection *connection, const tracectl_notice *notice, void *userdata) {
        static const char *const words[] = { "added", "removed", "changed", "failed", "stopped", "following", "lost" };
        enum tracectl_change change = tracectl_notice_get_change(notice);

        if ((size_t) change < G_N_ELEMENTS(words))
                printf("%s %s %s\n", words[change], tracectl_notice_get_kind(notice), tracectl_notice_get_path(notice));
        fflush(stdout);
}

static gboolean quit(gpointer loop) {
        g_main_loop_quit(loop);
        return G_SOURCE_CONTINUE;
}

int main(int argc, char *argv[]) {
        GMainLoop *loop = g_main_loop_new(NULL, FALSE);
        tracectl_connection *connection = NULL;
        tracectl_follower *follower = NULL;
        guint id;
        int r;

        if (argc > 1 && strcmp(argv[1], "--user") == 0)
                r = tracectl_connection_new_user(&connection);
        else
                r = tracectl_connection_new_system(&connection);
        if (r >= 0)
                r = tracectl_follow(connection, NULL, on_notice, NULL, &follower);
        if (r < 0) {
                fprintf(stderr, "%s\n", connection ? tracectl_connection_get_error(connection) : strerror(-r));
                return 1;
        }
        id = add_connection(connection, quit, loop);
        g_unix_signal_add(SIGINT, quit, loop);
        g_unix_signal_add(SIGTERM, quit, loop);
        g_main_loop_run(loop);

        if (g_main_context_find_source_by_id(NULL, id))
                g_source_remove(id);
        tracectl_follower_free(follower);
        tracectl_connection_free(connection);
        g_main_loop_unref(loop);
        return 0;
}
