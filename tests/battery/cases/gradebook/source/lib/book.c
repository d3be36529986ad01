#include "book.h"

#include <stdlib.h>
#include <string.h>

static struct pupil *find(struct book *book, const char *name)
{
    for (size_t i = 0; i < book->used; i++)
        if (strcmp(book->pupils[i].name, name) == 0)
            return &book->pupils[i];
    return NULL;
}

static struct pupil *enrol(struct book *book, const char *name)
{
    if (book->room == 0) {
        book->room = 4;
        book->pupils = calloc(book->room, sizeof *book->pupils);
    }
    struct pupil *fresh = &book->pupils[book->used++];
    strncpy(fresh->name, name, sizeof fresh->name - 1);
    return fresh;
}

/* "name mark": enrols the pupil on first sight */
int book_line(struct book *book, char *line)
{
    char *blank = strchr(line, ' ');
    if (!blank)
        return -1;
    *blank = 0;
    struct pupil *pupil = find(book, line);
    if (!pupil)
        pupil = enrol(book, line);
    if (pupil->count == 6)
        return -1;
    pupil->marks[pupil->count++] = atoi(blank + 1);
    return 0;
}

double book_mean(const struct book *book)
{
    long sum = 0, count = 0;
    for (size_t i = 0; i < book->used; i++)
        for (int k = 0; k < book->pupils[i].count; k++, count++)
            sum += book->pupils[i].marks[k];
    return count ? (double)sum / (double)count : 0;
}

void book_free(struct book *book)
{
    free(book->pupils);
}
