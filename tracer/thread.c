/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <sys/mman.h>

#include "tracer/probe.h"
#include "tracer/ring-write.h"
#include "tracer/sys.h"
#include "tracer/thread.h"

struct thread_table thread_table;
__thread struct thread_slot *thread_self;
uint32_t thread_nest_fast = NEST_MAX;
struct thread_slot thread_none = { .nest = NEST_OFF };

static struct thread_slot *take(struct thread_slot *slot, int32_t expected, int32_t tid) {
        if (!__atomic_compare_exchange_n(&slot->tid, &expected, tid, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
                return NULL;
        slot->nest = 0;
        slot->rseq = ring_rseq_of_thread();
        thread_self = slot;
        return slot;
}

/*
 * Threads do not give their slots back, since nothing that tells of a thread's
 * end is safe in a signal handler. When all are taken, those of threads that no
 * longer exist are taken over. A new thread with a dead one's number just
 * leaves that slot unused until it ends itself.
 */
struct thread_slot *thread_claim(void) {
        int32_t tid = sys_gettid(), pid = sys_getpid();
        uint32_t start = __atomic_fetch_add(&thread_table.next, 1, __ATOMIC_RELAXED);
        struct thread_slot *slot;

        /* It must never wrap, see used_slots(). */
        if (start >= 2 * THREAD_SLOTS)
                __atomic_store_n(&thread_table.next, THREAD_SLOTS, __ATOMIC_RELAXED);
        for (uint32_t i = 0; i < THREAD_SLOTS; i++) {
                slot = &thread_table.slots[(start + i) % THREAD_SLOTS];
                if (__atomic_load_n(&slot->tid, __ATOMIC_RELAXED) == 0 && take(slot, 0, tid))
                        return slot;
                /* The first few are enough where threads come and go. */
                if (start >= THREAD_SLOTS && i >= 8)
                        break;
        }
        for (uint32_t i = 0; i < THREAD_SLOTS; i++) {
                int32_t owner;

                slot = &thread_table.slots[(start + i) % THREAD_SLOTS];
                owner = __atomic_load_n(&slot->tid, __ATOMIC_RELAXED);
                if (owner == 0 ? !!take(slot, 0, tid)
                               : sys_tgkill(pid, owner, 0) == -ESRCH && take(slot, owner, tid))
                        return slot;
        }
        /* Not to look again at each event. */
        return thread_self = &thread_none;
}

bool thread_visit(void) {
        if (thread_self != &thread_none && thread_self->nest >= NEST_OFF)
                return false;
        /* A full fence, as the helper's: either it sees the visitor, or the visitor what was published. */
        __atomic_fetch_add(&thread_table.visitors, 1, __ATOMIC_SEQ_CST);
        return true;
}

void thread_visit_end(void) {
        __atomic_fetch_sub(&thread_table.visitors, 1, __ATOMIC_RELEASE);
}

void thread_off(void) {
        struct thread_slot *slot = thread_self ? thread_self : thread_claim();

        if (slot != &thread_none)
                slot->nest += NEST_OFF;
}

void thread_on(void) {
        if (thread_self != &thread_none)
                thread_self->nest -= NEST_OFF;
}

/*
 * Slots from here on were never taken: a thread takes the one that next
 * said, or one that was taken before. Most processes use a few of the pages.
 */
static uint32_t used_slots(void) {
        uint32_t n = __atomic_load_n(&thread_table.next, __ATOMIC_RELAXED);

        return n < THREAD_SLOTS ? n : THREAD_SLOTS;
}

int thread_enable(void) {
        static const struct probe query = { SYS_membarrier, { MEMBARRIER_CMD_QUERY } };

        /* Without it a child would write into rings that are not its own to write. */
        if (madvise(&thread_table, sizeof(thread_table), MADV_WIPEONFORK) < 0)
                return -errno;
        if (!probe_survives(&query, 1) || sys_membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) < 0)
                thread_nest_fast = 0;
        __atomic_store_n(&thread_table.alive, 1, __ATOMIC_RELEASE);
        return 0;
}

void thread_forget_all(void) {
        /* The table was wiped. */
        thread_self = NULL;
}

static bool all_outside(uint32_t *from, uint32_t end) {
        for (; *from < end; (*from)++) {
                const struct thread_slot *slot = &thread_table.slots[*from];
                uint32_t nest = __atomic_load_n(&slot->nest, __ATOMIC_ACQUIRE);

                /* A thread that vfork()ed is as deep as its vfork() was called from: outside. */
                if (nest != 0 && nest < NEST_OFF)
                        return false;
        }
        return __atomic_load_n(&thread_table.visitors, __ATOMIC_ACQUIRE) == 0;
}

bool thread_quiesce(unsigned timeout) {
        struct timespec pause = { .tv_nsec = 50 * 1000 };
        uint32_t from = 0, end;

        /*
         * After this every thread has either announced itself in its slot, or
         * will read what was published before. Partner: thread_enter().
         */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (thread_nest_fast != 0)
                (void) sys_membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);

        /* Who takes a slot after this is among those that will read what was published. */
        end = used_slots();

        /* Each slot need be seen outside only once. */
        for (unsigned waited = 0; !all_outside(&from, end); waited++) {
                if (waited >= timeout * 20)
                        return false;
                (void) nanosleep(&pause, NULL);
        }
        return true;
}
