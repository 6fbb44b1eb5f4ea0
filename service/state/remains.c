/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/parse.h"
#include "protocol/ring.h"
#include "service/model/session.h"
#include "service/state/remains.h"

/* Another member of a list, of zeros; NULL without memory. */
static void *add(void **list, size_t *n, size_t size) {
        char *grown = *list;

        /* Room for a power of two. */
        if ((*n & (*n - 1)) == 0) {
                grown = realloc(*list, (*n ? 2 * *n : 1) * size);
                if (!grown)
                        return NULL;
                *list = grown;
        }
        return memset(grown + (*n)++ * size, 0, size);
}

static struct remains_session *find(const struct remains *r, uint64_t key) {
        for (size_t i = 0; i < r->n_sessions; i++)
                if (r->sessions[i].record.key == key)
                        return &r->sessions[i];
        return NULL;
}

static int read_strings(const struct ledger_item *item, const char **const *strings, size_t n) {
        uint32_t position = 0;

        for (size_t i = 0; i < n; i++) {
                *strings[i] = record_string(item, &position);
                if (!*strings[i])
                        return -EBADMSG;
        }
        return 0;
}

static bool session_is_good(const struct remains_session *s) {
        const struct record_session *r = &s->record;

        return r->key != 0 && name_is_valid(s->name) && strlen(s->name) <= MODEL_NAME_MAX &&
               r->state < _SESSION_STATE_MAX && r->mode <= SESSION_FLIGHT_RECORDER &&
               r->output_kind >= CONSUMER_OUTPUT_FD && r->output_kind <= CONSUMER_OUTPUT_STATE &&
               strlen(s->path) < CONSUMER_PATH_MAX && strlen(s->asked) < CONSUMER_PATH_MAX && strlen(s->folder) < CONSUMER_PATH_MAX;
}

static int read_session(const struct ledger_item *item, struct remains *r) {
        struct remains_session s = { 0 }, *place;
        const char **const strings[] = { &s.name, &s.path, &s.asked, &s.profile, &s.reason, &s.client, &s.folder };
        int k;

        k = record_read(item, &s.record, sizeof(s.record), SIZE_BEFORE_LATER(s.record));
        if (k >= 0)
                k = read_strings(item, strings, ARRAY_SIZE(strings));
        if (k < 0)
                return k;
        if (!session_is_good(&s) || find(r, s.record.key))
                return -EBADMSG;
        place = add((void **) &r->sessions, &r->n_sessions, sizeof(*place));
        if (!place)
                return -ENOMEM;
        *place = s;
        return 0;
}

