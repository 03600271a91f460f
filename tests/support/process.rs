//! Processes that are watched line by line, with a deadline, and never outlive their test.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::temp::TempDir;
use super::time::{Deadline, PATIENCE};

/// What a process said, and how it ended.
#[derive(Debug)]
pub struct Done {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Done {
    /// The same, if it ended with `code`.
    #[track_caller]
    pub fn exited(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON lines.
    pub fn events(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.stdout.lines().map(parse).collect()
    }

    /// The last event of a run.
    #[track_caller]
    pub fn finished(&self) -> Value {
        let last = self.events().pop().unwrap_or_else(|| panic!("no events; stderr:\n{}", self.stderr));
        assert_eq!(last["event"], "finished");
        last
    }
}

/// The built program, with nothing of this machine's state or environment in reach.
pub fn atflow<A: AsRef<OsStr>>(dir: &TempDir, args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atflow"));
    command.args(args).current_dir(super::root());
    command.env("XDG_STATE_HOME", dir.path()).env("HOME", dir.path()).env("NO_COLOR", "1");
    for secret in ["THINGSCLOUD_ACCESS_TOKEN", "THINGSCLOUD_PROJECT_KEY", "SIM_PIN", "ATFLOW_PORT"] {
        command.env_remove(secret);
    }
    command
}

/// Runs a command to its end.
#[track_caller]
pub fn run(command: &mut Command) -> Done {
    Running::start(command).finish()
}

/// Runs a command to its end with these lines on its standard input.
#[track_caller]
pub fn run_typed(command: &mut Command, lines: &str) -> Done {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("the program starts");
    // A program that refuses to begin does not read.
    let _ = child.stdin.take().expect("piped").write_all(lines.as_bytes());
    let output = child.wait_with_output().expect("the program ends");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Done { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// One line, or the end of a stream.
enum Said {
    Out(String),
    Err(String),
    End,
}

/// A process that is under way.
pub struct Running {
    child: Child,
    said: Receiver<Said>,
    streams_open: u8,
    stdout: String,
    stderr: String,
    what: String,
}

impl Running {
    /// Starts a command without input.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let what = format!("{command:?}");
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {what}: {error}"));
        let (sender, said) = channel();
        listen(child.stdout.take().expect("piped"), sender.clone(), Said::Out);
        listen(child.stderr.take().expect("piped"), sender, Said::Err);
        Self { child, said, streams_open: 2, stdout: String::new(), stderr: String::new(), what }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on standard output or standard error.
    #[track_caller]
    pub fn wait_for(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Deadline::after(PATIENCE);
        while self.streams_open > 0 {
            if let Some(line) = self.next(deadline)
                && wanted(&line)
            {
                return line;
            }
        }
        self.give_up("it ended without the line that was waited for")
    }

    /// Lets it run for this long; what it says is kept. Ends early with the process.
    pub fn let_run(&mut self, time: Duration) {
        let deadline = Deadline::after(time);
        while self.streams_open > 0 && !deadline.passed() {
            if let Ok(said) = self.said.recv_timeout(deadline.left()) {
                self.keep(said);
            }
        }
    }

    /// Ends it with SIGKILL, at this moment, and gives what it had said.
    pub fn kill(mut self) -> Done {
        let _ = self.child.kill();
        self.finish_within()
    }

    /// Waits for a JSON event.
    #[track_caller]
    pub fn wait_for_event(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let line = self.wait_for(|line| serde_json::from_str(line).is_ok_and(|event| wanted(&event)));
        serde_json::from_str(&line).expect("it was parsed a moment ago")
    }

    /// Waits until the step of this name begins, and gives its event.
    #[track_caller]
    pub fn wait_for_step(&mut self, name: &str) -> Value {
        self.wait_for_event(|event| event["event"] == "step_started" && event["step"] == name)
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(id, signal).expect("the process is there until it is waited for");
    }

    /// Waits for the end.
    #[track_caller]
    pub fn finish(mut self) -> Done {
        self.finish_within()
    }

    #[track_caller]
    fn finish_within(&mut self) -> Done {
        let deadline = Deadline::after(PATIENCE);
        while self.streams_open > 0 {
            self.next(deadline);
        }
        let status = self.child.wait().expect("a child can be waited for");
        let take = std::mem::take::<String>;
        Done { code: status.code(), stdout: take(&mut self.stdout), stderr: take(&mut self.stderr) }
    }

    #[track_caller]
    fn next(&mut self, deadline: Deadline) -> Option<String> {
        let Ok(said) = self.said.recv_timeout(deadline.left()) else {
            self.give_up("it takes too long");
        };
        self.keep(said)
    }

    fn keep(&mut self, said: Said) -> Option<String> {
        let (line, log) = match said {
            Said::Out(line) => (line, &mut self.stdout),
            Said::Err(line) => (line, &mut self.stderr),
            Said::End => {
                self.streams_open -= 1;
                return None;
            }
        };
        log.push_str(&line);
        Some(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    #[track_caller]
    fn give_up(&self, why: &str) -> ! {
        panic!("{}: {why}\nstdout:\n{}\nstderr:\n{}", self.what, self.stdout, self.stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already waited for, or of no more use.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(stream: impl Read + Send + 'static, sender: Sender<Said>, kind: fn(String) -> Said) {
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            if sender.send(kind(String::from_utf8_lossy(&line).into_owned())).is_err() {
                return;
            }
            line.clear();
        }
        let _ = sender.send(Said::End);
    });
}
