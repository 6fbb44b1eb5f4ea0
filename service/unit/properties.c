/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "service/unit/properties.h"

#define SLICE "tracectl.slice"
#define RESTART_USEC UINT64_C(100000)
#define STOP_USEC UINT64_C(20000000)
#define DESCRIPTORS_MAX UINT64_C(524288)
#define TASKS_MAX UINT64_C(16)

struct setting {
        const char *name;
        const char *text; /* NULL: "yes" as a boolean */
};

/* Everywhere. The consumer needs nothing but its descriptors, its output, and a seccomp filter of its own. */
static const struct setting hardening[] = {
        { "KeyringMode", "private" },
        { "LockPersonality", NULL },
        { "MemoryDenyWriteExecute", NULL },
        { "NoNewPrivileges", NULL },
        { "PrivateNetwork", NULL },
        { "ProtectControlGroups", NULL },
        { "ProtectKernelTunables", NULL },
        { "ProtectSystem", "strict" },
        { "RestrictRealtime", NULL },
        { "RestrictSUIDSGID", NULL },
};

/*
 * What a user's service manager has not the right to. What could be tighter:
 *   DeviceAllow=  ProtectClock= itself lets the real-time clock be read
 *   PrivateUsers= without a capability there is nothing to lose in a namespace of
 *                 users, and its maker may look into every process in it
 *   RemoveIPC=    would remove the IPC objects of all of the owner's programs
 *   RestrictAddressFamilies= is AF_UNIX alone: tracingd, and the opener
 *   User=         is the owner, who may be root
 */
static const struct setting system_hardening[] = {
        { "DevicePolicy", "closed" },
        { "PrivateDevices", NULL },
        { "ProcSubset", "pid" },
        { "ProtectClock", NULL },
        { "ProtectHostname", NULL },
        { "ProtectKernelLogs", NULL },
        { "ProtectKernelModules", NULL },
        { "ProtectProc", "invisible" },
};

static int append_settings(sd_bus_message *m, const struct setting *settings, size_t n) {
        for (size_t i = 0; i < n; i++) {
                int r;

                if (settings[i].text)
                        r = sd_bus_message_append(m, "(sv)", settings[i].name, "s", settings[i].text);
                else
                        r = sd_bus_message_append(m, "(sv)", settings[i].name, "b", 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int append_number(sd_bus_message *m, const char *name, uint64_t value) {
        return sd_bus_message_append(m, "(sv)", name, "t", value);
}

static int append_description(sd_bus_message *m, const struct pair_description *d) {
        return sd_bus_message_append(m, "(sv)(sv)(sv)", "Description", "s",
                                     d->user ? "Consumer of a tracing session" : "Consumer of a user's tracing session",
                                     "CollectMode", "s", "inactive-or-failed", "Slice", "s", SLICE);
}

/*
 * It must work before sysinit.target is reached, and end at shutdown: after
 * tracingd, which then has told it to write what there is.
 */
static int append_dependencies(sd_bus_message *m) {
        return sd_bus_message_append(m, "(sv)(sv)(sv)", "DefaultDependencies", "b", 0, "Conflicts", "as", 1,
                                     "shutdown.target", "Before", "as", 2, "shutdown.target", "tracingd.service");
}

/* What both units have. */
static int begin_properties(sd_bus_message *m, const struct pair_description *d) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r < 0)
                return r;
        r = append_description(m, d);
        return r < 0 ? r : append_dependencies(m);
}

static int append_socket(sd_bus_message *m, const struct pair_description *d) {
        int r;

        r = begin_properties(m, d);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)", "Listen", "a(ss)", 1, "SequentialPacket", d->path,
                                  "SocketMode", "u", (uint32_t) 0600, "RemoveOnStop", "b", 1,
                                  /* A consumer that dies often shall not take its socket with it. */
                                  "TriggerLimitIntervalUSec", "t", UINT64_C(0));
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}

/*
 * Restart: without a limit, since tracingd decides when it is enough. No core
 * files: they are the owner's to read, who could raise the limit if it were the
 * soft one alone.
 */
static int append_life(sd_bus_message *m, const struct pair_description *d) {
        int r;

        r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)(sv)(sv)", "Type", "s", "exec", "ExecStart", "a(sasb)", 1,
                                  d->program, 1, d->program, 0, "Restart", "s", "on-failure", "KillMode", "s", "mixed",
                                  "OOMPolicy", "s", "kill", "UMask", "u", (uint32_t) 0077);
        if (r < 0)
                return r;
        r = append_number(m, "StartLimitIntervalUSec", 0);
        if (r < 0)
                return r;
        r = append_number(m, "RestartUSec", RESTART_USEC);
        if (r < 0)
                return r;
        r = append_number(m, "TimeoutStopUSec", STOP_USEC);
        if (r < 0)
                return r;
        r = append_number(m, "LimitCORE", 0);
        if (r < 0)
                return r;
        r = append_number(m, "LimitNOFILE", DESCRIPTORS_MAX);
        if (r < 0)
                return r;
        return append_number(m, "TasksMax", TASKS_MAX);
}

static int append_filters(sd_bus_message *m) {
        return sd_bus_message_append(m, "(sv)(sv)(sv)(sv)(sv)(sv)", "RestrictAddressFamilies", "(bas)", 1, 1, "AF_UNIX",
                                     "RestrictNamespaces", "t", UINT64_C(0), "SystemCallArchitectures", "as", 1,
                                     "native", "SystemCallErrorNumber", "i", EPERM, "SystemCallFilter", "(bas)", 1, 1,
                                     "@system-service", "SystemCallFilter", "(bas)", 0, 2, "@privileged", "@resources");
}

