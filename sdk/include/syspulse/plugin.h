/* syspulse/plugin.h - the plugin ABI of syspulse, version 1.0. C11 and later, C++11 and later.
 *
 * A plugin is a shared object that exports one function, syspulse_plugin_v1. It offers kinds: drivers, which run
 * processes, and checkers, which judge health. The host is the syspulse manager, or a process of its own that the
 * manager isolates the plugin in; a plugin cannot tell the difference. Needs no other header of syspulse.
 *
 * Rules that hold everywhere:
 *
 * - Size first. Every struct that is passed by pointer begins with `size`, which its producer sets to the sizeof of
 *   its own build. Members are only appended. A reader tests SYSP_HAS() before it reads a member that was added after
 *   1.0; a zero always means what the member's absence meant. Structs that are marked frozen never change.
 * - Nothing is owned across the border. A pointer or a handle is borrowed for the duration of the call that carries
 *   it; who wants to keep the text copies it, who wants to keep the handle duplicates it. Nobody frees for the other.
 * - Nothing is thrown across the border. A C++ exception that leaves a plugin's function ends the process it is in.
 * - Lists of values grow. Enumerators are added in later minors: treat a value that you do not know as the value
 *   that its enum names for that, and do not refuse it.
 * - Text is UTF-8. What the host passes is also NUL-terminated; the length excludes the NUL.
 *
 * Threads; each function says where it may be called, or where it is called:
 *   [main]    the loop thread of the host. Plugin functions run there one at a time and are never nested: a function
 *             of sysp_host or of a host extension does not call into the plugin before it returns. Return within
 *             10 ms; the host reports what takes more than 50 ms.
 *   [worker]  a thread of the host's pool, from sysp_host.run. It may block.
 *   [any]     every thread, also one that the plugin made, several at a time.
 *   [in-call] only inside of a plugin function that the host called, and on that thread.
 *
 * None may be called from a signal handler or between fork and exec.
 *
 * Life-cycle; each function says when:
 *   [module]   from loading to the end of the OS process. Plugins are never unloaded.
 *   [instance] from a successful `create` to the return of `destroy`. When create fails, nothing else is called.
 *   [op]       while an operation is outstanding: from the call that brings its id to its completion.
 *   [proc]     from the call that brings a sysp_proc to `release`.
 *
 * A sysp_host stays valid to the end of the OS process: calls after destroy are harmless, they give SYSP_E_STALE.
 *
 * State of the whole process belongs to the host: a plugin must not change working directory, umask, environment,
 * locale, resource limits, signal dispositions or the signal mask of threads that it did not make; not call exit or
 * atexit; not wait for children other than its own (never for -1); and it forks only to exec.
 */
#ifndef SYSPULSE_PLUGIN_H
#define SYSPULSE_PLUGIN_H
#include <stddef.h>
#include <stdint.h>

/* ==== Versions ====
 * A plugin states the minor that it needs; a host of the same major loads it when the host's own minor is at least
 * that. Build with -DSYSP_TARGET_MINOR=n to need minor n: this header then hides everything newer, so that a plugin
 * that compiles for a target also loads there. The default is 0, the plugin loads in every 1.x host. All files of a
 * plugin must be built with the same target.
 */

/* The major is also part of the exported symbol's name. It changes only with an incompatible ABI. */
#define SYSP_ABI_MAJOR 1
/* The newest minor that this header describes. */
#define SYSP_ABI_MINOR 0
/* The oldest host minor that the plugin must load in. */
#ifndef SYSP_TARGET_MINOR
#define SYSP_TARGET_MINOR 0
#endif
#if SYSP_TARGET_MINOR > SYSP_ABI_MINOR
#error "SYSP_TARGET_MINOR is newer than this SDK; install a newer SDK or target an older minor"
#endif
/* sysp_module.magic: the bytes S, Y, S, P in little-endian order. */
#define SYSP_MAGIC 0x50535953u

