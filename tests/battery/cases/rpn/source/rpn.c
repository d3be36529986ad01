#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "machine.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

int main(int argc, char **argv)
{
    static struct machine machine;
    char text[32];
    FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (in == NULL)
        return 2;
    signal(SIGINT, on_interrupt);
    if (setjmp(machine.failed) != 0) {
        printf("error: %s\n", machine.why);
        return 1;
    }
    while (!interrupted && fscanf(in, "%31s", text) == 1)
        word(&machine, text);
    fclose(in);
    return 0;
}
