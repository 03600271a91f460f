//! A real mosquitto on a port of its own, and its command-line clients. All three must be installed
//! (`./test` does that): without them these tests fail.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;

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
    process: Running,
    settings: String,
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
        // A broker that is started by root goes on as another user, who keeps there what its sessions are owed.
        allow(dir.path(), 0o777);
        for _ in 0..TRIES {
            let port = free_port();
            let access = match login {
                None => "allow_anonymous true\n".to_owned(),
                Some((user, password)) => {
                    let file = dir.join("passwords");
                    let _ = std::fs::remove_file(&file);
                    run(Command::new("mosquitto_passwd").args(["-b", "-c", &file, user, password])).exited(0);
                    allow(Path::new(&file), 0o644);
                    format!("allow_anonymous false\npassword_file {file}\n")
                }
            };
            let home = dir.path().display();
            let settings = format!(
                "listener {port} 127.0.0.1\npersistence true\npersistence_location {home}/\nlog_dest stderr\n{access}"
            );
            let file = dir.file("mosquitto.conf", settings);
            let mut process = Running::start(Command::new(program()).args(["-c", &file]));
            let line = process.wait_for(|line| line.contains(" running") || line.contains("Error:"));
            if line.contains(" running") {
                return Self { port, login, process, settings: file, _dir: dir };
            }
        }
        panic!("mosquitto finds no free port");
    }

    /// Stops it; what its sessions are owed is kept.
    pub fn stop(&mut self) {
        self.process.signal(Signal::TERM);
        self.process.wait_for(|line| line.contains("terminating"));
    }

    /// Starts it again, on the same port.
    pub fn start_again(&mut self) {
        self.process = Running::start(Command::new(program()).args(["-c", &self.settings]));
        self.process.wait_for(|line| line.contains(" running"));
    }

    /// It answers nobody until [`Broker::go_on`], and its connections stay open.
    pub fn pause(&self) {
        self.process.signal(Signal::STOP);
    }

    /// It answers what it was asked in the meantime.
    pub fn go_on(&self) {
        self.process.signal(Signal::CONT);
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

    /// Somebody who publishes, from whatever thread.
    pub fn sender(&self) -> Sender {
        Sender { port: self.port, login: self.login }
    }

    fn client(&self, program: &str) -> Command {
        self.sender().client(program)
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
        // It stays a client of a broker that is restarted, and misses nothing of what is acknowledged.
        command.args(["-c", "-i", "watch", "-q", "1", "-t", "#", "-F", "%t %x"]).stdin(Stdio::null());
        let mut watch = Watch { process: Running::start(&mut command) };
        watch.wait_for("watched");
        watch
    }
}

/// Somebody who publishes.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    port: u16,
    login: Option<(&'static str, &'static str)>,
}

impl Sender {
    fn client(self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        if let Some((user, password)) = self.login {
            command.args(["-u", user, "-P", password]);
        }
        command
    }

    /// `mosquitto_pub` of several texts on one topic, at once.
    pub fn publish_all(self, topic: &str, texts: &[String]) {
        let mut command = self.client("mosquitto_pub");
        command.args(["-t", topic, "-l"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().expect("mosquitto_pub is installed");
        let mut input = child.stdin.take().expect("piped");
        for text in texts {
            writeln!(input, "{text}").expect("it reads");
        }
        drop(input);
        assert!(child.wait().expect("a child can be waited for").success());
    }
}

/// A `mosquitto_sub` that is under way.
pub struct Watch {
    process: Running,
}

impl Watch {
    /// Everything up to a message on `topic`.
    #[track_caller]
    pub fn until(&mut self, topic: &str) -> Vec<Seen> {
        let mut all = Vec::new();
        loop {
            let line = self.process.wait_for(|line| line.contains(' '));
            all.push(seen(&line));
            if all.last().is_some_and(|last| last.topic == topic) {
                return all;
            }
        }
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

fn allow(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("our own file");
}
