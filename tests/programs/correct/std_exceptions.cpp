// SPDX-License-Identifier: GPL-2.0-or-later
// Exceptions are each thread's own while they are caught, nested and rethrown with switches between, and
// travel to another thread in an exception_ptr.
#include <cassert>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static void nested(int number, int depth)
{
    struct Unwound {
        int &count;
        ~Unwound()
        {
            std::this_thread::yield();
            count++;
            assert(std::uncaught_exceptions() == 1);
        }
    };
    int unwound = 0;
    std::exception_ptr outer = std::current_exception();
    try {
        Unwound guard{unwound};
        throw std::runtime_error(std::to_string(number));
    } catch (const std::runtime_error &error) {
        assert(unwound == 1);
        std::this_thread::yield();
        if (depth > 0)
            nested(number + 10, depth - 1);
        std::this_thread::yield();
        assert(error.what() == std::to_string(number));
        try {
            throw;
        } catch (const std::exception &again) {
            assert(&again == &error);
        }
    }
    assert(std::current_exception() == outer && std::uncaught_exceptions() == 0);
}

int main()
{
    std::vector<std::thread> threads;
    std::exception_ptr carried[3];
    for (int i = 0; i < 3; i++) {
        threads.emplace_back([i, &carried] {
            nested(i, 2);
            try {
                throw i;
            } catch (...) {
                std::this_thread::yield();
                carried[i] = std::current_exception();
            }
        });
    }
    for (auto &thread : threads)
        thread.join();
    for (int i = 0; i < 3; i++) {
        try {
            std::rethrow_exception(carried[i]);
        } catch (int value) {
            assert(value == i);
        }
    }
}
