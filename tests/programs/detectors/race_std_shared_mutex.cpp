// SPDX-License-Identifier: GPL-2.0-or-later
//
// A map is changed by two threads that share a lock.
//
// Finding: data-race
// Correct: each has it alone.
#include <map>
#include <mutex>
#include <shared_mutex>
#include <thread>

static std::shared_mutex lock;
static std::map<int, int> numbers;

static void work(int key)
{
    if (CORRECT) {
        std::unique_lock alone(lock);
        numbers[key] = 1;
    } else {
        std::shared_lock together(lock);
        numbers[key] = 1;
    }
    std::shared_lock together(lock);
    (void)numbers.count(1);
}

int main()
{
    std::thread one(work, 1), other(work, 2);
    one.join();
    other.join();
}