static int append_system_filters(sd_bus_message *m) {
        return sd_bus_message_append(m, "(sv)(sv)(sv)", "CapabilityBoundingSet", "t", UINT64_C(0),
                                     "AmbientCapabilities", "t", UINT64_C(0), "IPAddressDeny", "a(iayu)", 2, AF_INET, 4,
                                     0, 0, 0, 0, 0, AF_INET6, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

static int append_hardening(sd_bus_message *m, const struct pair_description *d) {
        int r;

        r = append_settings(m, hardening, ARRAY_SIZE(hardening));
        if (r < 0)
                return r;
        r = append_filters(m);
        if (r < 0)
                return r;
        /* A user's manager can make mounts, and so apply half of the above, only in a user namespace. */
        if (d->user)
                return sd_bus_message_append(m, "(sv)", "PrivateUsers", "b", 1);
        r = append_settings(m, system_hardening, ARRAY_SIZE(system_hardening));
        if (r < 0)
                return r;
        return append_system_filters(m);
}

/* The directory that the trace's is made in. */
static int append_directory(sd_bus_message *m, const struct pair_description *d) {
        _cleanup_free_ char *path = NULL;
        size_t n = strlen(d->spec.directory);

        while (n > 1 && d->spec.directory[n - 1] == '/')
                n--;
        while (n > 1 && d->spec.directory[n - 1] != '/')
                n--;
        while (n > 1 && d->spec.directory[n - 1] == '/')
                n--;
        if (asprintf(&path, "-%.*s", (int) n, d->spec.directory) < 0)
                return -ENOMEM;
        /* It may lie in a home directory or in /tmp. */
        return sd_bus_message_append(m, "(sv)(sv)(sv)", "ProtectHome", "s", "no", "PrivateTmp", "b", 0,
                                     "ReadWritePaths", "as", 1, path);
}

/* The owner's folder is named too, or it would be root's, who alone could look into it. */
static int append_state(sd_bus_message *m, const struct pair_description *d) {
        char folder[32], session[128];
        int r;

        snprintf(folder, sizeof(folder), "tracectl/%u", (unsigned) d->spec.owner);
        if (d->user)
                snprintf(session, sizeof(session), "tracectl/%.80s", d->spec.session);
        else
                snprintf(session, sizeof(session), "%s/%.80s", folder, d->spec.session);
        if (d->user)
                r = sd_bus_message_append(m, "(sv)", "StateDirectory", "as", 1, session);
        else
                r = sd_bus_message_append(m, "(sv)", "StateDirectory", "as", 2, folder, session);
        if (r < 0)
                return r;
        return sd_bus_message_append(m, "(sv)", "StateDirectoryMode", "u", (uint32_t) 0700);
}

static int append_output(sd_bus_message *m, const struct pair_description *d) {
        int r;

        if (d->spec.kind == CONSUMER_OUTPUT_DIRECTORY)
                return append_directory(m, d);
        /* With all of the home directory hidden a user's manager could not reach its own sockets. */
        r = sd_bus_message_append(m, "(sv)(sv)", "ProtectHome", "s", d->user ? "read-only" : "yes", "PrivateTmp", "b",
                                  1);
        if (r < 0 || d->spec.kind != CONSUMER_OUTPUT_STATE)
                return r;
        return append_state(m, d);
}

static int append_service(sd_bus_message *m, const struct pair_description *d) {
        char user[16];
        int r;

        r = begin_properties(m, d);
        if (r < 0)
                return r;
        r = append_life(m, d);
        if (r < 0)
                return r;
        if (!d->user) {
                snprintf(user, sizeof(user), "%u", (unsigned) d->spec.owner);
                r = sd_bus_message_append(m, "(sv)", "User", "s", user);
                if (r < 0)
                        return r;
        }
        r = append_hardening(m, d);
        if (r < 0)
                return r;
        r = append_output(m, d);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}

/* systemd makes the socket before it looks at the service, so what it would refuse is refused here. */
static int check(const struct pair_description *d) {
        const char *directory = d->spec.directory;

        if (d->spec.kind == CONSUMER_OUTPUT_STATE && !name_is_valid(d->spec.session))
                return -EINVAL;
        if (d->spec.kind == CONSUMER_OUTPUT_DIRECTORY &&
            (!directory || *directory != '/' || strlen(directory) >= CONSUMER_PATH_MAX))
                return -EINVAL;
        return 0;
}

int pair_append_units(sd_bus_message *m, const struct pair_description *d) {
        char name[128];
        int r;

        r = check(d);
        if (r < 0)
                return r;
        snprintf(name, sizeof(name), "%s.socket", d->stem);
        r = sd_bus_message_append(m, "ss", name, "fail");
        if (r < 0)
                return r;
        r = append_socket(m, d);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'a', "(sa(sv))");
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'r', "sa(sv)");
        if (r < 0)
                return r;
        snprintf(name, sizeof(name), "%s.service", d->stem);
        r = sd_bus_message_append(m, "s", name);
        if (r < 0)
                return r;
        r = append_service(m, d);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(m);
        if (r < 0)
                return r;
        return sd_bus_message_close_container(m);
}
