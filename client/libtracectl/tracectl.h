/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TRACECTL_TRACECTL_H
#define TRACECTL_TRACECTL_H

/*
 * libtracectl: control of the tracing service from a program.
 *
 * A connection leads to one tracing service; sessions come from it. Objects
 * are freed by whoever made them, in any order. One connection and everything
 * that came from it belong to one thread at a time. The library starts no
 * thread, prints nothing and changes no signal.
 *
 * Functions return 0 or more, or a negative errno and leave their outputs
 * (ret_...) as they were; tracectl_connection_get_error() then has a sentence.
 * Calls wait for the service's answer, but never for ever: 30 seconds, or two
 * minutes where somebody may be asked for a password.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

typedef struct tracectl_connection tracectl_connection;
typedef struct tracectl_session tracectl_session;
typedef struct tracectl_counts tracectl_counts;
typedef struct tracectl_value tracectl_value;
typedef struct tracectl_result tracectl_result;
typedef struct tracectl_follower tracectl_follower;
typedef struct tracectl_notice tracectl_notice;

/* Of libsystemd; needed only by who has one. */
struct sd_event;

/* Connections */

/*
 * A connection to the machine's tracing service on the system bus or, for root
 * where there is no bus yet, over its own socket. The service is started by the
 * first call. A failure here is one of the bus.
 */
int tracectl_connection_new_system(tracectl_connection **ret);

/* The same to the tracing service of this user, on the user's bus. */
int tracectl_connection_new_user(tracectl_connection **ret);

/*
 * The same to the tracing service of another machine: host is HOST, USER@HOST or
 * HOST:PORT, and ssh(1) is run to get there, which the first call waits for.
 * Paths and numbers of users are those of that machine, and no descriptors can
 * be passed (the output of a session is named by its directory).
 */
int tracectl_connection_new_remote(const char *host, tracectl_connection **ret);

/*
 * A connection over a connected stream socket, the other end of which is a
 * tracing service that was started for this program. Takes fd, also on failure.
 */
int tracectl_connection_new_fd(int fd, tracectl_connection **ret);

/*
 * Whether people may be asked (by polkit, for a password) before a call is
 * refused: 1, the default on a bus, or 0.
 */
int tracectl_connection_set_interactive(tracectl_connection *connection, int allow);

/*
 * For programs on a terminal: nobody is asked until a call has been refused that a
 * password would allow. Then prepare is called, once, which may start an agent that
 * asks on the terminal; that call is made again, and people are asked from then on.
 * Calls that are not waited for (_async) are not made again.
 */
int tracectl_connection_set_password(tracectl_connection *connection, void (*prepare)(void *userdata),
                                     void *userdata);

/* Closes the connection. NULL is fine. */
void tracectl_connection_free(tracectl_connection *connection);

/*
 * For a program that waits for other things as well: whenever fd has one of
 * events (of poll(2)), or the clock CLOCK_MONOTONIC has come to usec (UINT64_MAX:
 * never), process. fd stays the same; the others are asked again each time before the
 * program waits. tracectl_connection_process() takes what the service has sent,
 * calls what waits for it, and never waits itself; -ECONNRESET when the service,
 * or the bus to it, has gone away.
 */
int tracectl_connection_get_fd(const tracectl_connection *connection);
int tracectl_connection_get_events(const tracectl_connection *connection);
int tracectl_connection_get_timeout(const tracectl_connection *connection, uint64_t *ret_usec);
int tracectl_connection_process(tracectl_connection *connection);

/*
 * For a program that waits for nothing else: until there is something to be
 * processed, for usec at most (UINT64_MAX: for ever). 0: there was nothing.
 */
int tracectl_connection_wait(tracectl_connection *connection, uint64_t usec);

/* The loop of sd-event(3) does all that, until the connection is detached or freed. */
int tracectl_connection_attach_event(tracectl_connection *connection, struct sd_event *event, int priority);
int tracectl_connection_detach_event(tracectl_connection *connection);

/*
 * Why the last call failed that had to do with this connection: a sentence for
 * people, and the D-Bus error's name for programs. "" where none has failed.
 * Both live until the next call.
 */
const char *tracectl_connection_get_error(const tracectl_connection *connection);
const char *tracectl_connection_get_error_name(const tracectl_connection *connection);

