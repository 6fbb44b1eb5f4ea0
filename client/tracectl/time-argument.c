/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "client/tracectl/time-argument.h"
#include "common/cleanup.h"

#define NSEC_PER_SEC INT64_C(1000000000)
#define TEXT_MAX 128

static void skip_spaces(const char **p) {
        while (isspace((unsigned char) **p))
                (*p)++;
}

/* At most max digits. */
static bool take_number(const char **p, unsigned max, int64_t *ret) {
        unsigned n = 0;
        int64_t value = 0;

        for (; n < max && isdigit((unsigned char) (*p)[n]); n++)
                value = 10 * value + ((*p)[n] - '0');
        *p += n;
        *ret = value;
        return n > 0;
}

/* What stands behind a point, in billionths: 9 digits count. */
static bool take_fraction(const char **p, int64_t *ret) {
        int64_t place = NSEC_PER_SEC, value = 0;

        if (**p != '.') {
                *ret = 0;
                return true;
        }
        (*p)++;
        if (!isdigit((unsigned char) **p))
                return false;
        for (; isdigit((unsigned char) **p); (*p)++)
                if (place > 1) {
                        place /= 10;
                        value += (**p - '0') * place;
                }
        *ret = value;
        return true;
}

static bool is_word(const char *p, const char *word) {
        size_t n = strlen(word);

        return strncmp(p, word, n) == 0 && !isalpha((unsigned char) p[n]);
}

static bool take_word(const char **p, const char *word) {
        if (!is_word(*p, word))
                return false;
        *p += strlen(word);
        return true;
}

static int64_t take_unit(const char **p) {
        static const struct {
                int64_t ns;
                const char *names[6];
        } units[] = {
                { 1, { "ns", "nsec" } },
                { 1000, { "us", "usec", "µs" } },
                { 1000000, { "ms", "msec" } },
                { NSEC_PER_SEC, { "s", "sec", "second", "seconds" } },
                { 60 * NSEC_PER_SEC, { "m", "min", "minute", "minutes" } },
                { 3600 * NSEC_PER_SEC, { "h", "hr", "hour", "hours" } },
                { 86400 * NSEC_PER_SEC, { "d", "day", "days" } },
                { 7 * 86400 * NSEC_PER_SEC, { "w", "week", "weeks" } },
                { 2629800 * NSEC_PER_SEC, { "M", "month", "months" } },
                { 31557600 * NSEC_PER_SEC, { "y", "year", "years" } },
        };

        for (size_t i = 0; i < ARRAY_SIZE(units); i++)
                for (size_t j = 0; j < ARRAY_SIZE(units[i].names) && units[i].names[j]; j++)
                        if (take_word(p, units[i].names[j]))
                                return units[i].ns;
        return 0;
}

/* A number with a unit; of seconds where there is none. */
static int take_part(const char **p, int64_t *ret) {
        int64_t value, fraction, unit;

        if (!take_number(p, 18, &value) || !take_fraction(p, &fraction))
                return -EINVAL;
        skip_spaces(p);
        unit = take_unit(p);
        if (unit == 0 && isalpha((unsigned char) **p) && !is_word(*p, "ago"))
                return -EINVAL;
        if (unit == 0)
                unit = NSEC_PER_SEC;
        skip_spaces(p);
        fraction = (int64_t) ((__int128) fraction * unit / NSEC_PER_SEC);
        if (__builtin_mul_overflow(value, unit, ret) || __builtin_add_overflow(*ret, fraction, ret))
                return -ERANGE;
        return 0;
}

static int take_span(const char **p, int64_t *ret) {
        int64_t total = 0;

        skip_spaces(p);
        do {
                int64_t part;
                int r = take_part(p, &part);

                if (r >= 0 && __builtin_add_overflow(total, part, &total))
                        r = -ERANGE;
                if (r < 0)
                        return r;
        } while (isdigit((unsigned char) **p));
        *ret = total;
        return 0;
}

/* -ENOENT: it is none of this kind. */
static int parse_relative(const char *text, int64_t now, int64_t *ret) {
        const char *p = text;
        bool is_before = *p == '-', has_sign = *p == '-' || *p == '+';
        int64_t span;
        int r;

        if (has_sign)
                p++;
        else if (!strstr(text, "ago"))
                return -ENOENT;
        r = take_span(&p, &span);
        if (r < 0)
                return r;
        if (!has_sign)
                is_before = take_word(&p, "ago");
        if (*p != '\0' || (!has_sign && !is_before))
                return -EINVAL;
        if (is_before ? __builtin_sub_overflow(now, span, ret) : __builtin_add_overflow(now, span, ret))
                return -ERANGE;
        return 0;
}

static int combine(int64_t seconds, int64_t ns, int64_t *ret) {
        if (__builtin_mul_overflow(seconds, NSEC_PER_SEC, ret) || __builtin_add_overflow(*ret, ns, ret))
                return -ERANGE;
        return 0;
}

