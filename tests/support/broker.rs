//! A real mosquitto on a port of its own, and its command-line clients. All three must be installed
//! (`./test` does that): without them these tests fail.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use super::process::{Running, run};
use super::temp::TempDir;

/// Times another port is tried when somebody took the one that was free a moment ago.
const TRIES: u32 = 5;

/// A message as `mosquitto_sub` saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Where it was published.
    pub topic: String,
    /// What it held.
    pub payload: Vec<u8>,
}

/// A running broker.
pub struct Broker {
    port: u16,
    login: Option<(&'static str, &'static str)>,
    _process: Running,
    _dir: TempDir,
}

impl Broker {
    /// One that everybody may use.
    pub fn open() -> Self {
        Self::start(None)
    }

    /// One that wants this user name and password.
    pub fn with_login(user: &'static str, password: &'static str) -> Self {
        Self::start(Some((user, password)))
    }

    fn start(login: Option<(&'static str, &'static str)>) -> Self {
        let dir = TempDir::new();
        for _ in 0..TRIES {
            let port = free_port();
            let access = match login {
                None => "allow_anonymous true\n".to_owned(),
                Some((user, password)) => {
                    let file = dir.join("passwords");
                    let _ = std::fs::remove_file(&file);
                    run(Command::new("mosquitto_passwd").args(["-b", "-c", &file, user, password])).exited(0);
                    // A broker that is started by root goes on as another user, who must be able to read it.
                    readable(dir.path());
                    readable(Path::new(&file));
                    format!("allow_anonymous false\npassword_file {file}\n")
                }
            };
            let settings = format!("listener {port} 127.0.0.1\npersistence false\nlog_dest stderr\n{access}");
            let file = dir.file("mosquitto.conf", settings);
            let mut process = Running::start(Command::new(program()).args(["-c", &file]));
            let line = process.wait_for(|line| line.contains(" running") || line.contains("Error:"));
            if line.contains(" running") {
                return Self { port, login, _process: process, _dir: dir };
            }
        }
        panic!("mosquitto finds no free port");
    }

    /// For `--cloud`, with the broker's login.
    pub fn url(&self) -> String {
        match self.login {
            Some((user, password)) => format!("mqtt://{user}:{password}@127.0.0.1:{}", self.port),
            None => self.url_without_login(),
        }
    }

    /// For `--cloud`: the module's own login is used.
    pub fn url_without_login(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        if let Some((user, password)) = self.login {
            command.args(["-u", user, "-P", password]);
        }
        command
    }

    /// `mosquitto_pub` of a file's bytes.
    pub fn publish_file(&self, topic: &str, file: &str) {
        run(self.client("mosquitto_pub").args(["-t", topic, "-f", file])).exited(0);
    }

    /// `mosquitto_pub` of a text.
    pub fn publish(&self, topic: &str, text: &str) {
        run(self.client("mosquitto_pub").args(["-t", topic, "-m", text])).exited(0);
    }

    /// A `mosquitto_sub` of everything, which already listens.
    pub fn watch(&self) -> Watch {
        // A retained message comes as soon as the subscription stands: then nothing is missed any more.
        run(self.client("mosquitto_pub").args(["-r", "-t", "watched", "-m", "yes"])).exited(0);
        let mut command = self.client("mosquitto_sub");
        command.args(["-t", "#", "-F", "%t %x"]).stdin(Stdio::null());
        let mut watch = Watch { process: Running::start(&mut command) };
        watch.wait_for("watched");
        watch
    }
}

/// A `mosquitto_sub` that is under way.
pub struct Watch {
    process: Running,
}

impl Watch {
    /// Waits for the next message, on whatever topic.
    #[track_caller]
    pub fn next(&mut self) -> Seen {
        let line = self.process.wait_for(|line| line.contains(' '));
        seen(&line)
    }

    /// Waits for a message on `topic`; others before it are passed over.
    #[track_caller]
    pub fn wait_for(&mut self, topic: &str) -> Seen {
        let line = self.process.wait_for(|line| line.split_once(' ').is_some_and(|(seen, _)| seen == topic));
        seen(&line)
    }
}

fn seen(line: &str) -> Seen {
    let (topic, hex) = line.split_once(' ').expect("the format has a blank");
    Seen { topic: topic.to_owned(), payload: unhex(hex) }
}

fn unhex(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("mosquitto_sub prints hex");
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// A port that nobody has at this moment.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// Debian keeps it where only root's path looks.
fn program() -> &'static str {
    if Path::new("/usr/sbin/mosquitto").exists() { "/usr/sbin/mosquitto" } else { "mosquitto" }
}

fn readable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = if path.is_dir() { 0o755 } else { 0o644 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("our own file");
}
