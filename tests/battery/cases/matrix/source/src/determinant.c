#include "matrix.h"

#include <stdlib.h>

static void minor_of(const int *cells, int size, int column, int *out)
{
    for (int row = 1; row < size; row++)
        for (int at = 0; at < size; at++)
            if (at != column)
                *out++ = cells[row * size + at];
}

int determinant(const int *cells, int size)
{
    int corner = cells[0], sum = 0, sign = 1;
    if (size == 1)
        return corner;
    for (int column = 0; column < size; column++, sign = -sign) {
        int inner[36];
        minor_of(cells, size, column, inner);
        sum += sign * cells[column] * determinant(inner, size - 1);
    }
    return sum;
}
