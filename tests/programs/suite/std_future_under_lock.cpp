// SPDX-License-Identifier: GPL-2.0-or-later
// A result is waited for with a lock held that the thread which makes it takes too.
//
// Class: lock cycle through a wait
// Finding: hang deadlock lost-wakeup
// Correct: it is waited for before the lock is taken.
#include <future>
#include <mutex>

int main()
{
    std::mutex mutex;
    int total = 0;
    auto result = std::async(std::launch::async, [&] {
        std::lock_guard guard(mutex);
        return ++total;
    });
    int known = CORRECT ? result.get() : 0;
    std::lock_guard guard(mutex);
    if (!CORRECT)
        known = result.get();
    return known == 1 ? 0 : 1;
}
