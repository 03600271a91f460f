//! What breaks around a station while reports and commands flow: the broker, the port, the module. Real
//! processes, a real broker; nothing is lost and nothing runs twice.

mod support;

use std::time::Duration;

use rustix::process::Signal;

use support::broker::{Broker, Watch};
use support::counting::{Counting, Tally};
use support::module::{Module, framed};
use support::process::Running;
use support::station::{module, wait_for, wait_until_online};
use support::time::Stopwatch;

/// A module that takes a few milliseconds for a command.
const FAST: &str = "sim: { start: warm, delays: 0.5 }\n";
/// Between two troubles.
const FLOWING: Duration = Duration::from_millis(1500);

/// Ends the station, sends what waits, and judges it.
fn conclude(
    mut counting: Counting,
    station: Running,
    port: &str,
    (broker, mut watch): (&Broker, Watch),
) -> Tally {
    station.signal(Signal::TERM);
    counting.lives.push(station.finish().exited(0));
    counting.drain(port);
    broker.publish("over", "yes");
    let tally = counting.judge(&watch.until("over"));
    println!("{tally:?}");
    assert!(tally.reports > 1 && tally.recorded > 0, "{tally:?}");
    tally
}

fn wait_until_lost(station: &mut Running) {
    station.wait_for_event(|told| told["event"] == "link_state" && told["from"] == "online");
}

#[test]
fn a_broker_that_stops_and_comes_back() {
    let mut broker = Broker::open();
    let watch = broker.watch();
    let mut counting = Counting::new("broker", broker.sender());
    let (_sim, port) = module(&counting.dir, "air724.tty", &broker.url(), FAST);
    let mut station = counting.start(&port);
    wait_for(&mut station, "report_sent");
    counting.send_commands(2);
    station.let_run(FLOWING);
    broker.stop();
    wait_until_lost(&mut station);
    station.let_run(FLOWING);
    broker.start_again();
    wait_until_online(&mut station);
    wait_for(&mut station, "report_sent");
    conclude(counting, station, &port, (&broker, watch));
}

#[test]
fn a_port_that_goes_and_comes_back_under_another_number() {
    let broker = Broker::open();
    let watch = broker.watch();
    let mut counting = Counting::new("port", broker.sender());
    let (sim, port) = module(&counting.dir, "air724.tty", &broker.url(), FAST);
    let mut station = counting.start(&port);
    wait_for(&mut station, "report_sent");
    counting.send_commands(2);
    station.let_run(FLOWING);
    let before = std::fs::read_link(&port).expect("a link to the pty");
    // It has a number already while the old one is still there.
    let (_other_sim, other_port) = module(&counting.dir, "other.tty", &broker.url(), FAST);
    // Without a word, as a plug that is pulled: its link is left, too.
    sim.signal(Signal::KILL);
    wait_for(&mut station, "port_gone");
    std::fs::rename(&other_port, &port).expect("the link's place");
    assert_ne!(std::fs::read_link(&port).expect("a link to the pty"), before);
    wait_for(&mut station, "port_found");
    wait_until_online(&mut station);
    wait_for(&mut station, "report_sent");
    conclude(counting, station, &port, (&broker, watch));
}

/// A broker that says nothing keeps a publish open until the module resets in it.
#[test]
fn a_module_that_resets_amid_a_publish() {
    let scenario = format!("{FAST}at: [{{ time: 10113ms, module: reset }}]\n");
    let broker = Broker::open();
    let watch = broker.watch();
    let mut counting = Counting::new("reset", broker.sender());
    let (_sim, port) = module(&counting.dir, "air724.tty", &broker.url(), &scenario);
    let mut station = counting.start(&port);
    wait_for(&mut station, "report_sent");
    counting.send_commands(2);
    wait_for(&mut station, "command_finished");
    broker.pause();
    wait_for(&mut station, "reboot");
    broker.go_on();
    wait_until_online(&mut station);
    let sent = wait_for(&mut station, "report_sent");
    assert_eq!((&sent["attempts"], &sent["duplicate_possible"]), (&2.into(), &true.into()), "{sent}");
    conclude(counting, station, &port, (&broker, watch));
}