/* The calling convention of every function, and what makes the one symbol visible. */
#if defined(_WIN32)
#define SYSP_CALL __cdecl
#define SYSP_EXPORT __declspec(dllexport)
#else
#define SYSP_CALL
#define SYSP_EXPORT __attribute__((visibility("default")))
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* True when *p is large enough to have member f. */
#define SYSP_HAS(p, f) ((size_t)((const char*)&(p)->f - (const char*)(p)) + sizeof((p)->f) <= (size_t)(p)->size)

/* ==== Basic types ==== */

/* One of SYSP_OK and SYSP_E_*. */
typedef int32_t sysp_status;
/* An operation that the host asked for. Carries a generation and is not reused: an answer that comes late, twice
 * or for somebody else is refused with SYSP_E_STALE and does no harm. Never 0. */
typedef uint64_t sysp_op;
/* One supervised process. Chosen by the host before the process exists. Never 0. */
typedef uint64_t sysp_proc;
/* A POSIX file descriptor, or the value of a Windows HANDLE or SOCKET. -1 is none. */
typedef int64_t sysp_handle;
/* Text, or bytes. Frozen. A NULL pointer with length 0 is the empty text. */
typedef struct sysp_str {
  const char* ptr;
  size_t len;
} sysp_str;

/* sysp_status. An unknown value means SYSP_E_INTERNAL. */
enum {
  SYSP_OK = 0,
  SYSP_E_INVALID = 1,      /* a wrong argument; not retried */
  SYSP_E_CONFIG = 2,       /* options that the schema could not rule out; begin the message with a JSON Pointer */
  SYSP_E_NOT_FOUND = 3,    /* recover, inspect: the process is gone or unknown */
  SYSP_E_UNSUPPORTED = 4,  /* this plugin, or this host, cannot do that; not retried */
  SYSP_E_BUSY = 5,         /* not now; retried with a delay */
  SYSP_E_CANCELLED = 6,    /* the answer to an operation after `cancel` */
  SYSP_E_TIMEOUT = 7,      /* not in time; retried with a delay */
  SYSP_E_DENIED = 8,       /* permission; not retried */
  SYSP_E_OS = 9,           /* the operating system refused: os_domain and os_code say why */
  SYSP_E_STALE = 10,       /* only the host says so: nobody waits for this operation, process or instance */
  SYSP_E_INTERNAL = 11,    /* a defect, also a C++ exception of unknown type */
  SYSP_E_PLUGIN_LOST = 12  /* only the host says so: the plugin's process ended */
};

/* Which numbers sysp_error.os_code holds. An unknown value means SYSP_OS_OTHER. */
enum {
  SYSP_OS_NONE = 0,  /* no number */
  SYSP_OS_ERRNO = 1, /* errno */
  SYSP_OS_WIN32 = 2, /* GetLastError() */
  SYSP_OS_OTHER = 3
};

/* sysp_error.flags. */
enum {
  SYSP_ERR_RETRYABLE = 1u << 0 /* a shortage that may pass: the same call may succeed later */
};

/* Why something failed. */
typedef struct sysp_error {
  uint32_t size;
  sysp_status code;   /* never SYSP_OK */
  uint32_t flags;     /* SYSP_ERR_* */
  uint32_t os_domain; /* SYSP_OS_* */
  int32_t os_code;
  uint32_t reserved0; /* 0 */
  sysp_str message;   /* one line for people, without secrets; the host cuts it at 1024 bytes */
} sysp_error;

/* ==== Options ====
 * What the operator wrote in a `with:` block. The host validated it against the kind's schema and filled the defaults
 * in before the plugin sees it.
 */

/* Read it through sysp_host.cfg_*. Valid during the call that brings it. */
typedef struct sysp_config sysp_config;

/* ==== What the host offers ==== */

/* sysp_host.log. An unknown level means SYSP_LOG_ERROR. */
enum { SYSP_LOG_DEBUG = 0, SYSP_LOG_INFO = 1, SYSP_LOG_WARN = 2, SYSP_LOG_ERROR = 3 };

struct sysp_check_result;
struct sysp_spawn_result;
struct sysp_stats;
struct sysp_exit;

