//! The checker @NAME@: healthy when the file that the spec's `target` names was written lately. No crate is needed;
//! abi.rs is the C header of the SDK in Rust.
mod abi;

use abi::*;
use std::os::raw::{c_char, c_void};
use std::panic::catch_unwind;
use std::time::SystemTime;

struct Checker {
    host: &'static sysp_host,
    max_age: u64,
}

fn borrow(text: &str) -> sysp_str {
    sysp_str { ptr: text.as_ptr() as *const c_char, len: text.len() }
}

fn text_of(text: &sysp_str) -> String {
    if text.ptr.is_null() {
        return String::new();
    }
    let bytes = unsafe { std::slice::from_raw_parts(text.ptr as *const u8, text.len) };
    String::from_utf8_lossy(bytes).into_owned()
}

impl Checker {
    fn new(host: &'static sysp_host, config: *const sysp_config) -> Result<Checker, sysp_status> {
        let mut max_age = 0i64;
        let path = b"/max_age_secs\0".as_ptr() as *const c_char;
        match unsafe { (host.cfg_i64.unwrap())(config, path, &mut max_age) } {
            SYSP_OK => Ok(Checker { host, max_age: max_age as u64 }),
            status => Err(status),
        }
    }

    /// The age of the file in seconds.
    fn age(target: &str) -> std::io::Result<u64> {
        let written = std::fs::metadata(target)?.modified()?;
        Ok(SystemTime::now().duration_since(written).map_or(0, |age| age.as_secs()))
    }

    /// Completes the check; every accepted one exactly once.
    fn check(&self, op: sysp_op, target: &str) {
        let done = self.host.check_done.unwrap();
        match Checker::age(target) {
            Ok(age) => {
                let message = format!("{} is {} s old, at most {} expected", target, age, self.max_age);
                let metric = sysp_metric { name: borrow("age_seconds"), value: age as f64 };
                let result = sysp_check_result {
                    size: std::mem::size_of::<sysp_check_result>() as u32,
                    outcome: if age <= self.max_age { SYSP_CHECK_PASS } else { SYSP_CHECK_FAIL },
                    message: borrow(&message),
                    metrics: &metric,
                    metric_count: 1,
                };
                unsafe { done(self.host, op, &result, std::ptr::null()) };
            }
            // A verdict about the target; an error is for what keeps the checker from one.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !target.is_empty() => {
                let message = format!("{} is missing", target);
                let result = sysp_check_result {
                    size: std::mem::size_of::<sysp_check_result>() as u32,
                    outcome: SYSP_CHECK_FAIL,
                    message: borrow(&message),
                    metrics: std::ptr::null(),
                    metric_count: 0,
                };
                unsafe { done(self.host, op, &result, std::ptr::null()) };
            }
            Err(error) => {
                let hint = if target.is_empty() { ", the target must be the path of a file" } else { "" };
                let message = format!("cannot look at \"{}\": {}{}", target, error, hint);
                let failed = sysp_error {
                    size: std::mem::size_of::<sysp_error>() as u32,
                    code: SYSP_E_OS,
                    flags: 0,
                    os_domain: if cfg!(windows) { SYSP_OS_WIN32 } else { SYSP_OS_ERRNO } as u32,
                    os_code: error.raw_os_error().unwrap_or(0),
                    reserved0: 0,
                    message: borrow(&message),
                };
                unsafe { done(self.host, op, std::ptr::null(), &failed) };
            }
        }
    }
}

// The slots. A panic must not leave them: it becomes SYSP_E_INTERNAL.

unsafe extern "C" fn create(host: *const sysp_host, config: *const sysp_config, out: *mut *mut c_void) -> sysp_status {
    let made = catch_unwind(|| Checker::new(&*host, config));
    match made {
        Ok(Ok(checker)) => {
            *out = Box::into_raw(Box::new(checker)) as *mut c_void;
            SYSP_OK
        }
        Ok(Err(status)) => status,
        Err(_) => SYSP_E_INTERNAL,
    }
}

unsafe extern "C" fn destroy(this: *mut c_void) {
    let _ = catch_unwind(|| drop(Box::from_raw(this as *mut Checker)));
}

unsafe extern "C" fn start(this: *mut c_void, op: sysp_op, request: *const sysp_check_request) -> sysp_status {
    let checked = catch_unwind(|| (*(this as *const Checker)).check(op, &text_of(&(*request).target)));
    if checked.is_ok() { SYSP_OK } else { SYSP_E_INTERNAL }
}

// Never with work to do, since every check is complete when start returns.
unsafe extern "C" fn cancel(_this: *mut c_void, _op: sysp_op) {}

// Constants hold pointers, which Rust shares between threads only when told that this is sound.
struct Shared<T>(T);
unsafe impl<T> Sync for Shared<T> {}

static SLOTS: sysp_checker_vtbl = sysp_checker_vtbl {
    size: std::mem::size_of::<sysp_checker_vtbl>() as u32,
    reserved0: 0,
    create: Some(create),
    destroy: Some(destroy),
    start: Some(start),
    cancel: Some(cancel),
    get_extension: None,
};

static KIND: Shared<sysp_kind> = Shared(sysp_kind {
    size: std::mem::size_of::<sysp_kind>() as u32,
    r#type: SYSP_KIND_CHECKER,
    name: b"@NAME@\0".as_ptr() as *const c_char,
    summary: b"Watches the age of a file\0".as_ptr() as *const c_char,
    config_schema: b"{\"type\":\"object\",\"properties\":{\"max_age_secs\":{\"type\":\"integer\",\"minimum\":1,\
        \"maximum\":31536000,\"default\":3600,\"description\":\"An older file is unhealthy\"}}}\0".as_ptr() as *const c_char,
    process_schema: std::ptr::null(),
    vtbl: &SLOTS as *const sysp_checker_vtbl as *const c_void,
    enforces: 0,
    reserved0: 0,
});

static KINDS: Shared<[*const sysp_kind; 1]> = Shared([&KIND.0]);

static MODULE: Shared<sysp_module> = Shared(sysp_module {
    size: std::mem::size_of::<sysp_module>() as u32,
    magic: SYSP_MAGIC,
    abi_major: SYSP_ABI_MAJOR,
    abi_minor: SYSP_TARGET_MINOR,
    flags: 0,
    id: b"com.example.@NAME@\0".as_ptr() as *const c_char,
    version: b"0.1.0\0".as_ptr() as *const c_char,
    vendor: b"Example\0".as_ptr() as *const c_char,
    sdk: b"rust\0".as_ptr() as *const c_char,
    kinds: &KINDS.0 as *const *const sysp_kind,
    kind_count: 1,
    get_extension: None,
});

#[no_mangle]
pub extern "C" fn syspulse_plugin_v1() -> *const sysp_module {
    &MODULE.0
}
