// The least that a process can do: it ends. Linked without any library, statically.
extern "C" [[noreturn]] void _start() {
#if defined(__x86_64__)
  __asm__ volatile("xor %%edi, %%edi\n\tmov $231, %%eax\n\tsyscall" ::: "rdi", "rax");  // exit_group
#elif defined(__aarch64__)
  __asm__ volatile("mov x0, #0\n\tmov x8, #94\n\tsvc #0" ::: "x0", "x8");
#else
#error "how does a process end here?"
#endif
  __builtin_unreachable();
}