typedef struct sysp_host sysp_host;
/* The functions of the host, one table per created instance. Produced by the host; valid to the end of the OS
 * process. Every operation that a plugin accepted (by returning SYSP_OK) is completed exactly once with the function
 * that its slot names, with `error` NULL for success. The completion may come before the slot returns, and from any
 * thread. An operation that was rejected must not be completed. A completion gives SYSP_OK, SYSP_E_STALE when nobody
 * waits any more, or SYSP_E_INVALID for the wrong function, which fails the operation. */
struct sysp_host {
  uint32_t size;
  uint16_t abi_major; /* of the host */
  uint16_t abi_minor;
  void* impl; /* the host's own */

  /* A host extension by its id, such as SYSP_EXT_IO; NULL when this host has none of that name. The table stays
   * valid to the end of the OS process. [any] */
  const void*(SYSP_CALL* get_extension)(const sysp_host* host, const char* id);

  /* Writes one line to the manager's log, cut at 4096 bytes, with the plugin's name in front. Lines above 50 a
   * second are counted and dropped. [any] */
  void(SYSP_CALL* log)(const sysp_host* host, int32_t level, const char* text, size_t length);

  /* Says why the plugin function that is running is about to return a failure. [in-call] */
  void(SYSP_CALL* set_error)(const sysp_host* host, const struct sysp_error* error);

  /* Calls fn(data) once on a worker. On SYSP_E_BUSY (the pool's queue is full) and SYSP_E_STALE (after destroy) fn is
   * not called. What was accepted is called even after destroy, unless the host ends. [any]; fn is [worker] */
  sysp_status(SYSP_CALL* run)(const sysp_host* host, void(SYSP_CALL* fn)(void* data), void* data);

  /* Calls fn(data) once on the loop thread, soon, in the order of the calls. On SYSP_E_STALE (after destroy) fn is not
   * called. What was accepted is called even after destroy, unless the host ends. [any]; fn is [main] */
  sysp_status(SYSP_CALL* post)(const sysp_host* host, void(SYSP_CALL* fn)(void* data), void* data);

  /* Completes signal, inspect, and operations of extensions that name it. [any] [op] */
  sysp_status(SYSP_CALL* op_done)(const sysp_host* host, sysp_op op, const struct sysp_error* error);

  /* Completes sysp_checker_vtbl.start. An error means "could not check", a result of SYSP_CHECK_FAIL means
   * "checked, and it is unhealthy". [any] [op] */
  sysp_status(SYSP_CALL* check_done)(const sysp_host* host, sysp_op op, const struct sysp_check_result* result,
                                     const struct sysp_error* error);

  /* Completes spawn and recover. [any] [op] */
  sysp_status(SYSP_CALL* spawn_done)(const sysp_host* host, sysp_op op, const struct sysp_spawn_result* result,
                                     const struct sysp_error* error);

  /* Completes stats. [any] [op] */
  sysp_status(SYSP_CALL* stats_done)(const sysp_host* host, sysp_op op, const struct sysp_stats* stats,
                                     const struct sysp_error* error);

  /* Reports that a process ended. After its spawn_done, at least once; repeating it is harmless. [any] [proc] */
  sysp_status(SYSP_CALL* proc_exited)(const sysp_host* host, sysp_proc proc, const struct sysp_exit* exit);

  /* Reads one option; so do the other cfg_ functions. `path` is a JSON Pointer ("/port", "/headers/0"); "" is the whole
   * block. A required or defaulted option of the right type never fails; else SYSP_E_NOT_FOUND when it is absent and
   * SYSP_E_INVALID when it has another type. The text is valid as long as the config. [any] */
  sysp_status(SYSP_CALL* cfg_str)(const sysp_config* config, const char* path, sysp_str* value);
  /* An integer. [any] */
  sysp_status(SYSP_CALL* cfg_i64)(const sysp_config* config, const char* path, int64_t* value);
  /* A number, also an integer. [any] */
  sysp_status(SYSP_CALL* cfg_f64)(const sysp_config* config, const char* path, double* value);
  /* A boolean: 0 or 1. [any] */
  sysp_status(SYSP_CALL* cfg_bool)(const sysp_config* config, const char* path, int32_t* value);
  /* The number of entries of a list or map. [any] */
  sysp_status(SYSP_CALL* cfg_count)(const sysp_config* config, const char* path, size_t* count);
  /* Any value as canonical JSON text, valid as long as the config. [any] */
  sysp_status(SYSP_CALL* cfg_json)(const sysp_config* config, const char* path, sysp_str* json);
};

