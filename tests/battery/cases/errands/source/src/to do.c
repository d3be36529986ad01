#define _GNU_SOURCE
#include "todo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct errand *errands[SLOTS];

int remember(const char *text)
{
    for (int slot = 0; slot < SLOTS; slot++) {
        if (errands[slot] != NULL)
            continue;
        struct errand *fresh = calloc(1, sizeof *fresh);
        if (fresh == NULL)
            return -1;
        fresh->text = strdup(text);
        errands[slot] = fresh;
        return slot;
    }
    return -1;
}

void forget(int slot)
{
    struct errand *old = errands[slot];
    if (old == NULL)
        return;
    free(old->text);
    free(old);
}

int run(int slot)
{
    struct errand *errand = errands[slot];
    if (errand == NULL)
        return -1;
    errand->times++;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        char *const argv[] = {"echo", errand->text, NULL};
        execv("/bin/echo", argv);
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? errand->times : -1;
}
