#include <stdio.h>
#include <string.h>

#include "book.h"

int main(int argc, char **argv)
{
    FILE *in = argc > 1 ? fopen(argv[1], "r") : NULL;
    if (!in)
        return 64;
    struct book book = {0};
    char line[128];
    int wrong = 0;
    while (fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = 0;
        if (*line && book_line(&book, line) != 0)
            wrong++;
    }
    fclose(in);
    printf("pupils %zu mean %.2f wrong %d\n", book.used, book_mean(&book), wrong);
    book_free(&book);
    return wrong ? 1 : 0;
}
