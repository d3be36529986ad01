/* Runs one program on many inputs, one at a time, and says what each run did.
 *
 * It reads from standard input and writes to standard output; numbers are 32 bits, little-endian; a text is its length
 * and its bytes.
 *
 *   in:   flags (1: the input is standard input), time-out in ms, most bytes of output, most bytes of reports,
 *         user and group of the program, text path of the input, text folder for reports,
 *         count and texts of the arguments, count and texts of the environment,
 *         count of runs; for each: its number, text of the input; in the environment the number's last three digits
 *         replace "@@@", and "@@?" becomes "yes" where it has a thousand, else "no:"
 *   out:  for each run: 128 + signal or exit code, flags (1: too long, 2: ended by a signal, 4: could not be started),
 *         32 bytes SHA-256 of its standard output, text of its reports
 *
 * The program runs as that user where that is allowed, in a session of its own, without address randomisation and
 * core dumps, with its standard error nowhere. When it has ended, or its time is up, all that it left is killed.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STDIN = 1, LATE = 1, SIGNALLED = 2, UNSTARTED = 4, GRACE_MS = 500, NOT_STARTED = 127 };

struct text {
    uint32_t size;
    char *bytes;
};

/* SHA-256, FIPS 180-4 */
struct sha {
    uint32_t h[8];
    uint64_t size;
    uint8_t block[64];
};

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void sha_block(struct sha *s, const uint8_t *p)
{
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
               (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(v, s->h, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t a = v[0], e = v[4];
        uint32_t one = v[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & v[5]) ^ (~e & v[6])) + K[i] + w[i];
        uint32_t two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += one;
        v[0] = one + two;
    }
    for (int i = 0; i < 8; i++)
        s->h[i] += v[i];
}

static void sha_start(struct sha *s)
{
    static const uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(s->h, h, sizeof h);
    s->size = 0;
}

static void sha_take(struct sha *s, const uint8_t *p, size_t n)
{
    for (; n > 0; p++, n--) {
        s->block[s->size++ % 64] = *p;
        if (s->size % 64 == 0)
            sha_block(s, s->block);
    }
}

