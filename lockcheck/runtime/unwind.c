/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end before the end: pthread_exit() and cancellation unwind the fiber's stack, so that C++ destructors
 * and the handlers of pthread_cleanup_push() run (Itanium C++ ABI: Exception Handling, section 1.3.2, forced
 * unwinding). Cancellation is deferred: an asynchronous request is acted on at the next scheduling point.
 */
#include <dlfcn.h>
#include <errno.h>
#include <unwind.h>

#include "lockcheck/runtime/interpose.h"

static struct {
    _Unwind_Reason_Code (*forced_unwind)(struct _Unwind_Exception *, _Unwind_Stop_Fn, void *);
    _Unwind_Word (*get_cfa)(struct _Unwind_Context *);
} unwinder;

/* A buffer of pthread_cleanup_push() in C. The C library's header calls it __pthread_unwind_buf_t; what
 * follows the jump buffer is ours to use. */
struct cleanup {
    __pthread_unwind_buf_t buffer;
};

static struct cleanup **cleanup_next(struct cleanup *c)
{
    return (struct cleanup **)&c->buffer.__pad[0];
}

static _Unwind_Reason_Code unwind_stop(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
                                       struct _Unwind_Exception *exception, struct _Unwind_Context *context,
                                       void *arg)
{
    (void)version, (void)class, (void)exception;
    struct lc_thread *t = arg;
    uintptr_t cfa = unwinder.get_cfa(context);
    struct cleanup *c = t->cleanup_chain;
    if (c && ((uintptr_t)c < cfa || (actions & _UA_END_OF_STACK))) {
        t->cleanup_chain = *cleanup_next(c);
        __pthread_unwind_buf_t *b = &c->buffer;
        lc_longjmp((struct __jmp_buf_tag *)b);
    }
    if ((actions & _UA_END_OF_STACK) || cfa > (uintptr_t)t->unwind_base)
        lc_longjmp(t->unwind_base);
    return _URC_NO_REASON;
}

static void exception_caught(_Unwind_Reason_Code code, struct _Unwind_Exception *exception)
{
    (void)code, (void)exception;
}

static _Noreturn void unwind(struct lc_thread *t)
{
    if (!unwinder.forced_unwind) {
        lc.inside++;
        void *library = dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_LOCAL);
        if (library) {
            unwinder.forced_unwind = (_Unwind_Reason_Code(*)(struct _Unwind_Exception *, _Unwind_Stop_Fn,
                                                             void *))dlsym(library, "_Unwind_ForcedUnwind");
            unwinder.get_cfa = (_Unwind_Word(*)(struct _Unwind_Context *))dlsym(library, "_Unwind_GetCFA");
        }
        lc.inside--;
        if (!unwinder.forced_unwind || !unwinder.get_cfa)
            lc_internal("pthread_exit() needs libgcc_s.so.1");
    }
    struct _Unwind_Exception *exception = lc_allocate(sizeof *exception);
    exception->exception_cleanup = exception_caught;
    unwinder.forced_unwind(exception, unwind_stop, t);
    lc_internal("the stack of thread %u cannot be unwound", t->id);
}

LC_EXPORT void __pthread_register_cancel(__pthread_unwind_buf_t *buffer)
{
    struct cleanup *c = (struct cleanup *)buffer;
    struct lc_thread *t = lc_self;
    *cleanup_next(c) = t ? t->cleanup_chain : NULL;
    if (t)
        t->cleanup_chain = c;
}

LC_EXPORT void __pthread_unregister_cancel(__pthread_unwind_buf_t *buffer)
{
    if (lc_self)
        lc_self->cleanup_chain = *cleanup_next((struct cleanup *)buffer);
}

LC_EXPORT void __pthread_unwind_next(__pthread_unwind_buf_t *buffer)
{
    (void)buffer;
    unwind(lc_self);
}

LC_EXPORT void pthread_exit(void *result)
{
    if (!lc_controlled()) {
        LC_REAL(pthread_exit)(result);
        __builtin_unreachable();
    }
    lc_self->exiting = true;
    lc_self->result = result;
    unwind(lc_self);
}

void lc_test_cancel(void)
{
    struct lc_thread *t = lc_self;
    if (!t->cancel_requested || t->cancel_disabled || t->exiting)
        return;
    t->exiting = true;
    t->cancellable = false;
    t->result = PTHREAD_CANCELED;
    unwind(t);
}

LC_EXPORT int pthread_cancel(pthread_t real)
{
    if (!lc_controlled())
        return LC_REAL(pthread_cancel)(real);
    struct lc_thread *t = lc_thread_of(real);
    if (!t || t->joined)
        return ESRCH;
    lc_point(LC_OP_THREAD_CANCEL, t->self);
    if (t->state == LC_FINISHED)
        return 0;
    t->cancel_requested = true;
    if (t->state == LC_BLOCKED && t->cancellable && !t->cancel_disabled)
        lc_enable(t);
    if (t == lc_self && t->cancel_async)
        lc_test_cancel();
    return 0;
}

LC_EXPORT void pthread_testcancel(void)
{
    if (lc_controlled())
        lc_test_cancel();
    else
        LC_REAL(pthread_testcancel)();
}

LC_EXPORT int pthread_setcancelstate(int state, int *before)
{
    if (!lc_controlled())
        return LC_REAL(pthread_setcancelstate)(state, before);
    if (state != PTHREAD_CANCEL_ENABLE && state != PTHREAD_CANCEL_DISABLE)
        return EINVAL;
    if (before)
        *before = lc_self->cancel_disabled ? PTHREAD_CANCEL_DISABLE : PTHREAD_CANCEL_ENABLE;
    lc_self->cancel_disabled = state == PTHREAD_CANCEL_DISABLE;
    return 0;
}

LC_EXPORT int pthread_setcanceltype(int type, int *before)
{
    if (!lc_controlled())
        return LC_REAL(pthread_setcanceltype)(type, before);
    if (type != PTHREAD_CANCEL_DEFERRED && type != PTHREAD_CANCEL_ASYNCHRONOUS)
        return EINVAL;
    if (before)
        *before = lc_self->cancel_async ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED;
    lc_self->cancel_async = type == PTHREAD_CANCEL_ASYNCHRONOUS;
    return 0;
}
