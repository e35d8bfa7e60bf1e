/* syspulse/plugin.h - plugin ABI 0 (exact match). C11, and C++11 or later. No other syspulse header needed. */
#ifndef SYSPULSE_PLUGIN_H
#define SYSPULSE_PLUGIN_H
#include <stddef.h>
#include <stdint.h>

#define SYSP_ABI_MAJOR  0
#define SYSP_ABI_MINOR  0              /* newest minor this header describes            */
#ifndef SYSP_TARGET_MINOR              /* oldest core minor the plugin must load in;    */
#define SYSP_TARGET_MINOR 0            /* also hides everything newer than that minor   */
#endif
#if SYSP_TARGET_MINOR > SYSP_ABI_MINOR
#error "SYSP_TARGET_MINOR is newer than this SDK"
#endif
#define SYSP_MAGIC 0x50535953u         /* 'S','Y','S','P' little-endian                  */

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

/* True when *p was built with member f. The only legal way to read a member added after 1.0. */
#define SYSP_HAS(p, f) \
  ((size_t)((const char*)&(p)->f - (const char*)(p)) + sizeof((p)->f) <= (size_t)(p)->size)

/* ---- frozen scalar types ------------------------------------------------------------- */
typedef int32_t  sysp_status;
typedef uint64_t sysp_op;              /* host-issued, generation-tagged, never reused     */
typedef uint64_t sysp_proc;            /* host-issued name of one supervised process       */
typedef int64_t  sysp_handle;          /* POSIX fd, or Windows HANDLE value; -1 = none     */
typedef struct sysp_str { const char* ptr; size_t len; } sysp_str;  /* UTF-8; frozen. Host to
                                          plugin: also NUL-terminated, len excludes the NUL */

enum {                                 /* sysp_status; readers must accept unknown values  */
  SYSP_OK = 0, SYSP_E_INVALID = 1, SYSP_E_CONFIG = 2, SYSP_E_NOT_FOUND = 3,
  SYSP_E_UNSUPPORTED = 4, SYSP_E_BUSY = 5, SYSP_E_CANCELLED = 6, SYSP_E_TIMEOUT = 7,
  SYSP_E_DENIED = 8, SYSP_E_OS = 9, SYSP_E_STALE = 10, SYSP_E_INTERNAL = 11,
  SYSP_E_PLUGIN_LOST = 12              /* only ever produced by the core                   */
};
enum { SYSP_LOG_DEBUG = 0, SYSP_LOG_INFO = 1, SYSP_LOG_WARN = 2, SYSP_LOG_ERROR = 3 };
enum { SYSP_OS_NONE = 0, SYSP_OS_ERRNO = 1, SYSP_OS_WIN32 = 2, SYSP_OS_OTHER = 3 };
enum { SYSP_ERR_RETRYABLE = 1u << 0 };
enum { SYSP_CHECK_UNKNOWN = 0, SYSP_CHECK_PASS = 1, SYSP_CHECK_WARN = 2, SYSP_CHECK_FAIL = 3 };
enum { SYSP_SIG_TERMINATE = 1, SYSP_SIG_KILL = 2, SYSP_SIG_RELOAD = 3, SYSP_SIG_OS = 4 };
enum { SYSP_EXIT_CODE = 1, SYSP_EXIT_SIGNAL = 2, SYSP_EXIT_LOST = 3 };
enum { SYSP_EXITF_OOM = 1u << 0 };
enum { SYSP_STAT_CPU = 1u << 0, SYSP_STAT_RSS = 1u << 1, SYSP_STAT_TASKS = 1u << 2 };
enum { SYSP_KEEP_PIDFD = 1, SYSP_KEEP_PROCESS = 2, SYSP_KEEP_JOB = 3, SYSP_KEEP_CGROUP = 4 };

/* ---- values ---------------------------------------------------------------------------
 * Every struct passed by pointer starts with `size` = sizeof at the producer's build.
 * Members are only ever appended; a zero value always means what its absence meant.
 * Nothing crosses with ownership: the receiver copies (or dups) before it returns.        */
typedef struct sysp_error {
  uint32_t size; sysp_status code;
  uint32_t flags; uint32_t os_domain; int32_t os_code; uint32_t reserved0;
  sysp_str message;
} sysp_error;

typedef struct sysp_metric { sysp_str name; double value; } sysp_metric;             /* frozen */

typedef struct sysp_check_result {
  uint32_t size; int32_t outcome;
  sysp_str message;
  const sysp_metric* metrics; size_t metric_count;
} sysp_check_result;

typedef struct sysp_keep { int32_t kind; int32_t reserved0; sysp_handle handle; } sysp_keep; /* frozen */

typedef struct sysp_spawn_result {
  uint32_t size; uint32_t reserved0;
  int64_t  pid;
  sysp_str token;                      /* opaque bytes, <= 4096; persisted; given to recover */
  const sysp_keep* keep; size_t keep_count;
} sysp_spawn_result;

typedef struct sysp_exit {
  uint32_t size; int32_t kind; int32_t value; uint32_t flags;
} sysp_exit;

