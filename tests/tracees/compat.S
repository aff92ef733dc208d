/* A 32-bit program: sleeps 10 ms at a time, two hundred times. */
        .code32
        .globl  _start
_start: movl    $ready, %ecx
        movl    $6, %edx
        movl    $1, %ebx
        movl    $4, %eax        /* write */
        int     $0x80
        movl    $200, %esi
1:      movl    $162, %eax      /* nanosleep */
        movl    $pause, %ebx
        xorl    %ecx, %ecx
        int     $0x80
        decl    %esi
        jnz     1b
        movl    $1, %eax        /* exit */
        xorl    %ebx, %ebx
        int     $0x80
        .data
pause:  .long   0, 10000000
ready:  .ascii  "ready\n"
        .section .note.GNU-stack, "", @progbits
