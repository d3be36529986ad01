#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdio.h>
#include <string.h>

#include "runs.h"

static int usage(void)
{
	puts("usage: mosaic -");
	return 2;
}

/* Width and height, then one row a line. */
static int draw(FILE *in)
{
	char line[512];
	int width, height;

	if (fgets(line, sizeof line, in) == NULL || sscanf(line, "%d %d", &width, &height) != 2)
		return 1;
	if (width < 1 || width > 500 || height < 0)
		return 1;
	for (int row = 0; row < height; row++) {
		if (fgets(line, sizeof line, in) == NULL)
			return 1;
		line[strcspn(line, "\n")] = '\0';
		if (draw_row(line, width) != 0)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "-") != 0)
		return usage();
	return draw(stdin);
}
