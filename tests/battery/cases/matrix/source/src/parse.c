#include "matrix.h"

#include <stdio.h>
#include <stdlib.h>

/* First number: size; then size*size cells. A size of zero has no cells to give back. */
int *parse(const char *path, int *size)
{
    FILE *in = fopen(path, "r");
    if (!in || fscanf(in, "%d", size) != 1 || *size < 0 || *size > 6)
        exit(65);
    int *cells = *size ? malloc(sizeof(int) * (size_t)(*size * *size)) : NULL;
    for (int i = 0; i < *size * *size; i++)
        if (fscanf(in, "%d", &cells[i]) != 1)
            exit(65);
    fclose(in);
    return cells;
}
