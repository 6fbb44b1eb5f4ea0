/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "client/tracectl/say.h"
#include "client/tracectl/top.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

#define INTERVAL_MSEC 1000

static volatile sig_atomic_t is_asked_to_end;

static void on_end(int signal_number) {
        is_asked_to_end = 1;
}

static void end_screen(SCREEN **screen) {
        if (!*screen)
                return;
        (void) endwin();
        delscreen(*screen);
}

/* A line of text, as far as it fits; what this locale cannot show is a question mark. */
static void draw_line(int y, const char *line, size_t size) {
        mbstate_t state = {};
        int x = 0;

        move(y, 0);
        while (size > 0) {
                wchar_t c[2] = {};
                size_t n = mbrtowc(c, line, size, &state);
                int width;

                if (n == 0 || n > size) {
                        state = (mbstate_t) {};
                        c[0] = L'?';
                        n = 1;
                }
                width = wcwidth(c[0]);
                if (width >= 0 && x + width > COLS)
                        break;
                if (width >= 0)
                        (void) addwstr(c);
                x += width > 0 ? width : 0;
                line += n;
                size -= n;
        }
}

static int draw(struct top *top) {
        _cleanup_free_ char *text = NULL;
        const char *line;
        int r;

        r = top_draw(top, LINES > 1 ? (uint32_t) LINES : 1, &text);
        if (r < 0)
                return r;
        erase();
        line = text;
        for (int y = 0; y < LINES && *line; y++) {
                size_t n = strcspn(line, "\n");

                if (y == 0)
                        attron(A_REVERSE);
                draw_line(y, line, n);
                if (y == 0)
                        attroff(A_REVERSE);
                line += n + (line[n] == '\n');
        }
        (void) refresh();
        return 0;
}

/* 1: 'q' was pressed. A changed size of the terminal is a key, too, and needs nothing but another picture. */
static int read_keys(void) {
        for (int c; (c = getch()) != ERR;)
                if (c == 'q' || c == 'Q')
                        return 1;
        return 0;
}

static int run(struct top *top, uint64_t iterations) {
        int64_t begin = top_now(), next = begin + INTERVAL_MSEC;
        int keys = isatty(STDIN_FILENO) ? STDIN_FILENO : -1;
        int r = 0;

        while (r >= 0 && !is_asked_to_end && read_keys() == 0) {
                if (top_now() >= next) {
                        int64_t now = top_now();

                        r = summary_tick(&top->summary, (double) (now - begin) / 1000);
                        begin = now;
                        next = now + INTERVAL_MSEC;
                        if (r >= 0 && iterations > 0 && --iterations == 0)
                                return draw(top);
                }
                if (r >= 0)
                        r = draw(top);
                if (r >= 0)
                        r = top_wait(top, next, true, keys);
                if (r == -EINTR)
                        r = 0;
        }
        return r;
}

int top_run_on_screen(struct top *top, uint64_t iterations) {
        _cleanup_(end_screen) SCREEN *screen = NULL;
        struct sigaction action = { .sa_handler = on_end };

        setlocale(LC_CTYPE, "");
        screen = newterm(NULL, stdout, stdin);
        if (!screen) {
                say("This terminal ($TERM) is not known, so there is no screen on it. See: tracectl top --batch");
                return EXIT_FAILURE;
        }
        (void) cbreak();
        (void) noecho();
        (void) nodelay(stdscr, TRUE);
        (void) keypad(stdscr, TRUE);
        (void) curs_set(0);
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        return run(top, iterations);
}
