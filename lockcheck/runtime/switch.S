/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Switch from one fiber to another: System V AMD64 ABI 1.0, section 3.2.1 (registers that a callee preserves,
 * with MXCSR's control bits and the x87 control word), and the FS base, which is the thread pointer (ELF Handling
 * for Thread-Local Storage, section 3.4.6).
 */
#define SYS_arch_prctl 158
#define ARCH_SET_FS 0x1002

        .text
        .hidden lc_has_fsgsbase
        .globl  lc_switch
        .hidden lc_switch
        .type   lc_switch, @function
/* void lc_switch(void **save rdi, void *sp rsi, uintptr_t tp rdx) */
lc_switch:
        .cfi_startproc
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        stmxcsr (%rsp)
        fnstcw  4(%rsp)
        movl    (%rsp), %eax
        movzwl  4(%rsp), %ecx
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        cmpl    $0, lc_has_fsgsbase(%rip)
        je      1f
        wrfsbase %rdx
        jmp     2f
1:      movl    %eax, %r8d              /* the system call destroys rax and rcx */
        movl    %ecx, %r9d
        movl    $SYS_arch_prctl, %eax
        movl    $ARCH_SET_FS, %edi
        movq    %rdx, %rsi
        syscall
        movl    %r8d, %eax
        movl    %r9d, %ecx
2:      cmpl    (%rsp), %eax            /* to load them takes longer than to look */
        je      3f
        ldmxcsr (%rsp)
3:      cmpw    4(%rsp), %cx
        je      4f
        fldcw   4(%rsp)
4:      addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        .globl  lc_switch_return
        .hidden lc_switch_return
lc_switch_return:
        ret
        .cfi_endproc
        .size   lc_switch, . - lc_switch

/* void lc_set_thread_pointer(uintptr_t tp) */
        .globl  lc_set_thread_pointer
        .hidden lc_set_thread_pointer
        .type   lc_set_thread_pointer, @function
lc_set_thread_pointer:
        .cfi_startproc
        cmpl    $0, lc_has_fsgsbase(%rip)
        je      1f
        wrfsbase %rdi
        ret
1:      movq    %rdi, %rsi
        movl    $SYS_arch_prctl, %eax
        movl    $ARCH_SET_FS, %edi
        syscall
        ret
        .cfi_endproc
        .size   lc_set_thread_pointer, . - lc_set_thread_pointer

/* long lc_quiet_call(long number, long a, long b, long c, long d) */
        .globl  lc_quiet_call, lc_quiet_call_start, lc_quiet_call_end
        .hidden lc_quiet_call, lc_quiet_call_start, lc_quiet_call_end
        .type   lc_quiet_call, @function
lc_quiet_call:
lc_quiet_call_start:
        .cfi_startproc
        movq    %rdi, %rax
        movq    %rsi, %rdi
        movq    %rdx, %rsi
        movq    %rcx, %rdx
        movq    %r8, %r10
        syscall
        ret
        .cfi_endproc
lc_quiet_call_end:
        .size   lc_quiet_call, . - lc_quiet_call

/* void lc_call_on(void *stack_end, void (*function)(void)): stack_end is aligned to 16 bytes */
        .globl  lc_call_on
        .hidden lc_call_on
        .type   lc_call_on, @function
lc_call_on:
        .cfi_startproc
        .cfi_undefined %rip
        movq    %rdi, %rsp
        callq   *%rsi
        ud2
        .cfi_endproc
        .size   lc_call_on, . - lc_call_on

/* The first frame of a fiber: calls r12(r13) and ends every backtrace. */
        .globl  lc_fiber_trampoline
        .hidden lc_fiber_trampoline
        .type   lc_fiber_trampoline, @function
        .cfi_startproc
        .cfi_undefined %rip
        nop
lc_fiber_trampoline:
        movq    %r13, %rdi
        callq   *%r12
        ud2
        .cfi_endproc
        .size   lc_fiber_trampoline, . - lc_fiber_trampoline

/* Where a debugger shows a fiber that is not there, any more or yet. Never run. */
        .globl  lc_no_stack
        .hidden lc_no_stack
        .type   lc_no_stack, @function
lc_no_stack:
        .cfi_startproc
        .cfi_undefined %rip
        ud2
        .cfi_endproc
        .size   lc_no_stack, . - lc_no_stack

        .section .note.GNU-stack, "", @progbits
