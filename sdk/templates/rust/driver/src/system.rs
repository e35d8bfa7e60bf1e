//! What a driver needs of Linux that std does not offer, by the C library that std itself is linked with.
use std::io;
use std::os::raw::{c_int, c_long, c_uint, c_ulong};
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd};

pub const SIGHUP: c_int = 1;
pub const SIGKILL: c_int = 9;
pub const SIGTERM: c_int = 15;
pub const EPERM: i32 = 1;
pub const ENOENT: i32 = 2;
pub const ESRCH: i32 = 3;
pub const EACCES: i32 = 13;
pub const EINVAL: i32 = 22;

const LAST_SIGNAL: c_int = 64;
const SIG_DFL: usize = 0;
const PRIO_PROCESS: c_int = 0;
const P_PID: c_int = 1;
const WNOHANG: c_int = 1;
const WEXITED: c_int = 4;
const WNOWAIT: c_int = 0x0100_0000;
const CLD_EXITED: c_int = 1;
const POLLIN: i16 = 1;
const SC_PAGESIZE: c_int = 30;
const SYS_PIDFD_OPEN: c_long = 434;
const SYS_CLOSE_RANGE: c_long = 436;
const CLOSE_RANGE_CLOEXEC: c_uint = 4;

/// siginfo_t of 64-bit Linux, as waitid fills it in.
#[repr(C)]
#[derive(Default)]
struct SignalInfo {
    signal: c_int,
    errno: c_int,
    code: c_int,
    padding: c_int,
    pid: c_int,
    uid: c_uint,
    status: c_int,
    rest: [c_int; 25],
}

#[repr(C)]
struct PollFd {
    fd: c_int,
    events: i16,
    revents: i16,
}

extern "C" {
    pub fn getsid(pid: c_int) -> c_int;
    pub fn kill(pid: c_int, signal: c_int) -> c_int;
    fn setsid() -> c_int;
    fn setpriority(which: c_int, who: c_uint, value: c_int) -> c_int;
    fn signal(number: c_int, handler: usize) -> usize;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn waitid(what: c_int, id: c_uint, info: *mut SignalInfo, options: c_int) -> c_int;
    fn poll(fds: *mut PollFd, count: c_ulong, timeout: c_int) -> c_int;
    fn sysconf(name: c_int) -> c_long;
    fn syscall(number: c_long, ...) -> c_long;
}

fn checked(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// In the child, between fork and exec; std has emptied the signal mask and set up the first three descriptors.
pub fn prepare_child(nice: c_int) -> io::Result<()> {
    unsafe {
        for number in 1..=LAST_SIGNAL {
            signal(number, SIG_DFL);
        }
        checked(setsid())?;
        checked(setpriority(PRIO_PROCESS, 0, nice))?;
        syscall(SYS_CLOSE_RANGE, 3 as c_uint, c_uint::MAX, CLOSE_RANGE_CLOEXEC);
    }
    Ok(())
}

pub fn pidfd_open(pid: c_int) -> io::Result<OwnedFd> {
    let made = unsafe { syscall(SYS_PIDFD_OPEN, pid, 0 as c_uint) } as c_int;
    checked(made)?;
    Ok(unsafe { OwnedFd::from_raw_fd(made) })
}

pub fn is_readable(file: &OwnedFd) -> bool {
    let mut wanted = PollFd { fd: file.as_raw_fd(), events: POLLIN, revents: 0 };
    unsafe { poll(&mut wanted, 1, 0) > 0 }
}

pub struct Ended {
    pub by_exit: bool,
    pub status: c_int,
}

/// Leaves the child a zombie. None: it is no child.
pub fn how_child_ended(pid: c_int) -> Option<Ended> {
    let mut info = SignalInfo::default();
    let result = unsafe { waitid(P_PID, pid as c_uint, &mut info, WEXITED | WNOWAIT) };
    if result == 0 { Some(Ended { by_exit: info.code == CLD_EXITED, status: info.status }) } else { None }
}

/// Takes the zombie away; false: the child lives. What is no child counts as collected.
pub fn collect(pid: c_int, wait: bool) -> bool {
    unsafe { waitpid(pid, std::ptr::null_mut(), if wait { 0 } else { WNOHANG }) != 0 }
}

pub fn page_size() -> u64 {
    unsafe { sysconf(SC_PAGESIZE) as u64 }
}
