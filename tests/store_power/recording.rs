//! A file system for `SQLite` that writes down what reaches the disk, and when. It is the system's own, with four
//! calls listened to; what is written down belongs to the thread that wrote.
#![allow(unsafe_code, reason = "SQLite takes a file system as a table of C functions")]
#![allow(non_snake_case, reason = "named as SQLite names them")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Once;

use rusqlite::ffi;

/// Something that happened to one of the files.
#[derive(Clone, Debug)]
pub enum Op {
    /// Bytes went to the system.
    Write { file: String, at: usize, bytes: Vec<u8> },
    /// The file was cut.
    Truncate { file: String, size: usize },
    /// The file was deleted.
    Delete { file: String },
    /// All writes to the file so far are on the disk.
    Sync { file: String },
    /// What was a sync, in a record that pretends it was not made.
    Nothing,
}

#[derive(Default)]
struct Recorder {
    on: bool,
    ops: Vec<Op>,
    /// By address of the open file: its own methods, and its path.
    open: BTreeMap<usize, (usize, String)>,
}

thread_local! {
    static RECORDER: RefCell<Recorder> = RefCell::default();
}

/// Begins or ends writing down what this thread does.
pub fn record(on: bool) {
    RECORDER.with_borrow_mut(|recorder| recorder.on = on);
}

/// How much was written down.
pub fn length() -> usize {
    RECORDER.with_borrow(|recorder| recorder.ops.len())
}

/// Takes what was written down.
pub fn take() -> Vec<Op> {
    RECORDER.with_borrow_mut(|recorder| std::mem::take(&mut recorder.ops))
}

/// Makes this the file system of all connections of the process.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the default file system lives as long as the process, and so does its copy here, which is never
        // changed again. Its `pNext` is set by SQLite when it is registered.
        unsafe {
            let system = ffi::sqlite3_vfs_find(std::ptr::null());
            assert!(!system.is_null(), "SQLite knows the system's files");
            let mut recording = *system;
            recording.zName = c"recording".as_ptr();
            recording.xOpen = Some(open);
            recording.xDelete = Some(delete);
            recording.pNext = std::ptr::null_mut();
            let recording = Box::leak(Box::new(recording));
            assert_eq!(ffi::sqlite3_vfs_register(recording, 1), ffi::SQLITE_OK);
        }
    });
}

/// The system's own file system, below the recording one.
fn system() -> *mut ffi::sqlite3_vfs {
    // SAFETY: the name is a C string; SQLite's list of file systems is behind its own lock.
    unsafe { ffi::sqlite3_vfs_find(c"unix".as_ptr()) }
}

fn note(file: *mut ffi::sqlite3_file, op: impl FnOnce(String) -> Op) {
    RECORDER.with_borrow_mut(|recorder| {
        let path = recorder.open.get(&(file as usize)).map(|(_, path)| path.clone());
        if let Some(path) = path.filter(|_| recorder.on) {
            let op = op(path);
            recorder.ops.push(op);
        }
    });
}

fn methods_of(file: *mut ffi::sqlite3_file) -> *const ffi::sqlite3_io_methods {
    let address =
        RECORDER.with_borrow(|recorder| recorder.open.get(&(file as usize)).map(|(methods, _)| *methods));
    address.expect("SQLite works on files that it opened in this thread") as *const ffi::sqlite3_io_methods
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: everything is handed on as SQLite gave it. The system's `open` reads of `vfs` only what the copy
    // has, too. The file's methods are replaced by a copy that lives for ever.
    unsafe {
        let done = (*system()).xOpen.expect("files can be opened")(vfs, name, file, flags, out);
        let methods = (*file).pMethods;
        if done == ffi::SQLITE_OK && !methods.is_null() && !name.is_null() {
            let path = CStr::from_ptr(name).to_string_lossy().into_owned();
            let mut listened = *methods;
            listened.xWrite = Some(write);
            listened.xTruncate = Some(truncate);
            listened.xSync = Some(sync);
            listened.xClose = Some(close);
            (*file).pMethods = Box::leak(Box::new(listened));
            RECORDER.with_borrow_mut(|recorder| {
                recorder.open.insert(file as usize, (methods as usize, path));
            });
        }
        done
    }
}

unsafe extern "C" fn delete(_vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: SQLite gives a C string, and it is handed on.
    unsafe {
        let file = CStr::from_ptr(name).to_string_lossy().into_owned();
        RECORDER.with_borrow_mut(|recorder| {
            if recorder.on {
                recorder.ops.push(Op::Delete { file });
            }
        });
        let system = system();
        (*system).xDelete.expect("files can be deleted")(system, name, sync)
    }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, from: *const c_void, size: c_int, at: i64) -> c_int {
    // SAFETY: SQLite gives `size` readable bytes; the call is handed on to the file's own method.
    unsafe {
        let bytes =
            std::slice::from_raw_parts(from.cast::<u8>(), usize::try_from(size).expect("a size")).to_vec();
        note(file, |file| Op::Write { file, at: usize::try_from(at).expect("a place"), bytes });
        (*methods_of(file)).xWrite.expect("files can be written")(file, from, size, at)
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    note(file, |file| Op::Truncate { file, size: usize::try_from(size).expect("a size") });
    // SAFETY: the call is handed on to the file's own method.
    unsafe { (*methods_of(file)).xTruncate.expect("files can be cut")(file, size) }
}

/// The disk below is not asked: what would be on it is worked out from the record.
unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    note(file, |file| Op::Sync { file });
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let methods = methods_of(file);
    RECORDER.with_borrow_mut(|recorder| recorder.open.remove(&(file as usize)));
    // SAFETY: the file gets its own methods back before it is closed, and is not used afterwards.
    unsafe {
        (*file).pMethods = methods;
        (*methods).xClose.expect("files can be closed")(file)
    }
}