/* ==== Host extension syspulse.io/1: the loop ====
 * Watches and timers whose callbacks run on [main], so that one thread carries thousands of checks. A watched handle
 * stays the plugin's and must stay open until unwatch. No callback runs after unwatch or cancel_timer has returned,
 * and none after destroy: the host removes, and reports, what an instance left behind.
 */
#define SYSP_EXT_IO "syspulse.io/1"

/* Interest, and what a ready callback hears. Level-triggered. Unknown bits of interest are ignored. */
enum {
  SYSP_IO_READ = 1u << 0,
  SYSP_IO_WRITE = 1u << 1,
  SYSP_IO_ERROR = 1u << 2, /* heard only: an error or a hang-up; reading or writing tells which */
  SYSP_IO_OBJECT = 1u << 3 /* interest only. Windows: the handle is a waitable object and no SOCKET, and is readable
                              once it is signalled. POSIX: no meaning. */
};

/* Frozen table of functions; a later revision has another id. */
typedef struct sysp_io {
  uint32_t size;
  uint32_t reserved0; /* 0 */
  /* Calls ready(data, SYSP_IO_* bits) whenever the handle is ready for one of `interest`, until unwatch.
   * A handle has one watch at a time. [main] [instance] */
  sysp_status(SYSP_CALL* watch)(const sysp_host* host, sysp_handle handle, uint32_t interest,
                                void(SYSP_CALL* ready)(void* data, uint32_t events), void* data, uint64_t* id);
  /* Changes the interest; 0 pauses. SYSP_E_NOT_FOUND for an unknown id. [main] [instance] */
  sysp_status(SYSP_CALL* rewatch)(const sysp_host* host, uint64_t id, uint32_t interest);
  /* Unknown ids are ignored. [main] [instance] */
  void(SYSP_CALL* unwatch)(const sysp_host* host, uint64_t id);
  /* Calls due(data) once, not before delay_ns nanoseconds have passed. [main] [instance] */
  sysp_status(SYSP_CALL* start_timer)(const sysp_host* host, uint64_t delay_ns, void(SYSP_CALL* due)(void* data),
                                      void* data, uint64_t* id);
  /* Unknown ids, also of timers that were due, are ignored. [main] [instance] */
  void(SYSP_CALL* cancel_timer)(const sysp_host* host, uint64_t id);
  /* Monotonic time in nanoseconds since an unspecified start; 0 when the host ends. [any] */
  uint64_t(SYSP_CALL* now_ns)(const sysp_host* host);
} sysp_io;

/* ==== Checkers ==== */

/* sysp_check_result.outcome. An unknown value means SYSP_CHECK_UNKNOWN. */
enum {
  SYSP_CHECK_UNKNOWN = 0, /* could not tell; counts like an error */
  SYSP_CHECK_PASS = 1,
  SYSP_CHECK_WARN = 2, /* healthy, with a remark */
  SYSP_CHECK_FAIL = 3
};

/* A number that a check measured. Frozen. */
typedef struct sysp_metric {
  sysp_str name; /* [a-z][a-z0-9_]*, with the unit at its end: connect_seconds, used_bytes */
  double value;  /* finite */
} sysp_metric;

/* The verdict of one check. Produced by the plugin. */
typedef struct sysp_check_result {
  uint32_t size;
  int32_t outcome;            /* SYSP_CHECK_* */
  sysp_str message;           /* one line for people; the host cuts it at 1024 bytes */
  const sysp_metric* metrics; /* may be NULL when metric_count is 0; the host keeps at most 32 */
  size_t metric_count;
} sysp_check_result;

