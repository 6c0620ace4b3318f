// SPDX-License-Identifier: GPL-2.0-or-later
// std::call_once: once, all wait for it, and a call that throws is passed on to the next caller.
#include <cassert>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

int main()
{
    std::once_flag flag;
    int attempts = 0, caught = 0, done = 0;
    std::mutex mutex;

    auto worker = [&] {
        try {
            std::call_once(flag, [&] {
                std::this_thread::yield();
                if (++attempts == 1)
                    throw std::runtime_error("the first attempt fails");
                done++;
            });
        } catch (const std::runtime_error &) {
            std::lock_guard lock(mutex);
            caught++;
            return;
        }
        std::lock_guard lock(mutex);
        assert(done == 1);
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; i++)
        threads.emplace_back(worker);
    for (auto &thread : threads)
        thread.join();
    assert(attempts == 2 && caught == 1 && done == 1);
}
