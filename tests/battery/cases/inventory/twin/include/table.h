#ifndef TABLE_H
#define TABLE_H

struct item {
    char *name;
    char *note;
    long count;
};

struct table {
    struct item *items;
    int used, room;
};

/* Adds a row `name;count;note`; -1 when it is malformed. */
int table_add(struct table *table, char *row);
long table_total(const struct table *table);
void table_free(struct table *table);

#endif
