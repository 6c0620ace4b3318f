// SPDX-License-Identifier: GPL-2.0-or-later
// std::condition_variable and condition_variable_any: predicates, time-outs on both clocks, notify at exit.
#include <cassert>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <thread>

using namespace std::chrono_literals;

static std::mutex mutex;
static std::condition_variable changed;
static int turn;

static void player(int number)
{
    for (int i = 0; i < 3; i++) {
        std::unique_lock lock(mutex);
        if (i == 1) {
            while (!changed.wait_for(lock, 1ms, [&] { return turn % 2 == number; }))
                ;
        } else {
            changed.wait(lock, [&] { return turn % 2 == number; });
        }
        turn++;
        changed.notify_all();
    }
}

int main()
{
    std::thread a(player, 0), b(player, 1);
    a.join();
    b.join();
    assert(turn == 6);

    {
        std::unique_lock lock(mutex);
        auto before = std::chrono::steady_clock::now();
        assert(changed.wait_until(lock, before + 3ms) == std::cv_status::timeout ||
               std::chrono::steady_clock::now() < before + 3ms);
        auto wall = std::chrono::system_clock::now() + 2ms;
        assert(!changed.wait_until(lock, wall, [] { return false; }));
        assert(std::chrono::system_clock::now() >= wall);
    }

    std::shared_mutex shared;
    std::condition_variable_any any;
    bool ready = false;
    std::thread reader([&] {
        std::shared_lock lock(shared);
        any.wait(lock, [&] { return ready; });
    });
    {
        std::unique_lock lock(shared);
        ready = true;
    }
    any.notify_one();
    reader.join();

    std::thread finishing([] {
        std::unique_lock lock(mutex);
        turn = 100;
        std::notify_all_at_thread_exit(changed, std::move(lock));
    });
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [] { return turn == 100; });
    }
    finishing.join();
}
