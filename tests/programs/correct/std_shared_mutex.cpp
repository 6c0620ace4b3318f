// SPDX-License-Identifier: GPL-2.0-or-later
// std::shared_mutex and shared_timed_mutex: readers share, a writer is alone.
#include <cassert>
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

int main()
{
    std::shared_mutex mutex;
    std::shared_timed_mutex timed;
    int value = 0, copy = 0, late = 0;

    auto reader = [&] {
        for (int i = 0; i < 3; i++) {
            std::shared_lock lock(mutex);
            assert(value == copy);
        }
        std::shared_lock lock(timed, 1ms);
        assert(!lock.owns_lock() || late == 0 || late == 1);
    };
    auto writer = [&] {
        for (int i = 0; i < 2; i++) {
            std::unique_lock lock(mutex);
            value++;
            std::this_thread::yield();
            copy++;
        }
        std::unique_lock lock(timed, 1ms);
        if (lock.owns_lock())
            late = 1;
    };
    std::vector<std::thread> threads;
    threads.emplace_back(reader);
    threads.emplace_back(writer);
    threads.emplace_back(reader);
    threads.emplace_back(writer);
    for (auto &thread : threads)
        thread.join();
    assert(value == 4 && copy == 4);
}