/* What to check. Produced by the host. */
typedef struct sysp_check_request {
  uint32_t size;
  uint32_t timeout_ms; /* after it the answer is of no use; the checker itself says "timed out" by then */
  sysp_proc proc;      /* reserved: 0 */
  int64_t pid;         /* of the daemon's main process; -1 when it has none */
  sysp_str unit;       /* the daemon's name */
  sysp_str target;     /* the spec's `target`, which only the checker interprets */
} sysp_check_request;

/* The functions of a checker. An instance serves one daemon; at most one check is outstanding. */
typedef struct sysp_checker_vtbl {
  uint32_t size;
  uint32_t reserved0; /* 0 */
  /* Makes an instance from the `with:` block and stores what the other slots get as `self`. Cheap: leave what takes
   * long to the first check. [main] [module] */
  sysp_status(SYSP_CALL* create)(const sysp_host* host, const sysp_config* config, void** self);
  /* Ends the instance. Does not wait for workers. An outstanding check needs no answer any more. [main] [instance] */
  void(SYSP_CALL* destroy)(void* self);
  /* Begins one check; completed by check_done. [main] [instance] */
  sysp_status(SYSP_CALL* start)(void* self, sysp_op op, const sysp_check_request* request);
  /* Nobody depends on the check any more: release what it holds and complete it, with SYSP_E_CANCELLED or
   * with its result. The next check comes after that. [main] [op] */
  void(SYSP_CALL* cancel)(void* self, sysp_op op);
  /* A plugin extension by its id, or NULL. The slot itself may be NULL. [main] [instance] */
  const void*(SYSP_CALL* get_extension)(void* self, const char* id);
} sysp_checker_vtbl;

/* ==== Drivers ====
 * A driver does the mechanics; the host decides. For one process: spawn, spawn_done, then proc_exited when it ends,
 * then release. The host persists run_id before it calls spawn, and the token before it treats the process as running,
 * so that the next manager can have the process recovered. Exit facts stay available until release. At most one
 * operation per process is outstanding.
 */

/* What a spawn's resource limits say, and which of them a kind enforces. */
enum {
  SYSP_LIMIT_MEMORY = 1u << 0,
  SYSP_LIMIT_CPU = 1u << 1,
  SYSP_LIMIT_OPEN_FILES = 1u << 2,
  SYSP_LIMIT_PROCESSES = 1u << 3
};

/* Resource limits. A spec that asks for more than the kind enforces is refused, so that none is ignored. */
typedef struct sysp_limits {
  uint32_t size;
  uint32_t valid; /* SYSP_LIMIT_* bits of the members that mean something */
  uint64_t memory_bytes;
  uint64_t open_files;
  uint64_t processes;
  uint32_t cpu_percent; /* of one CPU; above 100 means several */
  uint32_t reserved0;   /* 0 */
} sysp_limits;

/* What to run. Produced by the host. */
typedef struct sysp_spawn_request {
  uint32_t size;
  uint32_t flags; /* 0 */
  sysp_proc proc;
  sysp_str run_id; /* unique for ever; put it where recover can find it: environment, cgroup, job name */
  sysp_str unit;   /* the daemon's name */
  const sysp_str* argv; /* argc >= 1; a program without a slash is looked up in PATH of `env` */
  size_t argc;
  const sysp_str* env; /* "NAME=value"; the complete environment */
  size_t envc;
  sysp_str cwd;               /* empty: the host's own */
  sysp_str user;              /* empty: the host's own */
  sysp_handle stdio[3];       /* stdin, stdout, stderr; -1 is the null device */
  const sysp_config* config;  /* the daemon's `with:` block, after process_schema */
  const sysp_limits* limits;  /* never NULL; only limits that the kind enforces */
  /* NULL, or memory that outlives the host and that a child sees which was forked from it, until spawn_done. A driver
   * that runs code of its own in the child stores the child's pid there first of all, and 0 when the child gives up
   * before exec: then its end is known even if the host dies within spawn. Other drivers leave it alone. */
  int32_t* pid_slot;
} sysp_spawn_request;

