/* A driver against the plain C header, of which the binary is kept: fork, exec, and a pidfd on the
 * host's loop. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syspulse/plugin.h>
#include <unistd.h>

extern char** environ;

enum { token_size = 128 };

typedef struct process {
    struct driver* driver;
    sysp_proc proc;
    pid_t pid;
    int pidfd;
    uint64_t watch;
    int ended;
    sysp_exit end;
    struct process* next;
} process;

typedef struct driver {
    const sysp_host* host;
    const sysp_io* io;
    process* first;
} driver;

static sysp_error error_of(sysp_status code, const char* message, int number) {
    sysp_error made;
    memset(&made, 0, sizeof made);
    made.size = sizeof made;
    made.code = code;
    made.os_domain = number != 0 ? SYSP_OS_ERRNO : SYSP_OS_NONE;
    made.os_code = number;
    made.message.ptr = message;
    made.message.len = strlen(message);
    return made;
}

static process* find(driver* own, sysp_proc proc) {
    process* at = own->first;
    while (at != NULL && at->proc != proc) at = at->next;
    return at;
}

static void read_line(const char* path, char* line, int size) {
    FILE* file = fopen(path, "re");
    line[0] = '\0';
    if (file == NULL) return;
    if (fgets(line, size, file) == NULL) line[0] = '\0';
    fclose(file);
}

/* A pid alone proves nothing: pid, start time and boot. Empty when the process is gone. */
static void identify(pid_t pid, char* token) {
    char path[64], line[1024], boot[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    read_line(path, line, sizeof line);
    read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    token[0] = '\0';
    const char* at = strrchr(line, ')');
    if (at == NULL || at[2] == 'Z') return;
    for (int field = 2; field < 22 && at != NULL; ++field) at = strchr(at + 1, ' ');
    if (at != NULL)
        snprintf(token, token_size, "%d %llu %.36s", (int)pid, strtoull(at, NULL, 10), boot);
}

static sysp_status SYSP_CALL create(const sysp_host* host, const sysp_config* config, void** self) {
    (void)config;
    driver* made = (driver*)calloc(1, sizeof *made);
    if (made == NULL) return SYSP_E_INTERNAL;
    made->host = host;
    made->io = (const sysp_io*)host->get_extension(host, SYSP_EXT_IO);
    if (made->io == NULL) {
        free(made);
        return SYSP_E_UNSUPPORTED;
    }
    *self = made;
    return SYSP_OK;
}

static void forget(driver* own, process* gone) {
    process** at = &own->first;
    while (*at != gone) at = &(*at)->next;
    *at = gone->next;
    if (gone->watch != 0) own->io->unwatch(own->host, gone->watch);
    close(gone->pidfd);
    free(gone);
}

static void SYSP_CALL destroy(void* self) {
    driver* own = (driver*)self;
    while (own->first != NULL) forget(own, own->first);
    free(own);
}

static void SYSP_CALL ready(void* data, uint32_t events) {
    process* own = (process*)data;
    siginfo_t info;
    (void)events;
    memset(&info, 0, sizeof info);
    own->driver->io->unwatch(own->driver->host, own->watch);
    own->watch = 0;
    own->ended = 1;
    own->end.size = sizeof own->end;
    /* Collected by release, so that the number is nobody else's until then. */
    if (waitid(P_PID, (id_t)own->pid, &info, WEXITED | WNOWAIT) != 0) {
        own->end.kind = SYSP_EXIT_LOST;
    } else {
        own->end.kind = info.si_code == CLD_EXITED ? SYSP_EXIT_CODE : SYSP_EXIT_SIGNAL;
        own->end.value = info.si_status;
    }
    own->driver->host->proc_exited(own->driver->host, own->proc, &own->end);
}

static sysp_status adopt(driver* own, sysp_op op, sysp_proc proc, pid_t pid, const char* token) {
    process* made = (process*)calloc(1, sizeof *made);
    if (made == NULL) return SYSP_E_INTERNAL;
    made->driver = own;
    made->proc = proc;
    made->pid = pid;
    made->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    made->next = own->first;
    own->first = made;
    sysp_keep keep;
    memset(&keep, 0, sizeof keep);
    keep.kind = SYSP_KEEP_PIDFD;
    keep.handle = made->pidfd;
    sysp_spawn_result result;
    memset(&result, 0, sizeof result);
    result.size = sizeof result;
    result.pid = pid;
    result.token.ptr = token;
    result.token.len = strlen(token);
    result.keep = &keep;
    result.keep_count = 1;
    own->host->spawn_done(own->host, op, &result, NULL);
    return own->io->watch(own->host, made->pidfd, SYSP_IO_READ, ready, made, &made->watch);
}

static void run_child(const sysp_spawn_request* request, char** argv, char** env, int report) {
    sigset_t none;
    if (request->pid_slot != NULL) *request->pid_slot = getpid();
    sigemptyset(&none);
    for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int good = setsid() > 0;
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int target = 0; target < 3 && good; ++target) {
        const int from = request->stdio[target] < 0 ? nothing : (int)request->stdio[target];
        good = (from == target ? fcntl(target, F_SETFD, 0) : dup2(from, target)) >= 0;
    }
    if (good && (request->cwd.len == 0 || chdir(request->cwd.ptr) == 0)) {
        syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
        environ = env;
        execvp(argv[0], argv);
    }
    const int number = errno;
    if (request->pid_slot != NULL) *request->pid_slot = 0;
    if (write(report, &number, sizeof number) < 0) _exit(126);
    _exit(127);
}

