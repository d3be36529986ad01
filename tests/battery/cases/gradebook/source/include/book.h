#ifndef BOOK_H
#define BOOK_H
#include <stddef.h>

struct pupil {
    char name[24];
    int marks[6];
    int count;
};

struct book {
    struct pupil *pupils;
    size_t used, room;
};

int book_line(struct book *book, char *line);
double book_mean(const struct book *book);
void book_free(struct book *book);
#endif
