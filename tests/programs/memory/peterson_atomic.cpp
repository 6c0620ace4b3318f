/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Peterson's mutual exclusion in std::atomic, many times over. The loop that waits looks whose turn it is
 * only once.
 *
 * Correct: each time round.
 */
#include <atomic>
#include <cassert>
#include <thread>

static std::atomic<bool> wants[2];
static std::atomic<int> turn;
static int inside;

static void visit(int me)
{
    int other = 1 - me;
    wants[me] = true;
    turn = other;
    bool given_way = turn == other;
    while (CORRECT ? wants[other] && turn == other : given_way && !wants[other])
        if (!CORRECT)
            break;
    assert(inside++ == 0);
    inside--;
    wants[me] = false;
}

int main()
{
    auto visitor = [](int me) {
        for (int i = 0; i < 2; i++)
            visit(me);
    };
    std::thread a(visitor, 0), b(visitor, 1);
    a.join();
    b.join();
    return 0;
}
