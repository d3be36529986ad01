/* A small coverage-guided fuzzer for programs `main(FILE)`, linked to the program whose main is renamed.

   fuzz SECONDS SEED CHECK OUT SAMPLE...

   A worker runs the program again and again in one process; the program's own variables are put back before each run.
   The corpus lives in shared memory, so that a worker may die. When one dies of a memory error, CHECK (the program as it
   is, with the sanitizer) must die of it as well before the input is written to OUT.

   Feedback: edges with counts, and for comparisons the number of equal bits. Mutation: bits, bytes, numbers, blocks,
   splices, and values that the program itself compared. No knowledge of any format, and none of any generator.
   Exit: 0 found, 1 not within SECONDS of processor time, 2 wrong use. Prints one line of figures. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MAP = 1 << 16,
    LONGEST = 4096,    /* bytes of an input: short ones are run and changed faster */
    ENTRIES = 8192,    /* inputs of the corpus */
    PAIRS = 512,       /* comparisons remembered of the last runs */
    RUNS = 30000,      /* of one worker: bounds what a leaking program can pile up */
    CHECK_EVERY = 64,  /* runs between looks at the clock */
    STUCK_S = 3,       /* processor seconds for so many runs: more is a hang */
    ERROR_EXIT = 77    /* the sanitizer's exit code in worker and check */
};

struct entry {
    uint32_t size;
    unsigned char data[LONGEST];
};

struct pair {
    uint64_t left, right;
    uint32_t size;
};

struct shared {
    uint64_t random, runs, false_alarms, workers;
    double spent, limit;
    uint32_t entries, loaded, samples, touched, pairs, pair_at;
    uintptr_t before;
    size_t image;
    int file;
    uint8_t seen[MAP], hits[MAP];
    uint8_t compared[MAP];
    uint32_t touch[MAP], fresh;
    struct pair pair[PAIRS];
    uint32_t size;
    unsigned char input[LONGEST];
    jmp_buf leave;
    char path[64];
    struct entry entry[ENTRIES];
};

static struct shared *S;
static unsigned char *image;

int fuzz_target_main(int argc, char **argv);
extern char __data_start[], _end[];

__attribute__((noreturn)) void fuzz_target_exit(int code) {
    (void)code;
    longjmp(S->leave, 1);
}

static uint64_t next(void) { /* xorshift64* */
    uint64_t x = S->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    S->random = x;
    return x * 0x2545F4914F6CDD1Dull;
}

static uint32_t below(uint32_t limit) {
    return limit ? (uint32_t)((next() >> 32) * limit >> 32) : 0;
}

/* What the compiler calls in the program. */

void __sanitizer_cov_trace_pc(void) {
    struct shared *s = S;
    if (!s)
        return;
    uintptr_t here = (uintptr_t)__builtin_return_address(0);
    uint32_t at = (uint32_t)((here * 0x9E3779B97F4A7C15ull) >> 48);
    uint32_t edge = (at ^ (uint32_t)s->before) & (MAP - 1);
    s->before = at >> 1;
    if (s->hits[edge] == 0)
        s->touch[s->touched++] = edge;
    if (s->hits[edge] < 255)
        s->hits[edge]++;
}

static void compare(uintptr_t here, uint64_t left, uint64_t right, uint32_t size) {
    struct shared *s = S;
    if (!s)
        return;
    uint64_t differ = left ^ right;
    uint32_t equal = size * 8 - (uint32_t)__builtin_popcountll(differ);
    uint32_t at = (uint32_t)(((here + equal) * 0x9E3779B97F4A7C15ull) >> 48);
    if (!s->compared[at]) {
        s->compared[at] = 1;
        s->fresh++;
    }
    if (differ) {
        struct pair *p = &s->pair[s->pair_at++ % PAIRS];
        p->left = left, p->right = right, p->size = size;
        if (s->pairs < PAIRS)
            s->pairs++;
    }
}

