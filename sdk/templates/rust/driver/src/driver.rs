//! How the driver runs, finds and watches processes. Everything is called on the host's loop thread.
use crate::abi::*;
use crate::system;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::raw::{c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::io::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::process::{Command, Stdio};
use std::ptr::null;

pub struct Driver {
    pub host: &'static sysp_host,
    io: &'static sysp_io,
    processes: Vec<*mut Process>,
}

/// Owned by `processes`, behind a pointer, because the host's watch has it, too.
struct Process {
    driver: *mut Driver,
    host: &'static sysp_host,
    io: &'static sysp_io,
    proc: sysp_proc,
    pid: i32,
    pidfd: OwnedFd,
    watch: u64,             // 0: none
    released: bool,         // The host has forgotten it; it is kept so that its end is collected.
    end: Option<sysp_exit>, // None while it runs.
}

/// Why an operation is refused.
pub struct Refusal {
    pub code: sysp_status,
    pub os_code: i32,
    pub message: String,
}

pub fn refusal(code: sysp_status, message: &str) -> Refusal {
    Refusal { code, os_code: 0, message: message.to_string() }
}

fn failed(what: &str, error: io::Error) -> Refusal {
    Refusal { code: SYSP_E_OS, os_code: error.raw_os_error().unwrap_or(0), message: format!("{}: {}", what, error) }
}

pub fn size_of<T>() -> u32 {
    std::mem::size_of::<T>() as u32
}

pub fn borrow(text: &str) -> sysp_str {
    sysp_str { ptr: text.as_ptr() as *const c_char, len: text.len() }
}

fn bytes_of(text: &sysp_str) -> &[u8] {
    if text.ptr.is_null() { &[] } else { unsafe { std::slice::from_raw_parts(text.ptr as *const u8, text.len) } }
}

fn os_text(text: &sysp_str) -> &OsStr {
    OsStr::from_bytes(bytes_of(text))
}

// What /proc says.

/// A file of a process. None: that is gone, or a stranger's. Any other failure, as without a descriptor, says nothing.
fn read_of(pid: i32, name: &str) -> io::Result<Option<Vec<u8>>> {
    use system::{EACCES, ENOENT, EPERM, ESRCH};
    match fs::read(format!("/proc/{}/{}", pid, name)) {
        Err(error) if matches!(error.raw_os_error(), Some(ENOENT | ESRCH | EACCES | EPERM)) => Ok(None),
        read => read.map(Some),
    }
}

/// Field `number` of /proc/PID/stat, from 3 on. The name before them may hold spaces and brackets.
fn stat_field(pid: i32, number: usize) -> io::Result<Option<String>> {
    let stat = read_of(pid, "stat")?.unwrap_or_default();
    let name_end = stat.iter().rposition(|c| *c == b')').unwrap_or(stat.len());
    Ok(String::from_utf8_lossy(&stat[name_end..]).split(' ').nth(number - 2).map(str::to_string))
}

/// A pid alone proves nothing, as it is given away again: with it go the process's start and the boot.
fn identify(pid: i32) -> io::Result<Option<(String, u64)>> {
    let started = stat_field(pid, 22)?.and_then(|field| field.parse().ok());
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(started.map(|started| (format!("{} {} {}", pid, started, boot.trim_end()), started)))
}

enum Search {
    Nothing,
    InDoubt,
    Token(String),
}

/// Whether the process was started for the run. One that is in the middle of exec, or of its end, does not say.
fn belongs_to(pid: i32, marker: &[u8]) -> io::Result<Option<bool>> {
    let environment = read_of(pid, "environ")?;
    let names_it = environment.as_ref().map_or(false, |all| all.split(|c| *c == 0).any(|entry| entry == marker));
    let is_empty = |read: Option<Vec<u8>>| read.map_or(false, |text| text.is_empty());
    let says_nothing = is_empty(environment) && is_empty(read_of(pid, "cmdline")?);
    let lives = says_nothing && stat_field(pid, 3)?.map_or(false, |state| state != "Z");
    Ok(if lives { None } else { Some(names_it) })
}

/// The token of a run that has none, as its manager died too early. The one that was started first, because what it
/// starts in sessions of their own has its environment, too.
fn find_run(run_id: &[u8]) -> io::Result<Search> {
    let marker = [b"SYSPULSE_RUN_ID=", run_id].concat();
    let mut earliest = u64::MAX;
    let mut found = Search::Nothing;
    let pids = fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    for pid in pids.filter(|pid| *pid > 1 && unsafe { system::getsid(*pid) } == *pid) {
        match belongs_to(pid, &marker)? {
            Some(false) => {}
            Some(true) => match identify(pid)? {
                Some((token, started)) if started < earliest => {
                    found = Search::Token(token);
                    earliest = started;
                }
                _ => {}
            },
            None if earliest == u64::MAX => found = Search::InDoubt,
            None => {}
        }
    }
    Ok(found)
}

// Processes.

impl Drop for Process {
    fn drop(&mut self) {
        self.unwatch();
    }
}

impl Process {
    fn unwatch(&mut self) {
        if self.watch != 0 {
            unsafe { (self.io.unwatch.unwrap())(self.host, self.watch) };
        }
        self.watch = 0;
    }

    fn is_lost(&self) -> bool {
        matches!(self.end, Some(end) if end.kind == SYSP_EXIT_LOST)
    }

    fn report_end(&self) {
        if let Some(end) = self.end {
            unsafe { (self.host.proc_exited.unwrap())(self.host, self.proc, &end) };
        }
    }

    /// The process has ended. It stays a zombie until release, so that its number is nobody else's.
    fn ended(&mut self) {
        self.unwatch();
        let (kind, value) = match system::how_child_ended(self.pid) {
            Some(system::Ended { by_exit: true, status }) => (SYSP_EXIT_CODE, status),
            Some(system::Ended { by_exit: false, status }) => (SYSP_EXIT_SIGNAL, status),
            None => (SYSP_EXIT_LOST, 0), // Recovered, and so no child of this process.
        };
        self.end = Some(sysp_exit { size: size_of::<sysp_exit>(), kind, value, flags: 0, memory_peak_bytes: 0 });
        self.report_end();
    }
}

unsafe extern "C" fn ready(data: *mut c_void, _events: u32) {
    let process = data as *mut Process;
    let _ = catch_unwind(AssertUnwindSafe(|| {
        if (*process).released {
            system::collect((*process).pid, true);
            (*(*process).driver).forget(process);
        } else {
            (*process).ended();
        }
    }));
}

impl Driver {
    pub fn new(host: &'static sysp_host) -> Result<Driver, sysp_status> {
        let table = unsafe { (host.get_extension.unwrap())(host, SYSP_EXT_IO.as_ptr() as *const c_char) };
        match unsafe { (table as *const sysp_io).as_ref() } {
            Some(io) => Ok(Driver { host, io, processes: Vec::new() }),
            None => Err(SYSP_E_UNSUPPORTED),
        }
    }

    fn find(&mut self, proc: sysp_proc) -> Result<&'static mut Process, Refusal> {
        let all = self.processes.iter().map(|one| unsafe { &mut **one });
        let mut known = all.filter(|one| one.proc == proc && !one.released);
        known.next().ok_or_else(|| refusal(SYSP_E_NOT_FOUND, "unknown process"))
    }

    fn forget(&mut self, gone: *mut Process) {
        self.processes.retain(|one| *one != gone);
        drop(unsafe { Box::from_raw(gone) });
    }

    fn done(&self, op: sysp_op) {
        unsafe { (self.host.op_done.unwrap())(self.host, op, null()) };
    }

    /// Watches the process and completes the operation.
    fn adopt(&mut self, op: sysp_op, proc: sysp_proc, pid: i32, pidfd: OwnedFd, token: &str) -> Result<(), Refusal> {
        let (host, io) = (self.host, self.io);
        let made = Process { driver: self, host, io, proc, pid, pidfd, watch: 0, released: false, end: None };
        let process = Box::into_raw(Box::new(made));
        let handle = unsafe { (*process).pidfd.as_raw_fd() } as sysp_handle;
        let watch = io.watch.unwrap();
        let data = process as *mut c_void;
        let status = unsafe { watch(host, handle, SYSP_IO_READ, Some(ready), data, &mut (*process).watch) };
        if status != SYSP_OK {
            drop(unsafe { Box::from_raw(process) });
            return Err(refusal(status, "cannot watch the process"));
        }
        self.processes.push(process);
        let keep = sysp_keep { kind: SYSP_KEEP_PIDFD, reserved0: 0, handle };
        let result = sysp_spawn_result {
            size: size_of::<sysp_spawn_result>(),
            reserved0: 0,
            pid: pid as i64,
            token: borrow(token),
            keep: &keep,
            keep_count: 1,
            flags: 0,
            reserved1: 0,
        };
        unsafe { (self.host.spawn_done.unwrap())(self.host, op, &result, null()) };
        Ok(())
    }

    pub fn spawn(&mut self, op: sysp_op, request: &sysp_spawn_request) -> Result<(), Refusal> {
        if request.user.len > 0 {
            let user = os_text(&request.user).to_string_lossy();
            let why = format!("cannot run as user {:?}: this driver cannot change it", user);
            return Err(refusal(SYSP_E_UNSUPPORTED, &why));
        }
        let mut nice = 0i64;
        unsafe { (self.host.cfg_i64.unwrap())(request.config, b"/nice\0".as_ptr() as *const c_char, &mut nice) };
        let mut command = command_of(request, nice as c_int).map_err(|error| failed("cannot pass the output on", error))?;
        let folder = command.get_current_dir().map_or("the present directory".into(), |at| at.to_string_lossy());
        let what = format!("cannot run {} in {}", command.get_program().to_string_lossy(), folder);
        let child = command.spawn().map_err(|error| failed(&what, error))?;
        let pid = child.id() as i32;
        let watched = system::pidfd_open(pid).map_err(|error| failed(&format!("cannot watch process {}", pid), error));
        let started = watched.and_then(|pidfd| {
            let what = format!("cannot read /proc/{}/stat", pid);
            let known = identify(pid).map_err(|error| failed(&what, error))?;
            let (token, _) = known.ok_or_else(|| refusal(SYSP_E_OS, &what))?;
            self.adopt(op, request.proc, pid, pidfd, &token)
        });
        if started.is_err() {
            // Of a start that is reported as failed nothing may be left.
            unsafe { system::kill(-pid, system::SIGKILL) };
            system::collect(pid, true);
        }
        started
    }

    /// SYSP_E_NOT_FOUND has the daemon started again, so it is said only when it is sure.
    pub fn recover(&mut self, op: sysp_op, request: &sysp_recover_request) -> Result<(), Refusal> {
        let gone = || refusal(SYSP_E_NOT_FOUND, "the process is gone");
        let unclear = |error| failed("cannot look for the process", error);
        let token = match request.token.len {
            0 => match find_run(bytes_of(&request.run_id)).map_err(unclear)? {
                Search::Token(token) => token,
                Search::InDoubt => return Err(refusal(SYSP_E_BUSY, "a process that ends, or begins, may be the one")),
                Search::Nothing => return Err(gone()),
            },
            _ => String::from_utf8_lossy(bytes_of(&request.token)).into_owned(),
        };
        let number = token.split(' ').next().and_then(|word| word.parse().ok());
        let pid: i32 = number.filter(|pid| *pid > 1).ok_or_else(gone)?;
        let pidfd = match system::pidfd_open(pid) {
            Ok(pidfd) => pidfd,
            Err(error) if matches!(error.raw_os_error(), Some(system::ESRCH | system::EINVAL)) => return Err(gone()),
            Err(error) => return Err(unclear(error)),
        };
        // Compared once the pidfd is there, which the number alone does not hold.
        match identify(pid).map_err(unclear)? {
            Some((now, _)) if now == token && !system::is_readable(&pidfd) => self.adopt(op, request.proc, pid, pidfd, &token),
            _ => Err(gone()),
        }
    }

    pub fn signal(&mut self, op: sysp_op, proc: sysp_proc, sig: i32, os_sig: i32) -> Result<(), Refusal> {
        let process = self.find(proc)?;
        let number = match sig {
            SYSP_SIG_TERMINATE => system::SIGTERM,
            SYSP_SIG_KILL => system::SIGKILL,
            SYSP_SIG_RELOAD => system::SIGHUP,
            SYSP_SIG_OS => os_sig,
            _ => return Err(refusal(SYSP_E_UNSUPPORTED, &format!("unknown signal {}", sig))),
        };
        // The number of one that is lost may be a stranger's by now.
        if !process.is_lost() && unsafe { system::kill(-process.pid, number) } != 0 {
            let error = io::Error::last_os_error();
            if error.raw_os_error() != Some(system::ESRCH) {
                return Err(failed(&format!("cannot send signal {} to process group {}", number, process.pid), error));
            }
        }
        self.done(op);
        Ok(())
    }

    pub fn inspect(&mut self, op: sysp_op, proc: sysp_proc) -> Result<(), Refusal> {
        self.find(proc)?.report_end();
        self.done(op);
        Ok(())
    }

    pub fn stats(&mut self, op: sysp_op, proc: sysp_proc) -> Result<(), Refusal> {
        let process = self.find(proc)?;
        let mut result: sysp_stats = unsafe { std::mem::zeroed() };
        result.size = size_of::<sysp_stats>();
        let pages = fs::read_to_string(format!("/proc/{}/statm", process.pid)).unwrap_or_default();
        let resident = pages.split(' ').nth(1).and_then(|word| word.parse::<u64>().ok());
        if let (None, Some(resident)) = (process.end, resident) {
            result.valid = SYSP_STAT_RSS;
            result.rss_bytes = resident * system::page_size();
        }
        unsafe { (self.host.stats_done.unwrap())(self.host, op, &result, null()) };
        Ok(())
    }

    pub fn release(&mut self, proc: sysp_proc) {
        if let Ok(process) = self.find(proc) {
            // A child that lives: `ready` collects it, so that it does not stay a zombie.
            process.released = !system::collect(process.pid, false);
            if !process.released {
                self.forget(process);
            }
        }
    }
}

