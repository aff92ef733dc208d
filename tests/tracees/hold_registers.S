// int hold_registers(uint64_t rounds, int mode)
//
// Fills every register that may hold a value, and the 128 bytes below the stack pointer, with a
// pattern of its own, and looks at them again `rounds` times. mode bit 0: makes a system call
// (getpid) in each round; rax, rcx and r11 are then not held. mode bit 1: the upper halves of the
// ymm registers are held as well. Returns 0, or the number of what differed:
// 1-15 rax.. r15 in the order below, 16-31 xmm/ymm, 32 red zone, 33 MXCSR, 34 x87 control word,
// 35 rsp, 36 result of the call.
        .bss
        .balign 64
vector: .skip   32 * 16
rounds: .skip   8
mode:   .skip   4
mxcsr:  .skip   4
fpucw:  .skip   4
        .balign 8
stack:  .skip   8
pid:    .skip   8

        .text
        .globl  hold_registers
        .type   hold_registers, @function
        .macro  check register, value, code
        cmpq    $\value, %\register
        jne     fail_\code
        .endm
        .macro  fail code
fail_\code:
        movl    $\code, %eax
        jmp     out
        .endm
hold_registers:
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rdi, rounds(%rip)
        movl    %esi, mode(%rip)
        movq    %rsp, stack(%rip)
        movl    $39, %eax
        syscall
        movq    %rax, pid(%rip)
        movl    $0x7f80, mxcsr(%rip)
        ldmxcsr mxcsr(%rip)
        movw    $0x0f7f, fpucw(%rip)
        fldcw   fpucw(%rip)
        // Vectors: byte k of register n holds 16*n + k mod 16 (xmm), and n in the upper half.
        leaq    vector(%rip), %rax
        xorl    %ecx, %ecx
1:      movb    %cl, (%rax, %rcx)
        incq    %rcx
        cmpq    $512, %rcx
        jne     1b
        testl   $2, mode(%rip)
        jz      2f
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        vmovups vector + 32*\n(%rip), %ymm\n
        .endr
        jmp     3f
2:      .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        movups  vector + 32*\n(%rip), %xmm\n
        .endr
3:      .set    slot, 8
        .rept   16
        movq    $0x5aa50000 + slot, -slot(%rsp)
        .set    slot, slot + 8
        .endr
        movq    $0x11110001, %rax
        movq    $0x11110002, %rbx
        movq    $0x11110003, %rcx
        movq    $0x11110004, %rdx
        movq    $0x11110005, %rsi
        movq    $0x11110006, %rdi
        movq    $0x11110007, %rbp
        movq    $0x11110008, %r8
        movq    $0x11110009, %r9
        movq    $0x1111000a, %r10
        movq    $0x1111000b, %r11
        movq    $0x1111000c, %r12
        movq    $0x1111000d, %r13
        movq    $0x1111000e, %r14
        movq    $0x1111000f, %r15
round:
        testl   $1, mode(%rip)
        jz      user
        movl    $39, %eax
        syscall
        cmpq    pid(%rip), %rax
        jne     fail_36
        jmp     rest
user:
        check   rax, 0x11110001, 1
        check   rcx, 0x11110003, 3
        check   r11, 0x1111000b, 11
rest:
        check   rbx, 0x11110002, 2
        check   rdx, 0x11110004, 4
        check   rsi, 0x11110005, 5
        check   rdi, 0x11110006, 6
        check   rbp, 0x11110007, 7
        check   r8, 0x11110008, 8
        check   r9, 0x11110009, 9
        check   r10, 0x1111000a, 10
        check   r12, 0x1111000c, 12
        check   r13, 0x1111000d, 13
        check   r14, 0x1111000e, 14
        check   r15, 0x1111000f, 15
        cmpq    %rsp, stack(%rip)
        jne     fail_35
        .set    slot, 8
        .rept   16
        cmpq    $0x5aa50000 + slot, -slot(%rsp)
        jne     fail_32
        .set    slot, slot + 8
        .endr
        stmxcsr mxcsr(%rip)
        cmpl    $0x7f80, mxcsr(%rip)
        jne     fail_33
        fnstcw  fpucw(%rip)
        cmpw    $0x0f7f, fpucw(%rip)
        jne     fail_34
        // The pattern in memory is written anew from the registers and compared with immediates.
        testl   $2, mode(%rip)
        jz      4f
        .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        vmovups %ymm\n, vector + 32*\n(%rip)
        cmpl    $(((32*\n + 31) & 255) << 24 | ((32*\n + 30) & 255) << 16 | ((32*\n + 29) & 255) << 8 | ((32*\n + 28) & 255)) - ((((32*\n + 31) & 255) >> 7) << 32), vector + 32*\n + 28(%rip)
        jne     fail_vector
        .endr
        jmp     5f
4:      .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        movups  %xmm\n, vector + 32*\n(%rip)
        .endr
5:      .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        cmpl    $(((32*\n + 15) & 255) << 24 | ((32*\n + 14) & 255) << 16 | ((32*\n + 13) & 255) << 8 | ((32*\n + 12) & 255)) - ((((32*\n + 15) & 255) >> 7) << 32), vector + 32*\n + 12(%rip)
        jne     fail_vector
        .endr
        decq    rounds(%rip)
        jnz     round
        xorl    %eax, %eax
out:
        movl    $0x1f80, mxcsr(%rip)
        ldmxcsr mxcsr(%rip)
        fninit
        cld
        testl   $2, mode(%rip)
        jz      6f
        vzeroupper
6:      popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        ret
fail_vector:
        movl    $16, %eax
        jmp     out
        .irp code, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,32,33,34,35,36
        fail    \code
        .endr
        .size   hold_registers, . - hold_registers
        .section .note.GNU-stack, "", @progbits