/* Also one that nothing more is known of than its key. */
static int refuse_session(struct remains *r, uint64_t key) {
        struct remains_session *s = find(r, key);

        if (!s)
                s = add((void **) &r->sessions, &r->n_sessions, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->record.key = key;
        s->refused = true;
        return 0;
}

static bool channel_is_good(const struct remains_channel *c, const struct remains_session *s) {
        struct ring_geometry g;

        if (!name_is_valid(c->name) || strlen(c->name) > MODEL_NAME_MAX || c->record.id == 0 ||
            c->record.id > s->record.last_channel)
                return false;
        for (size_t i = 0; i < s->n_channels; i++)
                if (s->channels[i].record.id == c->record.id ||
                    (!s->channels[i].record.kernel == !c->record.kernel && strcmp(s->channels[i].name, c->name) == 0))
                        return false;
        return context_set_is_valid(c->contexts.bits, c->contexts.app) &&
               ring_geometry_init(&g, 0, 0, 1, c->record.n_subbufs, c->record.subbuf_size) >= 0;
}

static int read_channel(const struct ledger_item *item, struct remains *r) {
        struct remains_channel c = { 0 }, *place;
        const char *app = "";
        const char **const strings[] = { &c.name, &app };
        struct remains_session *s;
        int k;

        k = record_read(item, &c.record, sizeof(c.record), SIZE_BEFORE_LATER(c.record));
        if (k >= 0)
                k = read_strings(item, strings, ARRAY_SIZE(strings));
        if (k < 0)
                return k;
        c.contexts.bits = c.record.contexts;
        if (strlen(app) >= sizeof(c.contexts.app))
                return -EBADMSG;
        strcpy(c.contexts.app, app);
        s = find(r, c.record.key);
        /* Its session was destroyed a moment before the last tracingd ended. */
        if (!s)
                return 0;
        if (!channel_is_good(&c, s))
                return -EBADMSG;
        place = add((void **) &s->channels, &s->n_channels, sizeof(*place));
        if (!place)
                return -ENOMEM;
        *place = c;
        return 0;
}

static const struct remains_channel *find_channel(const struct remains_session *s, uint32_t id) {
        for (size_t i = 0; i < s->n_channels; i++)
                if (s->channels[i].record.id == id)
                        return &s->channels[i];
        return NULL;
}

static int read_rule(const struct ledger_item *item, struct remains *r) {
        struct remains_rule rule = { 0 }, *place;
        struct remains_session *s;
        struct failure ignored;
        uint32_t position = 0;
        const char *text;
        int k;

        k = record_read(item, &rule.record, sizeof(rule.record), SIZE_BEFORE_LATER(rule.record));
        if (k < 0)
                return k;
        s = find(r, rule.record.key);
        text = record_string(item, &position);
        if (!s || !text)
                return s ? -EBADMSG : 0;
        /* Its channel went first. */
        if (!find_channel(s, rule.record.channel))
                return 0;
        if (rule.record.id == 0 || rule.record.id > s->record.last_rule || selector_parse(text, &rule.selector, &ignored) < 0)
                return -EBADMSG;
        place = add((void **) &s->rules, &s->n_rules, sizeof(*place));
        if (!place) {
                selector_unref(rule.selector);
                return -ENOMEM;
        }
        *place = rule;
        return 0;
}

static int read_consumer(const struct ledger_item *item, struct remains *r) {
        struct record_consumer record;
        struct remains_session *s;
        uint32_t position = 0;
        const char *unit;
        int k;

        k = record_read(item, &record, sizeof(record), SIZE_BEFORE_LATER(record));
        if (k < 0)
                return k;
        unit = record_string(item, &position);
        s = find(r, record.key);
        if (!s || !unit)
                return s ? -EBADMSG : 0;
        if (s->has_consumer)
                return -EBADMSG;
        s->has_consumer = true;
        s->consumer = record;
        s->unit = unit;
        return 0;
}

static int read_message(const struct ledger_item *item, struct remains *r) {
        struct remains_message m, *place;
        struct remains_session *s;
        int k;

        k = remains_read_message(item, &m);
        if (k <= 0)
                return k;
        s = find(r, m.record.key);
        if (!s)
                return 0;
        place = add((void **) &s->messages, &s->n_messages, sizeof(*place));
        if (!place)
                return -ENOMEM;
        *place = m;
        return 0;
}

static int read_name(const struct ledger_item *item, struct remains *r) {
        struct remains_name name, *place;
        struct remains_session *s;
        uint32_t position = 0;
        int k;

        k = record_read(item, &name.record, sizeof(name.record), SIZE_BEFORE_LATER(name.record));
        if (k < 0)
                return k;
        name.name = record_string(item, &position);
        if (!name.name || strlen(name.name) >= CONSUMER_NAME_MAX)
                return -EBADMSG;
        s = find(r, name.record.key);
        if (!s)
                return 0;
        place = add((void **) &s->names, &s->n_names, sizeof(*place));
        if (!place)
                return -ENOMEM;
        *place = name;
        return 0;
}

static int read_clock(const struct ledger_item *item, struct remains *r) {
        int k = record_read(item, &r->clock, sizeof(r->clock), SIZE_BEFORE_LATER(r->clock));

        if (k >= 0 && (r->clock.clock >= _TRACE_CLOCK_MAX || r->clock.frequency == 0))
                k = -EBADMSG;
        r->has_clock = k >= 0;
        return k;
}

/* Of all types but the clock's. */
#define KEY_OFFSET offsetof(struct record_session, key)
_Static_assert(offsetof(struct record_channel, key) == KEY_OFFSET && offsetof(struct record_rule, key) == KEY_OFFSET &&
               offsetof(struct record_consumer, key) == KEY_OFFSET && offsetof(struct record_message, key) == KEY_OFFSET &&
               offsetof(struct record_set_name, key) == KEY_OFFSET, "a record that is not good says whose it is");

/* A record is not good: whoever it belongs to goes without it. */
static int refuse(const struct ledger_item *item, struct remains *r) {
        uint64_t key;

        if (item->type == RECORD_CLOCK || item->size < KEY_OFFSET + sizeof(key))
                return -EBADMSG;
        memcpy(&key, (const char *) item->data + KEY_OFFSET, sizeof(key));
        /* Of a session that was destroyed a moment before the last tracingd ended there are others, too. */
        return item->type == RECORD_SESSION || find(r, key) ? refuse_session(r, key) : 0;
}

/* Records are in the order of their last change, so those that others refer to are read first. */
static int read_all(const struct ledger_image *image, enum record_type type,
                    int (*read)(const struct ledger_item *item, struct remains *r), struct remains *r) {
        for (size_t i = 0; i < image->n_items; i++)
                if (image->items[i].type == type) {
                        int k = read(&image->items[i], r);

                        if (k == -EBADMSG)
                                k = refuse(&image->items[i], r);
                        if (k < 0)
                                return k;
                }
        return 0;
}

static int by_key(const void *a, const void *b) {
        const struct remains_session *s = a, *t = b;

        return (s->record.key > t->record.key) - (s->record.key < t->record.key);
}

static int by_channel(const void *a, const void *b) {
        const struct remains_channel *s = a, *t = b;

        return (s->record.id > t->record.id) - (s->record.id < t->record.id);
}

static int by_rule(const void *a, const void *b) {
        const struct remains_rule *s = a, *t = b;

        return (s->record.id > t->record.id) - (s->record.id < t->record.id);
}

static int by_serial(const void *a, const void *b) {
        const struct remains_message *s = a, *t = b;

        return (s->body->serial > t->body->serial) - (s->body->serial < t->body->serial);
}

static void sort(void *list, size_t n, size_t size, int (*compare)(const void *a, const void *b)) {
        if (n > 1)
                qsort(list, n, size, compare);
}

static void sort_all(struct remains *r) {
        sort(r->sessions, r->n_sessions, sizeof(r->sessions[0]), by_key);
        for (size_t i = 0; i < r->n_sessions; i++) {
                struct remains_session *s = &r->sessions[i];

                sort(s->channels, s->n_channels, sizeof(s->channels[0]), by_channel);
                sort(s->rules, s->n_rules, sizeof(s->rules[0]), by_rule);
                sort(s->messages, s->n_messages, sizeof(s->messages[0]), by_serial);
        }
}

int remains_read(const struct ledger_image *image, struct remains *ret) {
        static const struct {
                enum record_type type;
                int (*read)(const struct ledger_item *item, struct remains *r);
        } readers[] = {
                { RECORD_CLOCK, read_clock },       { RECORD_SESSION, read_session }, { RECORD_CHANNEL, read_channel },
                { RECORD_RULE, read_rule },         { RECORD_CONSUMER, read_consumer }, { RECORD_MESSAGE, read_message },
                { RECORD_SET_NAME, read_name },
        };
        _cleanup_(remains_done) struct remains r = { 0 };
        int k;

        for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
                k = read_all(image, readers[i].type, readers[i].read, &r);
                if (k < 0)
                        return k;
        }
        sort_all(&r);
        *ret = r;
        r = (struct remains) { 0 };
        return 0;
}

size_t remains_count_rings(const struct remains_session *s) {
        size_t n = 0;

        for (size_t i = 0; i < s->n_messages; i++)
                n += s->messages[i].body->type == CONSUMER_RINGS || s->messages[i].body->type == CONSUMER_RING_FILES;
        return n;
}

void remains_done(struct remains *r) {
        for (size_t i = 0; i < r->n_sessions; i++) {
                struct remains_session *s = &r->sessions[i];

                for (size_t k = 0; k < s->n_rules; k++)
                        selector_unref(s->rules[k].selector);
                free(s->rules);
                free(s->channels);
                free(s->messages);
                free(s->names);
        }
        free(r->sessions);
        *r = (struct remains) { 0 };
}
