/* A one-level undo for a line of text, driven by commands on standard input:
   `=text` replaces the line, `u` brings the former one back, `p` prints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *line, *former;

static void replace(const char *text)
{
    free(former);
    former = line;
    line = strdup(text);
}

static void undo(void)
{
    if (!former)
        return;
    free(line);
    line = former;
#ifdef FORGET_FORMER
    former = NULL;
#endif
}

int main(void)
{
    char command[256];
    while (fgets(command, sizeof command, stdin)) {
        command[strcspn(command, "\n")] = '\0';
        switch (command[0]) {
        case '=':
            replace(command + 1);
            break;
        case 'u':
            undo();
            break;
        case 'p':
            puts(line ? line : "(nothing)");
            break;
        default:
            return 3;
        }
    }
    return 0;
}
