#include <stdio.h>
#include <stdlib.h>

#include "matrix.h"
#include "greeting.h"

int main(int argc, char **argv)
{
    int size;
    if (argc != 2)
        return 64;
    int *cells = parse(argv[1], &size);
    volatile int result = determinant(cells, size);
    printf(GREETING ": %d\n", result);
    free(cells);
    return 0;
}
