/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Threads that throw through functions which trace, whose objects trace while
 * the stack is unwound; from the values of a tracepoint themselves; from one
 * thread to the other; and a thread that is cancelled. Prints nothing.
 */

#include <exception>
#include <pthread.h>
#include <stdexcept>
#include <thread>
#include <unistd.h>
#include <vector>

#include <tracectl/tracepoint.h>

static const unsigned threads = 4, rounds = 100, depth = 5;

struct Guard {
        unsigned level;

        ~Guard() { tracectl_trace(throws, unwound, tp_u32(level, level)); }
};

static void descend(unsigned level) {
        Guard guard { level };

        tracectl_trace(throws, enter, tp_u32(level, level), tp_str(text, "on the way down"));
        if (level == depth)
                throw std::runtime_error("from below");
        descend(level + 1);
        tracectl_trace(throws, never);
}

static int no_value() {
        Guard guard { 100 };

        throw 7;
}

static void work() {
        for (unsigned i = 0; i < rounds; i++) {
                try {
                        descend(0);
                } catch (const std::exception &e) {
                        tracectl_trace(throws, caught, tp_str(what, e.what()));
                }
                try {
                        tracectl_trace(throws, value, tp_i32(value, no_value()));
                        /* Where nobody records it, the value is not asked for. */
                        if (!tracectl_trace_enabled(throws, value))
                                no_value();
                } catch (int number) {
                        tracectl_trace(throws, no_value, tp_i32(number, number));
                }
        }
}

static void *wait_to_be_cancelled(void *) {
        Guard guard { 200 };

        for (;;)
                pause();
        return nullptr;
}

int main() {
        std::exception_ptr passed;
        std::vector<std::thread> workers;
        pthread_t cancelled;

        for (unsigned i = 0; i < threads; i++)
                workers.emplace_back(work);
        for (auto &worker : workers)
                worker.join();
        std::thread([&passed] {
                try {
                        descend(depth);
                } catch (...) {
                        passed = std::current_exception();
                }
        }).join();
        try {
                std::rethrow_exception(passed);
        } catch (const std::exception &e) {
                tracectl_trace(throws, passed, tp_str(what, e.what()));
        }
        if (pthread_create(&cancelled, nullptr, wait_to_be_cancelled, nullptr) != 0 || pthread_cancel(cancelled) != 0)
                return 1;
        return pthread_join(cancelled, nullptr);
}
