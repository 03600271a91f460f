//! Commands: at most one run each, one reply each, and nothing of a handler that failed.

use std::collections::BTreeMap;
use std::time::Duration;

use atflow::sim::{Calendar, Entry, Receipt, What};
use atflow::station::event::{Happening, JobKind, LaneName};
use atflow::store::{Lane, NewCommand};
use serde_json::json;

use crate::ledger;
use crate::support_station::case::at;
use crate::support_station::recorder::Recorder;
use crate::support_station::{Case, Lab, cloud, hm, s, station, what};

const TOPIC: &str = "command/send/1000";

fn commands(entries: impl IntoIterator<Item = Entry>) -> Case {
    Case::of(station("commands.yaml")).then(entries)
}

fn call(time: Duration, method: &str, params: &str) -> Entry {
    cloud(time, TOPIC, format!(r#"{{"method":"{method}","params":{params},"id":1000}}"#))
}

fn replies(lab: &Lab) -> Vec<String> {
    lab.received_on("command/reply/1000")
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).expect("minutes")
}

fn marks(lab: &Lab) -> Vec<Receipt> {
    lab.received().into_iter().filter(|receipt| receipt.post.topic == "event/report/mark").collect()
}

/// How often each command was begun, over all lives of the station.
fn begun(told: &Recorder) -> BTreeMap<u64, usize> {
    let mut begun = BTreeMap::new();
    for n in told.all(|happening| match happening {
        Happening::CommandStarted { n, .. } => Some(*n),
        _ => None,
    }) {
        *begun.entry(n).or_default() += 1;
    }
    begun
}

/// S9 and S10: each command that was received ran at most once, and was answered exactly once.
fn assert_answered_once(told: &Recorder) {
    assert!(begun(told).values().all(|times| *times == 1), "{:?}", begun(told));
    let mut received = told.all(|happening| match happening {
        Happening::CommandReceived { n, .. } => Some(*n),
        _ => None,
    });
    let mut finished = told.all(|happening| match happening {
        Happening::CommandFinished { n, .. } => Some(*n),
        _ => None,
    });
    received.sort_unstable();
    finished.sort_unstable();
    assert_eq!(received, finished);
}

#[test]
fn a_repeat_within_a_minute_is_answered_and_not_run() {
    let first = hm(0, 2);
    let mut lab = Lab::start(commands([
        call(first, "count", "{}"),
        call(first + s(3), "count", "{}"),
        call(first + s(5), "count", "{}"),
        call(first + s(20), "count", "{}"),
        // The same id with another payload is another command.
        call(first + s(22), "count", "{ }"),
        // And so is the same one when the minute is over.
        call(first + s(85), "count", "{}"),
    ]));
    lab.run_to(hm(0, 10));
    let told = lab.told();
    assert_eq!(told.command_codes(), ["ok"; 3]);
    let again = told.all(|happening| match happening {
        Happening::CommandDuplicate { reply_again, .. } => Some(*reply_again),
        _ => None,
    });
    assert_eq!(again, [true, false, true], "the reply goes out again at most every ten seconds");
    let counts: Vec<String> =
        [1, 1, 1, 2, 3].map(|count| format!(r#"{{"method":"count","params":{{"count":{count}}}}}"#)).into();
    assert_eq!(replies(&lab), counts);
    assert_answered_once(&told);
}

#[test]
fn two_of_them_at_once_are_one() {
    let mut lab = Lab::start(commands([call(hm(0, 2), "count", "{}"), call(hm(0, 2), "count", "{}")]));
    lab.run_to(hm(0, 5));
    assert_eq!(lab.told().command_codes(), ["ok"]);
    assert_eq!(replies(&lab).len(), 1);
}

/// A process that died with a full waiting room leaves it full.
#[test]
fn commands_that_an_earlier_process_left_waiting_count() {
    let killed = hm(0, 2);
    // It comes while the first one runs, and a hundred are behind that.
    let mut lab = Lab::start(commands([call(killed + s(5), "count", "{}")]));
    lab.kill_at(killed);
    let left: Vec<NewCommand> = (0..=100)
        .map(|id: u8| {
            let method = if id == 0 { "slow" } else { "count" };
            let payload = format!("{TOPIC}\0{}", json!({ "method": method, "params": {}, "id": 7 }));
            let key = format!("left {id}");
            NewCommand { key, digest: [id; 32], method: method.to_string(), payload: payload.into_bytes() }
        })
        .collect();
    lab.left().record(millis(killed), &left).expect("they are recorded");
    lab.boot();
    lab.run_to(hm(0, 10));
    let rejected = lab.told().all(|happening| match happening {
        Happening::CommandRejected { code, .. } => Some(code.clone()),
        _ => None,
    });
    assert_eq!(rejected, ["busy"]);
    assert_eq!(lab.told().command_codes(), ["ok"; 101]);
}

#[test]
fn a_handler_that_fails_leaves_nothing() {
    let failing = [
        ("raise", "{}", "failed"),
        ("spin", "{}", "failed"),
        ("unread", r#"{"text":"AT&W"}"#, "refused"),
        ("unread", r#"{"text":"AT+CFUN=1,1"}"#, "refused"),
        ("line", r#"{"text":"+CFUN=1,1"}"#, "refused"),
        ("flow", r#"{"name":"night"}"#, "refused"),
        ("flow", r#"{"name":"nowhere"}"#, "failed"),
        ("unread", r#"{"text":"AT+NOSUCH?"}"#, "failed"),
    ];
    let entries =
        failing.iter().zip(1..).map(|((method, params, _), minute)| call(hm(0, 2 * minute), method, params));
    let mut lab = Lab::start(commands(entries));
    lab.run_to(hm(0, 20));
    let told = lab.told();
    let (codes, outcomes) = (told.command_codes(), told.ends(JobKind::Command));
    let wanted: Vec<&str> = failing.iter().map(|(_, _, code)| *code).collect();
    assert_eq!(codes, wanted, "{:?}", told.logs());
    assert_eq!(outcomes.len(), failing.len());
    assert_eq!(told.queued(LaneName::Event), [0; 0]);
    assert_eq!(told.count(|happening| matches!(happening, Happening::StateSet { .. })), 0);
    assert_eq!(told.count(|happening| matches!(happening, Happening::TimerSet { .. })), 0);
    assert_eq!(replies(&lab).len(), failing.len());
    assert!(replies(&lab).iter().all(|reply| reply.contains(r#""error""#)));
    assert!(lab.received_on("attributes").iter().all(|report| report.starts_with(r#"{"count":0"#)));
    assert_answered_once(&told);
}

#[test]
fn what_comes_after_waits_for_the_reply() {
    // The broker goes away while the handler runs, so the reply waits.
    let mut lab = Lab::start(commands([
        call(hm(0, 2), "later", r#"{"seconds":0}"#),
        call(hm(0, 4), "later", r#"{"seconds":30}"#),
        call(hm(0, 6), "later", r#"{"seconds":5}"#),
        what("6m0s150ms", "broker: away, for: 3m"),
    ]));
    lab.run_to(hm(0, 20));
    let received = lab.received();
    let order: Vec<&str> = received
        .iter()
        .map(|receipt| receipt.post.topic.as_str())
        .filter(|topic| *topic != "attributes")
        .collect();
    let (reply, mark) = ("command/reply/1000", "event/report/mark");
    assert_eq!(order, [reply, mark, reply, mark, reply, mark]);
    let late = marks(&lab)[1].at.since(atflow::link::Mono::ZERO);
    assert!((hm(0, 4) + s(30)..hm(0, 4) + s(32)).contains(&late), "{late:?}");
}

#[test]
fn a_crash_in_a_handler_is_an_unknown_outcome() {
    let mut lab = Lab::start(commands([call(hm(0, 2), "slow", "{}")]));
    lab.kill_at(hm(0, 2) + s(4));
    assert_eq!(lab.told().count(|happening| matches!(happening, Happening::CommandStarted { .. })), 1);
    lab.boot();
    lab.run_to(hm(0, 5));
    // Death after the end, too: it is over.
    lab.kill();
    lab.boot();
    lab.run_to(hm(0, 10));
    let told = lab.told();
    assert_eq!(told.command_codes(), ["unknown_outcome"]);
    assert_eq!(replies(&lab).len(), 1);
    assert!(replies(&lab)[0].contains("unknown outcome"), "{:?}", replies(&lab));
    assert_eq!(told.queued(LaneName::Event), [0; 0], "nothing of it is left");
    assert_answered_once(&told);
}

/// Dead at forty points of a command's life.
#[test]
fn a_crash_at_any_moment_runs_nothing_twice() {
    let mut codes = BTreeMap::<String, usize>::new();
    for moment in (0..9_600).step_by(240) {
        let mut lab = Lab::start(commands([call(s(30), "slow", "{}")]));
        lab.kill_at(s(30) + Duration::from_millis(moment));
        lab.boot();
        lab.run_to(s(90));
        {
            let told = lab.told();
            assert_answered_once(&told);
            let received = told.count(|happening| matches!(happening, Happening::CommandReceived { .. }));
            let distinct: std::collections::BTreeSet<String> = replies(&lab).into_iter().collect();
            assert_eq!(distinct.len(), received, "one reply for each that was recorded, at {moment} ms");
            for code in told.command_codes() {
                // Effects are there exactly if the handler passed.
                let effects = usize::from(code == "ok");
                assert_eq!(told.queued(LaneName::Event).len(), effects, "at {moment} ms: {code}");
                *codes.entry(code).or_default() += 1;
            }
        }
        ledger::settle(&mut lab);
    }
    assert!(codes["ok"] >= 2 && codes["unknown_outcome"] >= 20, "{codes:?}");
}

/// Two commands that take long, and one behind them. The station dies in the second, so the third waits.
fn dead_with_one_waiting(case: Case) -> Lab {
    let mut lab = Lab::start(case.then([
        call(hm(0, 2), "slow", "{}"),
        call(hm(0, 2) + s(3), "slow", "{ }"),
        call(hm(0, 2) + s(4), "count", "{}"),
    ]));
    lab.kill_at(hm(0, 2) + s(12));
    {
        let told = lab.told();
        assert_eq!(told.count(|happening| matches!(happening, Happening::CommandReceived { .. })), 3);
        assert_eq!(begun(&told).len(), 2);
    }
    lab
}

#[test]
fn an_old_command_is_answered_and_not_run() {
    for (power, back, code) in [
        (false, hm(0, 8), "ok"),
        (false, hm(0, 14), "expired"),
        (true, hm(0, 8), "ok"),
        (true, hm(0, 14), "expired"),
    ] {
        let mut lab = dead_with_one_waiting(commands([]));
        if power {
            lab.lose_power();
        }
        lab.pass_to(back);
        lab.boot();
        lab.run_to(back + hm(0, 5));
        assert_eq!(lab.told().command_codes(), ["ok", "unknown_outcome", code], "power {power}, {back:?}");
        assert_answered_once(&lab.told());
    }
}

/// A power cut on a machine that does not know the time: nobody knows how old the command is.
#[test]
fn a_command_of_unknown_age_is_not_run() {
    let case = commands([]).settings(|settings| settings.clock = Calendar::Unset);
    let mut lab = dead_with_one_waiting(case);
    lab.lose_power();
    lab.boot();
    lab.run_to(hm(0, 6));
    assert_eq!(lab.told().command_codes(), ["ok", "unknown_outcome", "expired"]);
}

#[test]
fn one_reply_row_whatever_becomes_of_the_link() {
    let mut lab = Lab::start(commands([
        what("1m59s", "broker: away, for: 5m"),
        // It does not get through, and nobody knows of it.
        call(hm(0, 3), "count", "{}"),
        call(hm(0, 10), "count", "{}"),
        what("10m0s200ms", "broker: close"),
    ]));
    lab.run_to(hm(0, 20));
    let told = lab.told();
    assert_eq!(told.queued(LaneName::Reply).len(), told.command_codes().len());
    assert_eq!(told.queued(LaneName::Reply), told.sent(LaneName::Reply));
    drop(told);
    lab.kill();
    let left = lab.left();
    assert_eq!(left.counts().rows[Lane::Reply.index()], 0);
}

/// Whoever sends an object that is no command hears so, and not only the log. What is no object is noise.
#[test]
fn an_object_that_is_no_command_is_answered() {
    let send = |minute: u64, payload: &str| cloud(hm(0, minute), "command/send/1000", payload);
    let entries = [
        send(1, r#"{"method":"count"}"#),
        send(2, r#"{"method":"echo"}"#),
        send(3, "{"),
        send(4, r#"{"params":{}}"#),
        send(5, r#"{"method":"count","params":{},"id":7}"#),
        cloud(hm(0, 6), "command/send/a+b", r#"{"method":"count","params":{}}"#),
    ];
    let mut lab = Lab::start(commands(entries));
    lab.run_to(hm(0, 8));
    let told = lab.told();
    assert_eq!(told.command_codes(), ["ok", "bad_params", "ok"]);
    let rejected = told.all(|happening| match happening {
        Happening::CommandRejected { code, .. } => Some(code.clone()),
        _ => None,
    });
    assert_eq!(rejected, ["bad_json", "bad_json", "bad_id"]);
    let replies = lab.received_on("command/reply/1000");
    assert_eq!(replies.len(), 4, "{replies:?}");
    assert!(replies[2].contains(r#""error":"json""#), "{replies:?}");
    let logs = told.all(|happening| match happening {
        Happening::Log { text } if text.contains("the topic counts") => Some(text.clone()),
        _ => None,
    });
    assert_eq!(logs, ["`id` is `1000` in the topic and `7` in the message: the topic counts"]);
}

/// The module has told the broker that it has it.
#[test]
fn a_command_that_comes_while_the_link_is_closed_is_recorded() {
    let end = hm(0, 5);
    let late = (0..19_u32).map(|n| {
        let topic = format!("command/send/{n}");
        let time = s(299) + Duration::from_millis(800 + 10 * u64::from(n));
        cloud(time, &topic, r#"{"method":"count","params":{}}"#)
    });
    let mut lab = Lab::start(commands(late));
    lab.run_to(end);
    let received =
        |lab: &Lab| lab.told().count(|happening| matches!(happening, Happening::CommandReceived { .. }));
    let before = received(&lab);
    lab.stop();
    let after = received(&lab);
    assert!(after > before, "{before}, {after}");
}

/// An expression of the reply fails for one result and not for another: nobody is told that it was too long.
#[test]
fn a_reply_that_cannot_be_made_is_told_with_the_reason() {
    let mut lab = Lab::start(Case::of(station("broken_reply.yaml")).then([call(hm(0, 1), "count", "{}")]));
    lab.run_to(hm(0, 2));
    assert_eq!(lab.told().command_codes(), ["failed"]);
    let replies = replies(&lab);
    assert!(
        replies.len() == 1 && replies[0].contains("the result makes no reply that can be sent"),
        "{replies:?}"
    );
    let logs = lab.told().all(|happening| match happening {
        Happening::Log { text } => Some(text.clone()),
        _ => None,
    });
    assert!(logs[0].starts_with("the reply to `count` cannot be made: division by zero"), "{logs:?}");
}

/// What the handler did stands, and its result is more than the module can send: reply and log say so alike.
#[test]
fn a_result_that_is_too_long_is_told_as_that() {
    let text = "x".repeat(2_340);
    let mut lab = Lab::start(commands([call(hm(0, 1), "echo", &format!(r#"{{"text":"{text}"}}"#))]));
    lab.run_to(hm(0, 2));
    assert_eq!(lab.told().command_codes(), ["too_large"]);
    let replies = replies(&lab);
    assert!(replies.len() == 1 && replies[0].contains(r#""error":"too large""#), "{replies:?}");
}

/// What is longer than the module itself may publish is a message all the same: nothing in it is a line.
#[test]
fn a_message_longer_than_the_module_may_publish_drives_nothing() {
    let forged = "\r\n+MSUB: \"command/send/9\",29 byte,{\"method\":\"count\",\"params\":{}}\r\n\r\nRDY\r\n";
    let long = |bytes: usize| format!("{}{forged}", "z".repeat(bytes));
    // The simulated module hands on 4,100 bytes at most; others may do more.
    let says = |minute: u64, topic: &str, payload: String| {
        at(hm(0, minute), What::Urc(format!("+MSUB: \"{topic}\",{} byte,{payload}", payload.len())))
    };
    let too_large = format!(r#"{{"method":"echo","params":{{"text":"{}"}}}}"#, "x".repeat(4_100));
    let entries = [
        cloud(hm(0, 1), "config/a", long(2_900)),
        says(2, TOPIC, too_large),
        says(3, "config/a", long(20_000)),
        call(hm(0, 5), "count", "{}"),
    ];
    let mut lab = Lab::start(commands(entries));
    lab.run_to(hm(0, 6));
    let told = lab.told();
    assert_eq!(told.command_codes(), ["ok"]);
    let rejected = told.all(|happening| match happening {
        Happening::CommandRejected { code, .. } => Some(code.clone()),
        _ => None,
    });
    assert_eq!(rejected, ["too_large"]);
    let lost = told.all(|happening| match happening {
        Happening::LinkState { cause: Some(cause), .. } => Some(cause.clone()),
        Happening::Reboot { evidence, .. } => Some(evidence.clone()),
        _ => None,
    });
    assert!(lost.is_empty(), "{lost:?}");
    assert!(lab.received_on("command/reply/9").is_empty());
}

/// Where each command has an id of its own, one that came before is a repeat, whatever it says and however late.
#[test]
fn an_id_that_is_unique_runs_once() {
    let send = |time: Duration, id: u32, more: &str| {
        cloud(time, &format!("command/send/{id}"), format!(r#"{{"method":"signal","params":{{}}{more}}}"#))
    };
    let entries = [
        send(hm(0, 2), 7, ""),
        send(hm(0, 3), 7, r#","more":1"#),
        send(hm(0, 4), 8, ""),
        send(hm(0, 10), 7, ""),
        send(hm(0, 20), 7, ""),
        send(hm(0, 21), 9, ""),
    ];
    let mut lab = Lab::start(Case::of(station("unique.yaml")).then(entries));
    lab.run_to(hm(0, 15));
    assert_eq!(lab.told().command_codes(), ["ok"; 2]);
    lab.kill();
    lab.boot();
    lab.run_to(hm(0, 25));
    assert_eq!(lab.told().command_codes(), ["ok"; 3]);
    let repeats = lab.told().count(|happening| matches!(happening, Happening::CommandDuplicate { .. }));
    assert_eq!(repeats, 3);
    // The first one, and again for each repeat.
    let answers = [7, 8, 9].map(|id| lab.received_on(&format!("command/reply/{id}")).len());
    assert_eq!(answers, [4, 1, 1]);
}
