// SPDX-License-Identifier: GPL-2.0-or-later
//
// A static local variable is changed by two threads.
//
// Finding: data-race
// Correct: only read: that it is made once, the compiler sees to.
#include <string>
#include <thread>

static std::string &text()
{
    static std::string made(40, 'x');
    return made;
}

static void work()
{
    if (CORRECT)
        (void)(text().size() == 40 ? 0 : throw 1);
    else
        text()[3] = 'y';
}

int main()
{
    std::thread one(work), other(work);
    one.join();
    other.join();
}
