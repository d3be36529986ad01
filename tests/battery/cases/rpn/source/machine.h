#include <setjmp.h>

enum { DEPTH = 64 };

struct machine {
    long stack[DEPTH];
    int top;
    jmp_buf failed;
    const char *why;
};

/* Leaves for the place that `failed` was set at. */
_Noreturn void fail(struct machine *machine, const char *why);

void push(struct machine *machine, long value);
long pop(struct machine *machine);
void word(struct machine *machine, const char *text);
