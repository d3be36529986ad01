#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "todo.h"

/* `remember TEXT`, `run SLOT`, `forget SLOT` */
int main(int argc, char **argv)
{
    char line[200];
    FILE *in = argc > 1 ? fopen(argv[1], "r") : NULL;
    if (in == NULL)
        return 2;
    while (fgets(line, sizeof line, in) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *rest = strchr(line, ' ');
        if (rest == NULL)
            return 1;
        *rest++ = '\0';
        int slot = atoi(rest);
        if (strcmp(line, "remember") == 0)
            printf("slot %d\n", remember(rest));
        else if (slot < 0 || slot >= SLOTS)
            return 1;
        else if (strcmp(line, "forget") == 0)
            forget(slot);
        else if (strcmp(line, "run") == 0)
            printf("ran %d\n", run(slot));
        else
            return 1;
    }
    fclose(in);
    for (int slot = 0; slot < SLOTS; slot++)
        if (errands[slot] != NULL)
            printf("left: %s\n", errands[slot]->text);
    return 0;
}
