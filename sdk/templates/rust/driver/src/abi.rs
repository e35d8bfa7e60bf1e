//! The C ABI of syspulse plugins. Written from plugin.h; its comments are the documentation.
#![allow(non_camel_case_types, dead_code)]

use std::os::raw::{c_char, c_void};

pub const SYSP_ABI_MAJOR: u16 = 1;
pub const SYSP_TARGET_MINOR: u16 = 0;
pub const SYSP_MAGIC: u32 = 0x50535953;
pub type sysp_status = i32;
pub type sysp_op = u64;
pub type sysp_proc = u64;
pub type sysp_handle = i64;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sysp_str {
    pub ptr: *const c_char,
    pub len: usize,
}
pub const SYSP_OK: i32 = 0;
pub const SYSP_E_INVALID: i32 = 1;
pub const SYSP_E_CONFIG: i32 = 2;
pub const SYSP_E_NOT_FOUND: i32 = 3;
pub const SYSP_E_UNSUPPORTED: i32 = 4;
pub const SYSP_E_BUSY: i32 = 5;
pub const SYSP_E_CANCELLED: i32 = 6;
pub const SYSP_E_TIMEOUT: i32 = 7;
pub const SYSP_E_DENIED: i32 = 8;
pub const SYSP_E_OS: i32 = 9;
pub const SYSP_E_STALE: i32 = 10;
pub const SYSP_E_INTERNAL: i32 = 11;
pub const SYSP_E_PLUGIN_LOST: i32 = 12;
pub const SYSP_OS_NONE: i32 = 0;
pub const SYSP_OS_ERRNO: i32 = 1;
pub const SYSP_OS_WIN32: i32 = 2;
pub const SYSP_OS_OTHER: i32 = 3;
pub const SYSP_ERR_RETRYABLE: u32 = 1 << 0;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sysp_error {
    pub size: u32,
    pub code: sysp_status,
    pub flags: u32,
    pub os_domain: u32,
    pub os_code: i32,
    pub reserved0: u32,
    pub message: sysp_str,
}
#[repr(C)]
pub struct sysp_config {
    _private: [u8; 0],
}
pub const SYSP_LOG_DEBUG: i32 = 0;
pub const SYSP_LOG_INFO: i32 = 1;
pub const SYSP_LOG_WARN: i32 = 2;
pub const SYSP_LOG_ERROR: i32 = 3;
#[repr(C)]
pub struct sysp_host {
    pub size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub r#impl: *mut c_void,
    pub get_extension: Option<unsafe extern "C" fn(*const sysp_host, *const c_char) -> *const c_void>,
    pub log: Option<unsafe extern "C" fn(*const sysp_host, i32, *const c_char, usize)>,
    pub set_error: Option<unsafe extern "C" fn(*const sysp_host, *const sysp_error)>,
    pub run: Option<unsafe extern "C" fn(*const sysp_host, Option<unsafe extern "C" fn(*mut c_void)>, *mut c_void) -> sysp_status>,
    pub post: Option<unsafe extern "C" fn(*const sysp_host, Option<unsafe extern "C" fn(*mut c_void)>, *mut c_void) -> sysp_status>,
    pub op_done: Option<unsafe extern "C" fn(*const sysp_host, sysp_op, *const sysp_error) -> sysp_status>,
    pub check_done: Option<unsafe extern "C" fn(*const sysp_host, sysp_op, *const sysp_check_result, *const sysp_error) -> sysp_status>,
    pub spawn_done: Option<unsafe extern "C" fn(*const sysp_host, sysp_op, *const sysp_spawn_result, *const sysp_error) -> sysp_status>,
    pub stats_done: Option<unsafe extern "C" fn(*const sysp_host, sysp_op, *const sysp_stats, *const sysp_error) -> sysp_status>,
    pub proc_exited: Option<unsafe extern "C" fn(*const sysp_host, sysp_proc, *const sysp_exit) -> sysp_status>,
    pub cfg_str: Option<unsafe extern "C" fn(*const sysp_config, *const c_char, *mut sysp_str) -> sysp_status>,
    pub cfg_i64: Option<unsafe extern "C" fn(*const sysp_config, *const c_char, *mut i64) -> sysp_status>,
    pub cfg_f64: Option<unsafe extern "C" fn(*const sysp_config, *const c_char, *mut f64) -> sysp_status>,
    pub cfg_bool: Option<unsafe extern "C" fn(*const sysp_config, *const c_char, *mut i32) -> sysp_status>,
    pub cfg_count: Option<unsafe extern "C" fn(*const sysp_config, *const c_char, *mut usize) -> sysp_status>,
    pub cfg_json: Option<unsafe extern "C" fn(*const sysp_config, *const c_char, *mut sysp_str) -> sysp_status>,
}
pub const SYSP_EXT_IO: &[u8] = b"syspulse.io/1\0";
pub const SYSP_IO_READ: u32 = 1 << 0;
pub const SYSP_IO_WRITE: u32 = 1 << 1;
pub const SYSP_IO_ERROR: u32 = 1 << 2;
pub const SYSP_IO_OBJECT: u32 = 1 << 3;
#[repr(C)]
pub struct sysp_io {
    pub size: u32,
    pub reserved0: u32,
    pub watch: Option<unsafe extern "C" fn(*const sysp_host, sysp_handle, u32, Option<unsafe extern "C" fn(*mut c_void, u32)>, *mut c_void, *mut u64) -> sysp_status>,
    pub rewatch: Option<unsafe extern "C" fn(*const sysp_host, u64, u32) -> sysp_status>,
    pub unwatch: Option<unsafe extern "C" fn(*const sysp_host, u64)>,
    pub start_timer: Option<unsafe extern "C" fn(*const sysp_host, u64, Option<unsafe extern "C" fn(*mut c_void)>, *mut c_void, *mut u64) -> sysp_status>,
    pub cancel_timer: Option<unsafe extern "C" fn(*const sysp_host, u64)>,
    pub now_ns: Option<unsafe extern "C" fn(*const sysp_host) -> u64>,
}
pub const SYSP_CHECK_UNKNOWN: i32 = 0;
pub const SYSP_CHECK_PASS: i32 = 1;
pub const SYSP_CHECK_WARN: i32 = 2;
pub const SYSP_CHECK_FAIL: i32 = 3;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sysp_metric {
    pub name: sysp_str,
    pub value: f64,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sysp_check_result {
    pub size: u32,
    pub outcome: i32,
    pub message: sysp_str,
    pub metrics: *const sysp_metric,
    pub metric_count: usize,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sysp_check_request {
    pub size: u32,
    pub timeout_ms: u32,
    pub proc: sysp_proc,
    pub pid: i64,
    pub unit: sysp_str,
    pub target: sysp_str,
}
#[repr(C)]
pub struct sysp_checker_vtbl {
    pub size: u32,
    pub reserved0: u32,
    pub create: Option<unsafe extern "C" fn(*const sysp_host, *const sysp_config, *mut *mut c_void) -> sysp_status>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    pub start: Option<unsafe extern "C" fn(*mut c_void, sysp_op, *const sysp_check_request) -> sysp_status>,
    pub cancel: Option<unsafe extern "C" fn(*mut c_void, sysp_op)>,
    pub get_extension: Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> *const c_void>,
}
pub const SYSP_LIMIT_MEMORY: u32 = 1 << 0;
pub const SYSP_LIMIT_CPU: u32 = 1 << 1;
pub const SYSP_LIMIT_OPEN_FILES: u32 = 1 << 2;
pub const SYSP_LIMIT_PROCESSES: u32 = 1 << 3;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sysp_limits {
    pub size: u32,
    pub valid: u32,
    pub memory_bytes: u64,
    pub open_files: u64,
    pub processes: u64,
    pub cpu_percent: u32,
    pub reserved0: u32,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sysp_spawn_request {
    pub size: u32,
    pub flags: u32,
    pub proc: sysp_proc,
    pub run_id: sysp_str,
    pub unit: sysp_str,
    pub argv: *const sysp_str,
    pub argc: usize,
    pub env: *const sysp_str,
    pub envc: usize,
    pub cwd: sysp_str,
    pub user: sysp_str,
    pub stdio: [sysp_handle; 3],
    pub config: *const sysp_config,
    pub limits: *const sysp_limits,
    pub pid_slot: *mut i32,
}
pub const SYSP_KEEP_PIDFD: i32 = 1;
pub const SYSP_KEEP_PROCESS: i32 = 2;
pub const SYSP_KEEP_JOB: i32 = 3;
pub const SYSP_KEEP_CGROUP: i32 = 4;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sysp_keep {
    pub kind: i32,
    pub reserved0: i32,
    pub handle: sysp_handle,
}
pub const SYSP_SPAWNF_FROZEN: u32 = 1 << 0;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sysp_spawn_result {
    pub size: u32,
    pub reserved0: u32,
    pub pid: i64,
    pub token: sysp_str,
    pub keep: *const sysp_keep,
    pub keep_count: usize,
    pub flags: u32,
    pub reserved1: u32,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sysp_recover_request {
    pub size: u32,
    pub flags: u32,
    pub proc: sysp_proc,
    pub run_id: sysp_str,
    pub token: sysp_str,
    pub config: *const sysp_config,
}
pub const SYSP_SIG_TERMINATE: i32 = 1;
pub const SYSP_SIG_KILL: i32 = 2;
pub const SYSP_SIG_RELOAD: i32 = 3;
pub const SYSP_SIG_OS: i32 = 4;
pub const SYSP_EXIT_CODE: i32 = 1;
pub const SYSP_EXIT_SIGNAL: i32 = 2;
pub const SYSP_EXIT_LOST: i32 = 3;
pub const SYSP_EXITF_OOM: u32 = 1 << 0;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sysp_exit {
    pub size: u32,
    pub kind: i32,
    pub value: i32,
    pub flags: u32,
    pub memory_peak_bytes: u64,
}
pub const SYSP_STAT_CPU: u32 = 1 << 0;
pub const SYSP_STAT_RSS: u32 = 1 << 1;
pub const SYSP_STAT_TASKS: u32 = 1 << 2;
pub const SYSP_STAT_CPU_SPLIT: u32 = 1 << 3;
pub const SYSP_STAT_MEMORY_PEAK: u32 = 1 << 4;
pub const SYSP_STAT_IO: u32 = 1 << 5;
pub const SYSP_STAT_THROTTLED: u32 = 1 << 6;
pub const SYSP_STAT_PSI_CPU: u32 = 1 << 7;
pub const SYSP_STAT_PSI_MEMORY: u32 = 1 << 8;
pub const SYSP_STAT_PSI_IO: u32 = 1 << 9;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sysp_pressure {
    pub some_avg10: f64,
    pub some_avg60: f64,
    pub some_avg300: f64,
    pub full_avg10: f64,
    pub full_avg60: f64,
    pub full_avg300: f64,
    pub some_ns: u64,
    pub full_ns: u64,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sysp_stats {
    pub size: u32,
    pub valid: u32,
    pub cpu_ns: u64,
    pub rss_bytes: u64,
    pub tasks: u64,
    pub cpu_user_ns: u64,
    pub cpu_system_ns: u64,
    pub memory_peak_bytes: u64,
    pub io_read_bytes: u64,
    pub io_write_bytes: u64,
    pub throttled_ns: u64,
    pub throttled_count: u64,
    pub cpu_pressure: sysp_pressure,
    pub memory_pressure: sysp_pressure,
    pub io_pressure: sysp_pressure,
}
#[repr(C)]
pub struct sysp_driver_vtbl {
    pub size: u32,
    pub reserved0: u32,
    pub create: Option<unsafe extern "C" fn(*const sysp_host, *const sysp_config, *mut *mut c_void) -> sysp_status>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    pub spawn: Option<unsafe extern "C" fn(*mut c_void, sysp_op, *const sysp_spawn_request) -> sysp_status>,
    pub recover: Option<unsafe extern "C" fn(*mut c_void, sysp_op, *const sysp_recover_request) -> sysp_status>,
    pub signal: Option<unsafe extern "C" fn(*mut c_void, sysp_op, sysp_proc, i32, i32) -> sysp_status>,
    pub inspect: Option<unsafe extern "C" fn(*mut c_void, sysp_op, sysp_proc) -> sysp_status>,
    pub stats: Option<unsafe extern "C" fn(*mut c_void, sysp_op, sysp_proc) -> sysp_status>,
    pub release: Option<unsafe extern "C" fn(*mut c_void, sysp_proc)>,
    pub cancel: Option<unsafe extern "C" fn(*mut c_void, sysp_op)>,
    pub get_extension: Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> *const c_void>,
}
pub const SYSP_EXT_FREEZE: &[u8] = b"syspulse.freeze/1\0";
#[repr(C)]
pub struct sysp_freeze {
    pub size: u32,
    pub reserved0: u32,
    pub freeze: Option<unsafe extern "C" fn(*mut c_void, sysp_op, sysp_proc) -> sysp_status>,
    pub thaw: Option<unsafe extern "C" fn(*mut c_void, sysp_op, sysp_proc) -> sysp_status>,
}
pub const SYSP_EXT_TRY: &[u8] = b"syspulse.try/1\0";
#[repr(C)]
pub struct sysp_try {
    pub size: u32,
    pub reserved0: u32,
    pub try_spawn: Option<unsafe extern "C" fn(*mut c_void, *const sysp_config, *const sysp_limits) -> sysp_status>,
}
pub const SYSP_KIND_CHECKER: i32 = 1;
pub const SYSP_KIND_DRIVER: i32 = 2;
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sysp_kind {
    pub size: u32,
    pub r#type: i32,
    pub name: *const c_char,
    pub summary: *const c_char,
    pub config_schema: *const c_char,
    pub process_schema: *const c_char,
    pub vtbl: *const c_void,
    pub enforces: u32,
    pub reserved0: u32,
}
#[repr(C)]
pub struct sysp_module {
    pub size: u32,
    pub magic: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub flags: u32,
    pub id: *const c_char,
    pub version: *const c_char,
    pub vendor: *const c_char,
    pub sdk: *const c_char,
    pub kinds: *const *const sysp_kind,
    pub kind_count: usize,
    pub get_extension: Option<unsafe extern "C" fn(*const c_char) -> *const c_void>,
}
