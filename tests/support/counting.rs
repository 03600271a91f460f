//! A station that counts its reports and the runs of its commands, with everything as fast as can be, and what
//! must be true of it whatever happened: no report is missing at the broker, no command ran twice, each
//! recorded one has one reply.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::Value;

use super::broker::{Seen, Sender};
use super::process::{Done, Running, atflow, run};
use super::station::station;
use super::temp::TempDir;
use super::time::{Deadline, Stopwatch};

/// Everything as fast as can be. The counter and its report are one transaction.
const STATION: &str = "\
name: killed
module: luat-air724
cloud: ./cloud.yaml
state:
  count: { type: int, default: 0 }
  runs: { type: int, default: 0 }
SCHEDULE
downlink:
  handlers: commands.rhai
  methods: { mark: { params: { n: { type: int } } } }
flows:
  linger:
    steps: [{ sleep: 150ms }]
";
const SCHEDULE: &str = "\
schedule:
  - name: tick
    every: 200ms
    steps:
      - publish: PREFIX/report
        json: { count: '${state.count + 1}' }
        set: { state.count: state.count + 1 }
";
/// A command takes long enough to be killed in.
const COMMANDS: &str = r#"
fn mark(params) {
    state.set("runs", state.runs + 1);
    publish("PREFIX/run", #{ n: params.n, runs: state.runs });
    run("linger", #{});
    #{ n: params.n }
}
"#;
const CLOUD: &str = "\
name: fast
limits: { gap: 5ms, drain_every: 5ms }
link:
  up:
    - run: wake
    - run: attach
    - run: go_online
      retry: { attempts: 20, backoff: 200ms..1s }
  check: { run: status, every: 5s }
  down: { run: disconnect }
  reset:
    - { run: reset, at_most: 1000, per: 1h }
downlink:
  topic: PREFIX/send/{id}
  key: ${id}
  ids: reused
  method: ${body.method}
  params: ${body.params}
  reply:
    topic: PREFIX/reply/${id}
    json: { result: '${result}' }
flows:
  go_online:
    steps:
      - run: connect
        with: { host: broker, port: 1883, client_id: PREFIX, keepalive: 60, clean: '${clean_session}' }
      - each: topic in subscriptions
        steps:
          - { run: subscribe, with: { topic: '${topic}' } }
";

/// One station, with all the lives of its process.
pub struct Counting {
    /// Where its files and its state are.
    pub dir: TempDir,
    broker: Sender,
    prefix: String,
    commands_sent: u64,
    /// What its processes said, one after the other.
    pub lives: Vec<Done>,
    /// How long [`Counting::drain`] took.
    pub drained_in: Duration,
}

impl Counting {
    /// A station whose topics begin with `prefix`.
    pub fn new(prefix: &str, broker: Sender) -> Self {
        let dir = TempDir::new();
        for (name, text) in [
            ("cloud.yaml", CLOUD.to_owned()),
            ("commands.rhai", COMMANDS.to_owned()),
            ("station.yaml", STATION.replace("SCHEDULE", SCHEDULE)),
            ("quiet.yaml", STATION.replace("SCHEDULE\n", "")),
        ] {
            dir.file(name, text.replace("PREFIX", prefix));
        }
        Self {
            dir,
            broker,
            prefix: prefix.to_owned(),
            commands_sent: 0,
            lives: Vec::new(),
            drained_in: Duration::ZERO,
        }
    }

    /// Starts its process.
    pub fn start(&self, port: &str) -> Running {
        self.run("station.yaml", port)
    }

    fn run(&self, file: &str, port: &str) -> Running {
        let state = self.dir.join("state");
        station(&self.dir, &self.dir.join(file), port, &["--state", &state, "--verbose"])
    }

    /// Sends commands, no two of them alike.
    pub fn send_commands(&mut self, count: u64) {
        let first = self.commands_sent + 1;
        self.commands_sent += count;
        let texts: Vec<String> = (first..=self.commands_sent)
            .map(|n| format!(r#"{{"method":"mark","params":{{"n":{n}}}}}"#))
            .collect();
        self.broker.publish_all(&format!("{}/send/1000", self.prefix), &texts);
    }

    /// The last life has no schedule: it only sends what waits.
    pub fn drain(&mut self, port: &str) {
        let mut station = self.run("quiet.yaml", port);
        let clock = Stopwatch::start();
        // A module that was left in the middle of data is not spoken to for a minute.
        let deadline = Deadline::after(Duration::from_mins(2));
        let state = self.dir.join("state");
        loop {
            station.let_run(Duration::from_millis(500));
            let list = run(&mut atflow(&self.dir, ["outbox", "list", "--state", &state])).exited(0);
            if list.stdout.starts_with("nothing waits") && self.open_commands() == 0 {
                break;
            }
            assert!(!deadline.passed(), "{}", list.stdout);
        }
        self.drained_in = clock.elapsed();
        station.signal(Signal::TERM);
        self.lives.push(station.finish().exited(0));
    }

    fn store(&self) -> Connection {
        Connection::open(Path::new(&self.dir.join("state")).join("station.db")).expect("the store")
    }

    fn number(&self, question: &str) -> u64 {
        let number: i64 = self.store().query_row(question, [], |row| row.get(0)).expect("a number");
        u64::try_from(number).expect("it counts")
    }

    fn open_commands(&self) -> u64 {
        self.number("SELECT count(*) FROM command WHERE state < 2")
    }

    /// Everything that was told in all lives.
    fn events(&self) -> impl Iterator<Item = Value> {
        // The last line of a life may be cut.
        self.lives
            .iter()
            .flat_map(|life| life.stdout.lines())
            .filter_map(|line| serde_json::from_str(line).ok())
    }

    /// Compares what arrived at the broker with what the store knows.
    #[track_caller]
    pub fn judge(&self, seen: &[Seen]) -> Tally {
        let on = |topic: &str| {
            let topic = format!("{}/{topic}", self.prefix);
            let found: Vec<Value> = seen
                .iter()
                .filter(|seen| seen.topic == topic)
                .map(|seen| {
                    serde_json::from_slice(&seen.payload).unwrap_or_else(|error| {
                        panic!("{error}: {} {}", seen.topic, String::from_utf8_lossy(&seen.payload))
                    })
                })
                .collect();
            found
        };
        let ours = seen.iter().filter(|seen| seen.topic.starts_with(&format!("{}/", self.prefix)));
        let known =
            ["report", "run", "reply/1000", "send/1000"].map(|topic| format!("{}/{topic}", self.prefix));
        for seen in ours {
            assert!(known.contains(&seen.topic), "{seen:?}");
        }

        let reports = on("report");
        let mut first: Vec<u64> = Vec::new();
        let mut ids: BTreeMap<&str, u64> = BTreeMap::new();
        for report in &reports {
            let count = report["count"].as_u64().expect("a number");
            let id = report["report_id"].as_str().expect("an id");
            match ids.insert(id, count) {
                None => first.push(count),
                Some(before) => assert_eq!(before, count, "an id is one report's"),
            }
        }
        // Killed before its first report, it has no count yet.
        let queued =
            self.number("SELECT COALESCE(MAX(CAST(value AS INTEGER)), 0) FROM state WHERE key = 'count'");
        assert_eq!(first, (1..=queued).collect::<Vec<_>>(), "{}: each report, in order", self.prefix);

        let runs: BTreeSet<(u64, u64)> = on("run")
            .iter()
            .map(|run| (run["n"].as_u64().expect("a number"), run["runs"].as_u64().expect("a number")))
            .collect();
        let marks: BTreeSet<u64> = runs.iter().map(|(n, _)| *n).collect();
        assert_eq!(marks.len(), runs.len(), "{}: no command ended well twice: {runs:?}", self.prefix);
        let done = self.number("SELECT count(*) FROM command WHERE state = 2");
        assert_eq!(runs.len() as u64, done);

        let mut started: BTreeMap<u64, u32> = BTreeMap::new();
        for event in self.events().filter(|event| event["event"] == "command_started") {
            *started.entry(event["n"].as_u64().expect("a number")).or_default() += 1;
        }
        assert!(started.values().all(|times| *times == 1), "{}: {started:?}", self.prefix);

        // No number is given twice, so what is neither a report nor an event is a reply.
        let recorded = self.number("SELECT count(*) FROM command");
        let rows = self.number("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'");
        assert_eq!(rows - queued - done, recorded, "{}: one reply for each command", self.prefix);
        let replies = on("reply/1000");
        assert!(replies.len() as u64 >= recorded, "{}: every reply arrived", self.prefix);

        let unknown = self.number("SELECT count(*) FROM command WHERE state = 4");
        Tally {
            reports: queued,
            duplicates: reports.len() as u64 - queued,
            commands: self.commands_sent,
            recorded,
            unknown,
            reply_duplicates: replies.len() as u64 - recorded,
        }
    }
}

/// What happened.
#[derive(Debug, Default)]
pub struct Tally {
    /// Reports that the station queued.
    pub reports: u64,
    /// Copies of them beyond the first.
    pub duplicates: u64,
    /// Commands that were sent to it.
    pub commands: u64,
    /// Those that it heard.
    pub recorded: u64,
    /// Those that it was stopped in.
    pub unknown: u64,
    /// Copies of replies beyond the first.
    pub reply_duplicates: u64,
}
