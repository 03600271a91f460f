//! What comes down from the cloud is hostile: nothing of it stops the station, gets past what the file allows,
//! or becomes a command line.

use std::time::Duration;

use atflow::sim::{Entry, What};
use atflow::station::event::{Happening, JobKind, LinkState};
use atflow::transcript::{Entry as Line, Reader};

use crate::ledger;
use crate::support_station::case::at;
use crate::support_station::{Case, Lab, cloud, hm, s, station};

/// It stands in each field of each message that could become a command line.
const CANARY: &str = "CANARY";

/// What a field may hold: ends of lines and arguments, a joined command, holes, escapes.
pub const SPITEFUL: [&str; 16] = [
    "\r\nAT+CANARY\r\n",
    "\nCANARY",
    "\rCANARY",
    ";+CANARY",
    "\";+CANARY;\"",
    "\",0,0,\"CANARY",
    "CANARY,0,0,1",
    "${CANARY}",
    "${access_token}CANARY",
    "\\22,CANARY",
    "\\0D\\0ACANARY",
    "\u{1a}CANARY",
    "\u{1b}CANARY",
    "CANARY+++",
    "CANARY`${1}`",
    "\u{0}CANARY",
];

/// No method of the station, whatever else they are.
const NO_METHODS: [&str; 24] = [
    "hidden",
    "leave_something",
    "at",
    "run",
    "after",
    "publish",
    "state",
    "print",
    "eval",
    "Fn",
    "call",
    "curry",
    "type_of",
    "to_string",
    "this",
    "__proto__",
    "constructor",
    "+",
    "==",
    "anon$1",
    "commands::count",
    "count ",
    "COUNT",
    "",
];

pub fn json(text: &str) -> String {
    serde_json::to_string(text).expect("a text")
}

/// So many of the odd payloads are objects, only without the name of a method: they are answered, too. What is no
/// object is noise.
const NAMELESS: usize = 5;

