// SPDX-License-Identifier: GPL-2.0-or-later
//
// Two threads make something on first use.
//
// Finding: data-race
// Correct: by std::call_once().
#include <mutex>
#include <thread>
#include <vector>

static std::once_flag once;
static std::vector<int> numbers;

static void make()
{
    numbers.assign(10, 1);
}

static void work()
{
    if (CORRECT)
        std::call_once(once, make);
    else
        make();
    if (numbers.size() != 10)
        throw 1;
}

int main()
{
    std::thread one(work), other(work);
    one.join();
    other.join();
}
