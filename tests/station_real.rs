//! The bundled station as it runs on a gateway: a process of its own on a pty, the simulated module behind it,
//! a real mosquitto.

mod support;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use atflow::transcript::Reader;
use rustix::process::Signal;
use serde_json::Value;

use support::broker::Broker;
use support::module::{Module, framed};
use support::process::{Done, Running, atflow, run};
use support::simulator::serve;
use support::station::{SECRETS, module, station, wait_for, wait_until_online};
use support::temp::TempDir;
use support::time::{PATIENCE, Stopwatch};

const STATION: &str = "scripts/thingscloud/station.yaml";
/// The command that the seed's author sends by hand.
const RESTART: &str = r#"{"method":"restart","params":{"timeout":10},"id":1000}"#;
/// A module that has been on for long, twenty times as fast as a real one.
const WARM: &str = "sim: { start: warm, delays: 0.05 }\n";

/// Ends it as a service manager does.
fn terminate(station: Running) -> Done {
    let clock = Stopwatch::start();
    station.signal(Signal::TERM);
    let done = station.finish().exited(0);
    assert!(clock.elapsed() < Duration::from_secs(20), "{:?}", clock.elapsed());
    done
}

/// The command lines of a transcript, in order.
fn sent(transcript: &str) -> Vec<String> {
    let text = std::fs::read_to_string(transcript).expect("a transcript");
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    records.filter_map(|record| Some(record["tx"].as_str()?.trim_end().to_owned())).collect()
}

