use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::at::dialect::{Finals, Prompt};
use crate::at::pattern::{Capture, Item, Sequence};

mod damage;
mod exchange;
mod frames;
mod wire;

pub(super) fn patterns(sources: &[&str]) -> Vec<Pattern> {
    sources.iter().map(|source| Pattern::parse(source).unwrap()).collect()
}

/// `many: a | b` repeats, everything else is one line.
pub(super) fn sequence(items: &[&str]) -> Sequence {
    let item = |text: &&str| match text.strip_prefix("many: ") {
        Some(many) => Item::Many(patterns(&many.split(" | ").collect::<Vec<_>>())),
        None => Item::One(Pattern::parse(text).unwrap()),
    };
    Sequence::new(items.iter().map(item).collect()).unwrap()
}

/// All the dialects of the language's examples in one, as far as they do not contradict each other.
pub(super) fn dialect() -> Arc<Dialect> {
    static MADE: LazyLock<Arc<Dialect>> = LazyLock::new(make_dialect);
    MADE.clone()
}

fn make_dialect() -> Arc<Dialect> {
    let mut dialect = Dialect::default();
    dialect.results.ok = patterns(&["OK"]);
    dialect.results.error = patterns(&[
        "ERROR",
        "+CME ERROR: {cme:error}",
        "+CMS ERROR: {cms:error}",
        "NO CARRIER",
        "NO ANSWER",
        "NO DIALTONE",
        "BUSY",
        "FAIL",
    ]);
    dialect.results.busy = patterns(&["busy p...", "busy s..."]);
    dialect.urc.closed = patterns(&[
        "CLOSED",
        "+PDP: DEACT",
        "MQTT HEART NO ACK",
        "+CGEV: NW PDN DEACT {:rest}",
        "+CMQTTCONNLOST: 0,{}",
        "WIFI DISCONNECT",
    ]);
    dialect.urc.reboot = patterns(&["RDY", "^boot.rom{:rest}", "ready"]);
    dialect.urc.notice = patterns(&["+MSUB: {slot:int}", "+UUMQTTC: 6,{unread:int}"]);
    dialect.urc.message = vec![
        sequence(&["+MSUB: {topic},{n:int} byte,{payload:bytes(n)}"]),
        sequence(&["+MSUB: {topic},{n:int}byte,{payload:bytes(n)}"]),
        sequence(&[
            "+CMQTTRXSTART: 0,{},{}",
            "+CMQTTRXTOPIC: 0,{m:int}",
            "{topic:bytes(m)}",
            "many: +CMQTTRXPAYLOAD: 0,{n:int} | {payload:bytes(n)}",
            "+CMQTTRXEND: 0",
        ]),
        sequence(&["+QMTRECV: {},{},{topic},{n:int},\"{payload:bytes(n)}\""]),
        sequence(&["+QMTRECV: {},{},{topic},{n:int}", "{payload:bytes(n)}"]),
        sequence(&["+QMTRECV: {},{},{topic},\"{payload:rest}\""]),
        sequence(&["+UMQTTC: 6,{},{},{m:int},\"{topic:bytes(m)}\",{n:int},\"{payload:bytes(n)}\""]),
        sequence(&["+MQTTSUBRECV:0,{topic},{n:int},{payload:bytes(n)}"]),
        sequence(&["+MQTTURC: \"publish\",0,{},{topic},{total:int},{n:int},{payload:bytes(n)}"]),
        sequence(&["Topic:{topic}", "Msg:{payload:lines}"]),
    ];
    dialect.urc.other = patterns(&[
        "RING",
        "+CREG: {stat:int}",
        "+CREG: {stat:int},\"{area}\",\"{cell}\"[,{act:int}]",
        "+CGREG: {stat:int}",
        "+CGEV: {:rest}",
        "+NITZ: {time:rest}",
        "^MODE: {:rest}",
        "+CPIN: {state:rest}",
        "+E_UTRAN Service",
    ]);
    Arc::new(dialect)
}

