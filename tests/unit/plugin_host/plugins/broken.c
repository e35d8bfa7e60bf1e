/* A checker with one fault, chosen at build time, for the tests of the loader. */
#include <syspulse/plugin.h>

#ifndef FAULT_MAGIC
#define FAULT_MAGIC SYSP_MAGIC
#endif
#ifndef FAULT_MAJOR
#define FAULT_MAJOR SYSP_ABI_MAJOR
#endif
#ifndef FAULT_MINOR
#define FAULT_MINOR SYSP_ABI_MINOR
#endif
#ifndef FAULT_SIZE
#define FAULT_SIZE sizeof(sysp_module)
#endif
#ifndef FAULT_ID
#define FAULT_ID "org.example.broken"
#endif
#ifndef FAULT_KIND
#define FAULT_KIND "broken"
#endif
#ifndef FAULT_SECOND_KIND
#define FAULT_SECOND_KIND "broken-too"
#endif
#ifndef FAULT_START
#define FAULT_START start
#endif
#ifndef FAULT_SCHEMA
#define FAULT_SCHEMA "{}"
#endif
#ifndef FAULT_ENTRY
#define FAULT_ENTRY syspulse_plugin_v1
#endif

static sysp_status create(const sysp_host* host, const sysp_config* config, void** self) {
    (void)host;
    (void)config;
    *self = NULL;
    return SYSP_OK;
}
static void destroy(void* self) {
    (void)self;
}
static sysp_status start(void* self, sysp_op op, const sysp_check_request* request) {
    (void)self;
    (void)op;
    (void)request;
    return SYSP_E_UNSUPPORTED;
}
static void cancel(void* self, sysp_op op) {
    (void)self;
    (void)op;
}

static const sysp_checker_vtbl table = {
    sizeof(sysp_checker_vtbl), 0, create, destroy, FAULT_START, cancel, NULL};
static const sysp_kind first = {
    sizeof(sysp_kind), SYSP_KIND_CHECKER, FAULT_KIND, "First", FAULT_SCHEMA, NULL, &table, 0, 0};
static const sysp_kind second = {
    sizeof(sysp_kind), SYSP_KIND_CHECKER, FAULT_SECOND_KIND, "Second", "{}", NULL, &table, 0, 0};
static const sysp_kind* const kinds[] = {&first, &second};
static const sysp_module module = {FAULT_SIZE, FAULT_MAGIC, FAULT_MAJOR, FAULT_MINOR, 0, FAULT_ID,
                                   "1.0.0",    "example",   "raw",       kinds,       2, NULL};

SYSP_EXPORT const sysp_module* SYSP_CALL FAULT_ENTRY(void);
const sysp_module* SYSP_CALL FAULT_ENTRY(void) {
    (void)start; /* Unused where a fault takes its place. */
    return &module;
}