typedef struct sysp_stats {
  uint32_t size; uint32_t valid;       /* SYSP_STAT_* bits say which members mean something */
  uint64_t cpu_ns; uint64_t rss_bytes; uint64_t tasks;
} sysp_stats;

/* ---- host -> given to the plugin --------------------------------------------------------
 * One sysp_host per created instance, so every call is attributable. The memory stays valid
 * for the life of the OS process. No host function calls back into the plugin before it
 * returns; none blocks; none may be called from a signal handler or between fork and exec. */
typedef struct sysp_config sysp_config;         /* opaque, already validated and defaulted  */
typedef struct sysp_host sysp_host;
struct sysp_host {
  uint32_t size; uint16_t abi_major; uint16_t abi_minor;
  void* impl;                                                             /* host private   */
  const void* (SYSP_CALL *get_extension)(const sysp_host*, const char* id);      /* [any]    */
  void        (SYSP_CALL *log)(const sysp_host*, int32_t level, const char*, size_t); /* [any] */
  void        (SYSP_CALL *set_error)(const sysp_host*, const sysp_error*);       /* [in-call] */
  sysp_status (SYSP_CALL *run)(const sysp_host*, void (SYSP_CALL *fn)(void*), void*); /* [any]; fn is [worker] */
  sysp_status (SYSP_CALL *post)(const sysp_host*, void (SYSP_CALL *fn)(void*), void*);/* [any]; fn is [main]   */
  /* completions: exactly one per accepted op; err == NULL means success             [any]    */
  sysp_status (SYSP_CALL *op_done)(const sysp_host*, sysp_op, const sysp_error*);
  sysp_status (SYSP_CALL *check_done)(const sysp_host*, sysp_op, const sysp_check_result*, const sysp_error*);
  sysp_status (SYSP_CALL *spawn_done)(const sysp_host*, sysp_op, const sysp_spawn_result*, const sysp_error*);
  sysp_status (SYSP_CALL *stats_done)(const sysp_host*, sysp_op, const sysp_stats*, const sysp_error*);
  /* event: after spawn_done, at least once per process, idempotent for the core     [any]    */
  sysp_status (SYSP_CALL *proc_exited)(const sysp_host*, sysp_proc, const sysp_exit*);
  /* config: JSON-Pointer paths. A required or defaulted key never fails.            [any]    */
  sysp_status (SYSP_CALL *cfg_str)(const sysp_config*, const char* path, sysp_str*);
  sysp_status (SYSP_CALL *cfg_i64)(const sysp_config*, const char* path, int64_t*);
  sysp_status (SYSP_CALL *cfg_f64)(const sysp_config*, const char* path, double*);
  sysp_status (SYSP_CALL *cfg_bool)(const sysp_config*, const char* path, int32_t*);
  sysp_status (SYSP_CALL *cfg_count)(const sysp_config*, const char* path, size_t*);
  sysp_status (SYSP_CALL *cfg_json)(const sysp_config*, const char* path, sysp_str*);
};

/* ---- host extension "syspulse.io/1": the host's loop ---------------------------------------
 * Watches and one-shot timers whose callbacks run on [main]. Level-triggered. A watched handle stays the
 * plugin's and must stay open until unwatch. No callback runs after unwatch/cancel_timer returned.  */
#define SYSP_EXT_IO "syspulse.io/1"
enum { SYSP_IO_READ = 1u << 0, SYSP_IO_WRITE = 1u << 1, SYSP_IO_ERROR = 1u << 2 };
typedef struct sysp_io {
  uint32_t size; uint32_t reserved0;
  sysp_status (SYSP_CALL *watch)(const sysp_host*, sysp_handle, uint32_t interest,
                                 void (SYSP_CALL *ready)(void*, uint32_t), void*, uint64_t* id); /* [main] */
  sysp_status (SYSP_CALL *rewatch)(const sysp_host*, uint64_t id, uint32_t interest);  /* [main] */
  void        (SYSP_CALL *unwatch)(const sysp_host*, uint64_t id);                     /* [main] */
  sysp_status (SYSP_CALL *start_timer)(const sysp_host*, uint64_t delay_ns,
                                       void (SYSP_CALL *due)(void*), void*, uint64_t* id);       /* [main] */
  void        (SYSP_CALL *cancel_timer)(const sysp_host*, uint64_t id);                /* [main] */
  uint64_t    (SYSP_CALL *now_ns)(const sysp_host*);       /* monotonic                 [any] */
} sysp_io;

/* ---- plugin -> host: checker ------------------------------------------------------------ */
typedef struct sysp_check_request {
  uint32_t size; uint32_t timeout_ms;
  sysp_proc proc; int64_t pid;         /* subject of the check; 0 / -1 when there is none   */
  sysp_str  unit;
  sysp_str  target;                    /* the spec's `target`, not interpreted by the core  */
} sysp_check_request;