static char** pointers(const sysp_str* texts, size_t count) {
    char** made = (char**)calloc(count + 1, sizeof *made);
    for (size_t i = 0; made != NULL && i < count; ++i) made[i] = (char*)texts[i].ptr;
    return made;
}

static sysp_status refuse(driver* own, sysp_status code, const char* message, int number) {
    const sysp_error error = error_of(code, message, number);
    own->host->set_error(own->host, &error);
    return code;
}

static sysp_status SYSP_CALL spawn(void* self, sysp_op op, const sysp_spawn_request* request) {
    driver* own = (driver*)self;
    int report[2];
    char token[token_size];
    if (request->user.len > 0)
        return refuse(own, SYSP_E_UNSUPPORTED, "this driver cannot change the user", 0);
    if (pipe2(report, O_CLOEXEC) != 0) return refuse(own, SYSP_E_OS, "cannot make a pipe", errno);
    char** argv = pointers(request->argv, request->argc);
    char** env = pointers(request->env, request->envc);
    const pid_t pid = argv == NULL || env == NULL ? -1 : fork();
    if (pid == 0) run_child(request, argv, env, report[1]);
    int number = pid < 0 ? errno : 0;
    free(argv);
    free(env);
    close(report[1]);
    if (pid > 0 && read(report[0], &number, sizeof number) > 0) waitpid(pid, NULL, 0);
    close(report[0]);
    if (number != 0) return refuse(own, SYSP_E_OS, "cannot run the program", number);
    identify(pid, token);
    if (token[0] == '\0') snprintf(token, sizeof token, "%d ended", (int)pid);
    return adopt(own, op, request->proc, pid, token);
}

static sysp_status SYSP_CALL recover(void* self, sysp_op op, const sysp_recover_request* request) {
    driver* own = (driver*)self;
    char token[token_size], wanted[token_size] = "";
    if (request->token.len == 0) {
        const sysp_error error =
            error_of(SYSP_E_BUSY, "cannot find a process without its token", 0);
        return own->host->spawn_done(own->host, op, NULL, &error);
    }
    if (request->token.len < sizeof wanted) memcpy(wanted, request->token.ptr, request->token.len);
    const long pid = strtol(wanted, NULL, 10);
    if (pid > 1 && pid < 0x7fffffff) identify((pid_t)pid, token);
    if (pid <= 1 || pid >= 0x7fffffff || token[0] == '\0' || strcmp(token, wanted) != 0) {
        const sysp_error error = error_of(SYSP_E_NOT_FOUND, "the process is gone", 0);
        return own->host->spawn_done(own->host, op, NULL, &error);
    }
    return adopt(own, op, request->proc, (pid_t)pid, token);
}