/* Values: what the service knows about its objects */

/*
 * A tree of values. Whoever gets it (tracectl_value **ret) frees it as a whole;
 * what is found in it lives as long as it does. Names in dictionaries are those
 * of the service's properties and options in lower case, with underscores:
 * "sub_buffer_size". Later versions have more of them.
 */
enum tracectl_type {
        TRACECTL_BOOLEAN,
        TRACECTL_NUMBER, /* 0 or more */
        TRACECTL_STRING,
        TRACECTL_ARRAY,
        TRACECTL_DICTIONARY,
};

enum tracectl_type tracectl_value_get_type(const tracectl_value *value);

/* 0 and "" where value is NULL or of another type. */
int tracectl_value_get_boolean(const tracectl_value *value);
uint64_t tracectl_value_get_number(const tracectl_value *value);
const char *tracectl_value_get_string(const tracectl_value *value);

/* The items of an array or a dictionary; NULL beyond them, and for the keys of an array. */
size_t tracectl_value_get_size(const tracectl_value *value);
const tracectl_value *tracectl_value_get_item(const tracectl_value *value, size_t i);
const char *tracectl_value_get_key(const tracectl_value *value, size_t i);
const tracectl_value *tracectl_value_lookup(const tracectl_value *dictionary, const char *key);

void tracectl_value_free(tracectl_value *value);

/* The service */

/* Its properties: version, clock, kernel_domain, limits (a dictionary), sessions, applications (numbers). */
int tracectl_get_info(tracectl_connection *connection, tracectl_value **ret);

/* Begin with TRACECTL_LIST_OPTIONS_INIT: the caller's own. */
struct tracectl_list_options {
        size_t size;  /* of this struct, as the program was compiled with it */
        int all;      /* everybody's */
        uint32_t uid; /* those of this user; -1: nobody in particular */
        uint32_t pid; /* of applications: those of this process; 0: of all */
};

#define TRACECTL_LIST_OPTIONS_INIT { sizeof(struct tracectl_list_options), 0, (uint32_t) -1, 0 }

/* For all lists, options may be NULL. */

/* An array of owner, name, state, mode, path, by owner and name. */
int tracectl_list_sessions(tracectl_connection *connection, const struct tracectl_list_options *options,
                           tracectl_value **ret);

/*
 * The programs that have registered: an array of pid, uid, name, unit, path, by
 * pid. ret_settled (may be NULL) is 0 where some that
 * were just woken up may still come.
 */
int tracectl_list_applications(tracectl_connection *connection, const struct tracectl_list_options *options,
                               int *ret_settled, tracectl_value **ret);

/*
 * The events of a domain ("user") that glob matches, "" for all: an array of
 * domain, name, log_level, fields (an array of name, type), by domain and name.
 */
int tracectl_list_events(tracectl_connection *connection, const char *domain, const char *glob,
                         const struct tracectl_list_options *options, tracectl_value **ret);

/* Begin with TRACECTL_PROFILE_OPTIONS_INIT. */
struct tracectl_profile_options {
        size_t size;      /* of this struct, as the program was compiled with it */
        const char *name; /* of the profile, NULL: it has none */
        int dry_run;      /* tell, and change nothing */
        int start;        /* whatever the profile says */
};

#define TRACECTL_PROFILE_OPTIONS_INIT { sizeof(struct tracectl_profile_options), NULL, 0, 0 }

/*
 * Makes the session of a profile what its text says ("": the installed profile
 * of the name in options). ret, which may be NULL, receives changed (a boolean),
 * before and after (dictionaries that have what was different alone, by the
 * keys of the profile, as they are written there). options may be NULL.
 */
int tracectl_apply_profile(tracectl_connection *connection, const char *text,
                           const struct tracectl_profile_options *options, tracectl_value **ret);

/* Sessions */

