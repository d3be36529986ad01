#include <stdio.h>
#include <string.h>

#include "table.h"
#include "text.h"

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: inventory FILE\n");
        return 64;
    }
    FILE *file = fopen(argv[1], "r");
    if (file == NULL) {
        perror(argv[1]);
        return 66;
    }
    struct table table = {0};
    char row[1024];
    int wrong = 0;
    while (fgets(row, sizeof row, file) != NULL) {
        row[strcspn(row, "\r\n")] = '\0';
        if (row[0] != '\0' && row[0] != '#' && table_add(&table, row) != 0)
            wrong++;
    }
    fclose(file);
    for (int i = 0; i < table.used; i++)
        report(2, "%-12s %6ld  %s", table.items[i].name, table.items[i].count, table.items[i].note);
    report(0, "%d items, %ld pieces", table.used, table_total(&table));
    table_free(&table);
    if (wrong > 0)
        fprintf(stderr, "%d malformed rows\n", wrong);
    return wrong > 0 ? 3 : 0;
}