/// Payloads that are no command at all, or one that does not fit.
fn odd_payloads() -> Vec<Vec<u8>> {
    let deep = format!("{}1{}", "[".repeat(400), "]".repeat(400));
    let deep_map = format!("{}1{}", r#"{"a":"#.repeat(40), "}".repeat(40));
    let wide = format!(r#"{{"method":"count","params":{{"a":[{}]}}}}"#, vec!["1"; 600].join(","));
    let texts = [
        "",
        "{",
        "null",
        "[]",
        "true",
        "1e999",
        "\"count\"",
        r#"{"method":"count","method":"raise","params":{}}"#,
        r#"{"method":"count","params":{"a":1,"a":2}}"#,
        r#"{"method":"echo","params":{"text":"a","text":"b"}}"#,
        r#"{"method":["count"],"params":{}}"#,
        r#"{"method":{"count":1},"params":{}}"#,
        r#"{"method":1,"params":{}}"#,
        r#"{"method":null}"#,
        r#"{"params":{}}"#,
        r#"{"method":"echo","params":[]}"#,
        r#"{"method":"echo","params":"text"}"#,
        r#"{"method":"echo","params":{}}"#,
        r#"{"method":"echo","params":{"text":1}}"#,
        r#"{"method":"echo","params":{"text":{"text":"a"}}}"#,
        r#"{"method":"echo","params":{"text":"a","__proto__":{}}}"#,
        r#"{"method":"later","params":{"seconds":1.5}}"#,
        r#"{"method":"later","params":{"seconds":1e400}}"#,
        r#"{"method":"later","params":{"seconds":99999999999999999999}}"#,
        r#"{"method":"later","params":{"seconds":-1}}"#,
        r#"{"method":"count","params":{}} {"method":"count","params":{}}"#,
        r#"{"method":"count","params":1+1}"#,
        r#"{method:"count",params:{}}"#,
        &deep,
        &deep_map,
        &wide,
    ];
    let mut all: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    all.push(b"{\"method\":\"count\xff\",\"params\":{}}".to_vec());
    all.push(b"\xef\xbb\xbf{\"method\":\"count\",\"params\":{}}".to_vec());
    all.push(format!(r#"{{"method":"echo","params":{{"text":"{}"}}}}"#, "x".repeat(2_300)).into_bytes());
    all.push(format!(r#"{{"method":"echo","params":{{"text":"{}"}}}}"#, "x".repeat(3_990)).into_bytes());
    all.push(vec![b'x'; 4_100]);
    all
}

/// A spiteful text in each field that there is.
pub fn spiteful(text: &str) -> Vec<(String, Vec<u8>)> {
    let quoted = json(text);
    let to = |topic: &str, payload: String| (topic.to_string(), payload.into_bytes());
    vec![
        to("command/send/1000", format!(r#"{{"method":{quoted},"params":{{}}}}"#)),
        to("command/send/1000", format!(r#"{{"method":"echo","params":{{"text":{quoted}}}}}"#)),
        to("command/send/1000", format!(r#"{{"method":"note","params":{{"text":{quoted}}}}}"#)),
        to("command/send/1000", format!(r#"{{"method":"echo","params":{{{quoted}:1}}}}"#)),
        to("command/send/1000", format!(r#"{{{quoted}:1,"method":"count","params":{{}}}}"#)),
        to("command/send/1000", format!(r#"{{"method":"unread","params":{{"text":{quoted}}}}}"#)),
        to("command/send/1000", format!(r#"{{"method":"line","params":{{"text":{quoted}}}}}"#)),
        to("command/send/1000", format!(r#"{{"method":"flow","params":{{"name":{quoted}}}}}"#)),
        to(&format!("command/send/{text}"), r#"{"method":"count","params":{}}"#.to_string()),
        to(&format!("config/{text}"), format!(r#"{{"a":{quoted},{quoted}:"a"}}"#)),
        to(&format!("topics/{text}"), "{}".to_string()),
    ]
}

/// Everything, one message every three seconds, so that the rate refuses none of it.
fn all() -> Vec<(String, Vec<u8>)> {
    let command = |payload: Vec<u8>| ("command/send/1000".to_string(), payload);
    let mut all: Vec<(String, Vec<u8>)> = odd_payloads().into_iter().map(command).collect();
    let methods = NO_METHODS.iter().map(|name| format!(r#"{{"method":{},"params":{{}}}}"#, json(name)));
    all.extend(methods.map(|payload| command(payload.into_bytes())));
    all.extend(SPITEFUL.iter().flat_map(|text| spiteful(text)));
    all
}

pub fn entries(messages: Vec<(String, Vec<u8>)>) -> (Vec<Entry>, Duration) {
    let begin = hm(0, 1);
    let moments = (0..).map(|number| begin + s(3) * number);
    let end = begin + s(3) * u32::try_from(messages.len()).expect("not so many") + hm(0, 3);
    let entry = |(time, (topic, payload)): (Duration, (String, Vec<u8>))| cloud(time, &topic, payload);
    (moments.zip(messages).map(entry).collect(), end)
}

/// What stands in place of an escaped byte: a backslash and two hexadecimal digits. `None` if anything in it
/// could end the argument, the line, or begin another command.
fn unescaped(argument: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = argument.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        match first {
            b'\\' => {
                let (digits, behind) = rest.split_at_checked(2)?;
                bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
                rest = behind;
            }
            b'"' | b',' | b';' => return None,
            plain if plain.is_ascii_graphic() || *plain == b' ' => bytes.push(*plain),
            _ => return None,
        }
    }
    Some(bytes)
}

/// A publish that holds what came from outside, the topic as one argument, the payload as another: JSON that
/// is with the cloud just as it was meant.
fn is_one_publish(line: &str, lab: &Lab) -> bool {
    let known = |name: &str| line.strip_prefix(name).and_then(|rest| rest.strip_suffix("\r\n"));
    let (arguments, in_line) = match (known("AT+MPUB="), known("AT+MPUBEX=")) {
        (Some(arguments), _) => (arguments, true),
        (None, Some(arguments)) => (arguments, false),
        (None, None) => return false,
    };
    let [topic, qos, retain, last] = arguments.split(',').collect::<Vec<_>>()[..] else { return false };
    let plain = |character: char| !character.is_control() && !"\"\\;,".contains(character);
    if !topic.chars().all(plain) || !["0", "1"].contains(&qos) || !["0", "1"].contains(&retain) {
        return false;
    }
    if !in_line {
        return last.parse::<u32>().is_ok();
    }
    let Some(payload) = unescaped(last) else { return false };
    let arrived = lab.received().iter().any(|receipt| receipt.post.payload == payload);
    arrived && serde_json::from_slice::<serde_json::Value>(&payload).is_ok()
}

/// The handler `line` puts what came into its command line, as it may; then it is one line, and still no more
/// than the handler could send.
fn is_harmless(line: &str) -> bool {
    let whole = line.strip_prefix("AT+CSQ;").and_then(|rest| rest.strip_suffix("\r\n"));
    whole.is_some_and(|rest| !rest.contains(char::is_control) && rest.matches('"').count() % 2 == 0)
}

/// S18: what came from outside is in no command line but as one argument, or in the data that follows a
/// prompt, and there it is JSON. `least`: so much was sent that this means something.
fn assert_no_injection(lab: &Lab, least: usize) {
    let transcript = lab.transcript.text();
    let reader = Reader::new(&transcript).expect("a transcript");
    let mut sent = 0;
    let mut before = String::new();
    for record in reader {
        let record = record.expect("a record");
        let Line::Tx(bytes) = record.entry else { continue };
        sent += 1;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if text.contains(CANARY) {
            let asked_for = before.trim_end().rsplit_once(',').is_some_and(|(line, size)| {
                line.starts_with("AT+MPUBEX=") && size == bytes.len().to_string()
            });
            let json: Result<serde_json::Value, _> = serde_json::from_slice(&bytes);
            let good = (asked_for && json.is_ok()) || is_one_publish(&text, lab) || is_harmless(&text);
            assert!(good, "this went to the module: {text:?}");
        }
        before = text;
    }
    assert!(sent >= least, "only {sent} were sent");
}

#[test]
fn hostile_messages_are_answered_or_dropped_by_rule() {
    let messages = all();
    let odd = odd_payloads().len();
    let count = messages.len();
    let (entries, end) = entries(messages);
    let mut lab = Lab::start(Case::of(station("commands.yaml")).then(entries));
    lab.run_to(end);
    {
        let told = lab.told();
        let status = told.status.clone().expect("a status");
        assert_eq!((status.link, status.outbox_rows), (LinkState::Online, [0; 3]));
        let dead = told.all(|happening| match happening {
            Happening::ReportDead { error, .. } => Some(error.clone()),
            _ => None,
        });
        assert!(dead.iter().all(|error| error.contains("would not stay one argument")), "{dead:?}");
        assert!((4..10).contains(&dead.len()), "{dead:?}");
        let codes = told.command_codes();
        let answered = |code: &str| codes.iter().filter(|known| *known == code).count();
        // All but the empty name, which is no method for another reason.
        assert!(answered("unknown_method") >= NO_METHODS.len() - 1 + SPITEFUL.len(), "{codes:?}");
        assert!(answered("bad_params") >= 8 + SPITEFUL.len(), "{codes:?}");
        let rejected = told.count(|happening| matches!(happening, Happening::CommandRejected { .. }));
        let received = told.count(|happening| matches!(happening, Happening::CommandReceived { .. }));
        let events = told.ends(JobKind::Event).len();
        println!(
            "{count} messages, {odd} of them odd: {received} commands, {rejected} rejected, {events} events"
        );
        println!("answers: {:?}", tally(&codes));
        // One reply each, and none twice.
        let replies =
            lab.received().into_iter().filter(|receipt| receipt.post.topic.starts_with("command/reply/"));
        assert_eq!(replies.count(), received + NAMELESS);
        let starts = told.starts("tick").len();
        assert!(starts as u64 >= end.as_secs() / 60 - 1, "schedules go on: {starts}");
    }
    // Each message that is answered costs a line at least, and most are.
    assert_no_injection(&lab, count / 2);
    ledger::settle(&mut lab);
}

fn tally(codes: &[String]) -> std::collections::BTreeMap<&str, usize> {
    let mut tally = std::collections::BTreeMap::new();
    for code in codes {
        *tally.entry(code.as_str()).or_default() += 1;
    }
    tally
}

/// Lines and messages that no broker would let through: the module itself is made to say them.
#[test]
fn monstrous_messages_are_survived() {
    let message =
        |declared: usize, payload: &str| format!("+MSUB: command/send/1000,{declared} byte,{payload}");
    let call = r#"{"method":"count","params":{}}"#;
    let large = format!(r#"{{"method":"echo","params":{{"text":"{}"}}}}"#, "x".repeat(9_000));
    let said = [
        message(large.len(), &large),
        message(200_000, &large),
        message(0, ""),
        message(4_000, call),
        message(3, call),
        message(usize::MAX, call),
        format!("+MSUB: {},30 byte,{call}", "t".repeat(9_000)),
        "x".repeat(20_000),
        format!("+MSUB: ,{} byte,{call}", call.len()),
        "+MSUB: -1".to_string(),
        "+MSUB: 99999999999999999999".to_string(),
        "+MSUB: command/send/1000,-5 byte,xxx".to_string(),
        "\u{0}\u{1}\u{1a}\u{1b}".to_string(),
        "OK".to_string(),
        "ERROR".to_string(),
        ">".to_string(),
        "PUBACK".to_string(),
        "+CSQ: CANARY,99".to_string(),
    ];
    let mut entries: Vec<Entry> =
        (1..).zip(said).map(|(minute, text)| at(hm(0, minute), What::Urc(text))).collect();
    let last = u64::try_from(entries.len()).expect("not so many") + 3;
    entries.push(cloud(hm(0, last), "command/send/1000", call));
    let mut lab = Lab::start(Case::of(station("commands.yaml")).then(entries));
    lab.run_to(hm(0, last + 5));
    {
        let told = lab.told();
        println!("{:?}", told.command_codes());
        assert_eq!(told.status.as_ref().map(|status| status.link), Some(LinkState::Online));
        assert_eq!(
            told.command_codes().last().map(String::as_str),
            Some("ok"),
            "the last one was a good one"
        );
    }
    // One report a minute is one line.
    assert_no_injection(&lab, usize::try_from(last).expect("not so many"));
    ledger::settle(&mut lab);
}

/// The checker of the tests above can tell a payload from a command.
#[test]
fn an_escaped_argument_is_told_from_one_that_is_not() {
    assert_eq!(unescaped(r"{\22a\22:\22\0D\0AAT\22}").as_deref(), Some(&b"{\"a\":\"\r\nAT\"}"[..]));
    for bad in ["a,b", "a;+CANARY", "a\rAT", "a\nAT", "a\"", "a\\", "a\\2", "a\\zz", "\u{1a}", "\u{e9}"] {
        assert_eq!(unescaped(bad), None, "{bad:?}");
    }
}

const FLOOD: u32 = 10_000;
const DROPPED: &str = " messages were dropped: more came than can wait for the station";

/// Ten thousand commands within ten seconds, each another one, and as many other messages.
#[test]
fn a_flood_is_mostly_refused_and_schedules_go_on() {
    let moment = |number: u32| hm(0, 3) + Duration::from_millis(1) * number;
    let command = |number: u32| {
        let json = format!(r#"{{"method":"count","params":{{}},"serial":{number}}}"#);
        cloud(moment(number), "command/send/1000", json)
    };
    let other = |number: u32| cloud(moment(number), "config/flood", format!(r#"{{"n":{number}}}"#));
    let entries = (0..FLOOD).flat_map(|number| [command(number), other(number)]);
    let mut lab = Lab::start(Case::of(station("commands.yaml")).then(entries));
    lab.run_to(hm(0, 30));
    {
        let told = lab.told();
        let received = told.count(|happening| matches!(happening, Happening::CommandReceived { .. }));
        let busy = told.count(
            |happening| matches!(happening, Happening::CommandRejected { code, .. } if code == "busy"),
        );
        let skipped = told.count(|happening| matches!(happening, Happening::JobSkipped { .. }));
        let replies = lab.received_on("command/reply/1000").len();
        let dropped: Vec<u32> = told.all(|happening| match happening {
            Happening::Log { text } => text.strip_suffix(DROPPED)?.parse().ok(),
            _ => None,
        });
        let dropped: u32 = dropped.iter().sum();
        let events = told.ends(JobKind::Event).len();
        println!(
            "of {FLOOD} commands {received} were taken, {busy} refused; {replies} replies; {skipped} events skipped, {dropped} messages dropped"
        );
        let known = received + busy + skipped + events + usize::try_from(dropped).expect("not so many");
        assert_eq!(known, 2 * FLOOD as usize, "each message is known to have become something");
        // The burst, and then one a second, while the flood lasted.
        assert!((20..=600).contains(&received), "{received}");
        assert_eq!(told.command_codes().len(), received);
        assert!(replies >= received && replies <= received + 601, "{replies} replies");
        let status = told.status.clone().expect("a status");
        assert_eq!((status.link, status.outbox_rows), (LinkState::Online, [0; 3]));
        let late: Vec<u64> = told.starts("tick").iter().skip(1).map(|(_, late_ms)| *late_ms).collect();
        assert!(late.len() >= 28 && late.iter().all(|late_ms| *late_ms < 60_000), "{late:?}");
    }
    ledger::settle(&mut lab);
}
