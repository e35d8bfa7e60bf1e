/* The driver @NAME@: fork and exec with a nice value. All that a driver owes is here: an exec failure that is reported,
 * exits seen on a pidfd, recovery that proves identity, signals to the whole group, statistics. Every slot is called on
 * the host's loop thread, one at a time. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syspulse/plugin.h>
#include <unistd.h>

#include "identity.h"

typedef struct process {
  struct driver* driver;
  sysp_proc proc;
  pid_t pid;
  int pidfd;
  uint64_t watch; /* 0: none */
  int released;   /* The host has forgotten it; it is kept so that its end is collected. */
  sysp_exit end;  /* Of kind 0 while it runs. */
  struct process* next;
} process;

typedef struct driver {
  const sysp_host* host;
  const sysp_io* io;
  process* first;
} driver;

/* ---- Answers ---- */

/* Refuses the operation: what the host calls returns this. `number` is an errno, or 0. */
static sysp_status refuse(const sysp_host* host, sysp_status code, int number, const char* format, ...) {
  char line[512];
  va_list values;
  sysp_error error;
  memset(&error, 0, sizeof error);
  va_start(values, format);
  vsnprintf(line, sizeof line, format, values);
  va_end(values);
  const size_t length = strlen(line);
  if (number != 0) snprintf(line + length, sizeof line - length, ": %s", strerror(number));
  error.size = sizeof error;
  error.code = code;
  error.os_domain = number != 0 ? SYSP_OS_ERRNO : SYSP_OS_NONE;
  error.os_code = number;
  error.message.ptr = line;
  error.message.len = strlen(line);
  host->set_error(host, &error);
  return code;
}

static sysp_status unknown_process(const driver* own, sysp_proc proc) {
  return refuse(own->host, SYSP_E_NOT_FOUND, 0, "no process %llu", (unsigned long long)proc);
}

static sysp_status done(const driver* own, sysp_op op) {
  own->host->op_done(own->host, op, NULL);
  return SYSP_OK;
}

/* ---- Processes ---- */

static process* find(const driver* own, sysp_proc proc) {
  process* at = own->first;
  while (at != NULL && (at->proc != proc || at->released)) at = at->next;
  return at;
}

static void unwatch(process* one) {
  if (one->watch != 0) one->driver->io->unwatch(one->driver->host, one->watch);
  one->watch = 0;
}

static void forget(process* gone) {
  process** at = &gone->driver->first;
  while (*at != gone) at = &(*at)->next;
  *at = gone->next;
  unwatch(gone);
  close(gone->pidfd);
  free(gone);
}

/* The process has ended. It stays a zombie until release, so that its number is nobody else's. */
static void SYSP_CALL ended(void* data, uint32_t events) {
  process* one = (process*)data;
  siginfo_t info;
  (void)events;
  if (one->released) {
    waitpid(one->pid, NULL, 0);
    forget(one);
    return;
  }
  unwatch(one);
  memset(&info, 0, sizeof info);
  one->end.size = sizeof one->end;
  one->end.kind = SYSP_EXIT_LOST; /* Recovered, and so no child of this process. */
  if (waitid(P_PID, (id_t)one->pid, &info, WEXITED | WNOWAIT) == 0) {
    one->end.kind = info.si_code == CLD_EXITED ? SYSP_EXIT_CODE : SYSP_EXIT_SIGNAL;
    one->end.value = info.si_status;
  }
  one->driver->host->proc_exited(one->driver->host, one->proc, &one->end);
}

/* Watches the process and completes the operation. Takes the pidfd, also when it fails. */
static sysp_status adopt(driver* own, sysp_op op, sysp_proc proc, pid_t pid, int pidfd, const char* token) {
  process* made = (process*)calloc(1, sizeof *made);
  sysp_status status = made == NULL ? SYSP_E_INTERNAL : SYSP_OK;
  if (made != NULL) {
    made->driver = own;
    made->proc = proc;
    made->pid = pid;
    made->pidfd = pidfd;
    status = own->io->watch(own->host, pidfd, SYSP_IO_READ, ended, made, &made->watch);
  }
  if (status != SYSP_OK) {
    free(made);
    close(pidfd);
    return refuse(own->host, status, 0, "cannot watch process %d: the host refuses", (int)pid);
  }
  made->next = own->first;
  own->first = made;
  const sysp_keep keep = {SYSP_KEEP_PIDFD, 0, pidfd};
  sysp_spawn_result result;
  memset(&result, 0, sizeof result);
  result.size = sizeof result;
  result.pid = pid;
  result.token.ptr = token;
  result.token.len = strlen(token);
  result.keep = &keep;
  result.keep_count = 1;
  own->host->spawn_done(own->host, op, &result, NULL);
  return SYSP_OK;
}

/* ---- Starting ---- */

/* What is made before fork, because the child may not allocate. */
typedef struct launch {
  const sysp_spawn_request* request;
  char** argv;
  char** env;
  int nice_value;
  int report; /* Where the child writes its errno; closed by exec. */
} launch;