/* sysp_keep.kind. The host ignores kinds that it does not know. */
enum {
  SYSP_KEEP_PIDFD = 1,   /* Linux: readable when the process has ended, and a safe way to signal it */
  SYSP_KEEP_PROCESS = 2, /* Windows: a process handle */
  SYSP_KEEP_JOB = 3,     /* Windows: a job handle, without which a job's processes may end with the plugin */
  SYSP_KEEP_CGROUP = 4   /* Linux: a descriptor of the cgroup's directory */
};

/* Something that the host keeps (by a duplicate) for the case that the plugin's process is lost. Frozen. */
typedef struct sysp_keep {
  int32_t kind;      /* SYSP_KEEP_* */
  int32_t reserved0; /* 0 */
  sysp_handle handle;
} sysp_keep;

/* sysp_spawn_result.flags. */
enum {
  SYSP_SPAWNF_FROZEN = 1u << 0 /* recover: the process is held still, see syspulse.freeze/1 */
};

/* A process that runs. Produced by the plugin. */
typedef struct sysp_spawn_result {
  uint32_t size;
  uint32_t reserved0; /* 0 */
  int64_t pid;
  sysp_str token; /* 1 to 4096 bytes; must prove the process's identity, for which a pid alone is not enough */
  const sysp_keep* keep; /* may be NULL when keep_count is 0 */
  size_t keep_count;
  uint32_t flags;     /* SYSP_SPAWNF_* */
  uint32_t reserved1; /* 0 */
} sysp_spawn_result;

/* Which process to find again. Produced by the host. */
typedef struct sysp_recover_request {
  uint32_t size;
  uint32_t flags; /* 0 */
  sysp_proc proc;
  sysp_str run_id;
  sysp_str token; /* empty when the manager died before spawn_done: look for run_id then */
  const sysp_config* config;
} sysp_recover_request;

/* sysp_driver_vtbl.signal. All reach the process with what it started, as far as the driver can tell; on POSIX that is
 * at least its process group. An unknown value is SYSP_E_UNSUPPORTED. */
enum {
  SYSP_SIG_TERMINATE = 1, /* the polite request to end: SIGTERM, or Ctrl+C */
  SYSP_SIG_KILL = 2,      /* the end, which no process can refuse */
  SYSP_SIG_RELOAD = 3,    /* SIGHUP */
  SYSP_SIG_OS = 4         /* the signal with the number os_sig */
};

/* sysp_exit.kind. An unknown value means SYSP_EXIT_LOST. */
enum {
  SYSP_EXIT_CODE = 1,   /* ended by itself; value is the exit code */
  SYSP_EXIT_SIGNAL = 2, /* ended by a signal; value is its number */
  SYSP_EXIT_LOST = 3    /* it has ended, how is unknown; value is 0 */
};

/* sysp_exit.flags. */
enum {
  SYSP_EXITF_OOM = 1u << 0 /* it was ended because it reached its memory limit, or the machine's */
};

/* How a process ended. Produced by the plugin. */
typedef struct sysp_exit {
  uint32_t size;
  int32_t kind; /* SYSP_EXIT_* */
  int32_t value;
  uint32_t flags; /* SYSP_EXITF_* */
  uint64_t memory_peak_bytes; /* the most memory that it ever held; 0 is not known */
} sysp_exit;

/* sysp_stats.valid. */
enum {
  SYSP_STAT_CPU = 1u << 0,
  SYSP_STAT_RSS = 1u << 1,
  SYSP_STAT_TASKS = 1u << 2,
  SYSP_STAT_CPU_SPLIT = 1u << 3,
  SYSP_STAT_MEMORY_PEAK = 1u << 4,
  SYSP_STAT_IO = 1u << 5,
  SYSP_STAT_THROTTLED = 1u << 6,
  SYSP_STAT_PSI_CPU = 1u << 7,
  SYSP_STAT_PSI_MEMORY = 1u << 8,
  SYSP_STAT_PSI_IO = 1u << 9
};

/* Pressure stall information: how much of the time some, or all, of the tasks waited for a resource. Averages over
 * 10, 60 and 300 s in percent; totals since the start. Frozen. */
typedef struct sysp_pressure {
  double some_avg10;
  double some_avg60;
  double some_avg300;
  double full_avg10;
  double full_avg60;
  double full_avg300;
  uint64_t some_ns;
  uint64_t full_ns;
} sysp_pressure;