/* Begin with TRACECTL_SESSION_OPTIONS_INIT. What is NULL is left to the service. */
struct tracectl_session_options {
        size_t size;           /* of this struct, as the program was compiled with it */
        int output_fd;         /* a directory for the trace, which stays the caller's; -1: none */
        const char *directory; /* an absolute path, opened by the service with the caller's rights */
        const char *if_exists; /* "error", "keep", "replace" */
        const char *mode;      /* "record", "flight-recorder" */
        const char *rings;     /* "memory", "files": of the output, where tracectl recover finds them */
        const char *bind;      /* "client": the session ends with this connection; NULL: it outlives it */
        uint64_t rotate_size;  /* bytes of a chunk, after which another one begins; 0: none */
        uint64_t rotate_usec;  /* the same by its age, in microseconds; 0: none */
        uint64_t max_size;     /* bytes of all chunks, the oldest of which are removed; 0: no bound */
        unsigned sync_msec;    /* with files: how old it may be before it is on the disk; 0: as the kernel does it */
};

#define TRACECTL_SESSION_OPTIONS_INIT                                                                                  \
        { sizeof(struct tracectl_session_options), -1, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0 }

/* A new session. options may be NULL. */
int tracectl_session_create(tracectl_connection *connection, const char *name,
                            const struct tracectl_session_options *options, tracectl_session **ret);

/* A session that is there: of the caller, or of another user. */
int tracectl_session_open(tracectl_connection *connection, const char *name, tracectl_session **ret);
int tracectl_session_open_of(tracectl_connection *connection, uint32_t uid, const char *name,
                             tracectl_session **ret);

/* Its D-Bus object. Lives as long as session. */
const char *tracectl_session_get_path(const tracectl_session *session);

/*
 * Its properties: name, owner, state, reason, mode, output, output_error,
 * rotate_size, rotate_every, max_size, chunks_removed, origin, persistent,
 * consumer_unit, consumer_restarts, events_recorded, events_discarded, bytes.
 */
int tracectl_session_get_info(tracectl_session *session, tracectl_value **ret);

/*
 * Its channels, by domain and name, and the rules of its events, by channel and
 * pattern: arrays of their properties (name, domain, mode, sub_buffer_size,
 * sub_buffer_count, enabled, contexts; pattern, filter, log_level,
 * log_level_only, exclude, target (a dictionary of uid, pid, children, executable,
 * unit, as far as the rule has them), enabled, channel (the name), domain) and path.
 */
int tracectl_session_get_channels(tracectl_session *session, tracectl_value **ret);
int tracectl_session_get_events(tracectl_session *session, tracectl_value **ret);

/* Forgets the session here; the service keeps it. NULL is fine. */
void tracectl_session_free(tracectl_session *session);

/*
 * As every function with ret_pending (which may be NULL): returns when the running applications that it
 * reaches have applied it, and after half a second at most; ret_pending receives the number of those that
 * have not, and will as soon as possible.
 */
int tracectl_session_start(tracectl_session *session, uint32_t *ret_pending);

/*
 * Stops recording and returns when the last event is in the output. ret_counts
 * may be NULL.
 */
int tracectl_session_stop(tracectl_session *session, tracectl_counts **ret_counts);

/*
 * Writes what the overwrite channels hold now into a new directory name below
 * the output, or "" into the output itself. ret_path, the directory (the caller
 * frees it), and ret_counts may be NULL.
 */
int tracectl_session_snapshot(tracectl_session *session, const char *name, char **ret_path,
                              tracectl_counts **ret_counts);

/* Forgets what was recorded since the last rotation. */
int tracectl_session_clear(tracectl_session *session);

/* Moves what was recorded so far aside, into the directory ret_path (the caller frees it). Recording goes on. */
int tracectl_session_rotate(tracectl_session *session, char **ret_path);

/*
 * A stream of what is recorded from now on, for tracectl_reader_live_new() of
 * libtracectl-read. ret_fd is the caller's to close.
 */
int tracectl_session_open_stream(tracectl_session *session, int *ret_fd);

/* The text of the profile that makes such a session. The caller frees it. */
int tracectl_session_dump(tracectl_session *session, char **ret);

/* Ends the session in the service. What it has written stays. */
int tracectl_session_destroy(tracectl_session *session);

/* Channels */

enum tracectl_channel_mode {
        TRACECTL_CHANNEL_DEFAULT,   /* as the session's mode has it */
        TRACECTL_CHANNEL_DISCARD,   /* a full ring refuses events, and counts them */
        TRACECTL_CHANNEL_OVERWRITE, /* the newest event takes the place of the oldest */
};

