// SPDX-License-Identifier: GPL-2.0-or-later
// An exception leaves a thread's function when two threads race for a slot: std::terminate aborts.
//
// Class: check-then-act
// Finding: crash assertion
// Correct: the thread catches it.
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

int main()
{
    std::mutex mutex;
    std::optional<int> slot = 1;
    auto take = [&] {
        {
            std::lock_guard guard(mutex);
            if (!slot)
                return;
        }
        std::lock_guard guard(mutex);
        if (!slot)
            throw std::logic_error("the slot was there a moment ago");
        slot.reset();
    };
    auto run = [&] {
        try {
            take();
        } catch (const std::logic_error &) {
            if (!CORRECT)
                throw;
        }
    };
    std::thread a(run), b(run);
    a.join();
    b.join();
}
