/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A profile: a whole session as text, in the form of systemd's unit files. A
 * plain value of whoever has it; main loop only.
 *
 *     [Session]
 *     Name=shop                 default: the profile's name
 *     Mode=record               or flight-recorder
 *     Directory=/var/trace/shop default: the state directory; kept where a client chose the output
 *     RotateSize=64M           bytes of a chunk; default: it ends by hand, or by what follows
 *     RotateEvery=10m          its age
 *     MaxSize=512M             bytes of all chunks, the oldest of which are removed
 *     Rings=files               default: memory
 *     SyncSec=5s                with Rings=files: how old it may be before it is on the disk
 *     Start=yes                 no, the default: a session that is active stays so
 *
 *     [Channel main]
 *     Domain=user               or kernel: the first line of its section, since it is part of the channel's name
 *     SubBufferSize=512K
 *     SubBufferCount=8
 *     Mode=discard              or overwrite; default: as the session's mode says
 *     OrderedClock=yes          default: no, and yes where there is a channel of the kernel
 *     Enabled=yes
 *     Context=vpid              as often as wanted
 *     Event=shop:*              as often as wanted
 *     DisabledEvent=shop:debug  as often as wanted
 *     Event=shop:* loglevel>=warning exclude=shop:test* filter=id > 7 && $ctx.procname == "till*"
 *
 *     Event=kernel syscall open* in a channel of the kernel; without `kernel KIND`, events
 *
 * What can follow an event's pattern is in selector.h. Such a line has no comment
 * behind it, and can be longer than others.
 * An empty assignment takes back what was assigned before. Keys and sections
 * whose names begin with X- are for others, or for a later version; any other
 * that is not known is refused, since it may be a mistake. A session has no more
 * than its profile says: event rules that it lacks are removed, channels that it
 * lacks are disabled, for their rings cannot be taken away.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "service/model/session.h"

#define PROFILE_LINE_MAX 197 /* libinih silently makes two lines of a longer one */
#define PROFILE_SIZE_MAX (1 << 18)

struct strings {
        char **items;
        size_t n;
};

int strings_add(struct strings *list, const char *s);
bool strings_have(const struct strings *list, const char *s);
void strings_done(struct strings *list);

struct profile_channel {
        struct profile_channel *next;
        char name[MODEL_NAME_MAX + 1];
        bool kernel; /* the domain */
        uint64_t subbuf_size; /* 0: the default */
        uint32_t n_subbufs;   /* 0: the default */
        const char *mode;     /* NULL: the default; else constant */
        bool ordered_clock;   /* asked for */
        bool enabled;
        struct context_set contexts;
        struct selectors events, disabled;
};

struct profile {
        char name[MODEL_NAME_MAX + 1];    /* or "" */
        char session[MODEL_NAME_MAX + 1]; /* or "": the profile's name */
        enum session_mode mode;
        char *directory; /* or NULL */
        struct space_config space;
        bool has_rings; /* in files */
        uint32_t sync_msec;
        bool start;
        struct profile_channel *channels;
};

/* name: of the profile, which has been checked; or "". */
int profile_new(const char *name, struct profile **ret);
struct profile *profile_free(struct profile *p);
DEFINE_CLEANUP(struct profile *, profile_free)

struct profile_channel *profile_find_channel(const struct profile *p, bool kernel, const char *name);
int profile_add_channel(struct profile *p, bool kernel, const char *name, struct profile_channel **ret);

/* Whether it has a channel of the kernel. */
bool profile_has_kernel(const struct profile *p);

/* The name of the session that it makes; "" where it says none. */
const char *profile_session_name(const struct profile *p);

/* Adds what text says; source names it in sentences. */
int profile_parse(struct profile *p, const char *text, const char *source, struct failure *failure);

/* What can only be said once all of it has been read. */
int profile_check(const struct profile *p, struct failure *failure);

/* Puts in place of defaults what they are on this machine. */
int profile_resolve(struct profile *p, const struct user_domain *domain, struct failure *failure);

/* The text that parses to it. The caller frees *ret. */
int profile_format(const struct profile *p, char **ret, struct failure *failure);

/* The profile that makes such a session. */
int profile_of_session(const struct session *s, struct profile **ret, struct failure *failure);

/* Where profiles are looked for, by name. */
struct profile_places {
        const char *root; /* what the paths below are under; "" but for tests */
        bool user;        /* a user's own before those that the system has for its users */
};

/* The files of that name, which are those of tracingd's own user. */
int profile_load(const struct profile_places *places, const char *name, struct profile **ret,
                 struct failure *failure);

/* One key that differs. Either side is a list or a string; NULL is for what is not there. */
struct profile_change {
        struct profile_change *next;
        char *key; /* "Session.Mode", "Channel main.Event" */
        char *before, *after;
        struct strings *before_list, *after_list;
};

struct profile_change *profile_changes_free(struct profile_change *changes);
DEFINE_CLEANUP(struct profile_change *, profile_changes_free)

/* before: NULL for nothing. Both are resolved. */
int profile_diff(const struct profile *before, const struct profile *after, struct profile_change **ret);

struct profile_request {
        struct profile *profile;
        uid_t owner;
        bool dry_run;
        const bool *persistent; /* NULL: as it is */
};

struct profile_result {
        struct session *session; /* NULL: not made, as it was a dry run */
        struct profile_change *changes; /* the caller's; NULL: nothing differs, and nothing was done */
        bool start; /* the session is to be started, which is left to the caller */
};

/* Makes the session of request->owner what the profile says, or does nothing. */
int profile_apply(struct manager *m, const struct profile_request *request, struct profile_result *ret,
                  struct failure *failure);