static int parse_epoch(const char *p, int64_t *ret) {
        int64_t seconds, ns;

        if (!take_number(&p, 18, &seconds) || !take_fraction(&p, &ns) || *p != '\0')
                return -EINVAL;
        return combine(seconds, ns, ret);
}

static bool take_date(const char **p, struct tm *tm) {
        int64_t year, month, day;
        const char *at = *p;

        if (!take_number(&at, 4, &year) || *at++ != '-' || !take_number(&at, 2, &month) || *at++ != '-' ||
            !take_number(&at, 2, &day) || month < 1 || month > 12 || day < 1 || day > 31)
                return false;
        tm->tm_year = (int) year - 1900;
        tm->tm_mon = (int) month - 1;
        tm->tm_mday = (int) day;
        *p = at;
        return true;
}

static bool take_time(const char **p, struct tm *tm, int64_t *ret_ns) {
        int64_t hour, minute, second = 0;

        if (!take_number(p, 2, &hour) || *(*p)++ != ':' || !take_number(p, 2, &minute))
                return false;
        *ret_ns = 0;
        if (**p == ':') {
                (*p)++;
                if (!take_number(p, 2, &second) || !take_fraction(p, ret_ns))
                        return false;
        }
        if (hour > 23 || minute > 59 || second > 60)
                return false;
        tm->tm_hour = (int) hour;
        tm->tm_min = (int) minute;
        tm->tm_sec = (int) second;
        return true;
}

/* The day of the week that may stand before a date, and must be that date's: 0 is Sunday; -1 where there is none. */
static int take_weekday(const char **p) {
        static const char *const days[][2] = {
                { "sunday", "sun" },   { "monday", "mon" }, { "tuesday", "tue" },  { "wednesday", "wed" },
                { "thursday", "thu" }, { "friday", "fri" }, { "saturday", "sat" },
        };
        size_t n = strspn(*p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

        for (int i = 0; i < (int) ARRAY_SIZE(days) && (*p)[n] == ' '; i++)
                for (size_t j = 0; j < ARRAY_SIZE(days[i]); j++)
                        if (strlen(days[i][j]) == n && strncasecmp(*p, days[i][j], n) == 0) {
                                *p += n + 1;
                                return i;
                        }
        return -1;
}

static int weekday_of(const struct tm *date) {
        struct tm noon = { .tm_year = date->tm_year, .tm_mon = date->tm_mon, .tm_mday = date->tm_mday, .tm_hour = 12 };

        (void) timegm(&noon);
        return noon.tm_wday;
}

static bool take_day(const char **p, struct tm *tm) {
        static const char *const words[] = { "yesterday", "today", "tomorrow" };

        for (int i = 0; i < 3; i++)
                if (take_word(p, words[i])) {
                        tm->tm_mday += i - 1;
                        return true;
                }
        return false;
}

static int parse_calendar(const char *p, int64_t now, bool is_utc, int64_t *ret) {
        time_t seconds = (time_t) (now / NSEC_PER_SEC);
        struct tm tm = {};
        int64_t ns = 0;
        int weekday;

        if (is_utc ? !gmtime_r(&seconds, &tm) : !localtime_r(&seconds, &tm))
                return -ERANGE;
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        weekday = take_weekday(&p);
        if (weekday >= 0 && (!take_date(&p, &tm) || weekday_of(&tm) != weekday))
                return -EINVAL;
        if (weekday >= 0 || take_day(&p, &tm) || take_date(&p, &tm)) {
                if (*p == 'T' || *p == ' ') {
                        p++;
                        if (!take_time(&p, &tm, &ns))
                                return -EINVAL;
                }
        } else if (!take_time(&p, &tm, &ns))
                return -EINVAL;
        if (*p != '\0')
                return -EINVAL;
        tm.tm_isdst = -1;
        seconds = is_utc ? timegm(&tm) : mktime(&tm);
        return combine((int64_t) seconds, ns, ret);
}

int time_argument_parse(const char *text, int64_t now, int64_t *ret) {
        char copy[TEXT_MAX];
        bool is_utc = false;
        int64_t value = 0;
        size_t n;
        int r;

        skip_spaces(&text);
        n = strlen(text);
        while (n > 0 && isspace((unsigned char) text[n - 1]))
                n--;
        if (n == 0 || n >= sizeof(copy))
                return -EINVAL;
        memcpy(copy, text, n);
        copy[n] = '\0';
        if (n > 4 && strcmp(copy + n - 4, " UTC") == 0) {
                copy[n - 4] = '\0';
                is_utc = true;
        }
        if (strcmp(copy, "now") == 0) {
                *ret = now;
                return 0;
        }
        if (copy[0] == '@')
                r = parse_epoch(copy + 1, &value);
        else {
                r = parse_relative(copy, now, &value);
                if (r == -ENOENT)
                        r = parse_calendar(copy, now, is_utc, &value);
        }
        if (r >= 0)
                *ret = value;
        return r;
}
