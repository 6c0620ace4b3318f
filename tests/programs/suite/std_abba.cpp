// SPDX-License-Identifier: GPL-2.0-or-later
// Two std::mutex taken in opposite orders by two std::thread: a deadlock of two.
//
// Class: ABBA
// Finding: deadlock
// Detected: lock-order
// Correct: std::scoped_lock takes both, in whatever order.
#include <mutex>
#include <thread>

struct Account {
    std::mutex mutex;
    int balance = 100;
};

static void transfer(Account &from, Account &to, int amount)
{
#if CORRECT
    std::scoped_lock both(from.mutex, to.mutex);
#else
    std::lock_guard take(from.mutex);
    std::lock_guard give(to.mutex);
#endif
    from.balance -= amount;
    to.balance += amount;
}

int main()
{
    Account a, b;
    std::thread there([&] { transfer(a, b, 10); });
    std::thread back([&] { transfer(b, a, 20); });
    there.join();
    back.join();
}
