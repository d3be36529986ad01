/* Rows of a picture as runs: `3a2b` is `aaabb`. */
#define WIDEST 64 /* a row of the terminals that this was written for */

int draw_row(const char *runs, int width);