#define HERE (uintptr_t) __builtin_return_address(0)
void __sanitizer_cov_trace_cmp1(uint8_t a, uint8_t b) { compare(HERE, a, b, 1); }
void __sanitizer_cov_trace_cmp2(uint16_t a, uint16_t b) { compare(HERE, a, b, 2); }
void __sanitizer_cov_trace_cmp4(uint32_t a, uint32_t b) { compare(HERE, a, b, 4); }
void __sanitizer_cov_trace_cmp8(uint64_t a, uint64_t b) { compare(HERE, a, b, 8); }
void __sanitizer_cov_trace_const_cmp1(uint8_t a, uint8_t b) { compare(HERE, a, b, 1); }
void __sanitizer_cov_trace_const_cmp2(uint16_t a, uint16_t b) { compare(HERE, a, b, 2); }
void __sanitizer_cov_trace_const_cmp4(uint32_t a, uint32_t b) { compare(HERE, a, b, 4); }
void __sanitizer_cov_trace_const_cmp8(uint64_t a, uint64_t b) { compare(HERE, a, b, 8); }
void __sanitizer_cov_trace_cmpf(float a, float b) { (void)a, (void)b; }
void __sanitizer_cov_trace_cmpd(double a, double b) { (void)a, (void)b; }
void __sanitizer_cov_trace_switch(uint64_t value, uint64_t *cases) {
    uint32_t size = cases[1] > 32 ? 8 : cases[1] > 16 ? 4 : cases[1] > 8 ? 2 : 1;
    for (uint64_t i = 0; i < cases[0] && i < 64; i++)
        compare(HERE + i, value, cases[2 + i], size);
}

/* Changing an input. */

static uint64_t load(const unsigned char *from, uint32_t size, int big) {
    uint64_t value = 0;
    for (uint32_t i = 0; i < size; i++)
        value |= (uint64_t)from[i] << 8 * (big ? size - 1 - i : i);
    return value;
}

static void store(unsigned char *to, uint64_t value, uint32_t size, int big) {
    for (uint32_t i = 0; i < size; i++)
        to[i] = (unsigned char)(value >> 8 * (big ? size - 1 - i : i));
}

static void insert(uint32_t at, uint32_t count) {
    if (count > LONGEST - S->size)
        count = LONGEST - S->size;
    memmove(S->input + at + count, S->input + at, S->size - at);
    S->size += count;
}

static void use_comparison(void) {
    if (!S->pairs)
        return;
    struct pair p = S->pair[below(S->pairs)];
    if (next() & 1) {
        uint64_t swap = p.left;
        p.left = p.right, p.right = swap;
    }
    uint32_t size = p.size;
    while (size > 1 && (next() & 1) && ((p.left | p.right) >> 4 * size) == 0)
        size /= 2;
    if (S->size < size)
        return;
    int big = (int)(next() & 1);
    uint32_t places = S->size - size + 1, start = below(places);
    for (uint32_t i = 0; i < places; i++) {
        uint32_t at = (start + i) % places;
        if (load(S->input + at, size, big) == (size == 8 ? p.left : p.left & ((1ull << 8 * size) - 1))) {
            store(S->input + at, p.right + (below(4) ? 0 : below(3) - 1), size, big);
            return;
        }
    }
    store(S->input + start, p.right, size, big);
}

static void use_number(void) {
    static const uint32_t odd[] = {0, 1, 16, 32, 64, 100, 127, 128, 255, 256, 512, 1000, 1024, 4096, 32767, 32768, 65535};
    uint32_t size = 1u << below(3);
    if (S->size < size)
        return;
    uint32_t at = below(S->size - size + 1);
    int big = (int)(next() & 1);
    uint64_t value = load(S->input + at, size, big);
    if (next() & 1)
        value = odd[below(sizeof odd / sizeof *odd)] * (below(8) ? 1 : -1ull);
    else
        value += (uint64_t)below(35) - 17;
    store(S->input + at, value, size, big);
}

