/* The checker @NAME@: healthy when the file that the spec's `target` names was written lately. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syspulse/plugin.h>
#include <time.h>

typedef struct checker {
  const sysp_host* host;
  int64_t max_age;
} checker;

static sysp_str text(const char* from) {
  sysp_str made;
  made.ptr = from;
  made.len = strlen(from);
  return made;
}

static sysp_check_result verdict(int32_t outcome, const char* message) {
  sysp_check_result made;
  memset(&made, 0, sizeof made);
  made.size = sizeof made;
  made.outcome = outcome;
  made.message = text(message);
  return made;
}

static sysp_error error(sysp_status code, const char* message) {
  sysp_error made;
  memset(&made, 0, sizeof made);
  made.size = sizeof made;
  made.code = code;
  made.message = text(message);
  return made;
}

/* What create returns once the host has been told why. */
static sysp_status refuse(const sysp_host* host, sysp_status code, const char* message) {
  const sysp_error why = error(code, message);
  host->set_error(host, &why);
  return code;
}

/* The host has checked the options against the schema and filled in the defaults. */
static sysp_status SYSP_CALL create(const sysp_host* host, const sysp_config* config, void** self) {
  checker* made = (checker*)malloc(sizeof *made);
  if (made == NULL) return refuse(host, SYSP_E_INTERNAL, "cannot make a checker: no memory is left");
  made->host = host;
  const sysp_status status = host->cfg_i64(config, "/max_age_secs", &made->max_age);
  if (status != SYSP_OK) {
    free(made);
    return refuse(host, status, "/max_age_secs: expected a number of seconds");
  }
  *self = made;
  return SYSP_OK;
}

static void SYSP_CALL destroy(void* self) { free(self); }

/* On the host's loop thread: what takes long belongs on a worker (host->run). Every accepted check is completed once. */
static sysp_status SYSP_CALL start(void* self, sysp_op op, const sysp_check_request* request) {
  const checker* own = (const checker*)self;
  const char* path = request->target.ptr;
  char message[PATH_MAX + 128]; /* A longer path the system does not take; its end is cut off. */
  struct stat file;
  if (stat(path, &file) != 0) {
    const int number = errno;
    if (number == ENOENT && request->target.len != 0) {
      /* A verdict about the target; an error is for what keeps the checker from one. */
      snprintf(message, sizeof message, "%.*s is missing", PATH_MAX, path);
      const sysp_check_result missing = verdict(SYSP_CHECK_FAIL, message);
      own->host->check_done(own->host, op, &missing, NULL);
      return SYSP_OK;
    }
    const char* hint = request->target.len == 0 ? ", the target must be the path of a file" : "";
    snprintf(message, sizeof message, "cannot look at \"%.*s\": %s%s", PATH_MAX, path, strerror(number), hint);
    sysp_error failed = error(SYSP_E_OS, message);
    failed.os_domain = SYSP_OS_ERRNO;
    failed.os_code = number;
    own->host->check_done(own->host, op, NULL, &failed);
    return SYSP_OK;
  }
  const int64_t age = (int64_t)(time(NULL) - file.st_mtime);
  snprintf(message, sizeof message, "%.*s is %lld s old, at most %lld expected", PATH_MAX, path, (long long)age,
           (long long)own->max_age);
  sysp_metric metric;
  metric.name = text("age_seconds");
  metric.value = (double)age;
  sysp_check_result result = verdict(age <= own->max_age ? SYSP_CHECK_PASS : SYSP_CHECK_FAIL, message);
  result.metrics = &metric;
  result.metric_count = 1;
  own->host->check_done(own->host, op, &result, NULL);
  return SYSP_OK;
}

/* Never with work to do, since every check is complete when start returns. */
static void SYSP_CALL cancel(void* self, sysp_op op) {
  (void)self;
  (void)op;
}

static const sysp_checker_vtbl slots = {sizeof(sysp_checker_vtbl), 0, create, destroy, start, cancel, NULL};
static const sysp_kind kind = {
    sizeof(sysp_kind), SYSP_KIND_CHECKER, "@NAME@", "Watches the age of a file",
    "{\"type\":\"object\",\"properties\":{\"max_age_secs\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":31536000,"
    "\"default\":3600,\"description\":\"An older file is unhealthy\"}}}",
    NULL, &slots, 0, 0};
static const sysp_kind* const kinds[] = {&kind};
static const sysp_module module = {sizeof(sysp_module), SYSP_MAGIC, SYSP_ABI_MAJOR, SYSP_TARGET_MINOR, 0,
                                   "com.example.@NAME@", "0.1.0", "Example", "c", kinds, 1, NULL};

const sysp_module* SYSP_CALL syspulse_plugin_v1(void) { return &module; }
