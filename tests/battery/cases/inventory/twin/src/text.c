#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void report(int indent, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("%*s", indent, "");
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
}

char *unescape(const char *field)
{
    size_t length = strlen(field), used = 0;
    char *copy = malloc(TAB * length + 1);
    if (copy == NULL)
        return NULL;
    for (const char *at = field; *at != '\0'; at++) {
        if (*at != '\\') {
            copy[used++] = *at;
            continue;
        }
        switch (*++at) {
        case 'n':
            copy[used++] = '\n';
            break;
        case 't':
            for (int blank = 0; blank < TAB; blank++)
                copy[used++] = ' ';
            break;
        case '\\':
        case ';':
            copy[used++] = *at;
            break;
        default:
            free(copy);
            return NULL;
        }
    }
    copy[used] = '\0';
    return copy;
}