/* What a process uses, with everything that it started as far as the driver can tell. Produced by the plugin. */
typedef struct sysp_stats {
  uint32_t size;
  uint32_t valid;     /* SYSP_STAT_* bits of the members that mean something */
  uint64_t cpu_ns;    /* SYSP_STAT_CPU: CPU time since its start; does not fall */
  uint64_t rss_bytes; /* SYSP_STAT_RSS: memory in use */
  uint64_t tasks;     /* SYSP_STAT_TASKS: threads and processes */
  uint64_t cpu_user_ns;          /* SYSP_STAT_CPU_SPLIT */
  uint64_t cpu_system_ns;        /* SYSP_STAT_CPU_SPLIT */
  uint64_t memory_peak_bytes;    /* SYSP_STAT_MEMORY_PEAK: the most memory so far */
  uint64_t io_read_bytes;        /* SYSP_STAT_IO: from block devices */
  uint64_t io_write_bytes;       /* SYSP_STAT_IO: to block devices */
  uint64_t throttled_ns;         /* SYSP_STAT_THROTTLED: time held back by a CPU limit */
  uint64_t throttled_count;      /* SYSP_STAT_THROTTLED: periods in which it was */
  sysp_pressure cpu_pressure;    /* SYSP_STAT_PSI_CPU */
  sysp_pressure memory_pressure; /* SYSP_STAT_PSI_MEMORY */
  sysp_pressure io_pressure;     /* SYSP_STAT_PSI_IO */
} sysp_stats;

/* The functions of a driver. One instance serves all processes of its kind. */
typedef struct sysp_driver_vtbl {
  uint32_t size;
  uint32_t reserved0; /* 0 */
  /* Makes the instance from the kind's own options. [main] [module] */
  sysp_status(SYSP_CALL* create)(const sysp_host* host, const sysp_config* config, void** self);
  /* Ends the instance and never a process. [main] [instance] */
  void(SYSP_CALL* destroy)(void* self);
  /* Starts a process; completed by spawn_done. It has its own session, default signal dispositions, an empty signal
   * mask and no descriptor but the three. When exec fails, so does spawn, with the stage and errno.
   * [main] [instance] */
  sysp_status(SYSP_CALL* spawn)(void* self, sysp_op op, const sysp_spawn_request* request);
  /* Finds a process of an earlier manager again; completed by spawn_done, with SYSP_E_NOT_FOUND when it is gone.
   * Signals nothing, whatever it finds. [main] [instance] */
  sysp_status(SYSP_CALL* recover)(void* self, sysp_op op, const sysp_recover_request* request);
  /* Sends a signal; completed by op_done. Succeeds for a process that has ended; SYSP_SIG_KILL reaches what the
   * process left behind even then. os_sig counts only with SYSP_SIG_OS. [main] [proc] */
  sysp_status(SYSP_CALL* signal)(void* self, sysp_op op, sysp_proc proc, int32_t sig, int32_t os_sig);
  /* Says whether the process is known; completed by op_done. For one that has ended it repeats proc_exited first;
   * an unknown one is SYSP_E_NOT_FOUND. [main] [instance] */
  sysp_status(SYSP_CALL* inspect)(void* self, sysp_op op, sysp_proc proc);
  /* Completed by stats_done. The slot may be NULL. [main] [proc] */
  sysp_status(SYSP_CALL* stats)(void* self, sysp_op op, sysp_proc proc);
  /* Forgets the process and never ends it. Unknown ones are ignored. [main] [instance] */
  void(SYSP_CALL* release)(void* self, sysp_proc proc);
  /* Nobody depends on the operation any more; it is still to be completed once. The slot may be NULL. [main] [op] */
  void(SYSP_CALL* cancel)(void* self, sysp_op op);
  /* A plugin extension by its id, or NULL. The slot itself may be NULL. [main] [instance] */
  const void*(SYSP_CALL* get_extension)(void* self, const char* id);
} sysp_driver_vtbl;