fn names_of(done: &Done) -> Vec<String> {
    done.events().iter().map(|event| event["event"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn a_report_a_command_its_reply_and_only_then_the_reset() {
    let dir = TempDir::new();
    let broker = Broker::open();
    let mut watch = broker.watch();
    let (_sim, port) = module(&dir, "air724.tty", &broker.url(), WARM);
    let transcript = dir.join("transcript.jsonl");
    let mut station = station(&dir, STATION, &port, &["--transcript", &transcript]);

    let report = watch.wait_for("attributes");
    let report: Value = serde_json::from_slice(&report.payload).expect("JSON");
    assert!(report["signal_dbm"].is_i64() && report["report_id"].is_string(), "{report}");

    broker.publish("command/send/1000", RESTART);
    let reply = watch.wait_for("command/reply/1000");
    assert_eq!(reply.payload, br#"{"method":"restart","params":{"accepted":true}}"#);
    let reboot = wait_for(&mut station, "reboot");
    assert_eq!(reboot["expected"], true, "{reboot}");
    wait_until_online(&mut station);

    // While it runs, its outbox can be looked at, and everybody else is kept away.
    let list = run(&mut atflow(&dir, ["outbox", "list"])).exited(0);
    assert!(list.stdout.contains("nothing waits") || list.stdout.starts_with("SEQ"), "{}", list.stdout);
    let pid = station.id();
    let second = run(atflow(&dir, ["run", STATION, "--port", &port]).envs(SECRETS)).exited(3);
    assert!(second.stderr.contains(&pid.to_string()) && second.stderr.contains(&port), "{}", second.stderr);
    let other_port = dir.join("other.tty");
    std::os::unix::fs::symlink("/dev/ptmx", &other_port).expect("a link");
    let second = run(atflow(&dir, ["run", STATION, "--port", &other_port]).envs(SECRETS)).exited(3);
    assert!(second.stderr.contains(&pid.to_string()) && second.stderr.contains(&port), "{}", second.stderr);

    let done = terminate(station);
    let names = names_of(&done);
    let place = |name: &str| names.iter().position(|known| known == name).expect(name);
    assert!(place("command_finished") < place("timer_fired"), "{names:?}");
    let replied = done.events().iter().position(|told| told["lane"] == "reply").expect("the reply left");
    assert!(replied < place("timer_fired"), "the reply leaves before the module restarts");
    assert_eq!(done.events().last().expect("the end")["event"], "station_stopped");
    assert_eq!(done.stderr, "");

    let sent = sent(&transcript);
    assert_eq!(sent[sent.len() - 2..], ["AT+MDISCONNECT", "AT+MIPCLOSE"]);
    assert_eq!(sent.iter().filter(|line| *line == "AT+RESET").count(), 1);
    for secret in SECRETS {
        assert!(!done.stdout.contains(secret.1));
    }
}

/// The service manager's end of its socket.
struct Manager(UnixDatagram);

impl Manager {
    fn new(dir: &TempDir) -> Self {
        let socket = UnixDatagram::bind(dir.join("notify")).expect("a free path");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket can wait");
        Self(socket)
    }

    /// The next word that begins so; how things stand is passed over.
    #[track_caller]
    fn wait_for(&self, word: &str) -> String {
        loop {
            let mut bytes = [0; 1024];
            let count = self.0.recv(&mut bytes).unwrap_or_else(|error| panic!("no {word}: {error}"));
            let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
            if text.starts_with(word) {
                return text;
            }
            assert!(text.starts_with("STATUS="), "{text} came before {word}");
        }
    }
}

/// A port that nobody has at this moment.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .to_string()
}

fn scrape(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the station listens");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: station\r\n\r\n").expect("it takes a request");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("it answers");
    page
}

/// The bundled station's files in a folder of their own, where they can be changed.
fn copy_of_the_station(dir: &TempDir) -> String {
    for name in ["telemetry.rhai", "commands.rhai"] {
        let path = support::root().join("scripts/thingscloud").join(name);
        dir.file(name, std::fs::read(path).expect("a bundled file"));
    }
    dir.file("station.yaml", std::fs::read(support::root().join(STATION)).expect("the station"))
}

#[test]
fn a_service_manager_a_scraper_and_a_new_version_of_the_file() {
    let dir = TempDir::new();
    let broker = Broker::open();
    let mut watch = broker.watch();
    let (_sim, port) = module(&dir, "air724.tty", &broker.url(), WARM);
    let manager = Manager::new(&dir);
    let address = free_address();
    let file = copy_of_the_station(&dir);
    let args = ["run", &file, "--port", &port, "--log", "json", "--metrics", &address];
    let socket = ("NOTIFY_SOCKET", dir.join("notify"));
    let mut station = Running::start(atflow(&dir, args).envs(SECRETS).envs([socket]));
    manager.wait_for("READY=1");
    watch.wait_for("attributes");
    // The module says all that it can, and is still recognised as the same.
    broker.publish("command/send/1000", &RESTART.replace("10}", "0}"));
    wait_for(&mut station, "reboot");
    wait_until_online(&mut station);

    let good = std::fs::read_to_string(&file).expect("the station");
    let reload = |station: &mut Running, text: &str| {
        std::fs::write(&file, text).expect("our own file");
        station.signal(Signal::HUP);
        let word = manager.wait_for("RELOADING=1");
        let time = word.split_once("MONOTONIC_USEC=").and_then(|(_, micros)| micros.parse::<u64>().ok());
        assert!(time.is_some_and(|micros| micros > 0), "{word}");
        manager.wait_for("READY=1");
    };
    reload(&mut station, &good.replace("every: ${state.report_every}", "evry: 60s"));
    let failed = wait_for(&mut station, "reload_failed");
    let why = failed["error"].as_str().expect("a text");
    assert!(why.contains("`evry`") && why.contains("station.yaml:"), "{why}");
    reload(&mut station, &good.replace("signal:       {}", "signal:       {}\n    level:        {}"));
    let failed = wait_for(&mut station, "reload_failed");
    assert!(failed["error"].as_str().expect("a text").contains("level"), "{failed}");
    // What waits would be left behind in the folder of the old name.
    let name = good.lines().find(|line| line.starts_with("name:")).expect("a name");
    reload(&mut station, &good.replace(name, "name: another one"));
    let failed = wait_for(&mut station, "reload_failed");
    assert!(failed["error"].as_str().expect("a text").starts_with("its `name` is another one"), "{failed}");
    dir.file("long.bin", "x".repeat(70_000));
    let secret = "vars: { s: { file: long.bin, secret: true } }\ncloud: thingscloud ";
    reload(&mut station, &good.replace("cloud: thingscloud ", secret));
    let failed = wait_for(&mut station, "reload_failed");
    assert!(failed["error"].as_str().expect("a text").contains("too many to be masked"), "{failed}");
    // The old file goes on.
    broker.publish("command/send/8", r#"{"method":"relay","params":{"on":true}}"#);
    assert_eq!(watch.wait_for("command/reply/8").payload, br#"{"method":"relay","params":{"relay":true}}"#);

    dir.file(
        "commands.rhai",
        std::fs::read_to_string(support::root().join("scripts/thingscloud/commands.rhai"))
            .expect("a bundled file")
            .replace("    #{ relay: params.on }\n", "    #{ relay: params.on, version: 2 }\n")
            + "\nfn level(params) { #{ level: 3 } }\n",
    );
    reload(&mut station, &good.replace("signal:       {}", "signal:       {}\n    level:        {}"));
    wait_for(&mut station, "reload_ok");
    // It is known by its name to whoever reads the numbers.
    broker.publish("command/send/10", r#"{"method":"level","params":{}}"#);
    watch.wait_for("command/reply/10");
    let page = scrape(&address);
    assert!(page.contains(r#"handler="level""#), "{page}");
    broker.publish("command/send/9", r#"{"method":"relay","params":{"on":false}}"#);
    let reply = watch.wait_for("command/reply/9");
    assert_eq!(reply.payload, br#"{"method":"relay","params":{"relay":false,"version":2}}"#);

    // Other words for the module: everything is opened anew, by the same process.
    reload(
        &mut station,
        &good
            .replace("every: ${state.report_every}", "every: 60s")
            .replace("cloud: thingscloud ", "vars: { access_token: other }\ncloud: thingscloud "),
    );
    wait_for(&mut station, "station_started");
    wait_until_online(&mut station);

    let page = scrape(&address);
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    for metric in METRICS {
        let line = page.lines().find(|line| line.starts_with(&format!("atflow_{metric}")));
        assert!(line.is_some(), "{metric} is not among\n{page}");
    }
    assert!(page.contains(r#"state="online"} 1"#), "{page}");

    station.signal(Signal::TERM);
    manager.wait_for("STOPPING=1");
    let done = station.finish().exited(0);
    assert!(!done.events().is_empty());
}

/// What a process left is as old to the next one as it is, though that has only begun.
#[test]
fn what_an_earlier_process_left_keeps_its_age() {
    let dir = TempDir::new();
    let (state, address) = (dir.join("kept"), free_address());
    let world = dir.file("world.yaml", format!("{WARM}at: [{{ time: 0s, broker: away, for: 10h }}]\n"));
    let pty = dir.join("air724.tty");
    let (_sim, port) = serve(&dir, &["--pty", &pty, "--scenario", &world]);
    let more = ["--state", &state, "--metrics", &address];
    let mut first = station(&dir, STATION, &port, &more);
    wait_for(&mut first, "station_started");
    first.signal(Signal::KILL);
    drop(first.finish());

    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let two_hours_ago = now.tv_sec * 1_000 - 7_200_000;
    let db = rusqlite::Connection::open(format!("{state}/station.db")).expect("the store");
    let boot = "(SELECT max(boot) FROM boot)";
    db.execute_batch(&format!(
        "INSERT INTO timer (flow, args, boot, due_ms) VALUES ('reset', '{{}}', {boot}, {two_hours_ago});
         INSERT INTO outbox (lane, topic, qos, retain, payload, boot, mono_ms, source)
         VALUES (2, 'attributes', 1, 0, x'7b7d', {boot}, {two_hours_ago}, 'report');"
    ))
    .expect("written");
    drop(db);

    let mut second = station(&dir, STATION, &port, &more);
    let dropped = wait_for(&mut second, "timer_dropped");
    assert!(dropped["why"].as_str().is_some_and(|why| why.contains("five minutes")), "{dropped}");
    // The status is told a moment later than the timer.
    let clock = Stopwatch::start();
    let age = loop {
        let page = scrape(&address);
        let age = page.lines().find_map(|line| line.strip_prefix("atflow_outbox_oldest_age_seconds{"));
        let age: f64 = age.and_then(|age| age.split(' ').next_back()?.parse().ok()).unwrap_or(0.0);
        if age > 0.0 || clock.elapsed() > PATIENCE {
            break age;
        }
    };
    assert!((7_200.0..7_300.0).contains(&age), "{age}");
    second.signal(Signal::TERM);
    drop(second.finish());
}

/// A new version that opens everything anew is still the same run: its record goes on, and so does its time.
#[test]
fn what_is_opened_anew_keeps_the_record_and_the_end() {
    const LASTS_MS: u64 = 15_000;
    let dir = TempDir::new();
    let broker = Broker::open();
    let (_sim, port) = module(&dir, "air724.tty", &broker.url(), WARM);
    let file = copy_of_the_station(&dir);
    let transcript = dir.join("transcript.jsonl");
    let mut station = station(&dir, &file, &port, &["--transcript", &transcript, "--for", "15s"]);
    wait_until_online(&mut station);
    let good = std::fs::read_to_string(&file).expect("the station");
    let other = good.replace("cloud: thingscloud ", "vars: { access_token: other }\ncloud: thingscloud ");
    assert_ne!(good, other);
    std::fs::write(&file, other).expect("our own file");
    station.signal(Signal::HUP);
    wait_for(&mut station, "station_started");
    wait_until_online(&mut station);
    // It ends by itself; the second part of it is shorter than the whole.
    let done = station.finish().exited(0);
    let events = done.events();
    let stopped: Vec<&Value> = events.iter().filter(|told| told["event"] == "station_stopped").collect();
    let took_ms: Vec<u64> = stopped.iter().filter_map(|told| told["took_ms"].as_u64()).collect();
    assert!(took_ms.len() == 2 && took_ms[1] < LASTS_MS, "{took_ms:?}");

    let text = std::fs::read_to_string(&transcript).expect("a transcript");
    let logins = sent(&transcript).iter().filter(|line| line.starts_with("AT+MCONNECT=")).count();
    assert!(logins >= 2, "{text}");
    let times: Vec<u64> = Reader::new(&text)
        .expect("a transcript")
        .map(|record| record.expect("a record").at.as_micros() / 1_000)
        .collect();
    assert!(times.is_sorted());
    // The second part begins where the first has ended, and not at zero.
    let last = times.last().expect("records");
    assert!(*last + 2_000 >= took_ms.iter().sum(), "{last} {took_ms:?}");
}

const SLOW: &str = "name: never comes to an end
module: generic

schedule:
  - name: measure
    every: 1h
    steps:
      - name: session
        steps: [{ send: AT+BEGIN, timeout: 20m }]
        always: [{ send: AT+END, timeout: 10m, retry: { attempts: 9, every: 1m } }]

link:
  up: [{ run: wake }]
  down: { run: goodbye }

flows:
  wake: { steps: [AT] }
  goodbye:
    steps: [{ send: AT+BYE, timeout: 10m }]
    always: [{ send: AT+FAREWELL, timeout: 10m }]
";

/// A module that falls silent keeps nobody from stopping the station, whatever times its file gives.
#[test]
fn a_stop_is_over_soon_whatever_the_module_does() {
    // Silent from the step on, or from its clean-up on.
    std::thread::scope(|scope| {
        for first_silent in ["AT+BEGIN", "AT+END"] {
            scope.spawn(move || {
                let dir = TempDir::new();
                let file = dir.file("station.yaml", SLOW);
                let mut silent = false;
                let module = Module::answering(move |line| {
                    silent |= line == first_silent;
                    if silent { Vec::new() } else { framed(&["OK"]) }
                });
                let mut station = station(&dir, &file, module.port(), &["-v"]);
                station.wait_for_event(|told| told["sent"] == first_silent);
                let events = terminate(station).events();
                let end = events.last().expect("an end");
                assert_eq!(end["event"], "station_stopped");
                let heard = String::from_utf8(module.finish()).expect("lines");
                assert!(heard.contains("AT+END\r\n") || first_silent == "AT+BEGIN", "{heard}");
            });
        }
    });
}

/// What a dashboard of a station is built from.
const METRICS: &[&str] = &[
    "build_info{",
    "link_state{",
    "link_level",
    "link_recoveries_total{",
    "link_online_seconds_total",
    "module_reboots_total{",
    "reports_resent_total",
    "reports_dropped_total{",
    "reports_dead_total",
    "outbox_rows{",
    "outbox_bytes",
    "report_delay_seconds_count",
    "commands_duplicate_total",
    "command_duration_seconds_bucket{",
    "serial_receive_bytes_total",
    "serial_transmit_bytes_total",
    "network_bytes_today",
    "store_volatile",
    "clock_quality",
    "process_resident_memory_bytes",
    "exchanges_total{",
    "exchange_duration_seconds_bucket{",
    "urcs_total{",
    "urcs_dropped_total",
    "resyncs_total",
    "frame_mismatches_total",
    "store_transaction_seconds_bucket{",
    "store_errors_total{",
    "wal_bytes",
];
