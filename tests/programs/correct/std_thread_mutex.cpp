// SPDX-License-Identifier: GPL-2.0-or-later
// std::thread with every mutex of the library: lock_guard, scoped_lock over two, recursive, timed.
#include <cassert>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

int main()
{
    std::mutex left, right;
    std::recursive_mutex recursive;
    std::timed_mutex timed;
    std::recursive_timed_mutex recursive_timed;
    int inside = 0, total = 0, timeouts = 0;

    auto worker = [&](bool swapped) {
        for (int i = 0; i < 2; i++) {
            {
                // Deadlock-free whatever the order: std::lock backs off.
                std::scoped_lock both(swapped ? right : left, swapped ? left : right);
                assert(++inside == 1);
                total++;
                inside--;
            }
            std::lock_guard outer(recursive);
            std::lock_guard inner(recursive);
            std::unique_lock wait(timed, 2ms);
            if (wait.owns_lock()) {
                std::this_thread::sleep_for(1ms);
                std::lock_guard guard(recursive_timed);
                assert(recursive_timed.try_lock_until(std::chrono::steady_clock::now() + 1ms));
                recursive_timed.unlock();
            } else {
                timeouts++;
            }
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; i++)
        threads.emplace_back(worker, i % 2 == 1);
    for (auto &thread : threads)
        thread.join();
    assert(total == 6);
    assert(left.try_lock());
    std::thread([&] { assert(!left.try_lock()); }).join();
    left.unlock();
}
