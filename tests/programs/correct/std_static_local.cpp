// SPDX-License-Identifier: GPL-2.0-or-later
// A function's static object is made once, by the first thread to come; the others wait for it.
#include <cassert>
#include <chrono>
#include <thread>
#include <vector>

static int made;

struct Slow {
    int value;
    Slow()
    {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        value = ++made;
    }
};

static Slow &instance()
{
    static Slow slow;
    return slow;
}

int main()
{
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; i++)
        threads.emplace_back([] { assert(instance().value == 1); });
    for (auto &thread : threads)
        thread.join();
    assert(made == 1);
}