impl Drop for Driver {
    /// Ends no process.
    fn drop(&mut self) {
        for process in std::mem::take(&mut self.processes) {
            drop(unsafe { Box::from_raw(process) });
        }
    }
}

/// The program with arguments, environment and directory of the request; std tells when exec fails.
fn command_of(request: &sysp_spawn_request, nice: c_int) -> io::Result<Command> {
    let argv = unsafe { std::slice::from_raw_parts(request.argv, request.argc) };
    let env = if request.envc == 0 { &[] } else { unsafe { std::slice::from_raw_parts(request.env, request.envc) } };
    let mut command = Command::new(os_text(&argv[0]));
    command.args(argv[1..].iter().map(os_text)).env_clear();
    for entry in env.iter().map(bytes_of) {
        let end = entry.iter().position(|c| *c == b'=').unwrap_or(entry.len());
        command.env(OsStr::from_bytes(&entry[..end]), OsStr::from_bytes(entry.get(end + 1..).unwrap_or(&[])));
    }
    if request.cwd.len > 0 {
        command.current_dir(os_text(&request.cwd));
    }
    let stdio = |at: usize| match request.stdio[at] as c_int {
        -1 => Ok(Stdio::null()),
        given => unsafe { BorrowedFd::borrow_raw(given) }.try_clone_to_owned().map(Stdio::from),
    };
    command.stdin(stdio(0)?).stdout(stdio(1)?).stderr(stdio(2)?);
    // In the child, between fork and exec: only calls that are safe there.
    unsafe { command.pre_exec(move || system::prepare_child(nice)) };
    Ok(command)
}
