/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "client/tracectl/command-path.h"
#include "client/tracectl/recording.h"
#include "client/tracectl/remote.h"
#include "client/tracectl/say.h"
#include "client/tracectl/verbs.h"
#include "common/cleanup.h"

/* As env(1), nohup(1) and timeout(1) have it. */
#define EXIT_OWN_FAILURE 125
#define EXIT_CANNOT_EXECUTE 126
#define EXIT_NOT_FOUND 127

/* Closed standard descriptors must not become ours: what we print would go into a socket. */
static void occupy_standard_fds(void) {
        int fd;

        do
                fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        while (fd >= 0 && fd <= STDERR_FILENO);
        if (fd > STDERR_FILENO)
                close(fd);
}

static int refuse_command(const char *command, int r) {
        switch (-r) {
        case ENOENT:
        case ENOTDIR:
                if (strchr(command, '/'))
                        say("Command '%s' does not exist. Look at its path.", command);
                else
                        say("Command '%s' was not found in $PATH. Look at its name, or write its path.", command);
                return EXIT_NOT_FOUND;
        case EISDIR:
                say("Command '%s' cannot be executed: it is a directory. Write the program's path.", command);
                return EXIT_CANNOT_EXECUTE;
        case EACCES:
                say("Command '%s' cannot be executed: permission denied. Is it a program? See: ls -l, chmod +x",
                    command);
                return EXIT_CANNOT_EXECUTE;
        default:
                say("Command '%s' cannot be executed: %s.", command, strerror(-r));
                return EXIT_CANNOT_EXECUTE;
        }
}

/* exec failed although the file is there and executable. */
static int refuse_exec(const struct recording *r, int error) {
        const char *command = r->arguments->command[0];

        if (error != -ENOENT)
                return refuse_command(command, error);
        say("Command '%s' cannot be executed: the interpreter that it names in its first line, "
            "or its dynamic loader, does not exist.", command);
        return EXIT_NOT_FOUND;
}

/* The exit status, or, where positive, *ret_signal to end by. */
static int record(struct recording *r, int *ret_signal) {
        int k;

        k = signals_take(&r->signals);
        if (k < 0) {
                say("Failed to set up signals: %s.", strerror(-k));
                return EXIT_OWN_FAILURE;
        }
        k = recording_set_up(r);
        *ret_signal = signals_take_end(&r->signals);
        if (k < 0 || *ret_signal > 0) {
                recording_abandon(r);
                return EXIT_OWN_FAILURE;
        }
        k = recording_start_command(r);
        if (k < 0) {
                recording_abandon(r);
                return refuse_exec(r, k);
        }
        k = record_command_wait(&r->command, &r->signals, r->service.connection,
                                &r->live, record_deadline(r->arguments->duration), &r->how, &r->service_lost);
        if (k == -ETIMEDOUT) {
                /* The command goes on as if nothing had been; its exit status is still ours. */
                recording_stop(r);
                k = record_command_wait(&r->command, &r->signals, r->service.connection, &r->live, 0, &r->how,
                                        &r->service_lost);
        }
        if (k < 0) {
                say("Failed to wait for the command: %s.", strerror(-k));
                return EXIT_OWN_FAILURE;
        }
        recording_finish(r);
        recording_summarize(r);
        if (r->how.si_code == CLD_EXITED)
                return r->how.si_status;
        *ret_signal = r->how.si_status;
        return 128 + r->how.si_status;
}

/* The same where nothing is started. */
static int record_running(struct recording *r, int *ret_signal) {
        int k;

        k = signals_take(&r->signals);
        if (k < 0) {
                say("Failed to set up signals: %s.", strerror(-k));
                return EXIT_OWN_FAILURE;
        }
        k = recording_set_up(r);
        if (k < 0) {
                recording_abandon(r);
                return EXIT_OWN_FAILURE;
        }
        k = recording_wait_for_running(r);
        if (k < 0)
                say("Failed to wait for the program: %s.", strerror(-k));
        recording_finish(r);
        recording_summarize(r);
        *ret_signal = 0;
        return k < 0 || r->failure ? EXIT_OWN_FAILURE : EXIT_SUCCESS;
}

static int record_command(struct recording *r, int *ret_signal) {
        const char *command = r->arguments->command[0];
        int k;

        k = command_path_find(command, &r->path);
        return k < 0 ? refuse_command(command, k) : record(r, ret_signal);
}

int verb_record(int argc, char *argv[]) {
        struct recording recording = RECORDING_NULL;
        struct record_arguments arguments;
        int status, signal = 0;

        trace_clock_sample(&recording.begin_sample);
        occupy_standard_fds();
        if (record_arguments_parse(argc, argv, &arguments, &status) > 0)
                return status;
        recording.arguments = &arguments;
        if (arguments.host)
                status = remote_run(arguments.host, arguments.is_user, argc, argv, arguments.n_options,
                                    RECORD_SHORT_OPTIONS);
        else if (arguments.n_pids > 0)
                status = record_running(&recording, &signal);
        else
                status = record_command(&recording, &signal);
        recording_done(&recording);
        record_arguments_done(&arguments);
        if (signal > 0)
                signals_die(signal);
        return status;
}
