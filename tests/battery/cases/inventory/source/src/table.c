#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

/* The end of a field: the next `;` that is not escaped, or the end of the row. */
static char *field_end(char *at)
{
    for (; *at != '\0' && *at != ';'; at++)
        if (*at == '\\' && at[1] != '\0')
            at++;
    return at;
}

int table_add(struct table *table, char *row)
{
    char *fields[3];
    for (int number = 0; number < 3; number++) {
        char *end = field_end(row);
        if ((*end == '\0') != (number == 2))
            return -1;
        *end = '\0';
        fields[number] = row;
        row = end + 1;
    }
    char *rest;
    long count = strtol(fields[1], &rest, 10);
    if (*rest != '\0' || rest == fields[1] || count < 0)
        return -1;
    char *name = unescape(fields[0]), *note = unescape(fields[2]);
    if (name == NULL || note == NULL) {
        free(name);
        free(note);
        return -1;
    }
    if (table->used == table->room) {
        int room = table->room ? 2 * table->room : 4;
        struct item *items = realloc(table->items, (size_t)room * sizeof *items);
        if (items == NULL) {
            free(name);
            free(note);
            return -1;
        }
        table->items = items;
        table->room = room;
    }
    table->items[table->used++] = (struct item){name, note, count};
    return 0;
}

long table_total(const struct table *table)
{
    long total = 0;
    for (int i = 0; i < table->used; i++)
        total += table->items[i].count;
    return total;
}

void table_free(struct table *table)
{
    for (int i = 0; i < table->used; i++) {
        free(table->items[i].name);
        free(table->items[i].note);
    }
    free(table->items);
}
