/* A checker against the plain C header, of which the binary is kept: it uses every function of the
 * host that a checker can use. Its target is "WORD PATH": the file is looked at on the loop
 * ("now"), from a worker ("worker"), from a posted function ("posted") or when a timer is due
 * ("timer"), and is healthy when it exists. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syspulse/plugin.h>

typedef struct checker {
    const sysp_host* host;
    const sysp_io* io;
    char note[64];
} checker;

/* One check; its owner is whoever completes it. */
typedef struct check {
    const sysp_host* host;
    sysp_op op;
    char note[64];
    char path[4096];
} check;

static sysp_str text(const char* from) {
    sysp_str made;
    made.ptr = from;
    made.len = strlen(from);
    return made;
}

static sysp_status SYSP_CALL create(const sysp_host* host, const sysp_config* config, void** self) {
    sysp_str note, key, all;
    int64_t count = 0;
    double share = 0;
    int32_t flag = 0;
    size_t entries = 0;
    if (host->cfg_str(config, "/note", &note) != SYSP_OK ||
        host->cfg_i64(config, "/count", &count) != SYSP_OK ||
        host->cfg_f64(config, "/share", &share) != SYSP_OK ||
        host->cfg_bool(config, "/flag", &flag) != SYSP_OK ||
        host->cfg_count(config, "", &entries) != SYSP_OK ||
        host->cfg_json(config, "", &all) != SYSP_OK || all.len < 2 || entries < 4 ||
        host->cfg_str(config, "/key", &key) == SYSP_E_INVALID)
        return SYSP_E_INTERNAL;
    if (count > 9 && flag == 0) {
        sysp_error error;
        memset(&error, 0, sizeof error);
        error.size = sizeof error;
        error.code = SYSP_E_CONFIG;
        error.message = text("/count: more than 9 need the flag");
        host->set_error(host, &error);
        return SYSP_E_CONFIG;
    }
    checker* made = (checker*)calloc(1, sizeof *made);
    if (made == NULL) return SYSP_E_INTERNAL;
    made->host = host;
    made->io = (const sysp_io*)host->get_extension(host, SYSP_EXT_IO);
    if (note.len < sizeof made->note) memcpy(made->note, note.ptr, note.len);
    host->log(host, SYSP_LOG_DEBUG, "made", 4);
    *self = made;
    return SYSP_OK;
}

static void SYSP_CALL destroy(void* self) {
    free(self);
}

static void SYSP_CALL look(void* data) {
    check* own = (check*)data;
    struct stat file;
    const int missing = stat(own->path, &file);
    sysp_metric metric;
    metric.name = text("size_bytes");
    metric.value = missing ? 0 : (double)file.st_size;
    sysp_check_result result;
    memset(&result, 0, sizeof result);
    result.size = sizeof result;
    result.outcome = missing ? SYSP_CHECK_FAIL : SYSP_CHECK_PASS;
    result.message = text(own->note);
    result.metrics = &metric;
    result.metric_count = 1;
    own->host->check_done(own->host, own->op, &result, NULL);
    free(own);
}

static int begins(const char* target, const char* word) {
    return strncmp(target, word, strlen(word)) == 0;
}

static sysp_status SYSP_CALL start(void* self, sysp_op op, const sysp_check_request* request) {
    const checker* checker_ = (const checker*)self;
    const char* path = strchr(request->target.ptr, ' ');
    if (path == NULL || strlen(path) >= sizeof((check*)0)->path) return SYSP_E_INVALID;
    check* made = (check*)calloc(1, sizeof *made);
    if (made == NULL) return SYSP_E_INTERNAL;
    made->host = checker_->host;
    made->op = op;
    strcpy(made->note, checker_->note);
    strcpy(made->path, path + 1);
    sysp_status status = SYSP_OK;
    uint64_t id = 0;
    if (begins(request->target.ptr, "worker "))
        status = made->host->run(made->host, look, made);
    else if (begins(request->target.ptr, "posted "))
        status = made->host->post(made->host, look, made);
    else if (begins(request->target.ptr, "timer ") && checker_->io != NULL)
        status = checker_->io->start_timer(made->host, 1000000, look, made, &id);
    else
        look(made);
    if (status != SYSP_OK) free(made);
    return status;
}

/* Every check is completed soon enough by itself. */
static void SYSP_CALL cancel(void* self, sysp_op op) {
    (void)self;
    (void)op;
}

static const sysp_checker_vtbl slots = {
    sizeof(sysp_checker_vtbl), 0, create, destroy, start, cancel, NULL};
static const sysp_kind kind = {sizeof(sysp_kind),
                               SYSP_KIND_CHECKER,
                               "stored",
                               "Kept as it was built",
                               "{\"type\":\"object\",\"properties\":{\"note\":{\"type\":\"string\","
                               "\"maxLength\":63,\"default\":\"as ever\"},"
                               "\"count\":{\"type\":\"integer\",\"minimum\":1,\"default\":1},"
                               "\"share\":{\"type\":\"number\",\"default\":0.5},"
                               "\"flag\":{\"type\":\"boolean\",\"default\":false},\"key\":{"
                               "\"type\":\"string\",\"x-syspulse-secret\":true}}}",
                               NULL,
                               &slots,
                               0,
                               0};
static const sysp_kind* const kinds[] = {&kind};
static const sysp_module module = {sizeof(sysp_module),
                                   SYSP_MAGIC,
                                   SYSP_ABI_MAJOR,
                                   SYSP_TARGET_MINOR,
                                   0,
                                   "org.syspulse.stored-checker",
                                   "1.0.0",
                                   "syspulse",
                                   "c",
                                   kinds,
                                   1,
                                   NULL};

const sysp_module* SYSP_CALL syspulse_plugin_v1(void) {
    return &module;
}