typedef struct sysp_checker_vtbl {
  uint32_t size; uint32_t reserved0;
  sysp_status (SYSP_CALL *create)(const sysp_host*, const sysp_config*, void** self);    /* [main] */
  void        (SYSP_CALL *destroy)(void* self);                                          /* [main] */
  sysp_status (SYSP_CALL *start)(void* self, sysp_op, const sysp_check_request*);        /* [main] */
  void        (SYSP_CALL *cancel)(void* self, sysp_op);                                  /* [main] */
  const void* (SYSP_CALL *get_extension)(void* self, const char* id);        /* [main]; may be NULL */
} sysp_checker_vtbl;

/* ---- plugin -> host: driver ------------------------------------------------------------- */
enum {                                 /* sysp_kind.enforces and sysp_limits.valid          */
  SYSP_LIMIT_MEMORY = 1u << 0, SYSP_LIMIT_CPU = 1u << 1,
  SYSP_LIMIT_OPEN_FILES = 1u << 2, SYSP_LIMIT_PROCESSES = 1u << 3
};
typedef struct sysp_limits {
  uint32_t size; uint32_t valid;       /* SYSP_LIMIT_* bits say which members mean something */
  uint64_t memory_bytes; uint64_t open_files; uint64_t processes;
  uint32_t cpu_percent; uint32_t reserved0;   /* of one CPU; above 100 means several        */
} sysp_limits;

typedef struct sysp_spawn_request {
  uint32_t size; uint32_t flags;
  sysp_proc proc;                      /* the core's name for it, valid until release       */
  sysp_str  run_id;                    /* unique for ever, persisted before spawn is called */
  sysp_str  unit;
  const sysp_str* argv; size_t argc;
  const sysp_str* env;  size_t envc;   /* "K=V", complete environment                       */
  sysp_str  cwd; sysp_str user;
  sysp_handle stdio[3];                /* borrowed for the call; dup to keep                */
  const sysp_config* config;           /* per-process driver config                          */
  const sysp_limits* limits;           /* never NULL; only limits the kind declares as enforced */
} sysp_spawn_request;

typedef struct sysp_recover_request {
  uint32_t size; uint32_t flags;
  sysp_proc proc; sysp_str run_id;
  sysp_str  token;                     /* empty if the core died before spawn_done          */
  const sysp_config* config;
} sysp_recover_request;

typedef struct sysp_driver_vtbl {
  uint32_t size; uint32_t reserved0;
  sysp_status (SYSP_CALL *create)(const sysp_host*, const sysp_config*, void** self);    /* [main] */
  void        (SYSP_CALL *destroy)(void* self);               /* [main]; never kills processes     */
  sysp_status (SYSP_CALL *spawn)(void* self, sysp_op, const sysp_spawn_request*);   /* spawn_done  */
  sysp_status (SYSP_CALL *recover)(void* self, sysp_op, const sysp_recover_request*);/* spawn_done */
  sysp_status (SYSP_CALL *signal)(void* self, sysp_op, sysp_proc, int32_t sig, int32_t os_sig); /* op_done */
  sysp_status (SYSP_CALL *inspect)(void* self, sysp_op, sysp_proc);    /* op_done; re-sends proc_exited */
  sysp_status (SYSP_CALL *stats)(void* self, sysp_op, sysp_proc);      /* stats_done; may be NULL */
  void        (SYSP_CALL *release)(void* self, sysp_proc);    /* forget; never kills; idempotent   */
  void        (SYSP_CALL *cancel)(void* self, sysp_op);       /* best effort; may be NULL          */
  const void* (SYSP_CALL *get_extension)(void* self, const char* id);              /* may be NULL  */
} sysp_driver_vtbl;

/* ---- plugin -> host: module -------------------------------------------------------------- */
enum { SYSP_KIND_CHECKER = 1, SYSP_KIND_DRIVER = 2 };
typedef struct sysp_kind {
  uint32_t size; int32_t type;         /* hosts skip kinds whose type they do not know      */
  const char* name;                    /* [a-z][a-z0-9-]{0,31}; what YAML says               */
  const char* summary;
  const char* config_schema;           /* JSON Schema subset, UTF-8 JSON text               */
  const char* process_schema;          /* drivers: schema of the per-process block, or NULL  */
  const void* vtbl;                    /* sysp_checker_vtbl or sysp_driver_vtbl              */
  uint32_t enforces; uint32_t reserved0;      /* drivers: SYSP_LIMIT_* that are enforced      */
} sysp_kind;

typedef struct sysp_module {
  uint32_t size; uint32_t magic;
  uint16_t abi_major; uint16_t abi_minor;   /* needs a core of this major, minor >= this     */
  uint32_t flags;
  const char* id; const char* version; const char* vendor; const char* sdk;
  const sysp_kind* const* kinds; size_t kind_count;           /* pointers: kinds may grow    */
  const void* (SYSP_CALL *get_extension)(const char* id);     /* may be NULL                 */
} sysp_module;

/* The one exported symbol. [any]; pure; same pointer every time; valid until process exit.  */
SYSP_EXPORT const sysp_module* SYSP_CALL syspulse_plugin_v0(void);

#ifdef __cplusplus
}
#endif
#endif