/* ==== Driver extension syspulse.freeze/1 ====
 * Holds a process with everything that it started still, and lets it go on. Both are idempotent. A frozen process can
 * still be signalled (it acts on it once it is thawed), inspected, measured and killed. It stays frozen when the host
 * ends; `recover` then sets SYSP_SPAWNF_FROZEN. A driver without the extension cannot pause.
 */
#define SYSP_EXT_FREEZE "syspulse.freeze/1"

/* Frozen table of functions; a later revision has another id. `self` is the driver's instance. */
typedef struct sysp_freeze {
  uint32_t size;
  uint32_t reserved0; /* 0 */
  /* Completed by op_done once nothing of the process runs. [main] [proc] */
  sysp_status(SYSP_CALL* freeze)(void* self, sysp_op op, sysp_proc proc);
  /* Completed by op_done once it may run. [main] [proc] */
  sysp_status(SYSP_CALL* thaw)(void* self, sysp_op op, sysp_proc proc);
} sysp_freeze;

/* ==== Driver extension syspulse.try/1 ====
 * Says, before anything is started, whether the driver can give a daemon what its spec asks for: what no schema can
 * tell, such as whether this machine has a controller. The host asks when specs are validated or added, of an instance
 * that may serve for nothing else. It is a courtesy to operators: the machine may be another one by the time of the
 * spawn, which has to look for itself.
 */
#define SYSP_EXT_TRY "syspulse.try/1"

/* Frozen table of functions; a later revision has another id. `self` is the driver's instance. */
typedef struct sysp_try {
  uint32_t size;
  uint32_t reserved0; /* 0 */
  /* Starts, makes and changes nothing. `config` is the daemon's `with:` block, `limits` as in sysp_spawn_request. What
   * it refuses is a SYSP_E_CONFIG; begin the message with the JSON Pointer of the option, or of the limit as
   * "/resource_limits/max_processes". [main] [instance] */
  sysp_status(SYSP_CALL* try_spawn)(void* self, const sysp_config* config, const sysp_limits* limits);
} sysp_try;

/* ==== The module ==== */

/* sysp_kind.type. The host skips kinds of types that it does not know. */
enum { SYSP_KIND_CHECKER = 1, SYSP_KIND_DRIVER = 2 };

/* One driver or checker. Produced by the plugin; constant. */
typedef struct sysp_kind {
  uint32_t size;
  int32_t type;              /* SYSP_KIND_* */
  const char* name;          /* what specs say: [a-z][a-z0-9-]{0,31} */
  const char* summary;       /* one line; may be NULL */
  const char* config_schema; /* JSON Schema of the options that `create` gets; at most 64 KiB */
  const char* process_schema; /* drivers: JSON Schema of a daemon's `with:` block; NULL when it has no options */
  const void* vtbl;          /* sysp_checker_vtbl or sysp_driver_vtbl */
  uint32_t enforces;         /* drivers: SYSP_LIMIT_* */
  uint32_t reserved0;        /* 0 */
} sysp_kind;

/* The plugin. Produced by the plugin; constant. */
typedef struct sysp_module {
  uint32_t size;
  uint32_t magic;     /* SYSP_MAGIC */
  uint16_t abi_major; /* SYSP_ABI_MAJOR */
  uint16_t abi_minor; /* SYSP_TARGET_MINOR */
  uint32_t flags;     /* 0 */
  const char* id;     /* unique in the world: com.example.redis; letters, digits and . _ - up to 128 */
  const char* version; /* of the plugin, for people */
  const char* vendor;  /* for people; may be NULL */
  const char* sdk;     /* what it was built with, for people; may be NULL */
  const sysp_kind* const* kinds; /* 1 to 64 */
  size_t kind_count;
  /* A module extension by its id, or NULL. The member itself may be NULL. [any] [module] */
  const void*(SYSP_CALL* get_extension)(const char* id);
} sysp_module;

/* The one symbol that a plugin exports. Gives the same pointer every time, to constant data. [any] [module] */
SYSP_EXPORT const sysp_module* SYSP_CALL syspulse_plugin_v1(void);

#ifdef __cplusplus
}
#endif
#endif