static int connect_stdio(const sysp_handle* stdio) {
  int from[3];
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  /* All out of the way first: one may have the number that another one is to get. */
  for (int i = 0; i < 3; ++i) {
    from[i] = fcntl(stdio[i] < 0 ? nothing : (int)stdio[i], F_DUPFD_CLOEXEC, 3);
    if (from[i] < 0) return -1;
  }
  for (int i = 0; i < 3; ++i)
    if (dup2(from[i], i) < 0) return -1;
  return 0;
}

/* In the child, between fork and exec: only calls that are safe there. */
static void run_child(const launch* start) {
  const sysp_spawn_request* request = start->request;
  sigset_t none;
  if (request->pid_slot != NULL) *request->pid_slot = getpid();
  sigemptyset(&none);
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (setsid() > 0 && setpriority(PRIO_PROCESS, 0, start->nice_value) == 0 && connect_stdio(request->stdio) == 0 &&
      (request->cwd.len == 0 || chdir(request->cwd.ptr) == 0)) {
    syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
    environ = start->env;
    execvp(start->argv[0], start->argv);
  }
  const int number = errno;
  if (request->pid_slot != NULL) *request->pid_slot = 0;
  _exit(write(start->report, &number, sizeof number) < 0 ? 126 : 127);
}

/* The pid, or -1 with errno. */
static pid_t start_child(launch* start) {
  int report[2], number = 0;
  ssize_t count;
  if (pipe2(report, O_CLOEXEC) != 0) return -1;
  start->report = report[1];
  pid_t pid = fork();
  if (pid == 0) run_child(start);
  if (pid < 0) number = errno;
  close(report[1]);
  do { /* Ends without a byte when exec closes the pipe. */
    count = pid < 0 ? 0 : read(report[0], &number, sizeof number);
  } while (count < 0 && errno == EINTR);
  close(report[0]);
  if (count > 0) waitpid(pid, NULL, 0);
  errno = number;
  return number == 0 ? pid : -1;
}

static char** pointers(const sysp_str* texts, size_t count) {
  char** made = (char**)calloc(count + 1, sizeof *made); /* The last one stays NULL. */
  for (size_t i = 0; made != NULL && i < count; ++i) made[i] = (char*)texts[i].ptr;
  return made;
}

static sysp_status SYSP_CALL spawn(void* self, sysp_op op, const sysp_spawn_request* request) {
  driver* own = (driver*)self;
  int64_t nice_value = 0;
  char token[token_size];
  unsigned long long started;
  if (request->user.len > 0)
    return refuse(own->host, SYSP_E_UNSUPPORTED, 0, "cannot run as user \"%.100s\": this driver cannot change it",
                  request->user.ptr);
  own->host->cfg_i64(request->config, "/nice", &nice_value);
  launch start = {request, pointers(request->argv, request->argc), pointers(request->env, request->envc),
                  (int)nice_value, -1};
  errno = ENOMEM;
  const pid_t pid = start.argv == NULL || start.env == NULL ? -1 : start_child(&start);
  const int number = errno;
  free(start.argv);
  free(start.env);
  if (pid < 0)
    return refuse(own->host, SYSP_E_OS, number, "cannot run %.150s in %.150s", request->argv[0].ptr,
                  request->cwd.len > 0 ? request->cwd.ptr : "the present directory");
  const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  sysp_status status = SYSP_E_OS;
  if (pidfd < 0 || identify(pid, token, &started) <= 0) {
    refuse(own->host, status, errno, "cannot watch process %d", (int)pid);
    if (pidfd >= 0) close(pidfd);
  } else {
    status = adopt(own, op, request->proc, pid, pidfd, token);
  }
  if (status != SYSP_OK) { /* Of a start that is reported as failed nothing may be left. */
    kill(-pid, SIGKILL);
    waitpid(pid, NULL, 0);
  }
  return status;
}

/* SYSP_E_NOT_FOUND has the daemon started again, so it is said only when it is sure. */
static sysp_status SYSP_CALL recover(void* self, sysp_op op, const sysp_recover_request* request) {
  driver* own = (driver*)self;
  char token[token_size] = "", now[token_size] = "";
  unsigned long long started;
  if (request->token.len == 0 && find_run(&request->run_id, token) == is_in_doubt)
    return refuse(own->host, SYSP_E_BUSY, 0, "a process that ends, or begins, may be the one");
  if (request->token.len > 0 && request->token.len < sizeof token)
    memcpy(token, request->token.ptr, request->token.len);
  const long pid = strtol(token, NULL, 10);
  if (pid <= 1 || pid > 0x7fffffff)
    return refuse(own->host, SYSP_E_NOT_FOUND, 0, "no process was made for this run, or its token is damaged");
  const int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
  if (pidfd < 0 && errno != ESRCH && errno != EINVAL)
    return refuse(own->host, SYSP_E_OS, errno, "cannot look for process %ld", pid);
  struct pollfd end = {pidfd, POLLIN, 0};
  /* Compared once the pidfd is there, which the number alone does not hold. */
  const int known = pidfd < 0 ? 0 : identify((pid_t)pid, now, &started);
  if (known < 0) {
    const int number = errno;
    close(pidfd);
    return refuse(own->host, SYSP_E_OS, number, "cannot read /proc/%ld/stat", pid);
  }
  if (known == 0 || strcmp(now, token) != 0 || poll(&end, 1, 0) != 0) {
    if (pidfd >= 0) close(pidfd);
    return refuse(own->host, SYSP_E_NOT_FOUND, 0, "process %ld is gone, or another one", pid);
  }
  return adopt(own, op, request->proc, (pid_t)pid, pidfd, token);
}

