// SPDX-License-Identifier: GPL-2.0-or-later
//
// Two threads assign to one std::shared_ptr.
//
// Finding: data-race
// Correct: each has its own to the same object, whose count is atomic, and the last one deletes it.
#include <memory>
#include <thread>

struct thing {
    int value = 0;
    ~thing()
    {
        value = -1;
    }
};

static std::shared_ptr<thing> shared;

static void take(std::shared_ptr<thing> own)
{
    if (!CORRECT)
        shared = own;
    if (own->value)
        throw 1;
}

int main()
{
    auto first = std::make_shared<thing>();
    std::thread one(take, first), other(take, first);
    first.reset();
    one.join();
    other.join();
}