pub(super) fn sorter() -> Sorter {
    Sorter::new(dialect())
}

pub(super) fn feed(sorter: &mut Sorter, bytes: &[u8]) -> Vec<Sorted> {
    let mut out = Vec::new();
    sorter.feed(bytes, &mut out);
    out
}

pub(super) fn stall(sorter: &mut Sorter) -> Vec<Sorted> {
    let mut out = Vec::new();
    sorter.stall(&mut out);
    out
}

/// Class and text of the lines.
pub(super) fn lines(sorted: &[Sorted]) -> Vec<(Class, String)> {
    let line = |one: &Sorted| match one {
        Sorted::Line { class, text } => Some((*class, String::from_utf8_lossy(text).into_owned())),
        _ => None,
    };
    sorted.iter().filter_map(line).collect()
}

pub(super) fn classes(sorted: &[Sorted]) -> Vec<Class> {
    lines(sorted).into_iter().map(|(class, _)| class).collect()
}

/// Topic, payload, damaged.
pub(super) type Delivered = (String, String, bool);

pub(super) fn messages(sorted: &[Sorted]) -> Vec<Delivered> {
    let message = |one: &Sorted| match one {
        Sorted::Message(message) => Some((
            message.topic.clone(),
            String::from_utf8_lossy(&message.payload).into_owned(),
            message.damaged,
        )),
        _ => None,
    };
    sorted.iter().filter_map(message).collect()
}

pub(super) fn command() -> Wanted {
    Wanted { owes_final: true, ..Wanted::default() }
}

#[expect(clippy::unnecessary_wraps, reason = "as `Wanted` has it")]
pub(super) fn expect(items: &[&str]) -> Option<Arc<Sequence>> {
    Some(Arc::new(sequence(items)))
}

pub(super) fn arm(sorter: &mut Sorter, wanted: Wanted) {
    sorter.arm(Armed { wanted: Arc::new(wanted), ..Armed::default() });
}

/// Everything that comes of feeding `bytes`, cut after each of `pieces` bytes in turn.
fn outcome(bytes: &[u8], pieces: &[usize], armed: Option<&Armed>) -> (Vec<Sorted>, String) {
    let mut sorter = sorter();
    let mut out = Vec::new();
    if let Some(armed) = armed {
        sorter.arm(armed.clone());
    }
    let mut rest = bytes;
    let mut sizes = pieces.iter().cycle();
    while !rest.is_empty() {
        let size = sizes.next().copied().unwrap_or(rest.len()).clamp(1, rest.len());
        sorter.feed(&rest[..size], &mut out);
        rest = &rest[size..];
    }
    sorter.stall(&mut out);
    sorter.stall(&mut out);
    let progress = sorter.disarm();
    (out, format!("{progress:?}"))
}

fn busy_step() -> Armed {
    static MADE: LazyLock<Armed> = LazyLock::new(make_busy_step);
    MADE.clone()
}

fn make_busy_step() -> Armed {
    let lists = vec![(Arc::from("messages"), sequence(&["+CMGL: {i:int},{k:int}", "{text:bytes(k)}"]))];
    let wanted = Wanted {
        awaits: expect(&["CONNECT OK", "+MSUB: {t},{l:int} byte,{p:bytes(l)}"]),
        fail: Some(Arc::new(patterns(&["CONNECT FAIL", "+CWJAP:{cwjap:error}"]))),
        finals: Some(Finals::Lines(Arc::new(patterns(&["OK", "{ip:ipv4}"])))),
        expect: expect(&["+HTTPREAD: {n:int}", "{body:bytes(n)}", "{x:lines}"]),
        collect: Some(Arc::new(lists)),
        prompt: Some(Prompt::Sign),
        owes_final: true,
    };
    let (echo, data) = (Some(b"AT+CGREG?".to_vec()), Some(b"{}\r\nab".to_vec()));
    Armed { wanted: Arc::new(wanted), echo, data, same: Vec::new() }
}

