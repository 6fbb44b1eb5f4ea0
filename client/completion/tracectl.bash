# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Completion of tracectl in bash. Verbs and options are read from the program's
# own help, so they are always those of the program that is there; names of
# sessions, channels, events and processes are asked of the service, of the same
# one that the line will speak to. Other hosts are not asked: that may want a
# password, which nobody expects behind a tab.

__tracectl_verbs() {
        "$__tracectl" help 2>/dev/null | sed -n '/^Verbs:/,/^$/s/^  \([a-z-]*\) .*/\1/p'
}

__tracectl_options() {
        "$__tracectl" "${1:-help}" --help 2>/dev/null |
                sed -n '/^ \{2,\}-/{s/^ *//;s/  .*//;s/,/ /g;p}' | tr ' ' '\n' | sed -n 's/^\(--\?[A-Za-z][A-Za-z-]*\).*/\1/p'
}

# Names of one kind, one a line. Which service and which session are in __service and __session.
__tracectl_names() {
        [[ -n $__remote ]] && return
        case $1 in
        sessions) "$__tracectl" list "${__service[@]}" --json=short 2>/dev/null |
                grep -o '"name":"[^"\\]*"' | cut -d '"' -f 4 ;;
        channels) "$__tracectl" list "${__service[@]}" "${__session[@]}" --json=short 2>/dev/null |
                grep -o '"name":"[^"\\]*","domain"' | cut -d '"' -f 4 ;;
        patterns) "$__tracectl" list "${__service[@]}" "${__session[@]}" --json=short 2>/dev/null |
                grep -o '"pattern":"[^"\\]*"' | cut -d '"' -f 4 ;;
        events) "$__tracectl" list --events "${__service[@]}" --json=short 2>/dev/null |
                grep -o '"name":"[^"\\]*","log_level"' | cut -d '"' -f 4 ;;
        pids) "$__tracectl" list --applications "${__service[@]}" --json=short 2>/dev/null |
                grep -o '"pid":[0-9]*' | cut -d : -f 2 ;;
        esac
}

# The lists "channels" and so on are of one session: the one that the line names, or else the current one.
__tracectl_current_session() {
        (( ${#__session[@]} > 0 )) && return
        local current
        current=$("$__tracectl" status "${__service[@]}" --json=short 2>/dev/null |
                grep -o '"current_session":"[^"\\]*"' | cut -d '"' -f 4)
        [[ -n $current ]] && __session=("$current")
}

# The values of an option of a verb; fails where it takes none that are known.
__tracectl_values() {
        case $1:$2 in
        view:-o | view:--output) echo text json csv chrome folded html ;;
        top:--by) echo event process thread duration ;;
        export:-f | export:--format) echo perfetto chrome ;;
        summary:-b | summary:--by) echo event process thread duration ;;
        create:--mode) echo record flight-recorder ;;
        create:--if-exists) echo error keep replace ;;
        create:--sync | record:--sync) echo 500ms 2s 10s 1min ;;
        apply:-p | apply:--profile) find /etc/tracectl/sessions.d /usr/lib/tracectl/sessions.d -name '*.conf' \
                -printf '%f\n' 2>/dev/null | sed 's/\.conf$//' ;;
        *:--json) echo pretty short off ;;
        *:--loglevel | *:--loglevel-only)
                echo emergency alert critical error warning notice info debug-system debug-program debug-process \
                        debug-module debug-unit debug-function debug-line debug ;;
        *:-s | *:--session) __tracectl_names sessions ;;
        *:-c | *:--channel)
                [[ $1 == record ]] && return 1
                __tracectl_current_session
                __tracectl_names channels ;;
        *:-e | *:--event | *:--exclude)
                [[ $1 == list ]] && return 1
                __tracectl_names events ;;
        *:-p | *:--pid) __tracectl_names pids ;;
        *:-H | *:--host) compgen -A hostname ;;
        *:--uid) compgen -u ;;
        *) return 1 ;;
        esac
}

# Options whose value is a word of its own that is none of the above.
__tracectl_takes_value() {
        case $1:$2 in
        view:-[oOSUepg] | summary:-[bn] | top:-n | monitor:-n | export:-[fO] | create:-o | record:-[eopt] | apply:-p | *:-[sH]) ;;
        add-context:-c | enable-event:-c | disable-event:-c | remove-event:-c) ;;
        *) "$__tracectl" "$1" --help 2>/dev/null | grep -qE -- "(^|[ ,])$2[ =][A-Z]" ;;
        esac
}

