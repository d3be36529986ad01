/* reach ADDRESS PROGRAM ARGUMENT...: does the program come to that address? 0 yes, 1 no, 3 cannot tell. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
#if defined(__x86_64__)
    if (argc < 3)
        return 3;
    uintptr_t at = strtoull(argv[1], NULL, 16);
    pid_t child = fork();
    if (child < 0)
        return 3;
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execv(argv[2], argv + 2);
        _exit(127);
    }
    int status;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
        return 3;
    ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)PTRACE_O_EXITKILL);
    long word = ptrace(PTRACE_PEEKTEXT, child, (void *)at, NULL);
    if (ptrace(PTRACE_POKETEXT, child, (void *)at, (void *)((word & ~0xffL) | 0xcc)) != 0)
        return 3;
    long pass = 0;
    while (ptrace(PTRACE_CONT, child, NULL, (void *)pass) == 0 && waitpid(child, &status, 0) == child) {
        if (!WIFSTOPPED(status))
            return 1;
        pass = WSTOPSIG(status);
        struct user_regs_struct registers;
        if (pass == SIGTRAP && ptrace(PTRACE_GETREGS, child, NULL, &registers) == 0 && registers.rip == at + 1)
            return 0;
    }
    return 3;
#else
    (void)argc;
    (void)argv;
    return 3;
#endif
}
