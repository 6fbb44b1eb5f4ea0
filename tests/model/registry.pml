/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The order of things between tracingd's main loop, the registry's threads and
 * the applications, for spin. service/registry/registry.h argues why it is
 * right; this tries all interleavings of a few of each. Steps and names are the
 * code's: W1, W2, M1 and M2 as there.
 *
 * A view is a generation and whether it has the one event of this world on.
 * What the code follows with a full barrier is a step here; steps that nobody
 * else can see are joined to the one before.
 *
 * What must hold:
 *
 *   - an application misses no change: when nothing happens any more, each has
 *     the newest view, and the main loop has answered every client;
 *   - a reply that names none pending is true: each application that lives,
 *     whether it is connected or about to resume, has the view that was
 *     published, or a later one;
 *   - after such a reply of Stop no thread records;
 *   - what a client was told survives a restart.
 *
 * Macros leave one of the orderings out, and then one of these is violated;
 * test_model.py says what they are, and how large a world is.
 *
 * Not in this world: reuse of addresses, which reference counts and grace
 * periods see to, and definitions, for which nobody waits.
 */

#define GENERATIONS (2 + CHANGES + RESTARTS)

/* enum application_work */
#define READ 1
#define PUSH 2
#define QUEUED 4

/* enum application_state */
#define NEW 0
#define REGISTERED 1
#define CLOSED 2

/* messages of applications */
#define REGISTER 0
#define APPLIED 1

/* What tracingd has, and loses when it is killed. */
byte model; /* generation */
bool content[GENERATIONS];
byte work[APPS], state[APPS], sent[APPS], valid[APPS], applied[APPS];
bool inserted[APPS], ready[APPS], acknowledged[APPS], sent_content[APPS], blocked[APPS], armed[APPS];
bool awaited[APPS]; /* is in the roll, and has not come back */
bool has_news, told, readable; /* readable: what the main loop waits for */
chan queue = [APPS] of { byte };

/* What outlives it. */
byte stored, stored_change;
bool stored_content;
bool roll[APPS];

/* Connections. */
chan to_tracingd[APPS] = [2] of { bit, byte };
chan to_application[APPS] = [ROOM] of { byte, bool };
bool hung_up[APPS]; /* tracingd has gone */

/* Applications. */
bool alive[APPS], gone[APPS], asleep[APPS];
bool on[APPS], fresh[APPS], inside[APPS];
byte view[APPS];

/* The world's. */
bool killed;
byte running;  /* tracingd's threads */
byte answered; /* changes */
bool stopped;  /* Stop was answered with none pending */
byte restarts_left = RESTARTS, stops_left = STOPS, deaths_left = DEATHS;

#define SCHEDULE(a, w) \
        if \
        :: work[a] & QUEUED -> work[a] = work[a] | (w) \
        :: !(work[a] & QUEUED) -> work[a] = work[a] | (w) | QUEUED; queue!a \
        fi

#define DRAIN(channel) \
        do \
        :: len(channel) > 0 -> channel?_, _ \
        :: len(channel) == 0 -> break \
        od

#define FORGET_CONNECTION(a) \
        DRAIN(to_tracingd[a]); \
        DRAIN(to_application[a]); \
        state[a] = NEW; sent[a] = 0; valid[a] = 0; applied[a] = 0; inserted[a] = false; ready[a] = false; \
        acknowledged[a] = false; sent_content[a] = false; blocked[a] = false; armed[a] = true

#define HAS_ROOM(a) (blocked[a] && len(to_application[a]) < ROOM)
#define SOMETHING_HAPPENED(a) \
        (armed[a] && (len(to_tracingd[a]) > 0 || (gone[a] && !hung_up[a]) || HAS_ROOM(a)))

#define LAST (APPS - 1)

inline set_applied() {
        applied[a] = valid[a];
        has_news = true
}

/* One wake-up for all that happens until the main loop has looked. */
inline notify() {
        if
        :: atomic { has_news -> has_news = false }
           if
           :: atomic { !told -> told = true }
              readable = true
           :: told
           fi
        :: !has_news
        fi
}

inline register() {
#ifdef READ_BEFORE_INSERT
        m = model;
#endif
        atomic {
                state[a] = REGISTERED;
                roll[a] = true;
#ifndef ROLL_BEFORE_INSERT
                inserted[a] = true /* W1 */
#else
                awaited[a] = false
#endif
        }
        atomic {
                awaited[a] = false;
                inserted[a] = true;
                has_news = true
        }
}

inline take_acknowledgement() {
        if
#ifdef ANY_ACK_COUNTS
        :: !acknowledged[a] ->
#else
        :: g == sent[a] && !acknowledged[a] ->
#endif
                acknowledged[a] = true;
                set_applied()
        :: else
        fi
}

inline disconnect() {
        inserted[a] = false;
        atomic { roll[a] = false; awaited[a] = false; has_news = true }
        atomic {
                DRAIN(to_application[a]);
                blocked[a] = false;
                state[a] = CLOSED
        }
}

