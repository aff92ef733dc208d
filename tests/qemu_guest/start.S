# Start of all vCPUs. QEMU's -kernel loads this by its Multiboot header (Multiboot Specification 0.6.96)
# and enters at _start on vCPU 0, in 32-bit protected mode with flat segments. Each other begins at
# `trampoline` in real mode, copied to TRAMPOLINE, a page below 1 MiB as SIPI wants it.
        .set TRAMPOLINE, 0x8000
        .set APIC_ICR, 0xfee00300       # interrupt command register (Intel SDM 3, 11.6.1)
        .set STACK, 4096
        .set MAX_VCPUS, 4

        .section .multiboot, "a"
        .align 4
        .long 0x1badb002, 0, -0x1badb002

        .text
        .code32
        .globl _start
_start:
        mov $(stacks + STACK), %esp
        cld
        mov $trampoline, %esi
        mov $TRAMPOLINE, %edi
        mov $(trampoline_end - trampoline), %ecx
        rep movsb
        call start_others
        call ask_and_answer

        .globl start_others
start_others:
        movl $0x000c4500, APIC_ICR      # INIT to all others
        call pause_a_while
        movl $(0x000c4600 | TRAMPOLINE >> 12), APIC_ICR # SIPI
        ret

pause_a_while:                          # some milliseconds: each access leaves the guest
        mov $10000, %ecx
1:      outb %al, $0x80
        loop 1b
        ret

        .code16
trampoline:
        cli
        xor %ax, %ax
        mov %ax, %ds
        lgdtl TRAMPOLINE + (gdt_pointer - trampoline)
        mov %cr0, %eax
        or $1, %al
        mov %eax, %cr0
        ljmpl $8, $protected
        .align 4
gdt_pointer:
        .word gdt_end - gdt - 1
        .long gdt
trampoline_end:

        .code32
protected:
        mov $16, %ax
        mov %ax, %ds
        mov %ax, %es
        mov %ax, %ss
        mov $1, %eax                    # CPUID leaf 1 has the APIC id in EBX's top byte
        cpuid
        shr $24, %ebx
        mov %ebx, %eax
        inc %eax
        imul $STACK, %eax, %esp
        add $stacks, %esp
        push %ebx
        call return_balls

        .section .rodata
        .align 8
gdt:
        .quad 0
        .quad 0x00cf9b000000ffff        # flat code
        .quad 0x00cf93000000ffff        # flat data
gdt_end:

        .bss
        .align 16
stacks:
        .skip STACK * MAX_VCPUS

        .section .note.GNU-stack, "", @progbits