/* Begin with TRACECTL_CHANNEL_OPTIONS_INIT. What is 0 is left to the service. */
struct tracectl_channel_options {
        size_t size; /* of this struct, as the program was compiled with it */
        enum tracectl_channel_mode mode;
        uint32_t subbuf_count;
        uint64_t subbuf_size; /* bytes */
        uint32_t ordered_clock; /* 1: what a program records is never of an earlier time than its cause on another CPU */
};

#define TRACECTL_CHANNEL_OPTIONS_INIT { sizeof(struct tracectl_channel_options), TRACECTL_CHANNEL_DEFAULT, 0, 0, 0 }

/* A channel in a domain ("user"). options may be NULL. */
int tracectl_session_enable_channel(tracectl_session *session, const char *domain, const char *name,
                                    const struct tracectl_channel_options *options, uint32_t *ret_pending);

/* Its events are off until the channel is enabled again, without options. */
int tracectl_session_disable_channel(tracectl_session *session, const char *domain, const char *name,
                                     uint32_t *ret_pending);

/* Every event of a channel, "" for all channels, has this too: "vpid", "vtid", "procname", "ip", and
 * as the service sees the program: "pid", "tid", "uid", "gid", "cgroup". */
int tracectl_session_add_context(tracectl_session *session, const char *domain, const char *channel,
                                 const char *type);

/* Events */

/* Begin with TRACECTL_EVENT_OPTIONS_INIT. What is NULL leaves nothing out. */
struct tracectl_event_options {
        size_t size;                /* of this struct, as the program was compiled with it */
        const char *filter;         /* an expression over fields and contexts: "id > 7 && $ctx.procname == \"till*\"" */
        const char *log_level;      /* events of this level ("warning"), or more severe */
        const char *log_level_only; /* events of this level */
        const char *const *exclude; /* patterns of other events, NULL at the end */
        uint32_t target_uid;        /* applications of this user, -1: of the session's owner */
        uint32_t target_pid;        /* this process, which runs, 0: any */
        int target_children;        /* and what descends from it */
        const char *target_executable; /* its path, or the last part of it; `*` for any characters */
        const char *target_unit;       /* a systemd unit, or a slice; of whatever user where target_uid is -1 */
        const char *kind;              /* of domain "kernel": "syscall", whose patterns are names of calls; or "event",
                                        * "userspace-probe", "probe", "function" */
        const char *probe;   /* of these three kinds: where it is; the pattern is what its events are called */
        int probe_file;      /* of "userspace-probe": the program, open for reading, stays the caller's; -1: none */
        const char *strings; /* of "userspace-probe": arguments that are recorded as strings, "1,3" */
};

#define TRACECTL_EVENT_OPTIONS_INIT                                                                                    \
        { sizeof(struct tracectl_event_options), NULL, NULL, NULL, NULL, (uint32_t) -1, 0, 0, NULL, NULL, NULL, NULL, -1, NULL }

/*
 * domain is "user", or "kernel", whose events are "name" or "system:name".
 *
 * Records the events that pattern ("provider:name", `*` for any characters)
 * matches in a channel, "" for the default one, in those applications that fulfil
 * all that the options say of a target. options may be NULL. The same
 * pattern with other options is another rule; an event that several rules are for
 * is recorded once, where one of them lets it pass.
 */
int tracectl_session_enable_event(tracectl_session *session, const char *domain, const char *channel,
                                  const char *pattern, const struct tracectl_event_options *options,
                                  uint32_t *ret_pending);

/*
 * Switches the rules with just this pattern off, whatever their options, in one
 * channel or, "", in all; or removes them. -ENOENT where there is none.
 */
int tracectl_session_disable_event(tracectl_session *session, const char *domain, const char *channel,
                                   const char *pattern, uint32_t *ret_pending);
int tracectl_session_remove_event(tracectl_session *session, const char *domain, const char *channel,
                                  const char *pattern, uint32_t *ret_pending);

/* Counts: what a session has recorded and lost since it began */