/* ---- The other slots ---- */

static sysp_status SYSP_CALL create(const sysp_host* host, const sysp_config* config, void** self) {
  (void)config;
  driver* made = (driver*)calloc(1, sizeof *made);
  if (made == NULL) return refuse(host, SYSP_E_INTERNAL, ENOMEM, "cannot make a driver");
  made->host = host;
  made->io = (const sysp_io*)host->get_extension(host, SYSP_EXT_IO);
  if (made->io == NULL) {
    free(made);
    return refuse(host, SYSP_E_UNSUPPORTED, 0, "needs a host with the extension " SYSP_EXT_IO);
  }
  *self = made;
  return SYSP_OK;
}

/* Ends no process. */
static void SYSP_CALL destroy(void* self) {
  driver* own = (driver*)self;
  while (own->first != NULL) forget(own->first);
  free(own);
}

static sysp_status SYSP_CALL send_signal(void* self, sysp_op op, sysp_proc proc, int32_t sig, int32_t os_sig) {
  driver* own = (driver*)self;
  const process* one = find(own, proc);
  const int numbers[] = {0, SIGTERM, SIGKILL, SIGHUP, os_sig};
  if (one == NULL) return unknown_process(own, proc);
  if (sig < SYSP_SIG_TERMINATE || sig > SYSP_SIG_OS)
    return refuse(own->host, SYSP_E_UNSUPPORTED, 0, "unknown signal %d", sig);
  if (one->end.kind == SYSP_EXIT_LOST) return done(own, op); /* Its number may be a stranger's by now. */
  if (kill(-one->pid, numbers[sig]) == 0 || errno == ESRCH) return done(own, op);
  return refuse(own->host, errno == EINVAL ? SYSP_E_UNSUPPORTED : SYSP_E_OS, errno,
                "cannot send signal %d to process group %d", numbers[sig], (int)one->pid);
}

static sysp_status SYSP_CALL inspect(void* self, sysp_op op, sysp_proc proc) {
  driver* own = (driver*)self;
  const process* one = find(own, proc);
  if (one == NULL) return unknown_process(own, proc);
  if (one->end.kind != 0) own->host->proc_exited(own->host, proc, &one->end);
  return done(own, op);
}

static sysp_status SYSP_CALL stats(void* self, sysp_op op, sysp_proc proc) {
  driver* own = (driver*)self;
  const process* one = find(own, proc);
  char path[64], line[256];
  if (one == NULL) return unknown_process(own, proc);
  sysp_stats result;
  memset(&result, 0, sizeof result);
  result.size = sizeof result;
  snprintf(path, sizeof path, "/proc/%d/statm", (int)one->pid);
  read_file(path, line, sizeof line);
  const char* pages = strchr(line, ' '); /* The resident ones come second. */
  if (one->end.kind == 0 && pages != NULL) {
    result.valid = SYSP_STAT_RSS;
    result.rss_bytes = strtoull(pages, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
  }
  own->host->stats_done(own->host, op, &result, NULL);
  return SYSP_OK;
}

static void SYSP_CALL release(void* self, sysp_proc proc) {
  process* one = find((driver*)self, proc);
  if (one == NULL) return;
  if (waitpid(one->pid, NULL, WNOHANG) == 0) {
    one->released = 1; /* A child that lives: `ended` collects it, so that it does not stay a zombie. */
  } else {
    forget(one);
  }
}

static const sysp_driver_vtbl slots = {
    sizeof(sysp_driver_vtbl), 0, create, destroy, spawn, recover, send_signal, inspect, stats, release, NULL, NULL};
static const sysp_kind kind = {sizeof(sysp_kind), SYSP_KIND_DRIVER, "@NAME@", "Runs processes with a nice value",
                               "{\"type\":\"object\"}",
                               "{\"type\":\"object\",\"properties\":{\"nice\":{\"type\":\"integer\",\"minimum\":-20,"
                               "\"maximum\":19,\"default\":0,\"description\":\"A higher one yields to others\"}}}",
                               &slots, 0 /* SYSP_LIMIT_*: limits that this driver enforces. */, 0};
static const sysp_kind* const kinds[] = {&kind};
static const sysp_module module = {sizeof(sysp_module), SYSP_MAGIC, SYSP_ABI_MAJOR, SYSP_TARGET_MINOR, 0,
                                   "com.example.@NAME@", "0.1.0", "Example", "c", kinds, 1, NULL};

const sysp_module* SYSP_CALL syspulse_plugin_v1(void) { return &module; }
