// SPDX-License-Identifier: GPL-2.0-or-later
// Futures from async, promise and packaged_task: values, exceptions, time-outs, shared among threads.
#include <cassert>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

using namespace std::chrono_literals;

int main()
{
    auto value = std::async(std::launch::async, [] {
        std::this_thread::sleep_for(1ms);
        return 42;
    });
    auto error = std::async(std::launch::async, []() -> int { throw std::logic_error("as asked"); });
    auto lazy = std::async(std::launch::deferred, [] { return 7; });
    assert(lazy.wait_for(0s) == std::future_status::deferred);
    assert(value.get() == 42 && lazy.get() == 7);
    try {
        error.get();
        assert(!"the exception was lost");
    } catch (const std::logic_error &) {
    }

    std::promise<int> promise;
    std::shared_future<int> shared = promise.get_future().share();
    assert(shared.wait_for(1ms) == std::future_status::timeout);
    std::thread a([shared] { assert(shared.get() == 5); });
    std::thread b([shared] { assert(shared.get() == 5); });
    std::this_thread::yield();
    promise.set_value(5);
    a.join();
    b.join();

    std::packaged_task<int(int)> task([](int x) { return x + 1; });
    auto result = task.get_future();
    std::thread runner(std::move(task), 1);
    while (result.wait_for(1ms) != std::future_status::ready)
        ;
    assert(result.get() == 2);
    runner.join();

    // A broken promise is told, not waited for.
    std::future<void> broken = std::promise<void>().get_future();
    try {
        broken.get();
        assert(!"a broken promise gave a value");
    } catch (const std::future_error &) {
    }
}