enum tracectl_count {
        TRACECTL_COUNT_EVENTS,
        TRACECTL_COUNT_DISCARDED,      /* events: lost in rings and lost on output */
        TRACECTL_COUNT_LOST_RING,      /* events that found their ring full */
        TRACECTL_COUNT_LOST_OUTPUT,    /* events that could not be written */
        TRACECTL_COUNT_LOST_OVERWRITE, /* bytes that newer events took the place of */
        TRACECTL_COUNT_LOST_GARBAGE,   /* bytes that were no records */
        TRACECTL_COUNT_BYTES,
        TRACECTL_COUNT_PACKETS,
        TRACECTL_COUNT_APPLICATIONS, /* that ever registered */
        TRACECTL_COUNT_PENDING,      /* applications that did not acknowledge the stop in time */
};

/* 0 for what the service did not count. */
uint64_t tracectl_counts_get(const tracectl_counts *counts, enum tracectl_count which);

/* Why the output fails, "" where it does not. Lives as long as counts. */
const char *tracectl_counts_get_output_error(const tracectl_counts *counts);

void tracectl_counts_free(tracectl_counts *counts);

/* Calls that are not waited for */

/*
 * Each function that calls the service has one of the same name with _async at its end,
 * which takes the same and, instead of what it would return, a callback: the call is sent,
 * and callback is called once, while the connection is processed, with 0 or the negative errno
 * that the function would have returned; tracectl_connection_get_error() then has the sentence
 * about it. A negative return value means that nothing was sent and callback is not called.
 * callback may be NULL. It may do anything, also free the connection: then the callbacks
 * of calls that are still waiting are never called. A session may be freed while a call on it waits.
 */
typedef void (*tracectl_callback)(tracectl_connection *connection, int error, tracectl_result *result,
                                  void *userdata);

/*
 * What the call has brought, as far as it brings something: the list or dictionary; the counts of a
 * session; the path of a rotation or a snapshot, or the text of a profile ("" else); whether
 * applications are settled, or how many are pending. result lives as long as
 * the callback runs; what is taken out of it is the caller's.
 */
const tracectl_value *tracectl_result_get_value(const tracectl_result *result);
tracectl_value *tracectl_result_take_value(tracectl_result *result);
const tracectl_counts *tracectl_result_get_counts(const tracectl_result *result);
tracectl_counts *tracectl_result_take_counts(tracectl_result *result);
const char *tracectl_result_get_text(const tracectl_result *result);
uint64_t tracectl_result_get_number(const tracectl_result *result);

/* The session that was created or opened, NULL else; the stream that was opened, -1 else. */
tracectl_session *tracectl_result_take_session(tracectl_result *result);
int tracectl_result_take_fd(tracectl_result *result);

int tracectl_get_info_async(tracectl_connection *connection, tracectl_callback callback, void *userdata);
int tracectl_list_sessions_async(tracectl_connection *connection, const struct tracectl_list_options *options,
                                 tracectl_callback callback, void *userdata);
int tracectl_list_applications_async(tracectl_connection *connection, const struct tracectl_list_options *options,
                                     tracectl_callback callback, void *userdata);
int tracectl_list_events_async(tracectl_connection *connection, const char *domain, const char *glob,
                               const struct tracectl_list_options *options, tracectl_callback callback,
                               void *userdata);
int tracectl_apply_profile_async(tracectl_connection *connection, const char *text,
                                 const struct tracectl_profile_options *options, tracectl_callback callback,
                                 void *userdata);
int tracectl_session_create_async(tracectl_connection *connection, const char *name,
                                  const struct tracectl_session_options *options, tracectl_callback callback,
                                  void *userdata);
int tracectl_session_open_async(tracectl_connection *connection, const char *name, tracectl_callback callback,
                                void *userdata);
int tracectl_session_open_of_async(tracectl_connection *connection, uint32_t uid, const char *name,
                                   tracectl_callback callback, void *userdata);
int tracectl_session_get_info_async(tracectl_session *session, tracectl_callback callback, void *userdata);
int tracectl_session_get_channels_async(tracectl_session *session, tracectl_callback callback, void *userdata);
int tracectl_session_get_events_async(tracectl_session *session, tracectl_callback callback, void *userdata);
int tracectl_session_start_async(tracectl_session *session, tracectl_callback callback, void *userdata);
int tracectl_session_stop_async(tracectl_session *session, tracectl_callback callback, void *userdata);
int tracectl_session_snapshot_async(tracectl_session *session, const char *name, tracectl_callback callback,
                                    void *userdata);