# What stands behind a verb: $1, and whether it lists events: $2.
__tracectl_arguments() {
        case $1 in
        enable-event | emit) __tracectl_names events ;;
        disable-event | remove-event)
                __tracectl_current_session
                __tracectl_names patterns ;;
        enable-channel | disable-channel)
                __tracectl_current_session
                __tracectl_names channels ;;
        add-context) echo vpid vtid procname ip pid tid uid gid cgroup ;;
        list) if [[ $2 == events ]]; then __tracectl_names events; else __tracectl_names sessions; fi ;;
        help) __tracectl_verbs ;;
        apply) compgen -f -- "$3" ;;
        recover) compgen -d -- "$3" ;;
        view | summary | export)
                compgen -d -- "$3"
                __tracectl_names sessions ;;
        start | stop | rotate | clear | destroy | dump | set-session | top | monitor) __tracectl_names sessions ;;
        esac
}

# The command that is recorded is completed as it would be without tracectl.
__tracectl_command() {
        if declare -F _command_offset >/dev/null && [[ -n $COMP_LINE ]]; then
                local i
                for ((i = 1; i < COMP_CWORD; i++)); do
                        [[ ${COMP_WORDS[i]} == -- ]] && { _command_offset $((i + 1)); return; }
                done
        fi
        if (( $1 == 0 )); then mapfile -t COMPREPLY < <(compgen -c -- "$2"); else mapfile -t COMPREPLY < <(compgen -f -- "$2"); fi
}

# Bash takes ':' and '=' for ends of words, unless they are quoted: what stands before them is not replaced.
__tracectl_reply() {
        local shown=$1 found=() word
        [[ $__quoted || $COMP_WORDBREAKS != *:* || $shown != *:* ]] && shown=
        shown=${shown%"${shown##*:}"}
        while read -r word; do
                [[ -n $word ]] && found+=("${word#"$shown"}")
        done < <(compgen -W "$(cat)" -- "$1")
        COMPREPLY=("${found[@]}")
}

_tracectl() {
        local __tracectl=$1 __service=() __session=() __remote='' __quoted='' verb='' mode='' waiting='' cur words word
        local n_arguments=0 i
        COMPREPLY=()

        read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
        [[ ${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]] && words+=('')
        cur=${words[-1]}
        [[ $cur == [\'\"]* ]] && __quoted=yes cur=${cur:1}

        for ((i = 1; i < ${#words[@]} - 1; i++)); do
                word=${words[i]}
                if [[ -n $waiting ]]; then
                        case $waiting in -s | --session) __session=("$word") ;; -H | --host) __remote=yes ;; esac
                        waiting=
                        continue
                fi
                case $word in
                --) [[ $verb == record ]] && { __tracectl_command $((${#words[@]} - i - 2)) "$cur"; return; } ;;
                --user) __service=(--user) ;;
                --host=* | -H?*) __remote=yes ;;
                --session=*) __session=("${word#*=}") ;;
                -e | --events) [[ $verb == list ]] && mode=events || waiting=$word ;;
                --*=*) ;;
                -*) __tracectl_takes_value "${verb:-help}" "$word" && waiting=$word ;;
                *)
                        if [[ -z $verb ]]; then
                                verb=$word
                        elif [[ $verb == record ]]; then
                                __tracectl_command 1 "$cur"
                                return
                        else
                                ((n_arguments++))
                        fi ;;
                esac
        done

        if [[ -n $waiting ]]; then
                local values
                if values=$(__tracectl_values "$verb" "$waiting"); then __tracectl_reply "$cur" <<<"$values"
                else mapfile -t COMPREPLY < <(compgen -f -- "$cur"); fi
        elif [[ $cur == --*=* ]]; then
                __tracectl_reply "${cur#*=}" < <(__tracectl_values "$verb" "${cur%%=*}")
                [[ $COMP_WORDBREAKS == *=* ]] || COMPREPLY=("${COMPREPLY[@]/#/${cur%%=*}=}")
        elif [[ $cur == -* && -z $verb ]]; then
                __tracectl_reply "$cur" <<<'--help --version --user'
        elif [[ $cur == -* ]]; then
                __tracectl_reply "$cur" < <(__tracectl_options "$verb")
        elif [[ -z $verb ]]; then
                __tracectl_reply "$cur" < <(__tracectl_verbs)
        elif [[ $verb == record ]]; then
                __tracectl_command 0 "$cur"
        else
                __tracectl_reply "$cur" < <(__tracectl_arguments "$verb" "$mode" "$cur")
        fi
}

complete -F _tracectl tracectl
