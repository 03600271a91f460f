use std::path::Path;

use super::*;
use crate::hooks::Hooks;

/// Tries a handler whose body is `source`; the outcome's deeds and the result, or the message.
fn tried(source: &str, dangerous: bool, answers: &[&str]) -> (Vec<String>, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let options = Options { module: Some("luat-air724".to_owned()) };
    let host = Host::new();
    let loaded = compile::load(&root.join("scripts/thingscloud/station.yaml"), root, &options, &host);
    let program = Rc::new(loaded.program.expect("a good flow"));
    let answers: Vec<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
    let stand_in = Rc::new(StandIn::new(program, dangerous, super::answers(&answers), |line| {
        format!("`--answer '{line}=…'`")
    }));
    let file = host.load_handlers("commands.rhai", &format!("fn f(params) {{ {source} }}"));
    let hooks = Hooks::merge(&[file.unwrap_or_else(|problem| panic!("{problem}"))]).expect("one file");
    host.set_station(Some(Rc::clone(&stand_in) as _));
    let result = host.call(&hooks, "f", &[hooks::map_of([])]);
    let shown = result.map_or_else(|error| error.to_string(), |value| hooks::display(&value));
    let deeds = stand_in.deeds();
    (deeds.iter().map(|deed| format!("{} {}", deed.shown().0, deed.shown().1)).collect(), shown)
}

#[test]
fn a_line_is_judged_and_then_answered_from_the_arguments() {
    let csq = r#"at("AT+CSQ", "+CSQ: {rssi:int},{ber:int}").rssi"#;
    assert_eq!(
        tried(csq, false, &["AT+CSQ=+CSQ: 17,0"]),
        (vec!["at AT+CSQ -> +CSQ: 17,0".to_owned()], "17".to_owned())
    );
    let none = tried(csq, false, &["AT+CSQ?=+CSQ: 17,0"]);
    let message = "nothing says what the module answers: add `--answer 'AT+CSQ=…'`, a line like `+CSQ: {rssi:int},{ber:int}`";
    assert_eq!(none, (vec![], message.to_owned()));
    let wrong = tried(csq, false, &["AT+CSQ=+CSQ: x"]).1;
    assert_eq!(wrong, "the answer `+CSQ: x` does not fit `+CSQ: {rssi:int},{ber:int}`");
    let error = tried(csq, false, &["AT+CSQ=+CME ERROR: 10"]).1;
    assert_eq!(error, "the module answers `+CME ERROR: 10` to `AT+CSQ`");
    // A final result may stand behind it, and is no line of it.
    assert_eq!(tried(csq, false, &["AT+CSQ=+CSQ: 17,0\nOK"]).1, "17");
    let reset = r#"at("AT+CSQ;+CFUN=1,1")"#;
    let refused = tried(reset, false, &[]);
    assert_eq!(refused.0, Vec::<String>::new());
    assert!(refused.1.ends_with("its method needs `allow: dangerous`"), "{}", refused.1);
    assert_eq!(tried(reset, true, &["AT+CSQ;+CFUN=1,1=OK"]).1, "[]");
    assert_eq!(
        tried(r#"at("AT+CMGF=1", "OK")"#, false, &["AT+CMGF=1=OK"]).1,
        "the answer `OK` does not fit `OK`"
    );
    assert_eq!(tried(r#"at("AT+CSQ")"#, false, &["AT+CSQ=+CSQ: 17,0"]).1, r#"["+CSQ: 17,0"]"#);
}

#[test]
fn a_flow_is_run_that_surely_ends_in_time() {
    let (deeds, message) = tried(r#"run("attach")"#, false, &[]);
    let why = "`attach` can take longer than the 30s that this handler has left; `after(\"0s\", \"attach\")` runs it by itself";
    assert_eq!((deeds, message), (vec![], why.to_owned()));
}

#[test]
fn the_same_line_is_answered_one_after_the_other() {
    let three = r#"[1, 2, 3].map(|x| at("AT+X=1", "+X: {n:int}").n)"#;
    let answers = ["AT+X=1=+X: 1", "AT+Y=+X: 9", "AT+X=1=other\n+X: 2"];
    assert_eq!(tried(three, false, &answers).1, "[1,2,2]");
}

#[test]
fn what_is_asked_for_is_noted_and_checked() {
    let (deeds, result) = tried(
        r#"let back = run("unsubscribe", #{ topic: "a" }); publish("events", #{ a: "\n" }); after("90s", "reset"); back"#,
        false,
        &[],
    );
    assert_eq!(
        deeds,
        [r#"run unsubscribe {"topic":"a"}"#, r#"publish events {"a":"\n"}"#, "after 1m30s reset"]
    );
    assert_eq!(result, "{}");
    // Nothing ran, so what it returns is not known.
    assert_eq!(tried(r#"run("status").online == ()"#, false, &[]).1, "true");
    for (source, message) in [
        (r#"run("nothing")"#, "there is no flow `nothing`"),
        (r#"run("unsubscribe")"#, "the flow `unsubscribe` needs the param `topic`"),
        (r#"run("unsubscribe", #{ topic: "a", tipic: 2 })"#, "the flow `unsubscribe` has no param `tipic`"),
        (r#"after("90s", "unsubscribe")"#, "`unsubscribe` needs `topic`, and nobody would pass it later"),
        (r#"after("367d", "reset")"#, "`367d` is more than a year"),
        (r#"publish("a/+", 1)"#, "`publish`: the topic `a/+` holds a wildcard or a control character"),
        (r#"publish("a", |x| x)"#, "`publish`: a function has no JSON form"),
        (r#"state.set("x", 1)"#, "the station's `state` has no `x`; it has `report_every`, `relay`"),
        (r"state.x", "the station's `state` has no `x`; it has `report_every`, `relay`"),
    ] {
        assert_eq!(tried(source, false, &[]), (vec![], message.to_owned()), "{source}");
    }
}

#[test]
fn so_many_flows_wait_as_with_the_station() {
    let (deeds, message) = tried(r#"for n in 0..65 { after("1h", "reset") }"#, false, &[]);
    assert_eq!((deeds.len(), &*message), (64, "64 flows wait to be run already"));
}
