/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An object with a reference count: whoever sees the last reference deletes it, but looks at the count after
 * giving up its own.
 *
 * Correct: what the decrement returns decides.
 */
#include <atomic>
#include <cassert>
#include <thread>

struct Object {
    std::atomic<int> references{2};
    std::atomic<int> deleted{0};

    void put()
    {
        if (CORRECT) {
            if (references.fetch_sub(1, std::memory_order_acq_rel) == 1)
                deleted++;
            return;
        }
        references.fetch_sub(1, std::memory_order_acq_rel);
        if (references.load(std::memory_order_acquire) == 0)
            deleted++;
    }
};

int main()
{
    Object object;
    std::thread a([&] { object.put(); }), b([&] { object.put(); });
    a.join();
    b.join();
    assert(object.deleted == 1);
    return 0;
}
