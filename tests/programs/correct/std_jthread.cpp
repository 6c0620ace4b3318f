// SPDX-License-Identifier: GPL-2.0-or-later
// std::jthread: asked to stop, a waiting thread wakes; stop callbacks run; destruction joins.
#include <cassert>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

int main()
{
    std::mutex mutex;
    std::condition_variable_any changed;
    int stopped = 0, called = 0;
    {
        std::jthread waiting([&](std::stop_token token) {
            std::unique_lock lock(mutex);
            // Returns false: stop was requested, the predicate never held.
            assert(!changed.wait(lock, token, [] { return false; }));
            stopped++;
        });
        std::jthread polling([&](std::stop_token token) {
            std::stop_callback callback(token, [&] { called++; });
            while (!token.stop_requested())
                std::this_thread::yield();
        });
        std::this_thread::yield();
        polling.request_stop();
    }
    assert(stopped == 1 && called <= 1);
}