static void sha_end(struct sha *s, uint8_t out[32])
{
    uint64_t bits = s->size * 8;
    uint8_t one = 0x80, zero = 0, length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    sha_take(s, &one, 1);
    while (s->size % 64 != 56)
        sha_take(s, &zero, 1);
    sha_take(s, length, 8);
    for (int i = 0; i < 32; i++)
        out[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

static void stop(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(3);
}

static uint32_t number(void)
{
    uint8_t b[4];
    if (fread(b, 1, 4, stdin) != 4)
        stop("the request is cut off");
    return b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24;
}

static struct text text(void)
{
    struct text t = {number(), NULL};
    t.bytes = malloc((size_t)t.size + 1);
    if (t.bytes == NULL)
        stop("memory");
    if (fread(t.bytes, 1, t.size, stdin) != t.size)
        stop("the request is cut off");
    t.bytes[t.size] = 0;
    return t;
}

static char **texts(void)
{
    uint32_t count = number();
    char **all = calloc((size_t)count + 1, sizeof *all);
    if (all == NULL)
        stop("memory");
    for (uint32_t i = 0; i < count; i++)
        all[i] = text().bytes;
    return all;
}

static void say_number(uint32_t n)
{
    uint8_t b[4] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24)};
    fwrite(b, 1, 4, stdout);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The places of a mark in the environment. */
static char **marks(char **env, const char *mark)
{
    size_t count = 0;
    char **all = calloc(65, sizeof *all);
    if (all == NULL)
        stop("memory");
    for (; *env; env++)
        for (char *at = *env; count < 64 && (at = strstr(at, mark)) != NULL; at += 3)
            all[count++] = at;
    return all;
}

static void stamp(char **codes, char **choices, unsigned run)
{
    for (; *codes; codes++)
        for (int digit = 2, rest = (int)run; digit >= 0; digit--, rest /= 10)
            (*codes)[digit] = (char)('0' + rest % 10);
    for (; *choices; choices++)
        memcpy(*choices, run >= 1000 ? "yes" : "no:", 3);
}

static volatile int unstarted;

/* In the child that shares our memory: nothing but system calls. */
static void become(char **argv, char **env, uint32_t user, int in, int out, int nowhere)
{
    struct rlimit none = {0, 0};
    setsid();
    dup2(in, 0);
    dup2(out, 1);
    dup2(nowhere, 2);
    setrlimit(RLIMIT_CORE, &none);
    syscall(SYS_setgroups, 0, NULL);
    syscall(SYS_setresgid, user, user, user);
    syscall(SYS_setresuid, user, user, user);
    execvpe(argv[0], argv, env);
    unstarted = errno;
    _exit(NOT_STARTED);
}

/* Whatever a run left: first all processes of its user at once, then our own children one by one. */
static void kill_rest(uint32_t user)
{
    char path[64], list[4096];
    if (waitpid(-1, NULL, WNOHANG) < 0)
        return;
    pid_t killer = vfork();
    if (killer == 0) {
        if (geteuid() != user && syscall(SYS_setresuid, user, user, user) == 0)
            kill(-1, SIGKILL);
        _exit(0);
    }
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    for (int round = 0, left; round < 10000 && (left = waitpid(-1, NULL, WNOHANG)) >= 0; round++) {
        if (left > 0)
            continue;
        int file = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got = file < 0 ? 0 : read(file, list, sizeof list - 1);
        if (file >= 0)
            close(file);
        list[got > 0 ? got : 0] = 0;
        for (char *at = list, *end; *at; at = end + (*end == ' ')) {
            long pid = strtol(at, &end, 10);
            if (end == at)
                break;
            kill((pid_t)pid, SIGKILL);
        }
        struct timespec pause = {0, 100000};
        nanosleep(&pause, NULL);
    }
}

/* The reports of a run are written out and removed. */
static void say_reports(const char *folder, uint32_t most)
{
    static char *all;
    size_t size = 0;
    DIR *dir = opendir(folder);
    if (all == NULL && (all = malloc(most)) == NULL)
        stop("memory");
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        int file = openat(dirfd(dir), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat kind;
        if (file >= 0 && fstat(file, &kind) == 0 && S_ISREG(kind.st_mode)) {
            for (ssize_t got; size < most && (got = read(file, all + size, most - size)) > 0;)
                size += (size_t)got;
            if (size < most)
                all[size++] = '\n';
        }
        if (file >= 0)
            close(file);
        unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir != NULL)
        closedir(dir);
    say_number((uint32_t)size);
    fwrite(all, 1, size, stdout);
}

int main(void)
{
    uint32_t flags = number(), limit = number(), most_output = number(), most_report = number(), user = number();
    char *path = text().bytes, *folder = text().bytes;
    char **argv = texts(), **env = texts(), **codes = marks(env, "@@@"), **choices = marks(env, "@@?");
    uint32_t count = number();
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nowhere < 0)
        stop("/dev/null");
    mkdir(folder, 01733);
    chmod(folder, 01733);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_DUMPABLE, 0);
    personality(ADDR_NO_RANDOMIZE);
    for (uint32_t run = 0; run < count; run++) {
        uint32_t mark = number();
        struct text input = text();
        int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (file < 0)
            stop(path);
        for (size_t done = 0; done < input.size;) {
            ssize_t put = write(file, input.bytes + done, input.size - done);
            if (put <= 0)
                stop(path);
            done += (size_t)put;
        }
        close(file);
        free(input.bytes);
        stamp(codes, choices, mark);
        unstarted = 0;
        int in = flags & STDIN ? open(path, O_RDONLY | O_CLOEXEC) : nowhere, ends[2];
        if (in < 0 || pipe2(ends, O_CLOEXEC) < 0)
            stop("pipe");
        pid_t pid = vfork();
        if (pid == 0)
            become(argv, env, user, in, ends[1], nowhere);
        if (pid < 0)
            stop("vfork");
        close(ends[1]);
        if (in != nowhere)
            close(in);
        int watch = (int)syscall(SYS_pidfd_open, pid, 0);
        if (watch < 0)
            stop("pidfd_open");
        struct sha sha;
        sha_start(&sha);
        uint32_t seen = 0, said = 0;
        int64_t until = now_ms() + limit;
        struct pollfd wait[2] = {{ends[0], POLLIN, 0}, {watch, POLLIN, 0}};
        while (wait[0].fd >= 0 || wait[1].fd >= 0) {
            int64_t left = until - now_ms();
            int ready = left > 0 ? poll(wait, 2, (int)left) : 0;
            if (ready == 0 || (ready < 0 && errno != EINTR)) {
                if (wait[1].fd >= 0)
                    said |= LATE;
                break;
            }
            if (wait[0].fd >= 0 && wait[0].revents) {
                static uint8_t block[65536];
                ssize_t got = read(ends[0], block, sizeof block);
                if (got <= 0)
                    wait[0].fd = -1;
                else if (seen < most_output) {
                    uint32_t keep = (uint32_t)got < most_output - seen ? (uint32_t)got : most_output - seen;
                    sha_take(&sha, block, keep);
                    seen += keep;
                }
            }
            if (wait[1].fd >= 0 && wait[1].revents) {
                wait[1].fd = -1;
                until = now_ms() + GRACE_MS;
            }
        }
        close(ends[0]);
        close(watch);
        kill(-pid, SIGKILL);
        kill(pid, SIGKILL);
        int status = 0;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        kill_rest(user);
        uint8_t digest[32];
        sha_end(&sha, digest);
        if (WIFSIGNALED(status))
            said |= SIGNALLED;
        if (unstarted)
            said |= UNSTARTED;
        say_number((uint32_t)(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)));
        say_number(said);
        fwrite(digest, 1, sizeof digest, stdout);
        say_reports(folder, most_report);
        fflush(stdout);
    }
    return 0;
}
