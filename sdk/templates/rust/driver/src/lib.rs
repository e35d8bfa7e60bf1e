//! The driver @NAME@: fork and exec with a nice value. All that a driver owes is here: an exec failure that is reported,
//! exits seen on a pidfd, recovery that proves identity, signals to the whole group, statistics. For Linux with 64 bits.
//! No crate is needed. This file is the C side of the plugin, driver.rs what it does; abi.rs is the C header of the SDK in
//! Rust, system.rs what of the C library std does not offer.
mod abi;
mod driver;
mod system;

use abi::*;
use driver::{borrow, refusal, size_of, Driver, Refusal};
use std::os::raw::{c_char, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};

// The slots. A panic must not leave them: it becomes SYSP_E_INTERNAL.

unsafe fn guard<F: FnOnce(&mut Driver) -> Result<(), Refusal>>(this: *mut c_void, slot: F) -> sysp_status {
    let driver = &mut *(this as *mut Driver);
    let host = driver.host;
    let refused = match catch_unwind(AssertUnwindSafe(|| slot(driver))) {
        Ok(Ok(())) => return SYSP_OK,
        Ok(Err(refused)) => refused,
        Err(_) => refusal(SYSP_E_INTERNAL, "it panicked"),
    };
    let error = sysp_error {
        size: size_of::<sysp_error>(),
        code: refused.code,
        flags: 0,
        os_domain: if refused.os_code != 0 { SYSP_OS_ERRNO } else { SYSP_OS_NONE } as u32,
        os_code: refused.os_code,
        reserved0: 0,
        message: borrow(&refused.message),
    };
    (host.set_error.unwrap())(host, &error);
    refused.code
}

unsafe extern "C" fn create(host: *const sysp_host, _config: *const sysp_config, out: *mut *mut c_void) -> sysp_status {
    match catch_unwind(|| Driver::new(&*host)) {
        Ok(Ok(driver)) => {
            *out = Box::into_raw(Box::new(driver)) as *mut c_void;
            SYSP_OK
        }
        Ok(Err(status)) => status,
        Err(_) => SYSP_E_INTERNAL,
    }
}

unsafe extern "C" fn destroy(this: *mut c_void) {
    let _ = catch_unwind(|| drop(Box::from_raw(this as *mut Driver)));
}

unsafe extern "C" fn spawn(this: *mut c_void, op: sysp_op, request: *const sysp_spawn_request) -> sysp_status {
    guard(this, |driver| driver.spawn(op, &*request))
}

unsafe extern "C" fn recover(this: *mut c_void, op: sysp_op, request: *const sysp_recover_request) -> sysp_status {
    guard(this, |driver| driver.recover(op, &*request))
}

unsafe extern "C" fn signal(this: *mut c_void, op: sysp_op, proc: sysp_proc, sig: i32, os_sig: i32) -> sysp_status {
    guard(this, |driver| driver.signal(op, proc, sig, os_sig))
}

unsafe extern "C" fn inspect(this: *mut c_void, op: sysp_op, proc: sysp_proc) -> sysp_status {
    guard(this, |driver| driver.inspect(op, proc))
}

unsafe extern "C" fn stats(this: *mut c_void, op: sysp_op, proc: sysp_proc) -> sysp_status {
    guard(this, |driver| driver.stats(op, proc))
}

unsafe extern "C" fn release(this: *mut c_void, proc: sysp_proc) {
    let _ = catch_unwind(AssertUnwindSafe(|| (*(this as *mut Driver)).release(proc)));
}

// Constants hold pointers, which Rust shares between threads only when told that this is sound.
struct Shared<T>(T);
unsafe impl<T> Sync for Shared<T> {}

static SLOTS: sysp_driver_vtbl = sysp_driver_vtbl {
    size: std::mem::size_of::<sysp_driver_vtbl>() as u32,
    reserved0: 0,
    create: Some(create),
    destroy: Some(destroy),
    spawn: Some(spawn),
    recover: Some(recover),
    signal: Some(signal),
    inspect: Some(inspect),
    stats: Some(stats),
    release: Some(release),
    cancel: None,
    get_extension: None,
};

static KIND: Shared<sysp_kind> = Shared(sysp_kind {
    size: std::mem::size_of::<sysp_kind>() as u32,
    r#type: SYSP_KIND_DRIVER,
    name: b"@NAME@\0".as_ptr() as *const c_char,
    summary: b"Runs processes with a nice value\0".as_ptr() as *const c_char,
    config_schema: b"{\"type\":\"object\"}\0".as_ptr() as *const c_char,
    process_schema: b"{\"type\":\"object\",\"properties\":{\"nice\":{\"type\":\"integer\",\"minimum\":-20,\"maximum\":19,\
        \"default\":0,\"description\":\"A higher one yields to others\"}}}\0".as_ptr() as *const c_char,
    vtbl: &SLOTS as *const sysp_driver_vtbl as *const c_void,
    enforces: 0, // SYSP_LIMIT_*: limits that this driver enforces.
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
