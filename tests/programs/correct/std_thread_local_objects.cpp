// SPDX-License-Identifier: GPL-2.0-or-later
// thread_local objects are made on first use in each thread and destroyed, in reverse order, at its end.
#include <cassert>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

static std::mutex mutex;
static int made, destroyed;

struct Counted {
    std::string text;
    int order;
    explicit Counted(const char *text, int order) : text(text), order(order)
    {
        std::lock_guard lock(mutex);
        made++;
    }
    ~Counted();
};

static thread_local int alive_order = 0;

Counted::~Counted()
{
    // Blocking in a destructor is allowed, and thread-local state of a trivial type still lives.
    std::lock_guard lock(mutex);
    assert(alive_order == order);
    alive_order--;
    destroyed++;
}

static thread_local Counted first("long enough not to be stored in place, number one", 1);
static thread_local Counted second("long enough not to be stored in place, number two", 2);

int main()
{
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; i++) {
        threads.emplace_back([i] {
            first.text += std::to_string(i);
            std::this_thread::yield();
            second.text += first.text;
            alive_order = 2;
            std::this_thread::yield();
            assert(first.text.back() == '0' + i && second.text.back() == '0' + i);
        });
    }
    for (auto &thread : threads)
        thread.join();
    assert(made == 6 && destroyed == 6);
}