/// A module that says this to its first publish, and then works.
fn module_that_says(first: &'static [&'static str]) -> impl FnMut(&str) -> Vec<u8> + Send + 'static {
    let (mut publishes, mut online) = (0, false);
    move |line| {
        online = !line.starts_with("AT+MIPCLOSE") && (online || line.starts_with("AT+MCONNECT"));
        let publishing = line.starts_with("AT+MPUB");
        publishes += u32::from(publishing);
        match (publishing, publishes) {
            (true, 1) => {
                online = false;
                framed(first)
            }
            (true, _) => framed(&["OK", "PUBACK"]),
            _ => match line.split(['=', '?']).next().unwrap_or_default() {
                "ATI" => framed(&["AirM2M_720U_V301836", "OK"]),
                "AT+CPIN" => framed(&["+CPIN: READY", "OK"]),
                "AT+CGATT" => framed(&["+CGATT: 1", "OK"]),
                "AT+MIPSTART" => framed(&["OK", "CONNECT OK"]),
                "AT+MCONNECT" => framed(&["OK", "CONNACK OK"]),
                "AT+MSUB" => framed(&["OK", "SUBACK"]),
                "AT+MQTTSTATU" => framed(&[if online { "+MQTTSTATU: 1" } else { "+MQTTSTATU: 0" }, "OK"]),
                _ => framed(&["OK"]),
            },
        }
    }
}

/// What a station sends to it: the sessions and publishes, and how often the first report was tried.
fn after(prefix: &str, first: &'static [&'static str]) -> Vec<String> {
    let broker = Broker::open();
    let counting = Counting::new(prefix, broker.sender());
    let module = Module::answering(module_that_says(first));
    let mut station = counting.start(module.port());
    let sent = wait_for(&mut station, "report_sent");
    assert_eq!((&sent["seq"], &sent["attempts"]), (&1.into(), &2.into()), "{sent}");
    assert_eq!(sent["duplicate_possible"], true);
    wait_for(&mut station, "report_sent");
    station.signal(Signal::TERM);
    station.finish().exited(0);
    let heard = String::from_utf8(module.finish()).expect("plain payloads only");
    let lines = heard.lines().filter(|line| line.starts_with("AT+MPUB") || line.starts_with("AT+MCONNECT"));
    lines.map(str::to_owned).collect()
}

/// Whatever the first publish came to, its report goes first on the next session, and that one is clean: what
/// the module may still send of the old one is void.
#[test]
fn a_module_that_fails_in_the_middle_of_a_publish_gets_the_same_report_again() {
    let failures: [(&str, &[&str]); 4] = [
        ("rdy", &["RDY"]),
        ("ok_rdy", &["OK", "RDY"]),
        ("closed", &["CLOSED"]),
        ("ok_closed", &["OK", "CLOSED"]),
    ];
    std::thread::scope(|scope| {
        for (prefix, first) in failures {
            scope.spawn(move || {
                let lines = after(prefix, first);
                let same = lines[1].as_str();
                assert!(same.contains("report_id"), "{lines:?}");
                assert_eq!(lines[2..4], ["AT+MCONNECT=1,60", same], "{prefix}: {lines:?}");
                assert_ne!(lines[4], same);
            });
        }
    });
}

/// A station that was killed before the data of a binary publish leaves the module alone for a while, and one
/// that was killed at another time does not.
#[test]
fn after_a_publish_that_was_cut_the_module_hears_nothing_for_a_while() {
    let broker = Broker::open();
    let mut counting = Counting::new("cut", broker.sender());
    let file = counting.dir.join("station.yaml");
    let text = std::fs::read_to_string(&file).expect("the station");
    counting.dir.file(
        "station.yaml",
        text.replace("PREFIX", "cut")
            .replace("json: { count: '${state.count + 1}' }", "bytes: '${unhex(\"00ff1a\")}'"),
    );
    // Asked for data, it never shows a prompt.
    let mut answer = module_that_says(&[]);
    let module =
        Module::answering(move |line| if line.starts_with("AT+MPUBEX") { Vec::new() } else { answer(line) });
    let silence = |counting: &mut Counting, until: &str| {
        let mut station = counting.start(module.port());
        let clock = Stopwatch::start();
        station.wait_for_event(|told| told["sent"].as_str().is_some_and(|line| line.starts_with("AT")));
        let silence = clock.elapsed();
        station.wait_for_event(|told| told["sent"].as_str().is_some_and(|line| line.starts_with(until)));
        counting.lives.push(station.kill());
        silence
    };
    let six = Duration::from_secs(6);
    assert!(silence(&mut counting, "AT+MCONNECT") < six, "a new store knows of no publish");
    assert!(silence(&mut counting, "AT+MPUBEX") < six, "the last one was killed before it published");
    assert!(silence(&mut counting, "AT+MCONNECT") >= six, "the last one was killed in a publish");
    assert!(silence(&mut counting, "AT+MPUBEX") >= six, "none has succeeded since");
    module.finish();
}