inline send_view() {
        atomic {
                if
                :: len(to_application[a]) < ROOM ->
                        to_application[a]!m, content[m];
                        sent[a] = m;
                        valid[a] = m;
                        sent_content[a] = content[m];
                        acknowledged[a] = false;
                        ready[a] = true
                :: len(to_application[a]) == ROOM ->
                        blocked[a] = true
                fi;
                m = 0
        }
}

inline push() {
        atomic {
                blocked[a] = false;
                if
                :: m == 0 -> m = model /* W2 */
                :: m != 0 /* READ_BEFORE_INSERT */
                fi;
                if
                :: ready[a] && valid[a] >= m -> m = 0
                :: ready[a] && valid[a] < m && sent_content[a] == content[m] ->
                        valid[a] = m;
                        m = 0;
                        if
                        :: acknowledged[a] -> set_applied()
                        :: !acknowledged[a]
                        fi
                :: !ready[a] || (valid[a] < m && sent_content[a] != content[m])
                fi
        }
        if
        :: m != 0 -> send_view()
        :: m == 0
        fi
}

inline read_messages() {
        do
        :: atomic { len(to_tracingd[a]) > 0 -> to_tracingd[a]?kind, g }
           if
           :: kind == REGISTER -> register()
           :: kind == APPLIED -> take_acknowledgement()
           fi;
           d_step { g = 0; kind = 0 }
        :: len(to_tracingd[a]) == 0 -> break
        od
}

inline serve() {
        if
        :: flags & READ -> read_messages()
        :: !(flags & READ)
        fi;
#ifdef NOTIFY_BEFORE_APPLY
        notify();
#endif
        if
        :: (flags & READ) && gone[a] && len(to_tracingd[a]) == 0 -> disconnect()
        :: else ->
                if
                :: state[a] == REGISTERED -> push()
                :: state[a] != REGISTERED
                fi;
                armed[a] = true
        fi;
#ifndef NOTIFY_BEFORE_APPLY
        notify()
#endif
}

/* Somebody else has it, or this worker does now. */
#define TAKE(a, w) \
        if \
        :: work[a] & QUEUED -> work[a] = work[a] | (w) \
        :: !(work[a] & QUEUED) -> work[a] = work[a] | (w) | QUEUED; mine = true \
        fi

/* One event: each connection reports once, until a worker arms it again. */
inline take_event(i) {
        atomic {
                SOMETHING_HAPPENED(i) ->
                armed[i] = false;
                a = i;
                if
                :: HAS_ROOM(i) -> TAKE(i, READ | PUSH)
                :: !HAS_ROOM(i) -> TAKE(i, READ)
                fi
        }
}

inline work_on() {
        do
        :: atomic {
                flags = work[a];
#ifndef CLEAR_AFTER_READ
                work[a] = QUEUED
#endif
           }
           if
           :: state[a] == CLOSED
           :: state[a] != CLOSED -> serve()
           fi;
#ifdef CLEAR_AFTER_READ
           work[a] = QUEUED;
#endif
           atomic {
                flags = 0;
                if
                :: work[a] == QUEUED -> work[a] = 0; break
                :: work[a] != QUEUED
                fi
           }
        od
}

proctype worker() {
        byte a, flags, m, g;
        bit kind;
        bool mine;

        {
                do
                :: if
                   :: atomic { queue?a -> mine = true }
                   :: take_event(0)
#if APPS > 1
                   :: take_event(1)
#endif
                   fi;
                   if
                   :: mine -> work_on()
                   :: !mine
                   fi;
                   atomic { mine = false; a = 0 }
                od
        } unless { killed }
        running--
}

inline publish() {
        d_step {
                content[model + 1] = next;
                model++; /* M1 */
                if
                :: next -> stopped = false
                :: !next
                fi
        }
}

inline walk() {
        do
        :: a < APPS ->
                atomic {
                        if
                        :: inserted[a] -> SCHEDULE(a, PUSH) /* M2 */
                        :: !inserted[a]
                        fi;
                        a++
                }
        :: a == APPS -> a = 0; break
        od
}

inline store() {
        d_step { stored = model; stored_content = next; stored_change = change }
}

inline count_roll() {
        d_step {
                n = n + awaited[0];
#if APPS > 1
                n = n + awaited[1];
#endif
        }
}

inline count_registry() {
        do
        :: a < APPS ->
                d_step { n = n + (inserted[a] && applied[a] < model); a++ }
        :: a == APPS -> a = 0; break
        od
}

inline count_pending() {
#ifndef ROLL_COUNTED_LAST
        count_roll();
#endif
        count_registry();
#ifdef ROLL_COUNTED_LAST
        count_roll();
#endif
}

/* The wake-up is taken first, then others may wake it again, then it looks. */
inline take_news() {
        n = 0;
#ifndef TOLD_BEFORE_READ
        readable = false;
#endif
#ifndef LOOK_BEFORE_TOLD
        told = false;
#endif
#ifdef TOLD_BEFORE_READ
        readable = false;
#endif
        count_pending();
#ifdef LOOK_BEFORE_TOLD
        told = false
#endif
}

