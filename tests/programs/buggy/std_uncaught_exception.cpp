// SPDX-License-Identifier: GPL-2.0-or-later
// An exception leaves a thread's function when two threads race for a slot: std::terminate aborts.
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
    std::thread a(take), b(take);
    a.join();
    b.join();
}
