/* The checker @NAME@: healthy when the file that the spec's `target` names was written lately. */
#include <errno.h>
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

static sysp_error error(sysp_status code, const char* message) {
  sysp_error made;
  memset(&made, 0, sizeof made);
  made.size = sizeof made;
  made.code = code;
  made.message = text(message);
  return made;
}

/* The host has checked the options against the schema and filled in the defaults. */
static sysp_status SYSP_CALL create(const sysp_host* host, const sysp_config* config, void** self) {
  checker* made = (checker*)malloc(sizeof *made);
  if (made == NULL) return SYSP_E_INTERNAL;
  made->host = host;
  const sysp_status status = host->cfg_i64(config, "/max_age_secs", &made->max_age);
  if (status != SYSP_OK) {
    free(made);
    return status;
  }
  *self = made;
  return SYSP_OK;
}

static void SYSP_CALL destroy(void* self) { free(self); }

/* On the host's loop thread: what takes long belongs on a worker (host->run). Every accepted check is completed once. */
static sysp_status SYSP_CALL start(void* self, sysp_op op, const sysp_check_request* request) {
  const checker* own = (const checker*)self;
  struct stat file;
  if (stat(request->target.ptr, &file) != 0) {
    sysp_error failed = error(SYSP_E_OS, "cannot look at the file");
    failed.os_domain = SYSP_OS_ERRNO;
    failed.os_code = errno;
    own->host->check_done(own->host, op, NULL, &failed);
    return SYSP_OK;
  }
  const int64_t age = (int64_t)(time(NULL) - file.st_mtime);
  char message[64];
  snprintf(message, sizeof message, "it is %lld s old", (long long)age);
  sysp_metric metric;
  metric.name = text("age_seconds");
  metric.value = (double)age;
  sysp_check_result result;
  memset(&result, 0, sizeof result);
  result.size = sizeof result;
  result.outcome = age <= own->max_age ? SYSP_CHECK_PASS : SYSP_CHECK_FAIL;
  result.message = text(message);
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
