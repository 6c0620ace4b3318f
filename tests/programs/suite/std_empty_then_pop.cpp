// SPDX-License-Identifier: GPL-2.0-or-later
// A queue whose every function is locked, and two takers who ask whether it is empty before they take.
//
// Class: check-then-act
// Finding: assertion
// Correct: one function asks and takes.
#include <cassert>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

class Queue
{
  public:
    bool empty()
    {
        std::lock_guard guard(mutex);
        return items.empty();
    }

    int pop()
    {
        std::lock_guard guard(mutex);
        assert(!items.empty());
        int item = items.front();
        items.pop_front();
        return item;
    }

    std::optional<int> try_pop()
    {
        std::lock_guard guard(mutex);
        if (items.empty())
            return std::nullopt;
        int item = items.front();
        items.pop_front();
        return item;
    }

  private:
    std::mutex mutex;
    std::deque<int> items{1};
};

int main()
{
    Queue queue;
    auto take = [&] {
        if (CORRECT)
            queue.try_pop();
        else if (!queue.empty())
            queue.pop();
    };
    std::thread a(take), b(take);
    a.join();
    b.join();
}
