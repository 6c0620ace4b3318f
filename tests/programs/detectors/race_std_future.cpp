// SPDX-License-Identifier: GPL-2.0-or-later
//
// A value is written after the promise was kept that its reader waits for.
//
// Finding: data-race
// Correct: before.
#include <future>
#include <thread>

static int value;

int main()
{
    std::promise<void> kept;
    std::future<void> future = kept.get_future();
    std::thread writer([&] {
        if (CORRECT)
            value = 1;
        kept.set_value();
        if (!CORRECT)
            value = 1;
    });
    future.wait();
    value++;
    writer.join();
}
