#pragma once

#define SLOTS 8

struct errand {
    char *text;
    int times;
};

extern struct errand *errands[SLOTS];

/* The slot of a fresh errand, or -1 when all are taken. */
int remember(const char *text);
void forget(int slot);
/* Starts echo with the errand's text; -1 when there is none. */
int run(int slot);
