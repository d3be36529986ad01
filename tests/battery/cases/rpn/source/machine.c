#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fail(struct machine *machine, const char *why)
{
    machine->why = why;
    longjmp(machine->failed, 1);
}

void push(struct machine *machine, long value)
{
    if (machine->top == DEPTH)
        fail(machine, "stack is full");
    machine->stack[machine->top++] = value;
}

long pop(struct machine *machine)
{
    if (machine->top == 0)
        fail(machine, "stack is empty");
    return machine->stack[--machine->top];
}

/* `n pick` copies the n-th value below the top; `0 pick` is the top itself. */
static void pick(struct machine *machine)
{
    long depth = pop(machine);
    push(machine, machine->stack[machine->top - 1 - depth]);
}

void word(struct machine *machine, const char *text)
{
    static const char operators[] = "+-*/";
    const char *operator = strchr(operators, *text);
    if (operator != NULL && text[1] == '\0') {
        long right = pop(machine), left = pop(machine);
        if (*operator == '/' && right == 0)
            fail(machine, "division by zero");
        push(machine, *operator == '+' ? left + right : *operator == '-' ? left - right
                    : *operator == '*' ? left * right : left / right);
    } else if (strcmp(text, "pick") == 0) {
        pick(machine);
    } else if (strcmp(text, "drop") == 0) {
        pop(machine);
    } else if (strcmp(text, ".") == 0) {
        printf("%ld\n", pop(machine));
    } else {
        char *end;
        errno = 0;
        long value = strtol(text, &end, 10);
        if (*end != '\0' || errno != 0)
            fail(machine, "unknown word");
        push(machine, value);
    }
}
