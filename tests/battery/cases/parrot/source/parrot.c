/* Says back what it hears; a report in the input comes out on both streams, and in a file of a likely name.
   `slow` makes it wait for ever, `greedy` makes it take memory for ever, `quit` makes it abort. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static char text[1 << 20];
    FILE *in = argc > 1 ? fopen(argv[1], "r") : NULL;
    size_t got = in ? fread(text, 1, sizeof text - 1, in) : 0;
    fwrite(text, 1, got, stdout);
    fwrite(text, 1, got, stderr);
    FILE *likely = fopen("/tmp/asan.1", "w");
    if (likely)
        fwrite(text, 1, got, likely);
    if (strstr(text, "slow"))
        for (;;)
            pause();
    if (strstr(text, "greedy"))
        for (;;)
            memset(malloc(1 << 24), 1, 1 << 24);
    if (strstr(text, "quit"))
        abort();
    return 77;
}
