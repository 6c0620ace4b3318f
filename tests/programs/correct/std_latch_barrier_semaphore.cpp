// SPDX-License-Identifier: GPL-2.0-or-later
// C++20's latch, barrier, counting_semaphore and atomic wait: each holds back and lets go as it should.
#include <atomic>
#include <barrier>
#include <cassert>
#include <chrono>
#include <latch>
#include <semaphore>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

int main()
{
    constexpr int count = 3;
    std::latch started(count);
    std::atomic<int> phases = 0, arrived = 0, inside = 0, flag = 0;
    std::barrier rendezvous(count, [&]() noexcept { phases++; });
    std::counting_semaphore<2> two(2);
    std::binary_semaphore never(0);

    std::vector<std::jthread> threads;
    for (int i = 0; i < count; i++) {
        threads.emplace_back([&] {
            started.arrive_and_wait();
            for (int round = 1; round <= 2; round++) {
                arrived++;
                rendezvous.arrive_and_wait();
                assert(arrived >= count * round && phases >= round);
            }
            two.acquire();
            assert(++inside <= 2);
            std::this_thread::yield();
            inside--;
            two.release();
            flag.wait(0);
            assert(flag == 1);
        });
    }
    started.wait();
    assert(!never.try_acquire());
    assert(!never.try_acquire_for(1ms));
    flag = 1;
    flag.notify_all();
    threads.clear();
    assert(phases == 2 && inside == 0);
}
