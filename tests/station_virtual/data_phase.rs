//! A process that dies between a command line and the data that it promised: the module counts what comes next
//! as that data, and knows no end of waiting for it.

use std::time::Duration;

use atflow::station::event::{Happening, LinkState};
use atflow::transcript::{Entry as Line, Reader};

use crate::support_station::{Case, Lab, hm, s, station, what};

const READING: &str = "temperature: 21 °C, and so on for a while";

/// A station that was killed when the module had shown its prompt, and when that was.
fn cut(file: &str, reset: Option<&str>) -> (Lab, Duration) {
    let entries = reset.map(|time| what(time, "module: reset"));
    let mut lab = Lab::start(Case::of(station(file)).then(entries));
    lab.kill_on(READING, hm(0, 1));
    let died = lab.now();
    assert!(died < s(20), "{died:?}");
    lab.boot();
    (lab, died)
}

/// How long after this time the second process first said something to the module. It is over with that.
fn silence_since(lab: &mut Lab, time: Duration) -> Duration {
    lab.kill();
    let text = lab.transcript.text();
    // Each process begins its own record in the same file.
    let second = text.rfind("{\"atflow\"").expect("two records");
    let records = Reader::new(&text[second..]).expect("a transcript").map(|record| record.expect("a record"));
    let mut sent = records.filter(|record| matches!(record.entry, Line::Tx(_)));
    let at = sent.next().expect("something was sent").at.as_micros();
    Duration::from_micros(at).saturating_sub(time)
}

fn quarantines(lab: &Lab) -> usize {
    lab.told().count(|happening| matches!(happening, Happening::QuarantineEntered))
}

#[test]
fn where_the_module_can_be_restarted_without_a_word_it_is() {
    let (mut lab, died) = cut("data_plug.yaml", Some("15s"));
    lab.run_to(hm(0, 5));
    assert_eq!(quarantines(&lab), 1);
    assert_eq!(lab.received_on("reading"), [READING], "nothing else, and once");
    // Not a byte before the module was off and on.
    assert!(died + silence_since(&mut lab, died) > s(15));
}

#[test]
fn where_it_cannot_a_silence_comes_first_and_the_report_arrives_all_the_same() {
    let (mut lab, died) = cut("data_no_plug.yaml", None);
    lab.run_to(hm(0, 10));
    assert_eq!(quarantines(&lab), 0);
    let arrived = lab.received_on("reading");
    // What the module took for the data is with the cloud, too: that cannot be helped.
    assert_eq!(arrived.last().map(String::as_str), Some(READING), "{arrived:?}");
    assert_eq!(arrived.len(), 2, "{arrived:?}");
    assert!(arrived[0].starts_with("AT\r\n"), "{arrived:?}");
    assert_eq!(lab.told().status.as_ref().map(|status| status.link), Some(LinkState::Online));
    assert!(silence_since(&mut lab, died) >= s(6));
}

/// Once the module has answered, nothing is owed to it any more.
#[test]
fn an_answered_module_is_owed_nothing() {
    let (mut lab, _) = cut("data_plug.yaml", Some("15s"));
    lab.run_to(hm(0, 5));
    lab.kill();
    lab.boot();
    lab.run_to(hm(0, 6));
    assert_eq!(quarantines(&lab), 1, "that of the first death");
}

/// When the payload is written, in milliseconds since the start.
fn payload_written_ms(lab: &Lab) -> u64 {
    let text = lab.transcript.text();
    let records = Reader::new(&text).expect("a transcript").map(|record| record.expect("a record"));
    let is_payload = |line: &Line| matches!(line, Line::Tx(bytes) if bytes.starts_with(READING.as_bytes()));
    let mut sent = records.filter(|record| is_payload(&record.entry));
    sent.next().expect("the payload is sent").at.as_micros() / 1_000
}

/// The module restarts while its prompt is open: nothing of the payload is a command, and the report is sent again.
#[test]
fn a_restart_in_the_middle_of_a_publish_costs_nothing() {
    let mut first = Lab::start(Case::of(station("data_plug.yaml")));
    first.run_to(hm(0, 1));
    first.stop();
    // The payload takes 4 ms at this speed. With the same seed the second run is the same up to there.
    let reset = format!("{}ms", payload_written_ms(&first) + 2);
    let mut lab = Lab::start(Case::of(station("data_plug.yaml")).then([what(&reset, "module: reset")]));
    lab.run_to(hm(0, 10));
    assert_eq!(quarantines(&lab), 1, "nobody acknowledged the data");
    let status = lab.told().status.clone().expect("a status");
    assert_eq!(status.outbox_rows, [0; 3]);
    lab.stop();
    let begun = lab.transcript.text().matches("AT+MPUBEX=").count();
    assert!(begun >= 2, "it was begun, and begun again: {begun}");
    assert_eq!(lab.received_on("reading"), [READING]);
}