int tracectl_session_clear_async(tracectl_session *session, tracectl_callback callback, void *userdata);
int tracectl_session_rotate_async(tracectl_session *session, tracectl_callback callback, void *userdata);
int tracectl_session_open_stream_async(tracectl_session *session, tracectl_callback callback, void *userdata);
int tracectl_session_dump_async(tracectl_session *session, tracectl_callback callback, void *userdata);
int tracectl_session_destroy_async(tracectl_session *session, tracectl_callback callback, void *userdata);
int tracectl_session_enable_channel_async(tracectl_session *session, const char *domain, const char *name,
                                          const struct tracectl_channel_options *options, tracectl_callback callback,
                                          void *userdata);
int tracectl_session_disable_channel_async(tracectl_session *session, const char *domain, const char *name,
                                           tracectl_callback callback, void *userdata);
int tracectl_session_add_context_async(tracectl_session *session, const char *domain, const char *channel,
                                       const char *type, tracectl_callback callback, void *userdata);
int tracectl_session_enable_event_async(tracectl_session *session, const char *domain, const char *channel,
                                        const char *pattern, const struct tracectl_event_options *options,
                                        tracectl_callback callback, void *userdata);
int tracectl_session_disable_event_async(tracectl_session *session, const char *domain, const char *channel,
                                         const char *pattern, tracectl_callback callback, void *userdata);
int tracectl_session_remove_event_async(tracectl_session *session, const char *domain, const char *channel,
                                        const char *pattern, tracectl_callback callback, void *userdata);

/* Following what happens */

enum tracectl_change {
        TRACECTL_CHANGE_ADDED,     /* it is there; its properties */
        TRACECTL_CHANGE_REMOVED,
        TRACECTL_CHANGE_CHANGED,   /* those of its properties that are different now */
        TRACECTL_CHANGE_FAILED,    /* the same, of a session that records no longer: reason says why */
        TRACECTL_CHANGE_STOPPED,   /* all is written of a session that was stopped before it was; its counts */
        TRACECTL_CHANGE_FOLLOWING, /* of no object: all that was there has been told */
        TRACECTL_CHANGE_LOST,      /* of no object: the service has gone away, and nothing is known any more */
};

/* Begin with TRACECTL_FOLLOW_OPTIONS_INIT. */
struct tracectl_follow_options {
        size_t size;      /* of this struct, as the program was compiled with it */
        int applications; /* also those, which wakes those that wait */
};

#define TRACECTL_FOLLOW_OPTIONS_INIT { sizeof(struct tracectl_follow_options), 0 }

typedef void (*tracectl_follow_callback)(tracectl_connection *connection, const tracectl_notice *notice,
                                         void *userdata);

/*
 * Tells what is there and what then happens to it: sessions, their channels and event rules, and applications,
 * of the caller and of those whose sessions he may see. When a service that has gone away is there again,
 * all is told anew; this starts none that waits to be started, but the first time. callback is called while the
 * connection is processed. options may be NULL. The follower ends with tracectl_follower_free(),
 * also within callback, or with its connection, whose error it tells: -ECONNRESET of
 * tracectl_connection_process(). Where the beginning fails, that is a TRACECTL_CHANGE_LOST, and
 * tracectl_connection_get_error() says why.
 */
int tracectl_follow(tracectl_connection *connection, const struct tracectl_follow_options *options,
                    tracectl_follow_callback callback, void *userdata, tracectl_follower **ret);
void tracectl_follower_free(tracectl_follower *follower);

/* A notice lives as long as the callback runs. kind is "session", "channel", "event", "application" or "service". */
enum tracectl_change tracectl_notice_get_change(const tracectl_notice *notice);
const char *tracectl_notice_get_kind(const tracectl_notice *notice);
const char *tracectl_notice_get_path(const tracectl_notice *notice);

/* The session that it is, or is of, and its owner; NULL and -1 of what is of none. */
const char *tracectl_notice_get_session(const tracectl_notice *notice);
uint32_t tracectl_notice_get_owner(const tracectl_notice *notice);

/* A dictionary, NULL where there is nothing to say. */
const tracectl_value *tracectl_notice_get_values(const tracectl_notice *notice);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