#[test]
fn bytes_may_arrive_one_by_one() {
    for bytes in [wire::LUAT, wire::SIM7600, wire::OTHERS] {
        for armed in [None, Some(&busy_step())] {
            assert_eq!(outcome(bytes, &[], armed), outcome(bytes, &[1], armed));
        }
    }
}

/// Bytes that look like what modules say, broken in every way.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let token = prop::sample::select(vec![
        "\r\n",
        "\r",
        "\n",
        "OK",
        "ERROR",
        ">",
        "> ",
        "+MSUB: \"t\",",
        "5 byte,",
        "17 byte,",
        "0byte,",
        "{\"a\":1}",
        "+CMQTTRXSTART: 0,1,2\r\n",
        "+CMQTTRXTOPIC: 0,2\r\n",
        "+CMQTTRXPAYLOAD: 0,3\r\n",
        "+CMQTTRXEND: 0\r\n",
        "+UMQTTC: 6,1,2,3,\"",
        "\",4,\"",
        "\"",
        "+QMTRECV: 0,0,t,4\r\n",
        "+HTTPREAD: 9\r\n",
        "CLOSED",
        "\0",
        "abc",
        "+CMGL: 1,4\r\n",
        "Topic:x\r\n",
        "Msg:y",
        "CONNECT OK\r\n",
        "+MQTTURC: \"publish\",0,1,\"t\",6,3,abc\r\n",
        "1.2.3.4",
        "AT+CGREG?\r",
        "RDY",
        "-",
        "99999",
    ]);
    let piece = prop_oneof![
        8 => token.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..9),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn pieces_make_no_difference(which in 0..3usize, pieces in prop::collection::vec(1..40usize, 1..20), step: bool) {
        let bytes = [wire::LUAT, wire::SIM7600, wire::OTHERS][which];
        let armed = busy_step();
        let armed = step.then_some(&armed);
        prop_assert_eq!(outcome(bytes, &[], armed), outcome(bytes, &pieces, armed));
    }

    #[test]
    fn nor_do_they_on_a_hostile_line(bytes in hostile(), pieces in prop::collection::vec(1..30usize, 1..20), step: bool) {
        let armed = busy_step();
        let armed = step.then_some(&armed);
        prop_assert_eq!(outcome(&bytes, &[], armed), outcome(&bytes, &pieces, armed));
    }

    #[test]
    fn nor_do_they_in_random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400), size in 1..50usize) {
        prop_assert_eq!(outcome(&bytes, &[], None), outcome(&bytes, &[size], None));
    }
}

#[test]
fn lines_end_at_cr_or_lf_and_nuls_vanish() {
    let out = feed(&mut sorter(), b"\0\0R\0ING\r\r\n\n+X\n+Y \t\r\0+Z\r");
    let text: Vec<_> = lines(&out).into_iter().map(|(_, text)| text).collect();
    assert_eq!(text, ["RING", "+X", "+Y", "+Z"]);
    assert_eq!(classes(&out)[..2], [Class::Other, Class::Unknown]);
}

#[test]
fn an_endless_line_is_cut_as_noise() {
    let mut bytes = vec![b'x'; 2 * LINE_BYTES + 10];
    bytes.extend(b"\r\nRING\r\n");
    let out = feed(&mut sorter(), &bytes);
    assert_eq!(classes(&out), [Class::Noise, Class::Noise, Class::Noise, Class::Other]);
}

#[test]
fn what_a_line_means_is_reported_without_a_step() {
    let out = feed(&mut sorter(), b"\r\nCLOSED\r\n^boot.rom'v'!\n+MSUB: 3\r\nhello\r\n");
    assert_eq!(classes(&out), [Class::Closed, Class::Reboot, Class::Notice, Class::Unknown]);
    assert!(out.contains(&Sorted::Closed("CLOSED".into())));
    assert!(out.contains(&Sorted::Reboot("^boot.rom'v'!".into())));
    let slot = Captures(vec![(Arc::from("slot"), Capture::Int(3))]);
    assert!(out.contains(&Sorted::Notice(slot)));
}
