//! A folder in which a page's files are written and its commands run, the way a reader would.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// What stands in front of every command. Simulated time does not have to pass on the wall to be right, and
/// a reader's `cargo run` is the program that was built for the test.
const FUNCTIONS: &str = r#"exec 2>&1
atflow() {
    case "$*" in
        run*--speed*) "$ATFLOW" "$@" ;;
        run*sim:*) "$ATFLOW" "$@" --speed max ;;
        *) "$ATFLOW" "$@" ;;
    esac
}
cargo() { shift 3; atflow "$@"; }
"#;

/// A folder of its own, gone when the test is.
pub struct Desk {
    folder: PathBuf,
}

impl Desk {
    pub fn new(name: &str) -> Self {
        let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("docs-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the target folder can be written");
        // A copy: a link out of the folder is refused, as any file outside of it is.
        copy(&super::root().join("scripts"), &folder.join("scripts"));
        Self { folder }
    }

    /// Writes a file.
    pub fn put(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&self.folder)).expect("the target folder can be written");
        fs::write(path, text).expect("the target folder can be written");
    }

    /// Whether `atflow check` passes this text, and what it prints.
    pub fn check(&self, text: &str) -> (bool, String) {
        self.put("check.yaml", text);
        let output = self.program("sh").args(["-c", "exec \"$ATFLOW\" check check.yaml 2>&1"]).output();
        let output = output.expect("a shell is there");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// A console block as it should look: each command, then what it prints.
    pub fn console(&self, body: &str) -> String {
        let mut out = String::new();
        for line in body.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                if !out.is_empty() {
                    out.push('\n');
                }
                out.push_str(line);
                out.push('\n');
                out.push_str(&self.printed(command));
            }
        }
        out
    }

    fn printed(&self, command: &str) -> String {
        let script = format!("{FUNCTIONS}{command}\n");
        let output = self.program("sh").arg("-c").arg(script).output().expect("a shell is there");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let lines = lines.join("\n");
        let lines = lines.trim_matches('\n');
        if lines.is_empty() { String::new() } else { format!("{lines}\n") }
    }

    /// A command that sees nothing of the machine it runs on.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("ATFLOW", env!("CARGO_BIN_EXE_atflow"))
            .env("HOME", &self.folder)
            .stdin(Stdio::null());
        command
    }

    /// Runs a file on a pty, so that it prints what a person sees. Gives the bytes.
    pub fn on_a_terminal(&self, command_line: &str) -> Vec<u8> {
        let (master, slave) = pty();
        let size = Winsize { ws_row: 50, ws_col: super::picture::COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).expect("a pty has a size");
        let mut command = self.program(env!("CARGO_BIN_EXE_atflow"));
        let args = command_line.strip_prefix("atflow ").expect("it is a command of ours");
        command.args(args.split(' ')).args(["--speed", "max"]);
        let clone = || slave.try_clone().expect("a descriptor can be copied");
        command.stdout(Stdio::from(clone())).stderr(Stdio::from(clone())).env("TERM", "xterm-256color");
        let mut child = command.spawn().expect("the program starts");
        // The copies of the terminal's end go with the command and this descriptor: reading ends with the child.
        drop(command);
        drop(slave);
        let mut screen = Vec::new();
        // A pty whose other end is closed reads as an error, not as an end.
        let _ = File::from(master).read_to_end(&mut screen);
        let status = child.wait().expect("the program ends");
        assert!(status.success(), "{}", String::from_utf8_lossy(&screen));
        screen
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the target folder can be written");
    for entry in
        fs::read_dir(from).expect("the folder is there").map(|entry| entry.expect("it can be listed"))
    {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("the target folder can be written");
        }
    }
}

fn pty() -> (OwnedFd, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pty can be made");
    grantpt(&master).expect("a pty can be granted");
    unlockpt(&master).expect("a pty can be unlocked");
    let path = ptsname(&master, Vec::new()).expect("a pty has a name");
    let slave = rustix::fs::open(&*path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("a pty opens");
    (master, slave)
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