static sysp_status done(driver* own, sysp_op op, sysp_status code, const char* message,
                        int number) {
    const sysp_error error = error_of(code, message, number);
    return own->host->op_done(own->host, op, code == SYSP_OK ? NULL : &error);
}

static sysp_status SYSP_CALL signal_it(void* self, sysp_op op, sysp_proc proc, int32_t sig,
                                       int32_t os_sig) {
    driver* own = (driver*)self;
    const process* known = find(own, proc);
    const int numbers[] = {0, SIGTERM, SIGKILL, SIGHUP, os_sig};
    if (known == NULL) return done(own, op, SYSP_E_NOT_FOUND, "unknown process", 0);
    if (sig < SYSP_SIG_TERMINATE || sig > SYSP_SIG_OS)
        return done(own, op, SYSP_E_UNSUPPORTED, "unknown signal", 0);
    if (known->ended && known->end.kind == SYSP_EXIT_LOST) return done(own, op, SYSP_OK, "", 0);
    if (kill(-known->pid, numbers[sig]) == 0 || errno == ESRCH)
        return done(own, op, SYSP_OK, "", 0);
    return done(own, op, errno == EINVAL ? SYSP_E_UNSUPPORTED : SYSP_E_OS,
                "cannot signal the process", errno);
}

static sysp_status SYSP_CALL inspect(void* self, sysp_op op, sysp_proc proc) {
    driver* own = (driver*)self;
    const process* known = find(own, proc);
    if (known == NULL) return done(own, op, SYSP_E_NOT_FOUND, "unknown process", 0);
    if (known->ended) own->host->proc_exited(own->host, proc, &known->end);
    return done(own, op, SYSP_OK, "", 0);
}

static sysp_status SYSP_CALL stats(void* self, sysp_op op, sysp_proc proc) {
    driver* own = (driver*)self;
    const process* known = find(own, proc);
    char path[64], line[256];
    unsigned long long pages = 0;
    if (known == NULL) {
        const sysp_error error = error_of(SYSP_E_NOT_FOUND, "unknown process", 0);
        return own->host->stats_done(own->host, op, NULL, &error);
    }
    snprintf(path, sizeof path, "/proc/%d/statm", (int)known->pid);
    read_line(path, line, sizeof line);
    const char* second = strchr(line, ' ');
    if (second != NULL) pages = strtoull(second, NULL, 10);
    sysp_stats result;
    memset(&result, 0, sizeof result);
    result.size = sizeof result;
    result.valid = SYSP_STAT_RSS;
    result.rss_bytes = pages * (unsigned long long)sysconf(_SC_PAGESIZE);
    return own->host->stats_done(own->host, op, &result, NULL);
}

static void SYSP_CALL release(void* self, sysp_proc proc) {
    driver* own = (driver*)self;
    process* known = find(own, proc);
    if (known == NULL) return;
    if (known->ended) waitpid(known->pid, NULL, WNOHANG);
    forget(own, known);
}

static const sysp_driver_vtbl slots = {sizeof(sysp_driver_vtbl),
                                       0,
                                       create,
                                       destroy,
                                       spawn,
                                       recover,
                                       signal_it,
                                       inspect,
                                       stats,
                                       release,
                                       NULL,
                                       NULL};
static const sysp_kind kind = {sizeof(sysp_kind),
                               SYSP_KIND_DRIVER,
                               "stored",
                               "Kept as it was built",
                               "{\"type\":\"object\"}",
                               "{\"type\":\"object\"}",
                               &slots,
                               0,
                               0};
static const sysp_kind* const kinds[] = {&kind};
static const sysp_module module = {sizeof(sysp_module),
                                   SYSP_MAGIC,
                                   SYSP_ABI_MAJOR,
                                   SYSP_TARGET_MINOR,
                                   0,
                                   "org.syspulse.stored-driver",
                                   "1.0.0",
                                   "syspulse",
                                   "c",
                                   kinds,
                                   1,
                                   NULL};

const sysp_module* SYSP_CALL syspulse_plugin_v1(void) {
    return &module;
}
