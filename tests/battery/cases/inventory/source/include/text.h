#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

#if defined(__GNUC__)
#define PRINTS(at) __attribute__((format(printf, at, at + 1)))
#else
#define PRINTS(at)
#endif

/* One line of a report, indented. */
void report(int indent, const char *format, ...) PRINTS(2);

/* A fresh copy of a field with its escapes replaced: \n, \\, \; and \t, which becomes blanks up to a width of TAB. */
char *unescape(const char *field);

#define TAB 4

#endif
