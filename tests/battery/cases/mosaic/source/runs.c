#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "runs.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* Draws one row; 0, or -1 when the runs do not make up the width. */
int draw_row(const char *runs, int width)
{
	char row[WIDEST + 1];
	int used = 0;

	while (*runs != '\0') {
		char *sign;
		long times = 1;

		if (isdigit((unsigned char)*runs)) {
			times = strtol(runs, &sign, 10);
			runs = sign;
		}
		if (*runs == '\0' || times < 1 || used + times > width)
			return -1;
		while (times-- > 0)
			row[used++] = *runs;
		runs++;
	}
	if (used != width)
		return -1;
	row[used] = '\0';
	puts(row);
	return 0;
}