static void change_once(void) {
    uint32_t size = S->size, at = below(size), count;
    switch (below(12)) {
    case 0:
        if (size)
            S->input[at] ^= 1u << below(8);
        break;
    case 1:
        if (size)
            S->input[at] = (unsigned char)next();
        break;
    case 2:
    case 3:
        use_number();
        break;
    case 4: /* drop a block */
        count = 1 + below(below(4) ? 4 : size);
        if (size > count) {
            at = below(size - count);
            memmove(S->input + at, S->input + at + count, size - at - count);
            S->size -= count;
        }
        break;
    case 5: /* insert equal or random bytes */
        count = 1 + below(below(4) ? 8 : 128);
        insert(at, count);
        {
            unsigned char fill = (unsigned char)next();
            int same = (int)(next() & 1);
            for (uint32_t i = at; i < at + S->size - size; i++)
                S->input[i] = same ? fill : (unsigned char)next();
        }
        break;
    case 6: /* repeat a block */
        if (size) {
            count = 1 + below(size < 64 ? size : 64);
            if (count > size - at)
                count = size - at;
            unsigned char block[64];
            memcpy(block, S->input + at, count > 64 ? 64 : count);
            if (count > 64)
                count = 64;
            uint32_t to = below(size + 1);
            insert(to, count);
            memcpy(S->input + to, block, S->size - size);
        }
        break;
    case 7: /* overwrite a block with another of the input */
        if (size > 1) {
            count = 1 + below(size / 2 < 32 ? size / 2 : 32);
            memmove(S->input + below(size - count + 1), S->input + below(size - count + 1), count);
        }
        break;
    case 8: /* end with the end of another input */
        if (S->entries > 1 && size) {
            struct entry *other = &S->entry[below(S->entries)];
            if (other->size) {
                uint32_t from = below(other->size);
                count = other->size - from;
                if (count > LONGEST - at)
                    count = LONGEST - at;
                memcpy(S->input + at, other->data + from, count);
                S->size = at + count;
            }
        }
        break;
    default:
        use_comparison();
    }
}

static void choose(void) {
    uint32_t newest = S->entries / 4 + 1;
    uint32_t at = next() & 1 ? S->entries - 1 - below(newest) : below(S->entries);
    S->size = S->entry[at].size;
    memcpy(S->input, S->entry[at].data, S->size);
    for (uint32_t times = 1u << below(4); times > 0; times--)
        change_once();
}

/* Running it. */

static void put_back(void) { /* no library call: the program's redzones lie in between */
    volatile unsigned char *to = (volatile unsigned char *)__data_start;
    const unsigned char *from = image;
    for (size_t i = 0, count = S->image / 8; i < count; i++)
        ((volatile uint64_t *)to)[i] = ((const uint64_t *)from)[i];
}

static int run(void) {
    char name[] = "target";
    char *argv[] = {name, S->path, NULL};
    if (pwrite(S->file, S->input, S->size, 0) != (ssize_t)S->size || ftruncate(S->file, S->size) != 0)
        _exit(3);
    for (uint32_t i = 0; i < S->touched; i++)
        S->hits[S->touch[i]] = 0;
    S->touched = 0, S->fresh = 0, S->before = 0;
    put_back();
    if (setjmp(S->leave) == 0)
        fuzz_target_main(2, argv);
    int news = S->fresh > 0;
    for (uint32_t i = 0; i < S->touched; i++) {
        uint32_t edge = S->touch[i];
        uint8_t hits = S->hits[edge];
        uint8_t bucket = hits > 127 ? 128 : hits > 31 ? 64 : hits > 15 ? 32 : hits > 7 ? 16 : hits > 3 ? 8 : hits > 2 ? 4 : hits;
        if (bucket & ~S->seen[edge])
            S->seen[edge] |= bucket, news = 1;
    }
    return news;
}

