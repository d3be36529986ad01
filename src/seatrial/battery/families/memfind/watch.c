/* watch ADDRESS PROGRAM: run a program at fixed addresses on a file that holds standard input, and say how it ended and
   whether it came by an address.

   Prints one line, "REACHED EXIT SIGNAL": 1, 0 or -1 (cannot tell), then the exit code, then the signal. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static int say(int reached, int status) {
    printf("%d %d %d\n", reached, WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return 0;
}

static int keep_input(void) {
    static char piece[65536];
    int file = memfd_create("message", 0);
    for (ssize_t got; (got = read(0, piece, sizeof piece)) > 0;)
        if (write(file, piece, (size_t)got) != got)
            return -1;
    return file;
}

static void become(char *program, int file) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int nowhere = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(nowhere, fd);
    personality(ADDR_NO_RANDOMIZE);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    execv(program, (char *[]){program, path, NULL});
    _exit(127);
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 3;
    int file = keep_input();
    if (file < 0)
        return 3;
    uintptr_t at = strtoull(argv[1], NULL, 16);
    pid_t child = fork();
    if (child < 0)
        return 3;
    if (child == 0)
        become(argv[2], file);
    int status, reached = -1;
    if (waitpid(child, &status, 0) != child)
        return 3;
    if (!WIFSTOPPED(status))
        return say(-1, status);
    ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)PTRACE_O_EXITKILL);
#if defined(__x86_64__)
    long word = 0;
    if (at != 0) {
        word = ptrace(PTRACE_PEEKTEXT, child, (void *)at, NULL);
        if (ptrace(PTRACE_POKETEXT, child, (void *)at, (void *)((word & ~0xffL) | 0xcc)) == 0)
            reached = 0;
    }
#endif
    long pass = 0;
    while (ptrace(PTRACE_CONT, child, NULL, (void *)pass) == 0 && waitpid(child, &status, 0) == child) {
        if (!WIFSTOPPED(status))
            return say(reached, status);
        pass = WSTOPSIG(status);
#if defined(__x86_64__)
        struct user_regs_struct registers;
        if (pass == SIGTRAP && reached == 0 && ptrace(PTRACE_GETREGS, child, NULL, &registers) == 0 &&
            registers.rip == at + 1) {
            reached = 1;
            registers.rip = at;
            ptrace(PTRACE_SETREGS, child, NULL, &registers);
            ptrace(PTRACE_POKETEXT, child, (void *)at, (void *)word);
            pass = 0;
        }
#endif
    }
    return 3;
}