/* With none pending: whoever has a view has this one, or a later one of the same content. */
inline answer() {
        d_step {
                assert(n > 0 || view[0] == 0 || on[0] == next);
                assert(n > 0 || view[LAST] == 0 || on[LAST] == next);
                if
                :: !next && n == 0 -> stopped = true
                :: next || n > 0
                fi;
                answered = change
        }
}

/* EnableEvent and Start turn the event on, Stop turns it off. */
proctype main_loop() {
        byte a, n, change;
        bool next;

        {
                do
                :: answered < CHANGES ->
                        atomic {
                                change = answered + 1;
                                if
                                :: next = true
                                :: next = false
                                fi
                        }
#ifdef WALK_BEFORE_PUBLISH
                        walk();
                        publish();
#else
                        publish();
                        walk();
#endif
#ifndef ANSWER_BEFORE_STORE
                        store();
#endif
                        do
                        :: take_news();
                           if
                           :: n == 0 -> break
                           :: n > 0 && (asleep[0] || asleep[LAST]) -> break /* time is up */
                           :: n > 0 && readable
                           fi
                        od;
                        answer();
#ifdef ANSWER_BEFORE_STORE
                        store();
#endif
                        d_step { n = 0; change = 0; next = false }
                :: answered == CHANGES -> killed
                od
        } unless { killed }
        running--
}

inline receive_view() {
        atomic {
                to_application[a]?g, c ->
                on[a] = c;
                fresh[a] = c;
                view[a] = g
        }
        atomic {
#ifndef ACK_BEFORE_LEFT
                c || !inside[a] ->
#endif
                if
                :: hung_up[a]
                :: !hung_up[a] -> to_tracingd[a]!APPLIED, g
                fi;
                g = 0;
                c = false
        }
}

inline die() {
        atomic {
                deaths_left > 0 ->
                deaths_left--;
                alive[a] = false;
                on[a] = false;
                fresh[a] = false;
                inside[a] = false;
                view[a] = 0;
                gone[a] = true
        }
        /* The next process has the same numbers: those that a connection is given when the last one is closed. */
        atomic {
                if
                :: state[a] == CLOSED && work[a] == 0 && !killed ->
                        FORGET_CONNECTION(a)
                :: hung_up[a] && !killed ->
                        roll[a] = false;
                        awaited[a] = false;
                        told = true;
                        readable = true
                fi;
                gone[a] = false;
                goto birth
        }
}

/* The library's helper thread. */
proctype application(byte a) {
        byte g;
        bool c;

birth:
        atomic {
                !killed ->
                alive[a] = true;
                hung_up[a] = false;
                to_tracingd[a]!REGISTER, 0
        }
        do
        :: receive_view()
        :: atomic {
                hung_up[a] && !killed ->
                hung_up[a] = false;
                to_tracingd[a]!REGISTER, 0 /* with RESUME */
           }
        :: atomic { stops_left > 0 -> stops_left--; asleep[a] = true }
           asleep[a] = false
        :: die()
        od
}

/* A thread of the application, which comes to its tracepoint once for each view, at any time. */
proctype thread(byte a) {
        do
        :: atomic { on[a] && fresh[a] -> fresh[a] = false; inside[a] = true }
           atomic {
                if
                :: inside[a] -> assert(!stopped); inside[a] = false
                :: !inside[a] /* its process has died */
                fi
           }
        od
}

inline start_tracingd() {
        run main_loop();
        i = 0;
        do
        :: i < WORKERS -> run worker(); i++
        :: i == WORKERS -> i = 0; break
        od;
        running = WORKERS + 1
}

inline restart() {
        atomic { restarts_left--; killed = true }
        atomic {
                running == 0 ->
                do
                :: i < APPS ->
                        FORGET_CONNECTION(i);
                        work[i] = 0;
                        hung_up[i] = true;
#ifndef NO_ROLL
                        awaited[i] = roll[i] && alive[i];
#endif
                        i++
                :: i == APPS -> i = 0; break
                od;
                do
                :: len(queue) > 0 -> queue?_
                :: len(queue) == 0 -> break
                od;
                assert(stored_change >= answered);
                has_news = false;
                told = false;
                readable = false;
                model = stored;
                content[model] = stored_content;
                killed = false;
                start_tracingd()
        }
}

inline check_quiet() {
        d_step {
                do
                :: i < APPS ->
                        assert(alive[i] && state[i] == REGISTERED && applied[i] == model && on[i] == content[model]);
                        i++
                :: i == APPS -> break
                od;
                assert(answered == CHANGES)
        }
}

init {
        byte i;

        atomic {
                model = 1;
                stored = 1;
                do
                :: i < APPS ->
                        armed[i] = true;
                        run application(i);
                        run thread(i);
                        i++
                :: i == APPS -> i = 0; break
                od;
                start_tracingd()
        }
        do
        :: restarts_left > 0 -> restart()
        :: timeout -> break /* nothing happens any more */
        od;
        check_quiet()
}