static double processor(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void stuck(int signal) {
    (void)signal;
    _exit(75);
}

static void keep(void) {
    uint32_t at = S->entries < ENTRIES ? S->entries++ : S->samples + below(ENTRIES - S->samples);
    S->entry[at].size = S->size;
    memcpy(S->entry[at].data, S->input, S->size);
}

static void work(void) {
    int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, 1);
    dup2(nowhere, 2);
    signal(SIGPROF, stuck);
    S->image = (size_t)(_end - __data_start);
    image = mmap(NULL, S->image + 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < S->image; i++)
        image[i] = ((volatile unsigned char *)__data_start)[i];
    double start = processor(CLOCK_PROCESS_CPUTIME_ID), base = S->spent;
    for (uint32_t i = 0; i < RUNS; i++) {
        if (i % CHECK_EVERY == 0) {
            struct itimerval limit = {{0, 0}, {STUCK_S, 0}};
            setitimer(ITIMER_PROF, &limit, NULL);
            S->spent = base + processor(CLOCK_PROCESS_CPUTIME_ID) - start;
            if (S->spent > S->limit)
                break;
        }
        if (S->loaded < S->samples) {
            struct entry *sample = &S->entry[S->loaded++];
            S->size = sample->size;
            memcpy(S->input, sample->data, sample->size);
            run();
        } else {
            choose();
            if (run())
                keep();
        }
        S->runs++;
    }
    _exit(0);
}

static int check(const char *program, const char *candidate) {
    pid_t child = fork();
    if (child == 0) {
        int nowhere = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++)
            dup2(nowhere, fd);
        alarm(10);
        execl(program, program, candidate, (char *)NULL);
        _exit(127);
    }
    int status;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == ERROR_EXIT;
}

static int write_out(const char *path) {
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    int good = out >= 0 && write(out, S->input, S->size) == (ssize_t)S->size;
    return out >= 0 && close(out) == 0 && good;
}

static void read_sample(const char *path) {
    int in = open(path, O_RDONLY);
    if (in < 0 || S->entries >= 256)
        return;
    ssize_t got = read(in, S->entry[S->entries].data, LONGEST);
    close(in);
    if (got > 0)
        S->entry[S->entries++].size = (uint32_t)got;
}

int main(int argc, char **argv) {
    if (argc < 5)
        return 2;
    int now = personality(0xffffffff);
    if (now >= 0 && !(now & ADDR_NO_RANDOMIZE) && personality(now | ADDR_NO_RANDOMIZE) >= 0)
        execv("/proc/self/exe", argv);
    struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        return 2;
    S = s;
    s->limit = atof(argv[1]);
    s->random = strtoull(argv[2], NULL, 0) | 1;
    s->file = memfd_create("input", 0);
    snprintf(s->path, sizeof s->path, "/proc/self/fd/%d", s->file);
    for (int i = 5; i < argc; i++)
        read_sample(argv[i]);
    if (s->entries == 0)
        s->entry[s->entries++].size = 1;
    s->samples = s->entries;
    char candidate[4096];
    snprintf(candidate, sizeof candidate, "%s.candidate", argv[4]);
    double wall = processor(CLOCK_MONOTONIC);
    int found = 0;
    while (!found && s->spent < s->limit && processor(CLOCK_MONOTONIC) - wall < 20 * s->limit + 30) {
        double base = s->spent;
        s->workers++;
        pid_t child = fork();
        if (child == 0)
            work();
        int status;
        struct rusage used;
        if (child < 0 || wait4(child, &status, 0, &used) != child)
            return 2;
        s->spent = base + (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                   (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
        if (WIFEXITED(status) && WEXITSTATUS(status) != ERROR_EXIT)
            continue;
        if (!write_out(candidate))
            return 2;
        found = check(argv[3], candidate);
        if (!found)
            s->false_alarms++;
    }
    if (found && !write_out(argv[4]))
        return 2;
    printf("found=%d runs=%llu corpus=%u workers=%llu false_alarms=%llu seconds=%.2f\n", found,
           (unsigned long long)s->runs, s->entries, (unsigned long long)s->workers,
           (unsigned long long)s->false_alarms, s->spent);
    return found ? 0 : 1;
}
