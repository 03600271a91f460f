/* A module that answers at once, and the clock that all contestants of the bench are measured with.
 *
 *     responder STEPS URCS COMMAND…
 *
 * opens a pty, starts COMMAND with `{}` replaced by the pty's path, and answers every line that comes.
 * URCS lines of URC go in front of each answer. When COMMAND has closed the pty it prints one line:
 *
 *     lines answered
 *     median and 99th percentile of one step, in ns: from the first byte of an answer until the next
 *         command line is whole
 *     CPU time of COMMAND for one step, in ns
 *     start of COMMAND until its end, in ns
 *     its peak memory, in KiB
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* 93 bytes with the line end. */
static const char URC[] =
    "+CGEV: NW PDN ACT 1,5,0,\"cmnet\",\"10.81.204.117\",\"2409:8905:1c3e:77a0::1\",\"211.136.112.50\",0\r\n";
static const char ANSWER[] = "\r\n+CSQ: 29,99\r\n\r\nOK\r\n";

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now_ns(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time) < 0) return 0;
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int by_size(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* A raw pty. The slave is held open by COMMAND from its start, so that its end is a hang-up. */
static int open_pty(char *path, size_t room, int *slave) {
    int pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (pty < 0 || grantpt(pty) < 0 || unlockpt(pty) < 0 || ptsname_r(pty, path, room) != 0) fail("pty");
    struct termios settings;
    if (tcgetattr(pty, &settings) < 0) fail("tcgetattr");
    cfmakeraw(&settings);
    if (tcsetattr(pty, TCSANOW, &settings) < 0) fail("tcsetattr");
    *slave = open(path, O_RDWR | O_NOCTTY);
    if (*slave < 0) fail(path);
    return pty;
}

static pid_t start(char **command, char *path) {
    for (char **word = command; *word; word++) {
        if (strcmp(*word, "{}") == 0) *word = path;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child;
    errno = posix_spawn(&child, command[0], &actions, NULL, command, environ);
    if (errno != 0) fail(command[0]);
    return child;
}

static void write_all(int pty, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t taken = write(pty, bytes, count);
        if (taken < 0) fail("write");
        bytes += taken;
        count -= (size_t)taken;
    }
}

/* Reads until a line end. False when COMMAND has closed the pty. */
static int read_line(int pty) {
    char line[4096];
    for (;;) {
        ssize_t count = read(pty, line, sizeof line);
        if (count <= 0) return 0;
        if (memchr(line, '\n', (size_t)count)) return 1;
    }
}

/* Everything runs on the first core that this process may use. The kernel carries a pty's bytes over in
 * worker threads, which it likes to start on an idle core; to wake that core costs more than the step. So
 * all other cores are kept busy until `free_cores`. */
static pid_t spinners[CPU_SETSIZE];

static void take_one_core(void) {
    cpu_set_t mine;
    if (sched_getaffinity(0, sizeof mine, &mine) < 0) fail("sched_getaffinity");
    int core = 0;
    while (!CPU_ISSET(core, &mine)) core++;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    pid_t parent = getpid();
    for (int other = 0; other < cores && other < CPU_SETSIZE; other++) {
        if (other == core || (spinners[other] = fork()) != 0) continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(0); /* It ended before the line above. */
        CPU_ZERO(&mine);
        CPU_SET(other, &mine);
        if (sched_setaffinity(0, sizeof mine, &mine) < 0) _exit(0);
        for (volatile int spin = 1; spin;) {}
    }
    CPU_ZERO(&mine);
    CPU_SET(core, &mine);
    if (sched_setaffinity(0, sizeof mine, &mine) < 0) fail("sched_setaffinity");
}

static void free_cores(void) {
    for (int core = 0; core < CPU_SETSIZE; core++) {
        if (spinners[core] > 0 && kill(spinners[core], SIGKILL) == 0) waitpid(spinners[core], NULL, 0);
    }
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    size_t steps = strtoul(argv[1], NULL, 10), urcs = strtoul(argv[2], NULL, 10);
    uint32_t *took = calloc(steps + 1, sizeof *took);
    size_t answer_bytes = urcs * (sizeof URC - 1) + sizeof ANSWER - 1;
    char *answer = malloc(answer_bytes);
    if (!took || !answer) fail("memory");
    for (size_t urc = 0; urc < urcs; urc++) memcpy(answer + urc * (sizeof URC - 1), URC, sizeof URC - 1);
    memcpy(answer + urcs * (sizeof URC - 1), ANSWER, sizeof ANSWER - 1);

    take_one_core();
    char path[64];
    int slave, pty = open_pty(path, sizeof path, &slave);
    uint64_t started = now_ns(CLOCK_MONOTONIC);
    pid_t child = start(argv + 3, path);
    close(slave);
    clockid_t cpu;
    if (clock_getcpuclockid(child, &cpu) != 0) fail("clock_getcpuclockid");

    size_t answered = 0;
    uint64_t answered_at = 0, first_cpu = 0, last_cpu = 0;
    while (read_line(pty)) {
        uint64_t now = now_ns(CLOCK_MONOTONIC);
        if (answered == 0) first_cpu = now_ns(cpu);
        else if (answered <= steps) took[answered - 1] = (uint32_t)(now - answered_at);
        if (answered + 1 == steps) last_cpu = now_ns(cpu);
        answered++;
        answered_at = now_ns(CLOCK_MONOTONIC);
        write_all(pty, answer, answer_bytes);
    }
    int status;
    struct rusage usage;
    if (wait4(child, &status, 0, &usage) < 0) fail("wait4");
    uint64_t ended = now_ns(CLOCK_MONOTONIC);
    free_cores();
    if (status != 0) {
        fprintf(stderr, "%s ended with status %#x after %zu lines\n", argv[3], (unsigned)status, answered);
        return 1;
    }
    size_t count = answered > 1 ? answered - 1 : 0;
    if (count > steps) count = steps;
    qsort(took, count, sizeof *took, by_size);
    printf("%zu %u %u %llu %llu %ld\n", answered, count ? took[count / 2] : 0, count ? took[count * 99 / 100] : 0,
           (unsigned long long)(count && last_cpu > first_cpu ? (last_cpu - first_cpu) / count : 0),
           (unsigned long long)(ended - started), usage.ru_maxrss);
    return 0;
}
