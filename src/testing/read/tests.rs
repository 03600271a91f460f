use super::*;
use crate::flow::cases;
use crate::sim::{Faults, SimCard, What, When};
use crate::testing::fate::MishapKind;
use crate::testing::file::Subject;

#[test]
fn generated_test_file_cases() {
    cases::check("tests.txt", |sources, file, problems| {
        let path = Path::new("flow.yaml");
        drop(
            Reading { path, file, sources, problems, is_recording: false, behind_the_end: Vec::new() }.file(),
        );
    });
}

fn good(text: &str) -> TestFile {
    let mut problems = Diagnostics::new();
    read(Path::new("a/b.test.yaml"), text, &mut problems).unwrap_or_else(|sources| {
        panic!("{}", problems.render(&sources, crate::flow::diag::Look::Plain));
    })
}

#[test]
fn everything_a_test_says_is_read() {
    let file = good(
        "flow: ../x.yaml
port: sim:esp-at
seed: 7
vars: { a: 0123 }
tests:
  - name: one
    for: 2m
    vars: { b: yes }
    sim: { sim_card: pin, registration: 9s, delays: 0.5 }
    at:
      - { time: 30s, cloud: a/b, json: { x: 1.5 } }
      - { time: 40s, restart: atflow }
      - { after: OK, broker: away, for: 5s, count: 2 }
      - { time: 10s, crash: atflow }
    expect:
      - { published: 'a/{x}', count: 2.., between: 1s..5s, json: { y: 1..2 } }
      - { error: cme 7 }
      - { outbox: empty }
  - { name: two, run: [a, b], seed: 8, expect: [{ verdict: failed, error: cme 7 }] }
",
    );
    assert_eq!((file.flow.as_path(), file.port.shown()), (Path::new("a/../x.yaml"), "sim:esp-at".into()));
    assert_eq!(file.vars.get("a").map(String::as_str), Some("0123"));
    let [one, two] = file.tests.as_slice() else { panic!("two tests") };
    assert_eq!((one.seed, two.seed, one.lasts), (7, 8, Some(Duration::from_mins(2))));
    assert_eq!(one.vars.get("b").map(String::as_str), Some("yes"));
    assert_eq!((one.sim.sim_card, one.sim.registration), (SimCard::Pin, Some(Duration::from_secs(9))));
    assert_eq!(one.at[0].value.when, When::Time(Duration::from_secs(30)));
    assert_eq!(
        one.at[0].value.what,
        What::Message { topic: "a/b".into(), payload: br#"{"x":1.5}"#.to_vec() }
    );
    assert_eq!(one.at[1].value.count, Some(2));
    let mut mishaps: Vec<_> = one.mishaps.iter().map(|one| (one.time.as_secs(), one.what)).collect();
    mishaps.sort();
    assert_eq!(mishaps, [(10, MishapKind::Crash), (40, MishapKind::Restart)]);
    assert!(matches!(&one.expect[1].subject, Subject::Error(name) if name == "cme 7"));
    assert!(matches!(&one.expect[2].subject, Subject::Outbox(range) if range.most == Some(0.0)));
    assert!(matches!(&two.expect[0].subject, Subject::Verdict { passed: false, error: Some(_) }));
    assert_eq!(two.run.iter().map(|run| run.value.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn every_word_of_the_tables_is_one_of_the_simulator() {
    use crate::flow::keys::{TEST_EVENT, TEST_SIM, Takes};
    let lasting = ["away", "unplug", "lost"];
    for key in TEST_EVENT.keys.iter().filter(|key| !["restart", "crash"].contains(&key.name)) {
        let Takes::OneOf(words) = key.takes else { continue };
        for word in words {
            let more = if lasting.contains(word) { ", for: 1s" } else { "" };
            good(&format!(
                "flow: x.yaml\ntests: [{{ name: x, at: [{{ time: 1s, {}: {word}{more} }}], expect: [{{ verdict: passed }}] }}]\n",
                key.name
            ));
        }
    }
    for key in TEST_SIM.keys {
        let values: Vec<String> = match &key.takes {
            Takes::OneOf(words) => words.iter().map(|word| format!("'{word}'")).collect::<Vec<String>>(),
            Takes::Duration => vec!["5s".into()],
            Takes::Bool => vec!["true".into()],
            Takes::Text => vec!["'1234'".into()],
            Takes::Object(_) => vec!["{ access_token: a, project_key: b }".into()],
            _ => vec!["1".into()],
        };
        for value in values {
            good(&format!(
                "flow: x.yaml\ntests: [{{ name: x, sim: {{ {}: {value} }}, expect: [{{ verdict: passed }}] }}]\n",
                key.name
            ));
        }
    }
}

#[test]
fn every_fault_has_its_key_and_its_word() {
    use crate::flow::keys::{TEST_FAULT, TEST_RATES, Takes};
    use crate::sim::FaultKind;
    let kinds: Vec<_> = FaultKind::ALL.iter().map(|kind| (kind.name(), kind.does())).collect();
    let keys: Vec<_> = TEST_RATES.keys.iter().map(|key| (key.name, key.doc)).collect();
    assert_eq!(keys[..keys.len() - 1], kinds[..]);
    let Takes::OneOf(words) = TEST_FAULT.keys[0].takes else { panic!("words") };
    assert!(words.iter().copied().eq(kinds.iter().map(|(name, _)| *name).chain(["heal"])));
}

#[test]
fn faults_are_read_both_ways() {
    let of = |faults: &str| {
        let text = format!(
            "flow: x.yaml\ntests:\n  - name: x\n    faults: {faults}\n    expect: [{{ rules: hold }}]\n"
        );
        good(&text).tests.remove(0).faults
    };
    let rates = of("{ lost_bytes: 1e-5, urc_anywhere: 1%, reboot: 2/d, heal: 90m }");
    assert_eq!(
        rates,
        Faults::parse("{ lost_bytes: 1e-5, urc_anywhere: 1%, reboot: 2/d, heal: 1h30m }").unwrap()
    );
    let list = "[{ fault: lost_bytes, nth: 7 }, { fault: port_gone, time: 3h, for: 20s }, { fault: heal, time: 4h }]";
    assert_eq!(of(list), Faults::parse(list).unwrap());
}

/// Only a null that is written is a value: a forgotten one would be met by everything that is not there.
#[test]
fn a_forgotten_value_is_no_null() {
    let problems = |rest: &str| {
        let text = format!("flow: x.yaml\n{rest}");
        let mut problems = Diagnostics::new();
        let file = read(Path::new("a.test.yaml"), &text, &mut problems);
        let sources = file.map_or_else(|sources| sources, |file| file.sources);
        problems.render(&sources, crate::flow::diag::Look::Plain)
    };
    let tests = |expect: &str| problems(&format!("tests:\n  - name: x\n    expect:\n{expect}"));
    let calls = |gives: &str| problems(&format!("calls:\n  - call: x()\n    gives:{gives}\n"));
    for (said, key) in [
        (tests("      - { returns: { m: } }\n"), "`m` has"),
        (tests("      - { returns: { m: , n: 1 } }\n"), "`m` has"),
        (tests("      - returns:\n          m:\n"), "`m` has"),
        (tests("      - returns:\n          m:\n          n: 1\n"), "`m` has"),
        (tests("      - returns:\n"), "`returns` has"),
        (
            tests("      - returns:\n          m:\n            - 1\n            -\n"),
            "an item of this list has",
        ),
        (tests("      - { state: { m: } }\n"), "`m` has"),
        (tests("      - { published: a, json: { m: } }\n"), "`m` has"),
        (calls(""), "`gives` has"),
        (calls(" { m: }"), "`m` has"),
    ] {
        assert!(said.starts_with(&format!("error[AT0107]: {key} no value\n")), "{said}");
        assert_eq!(said.matches("error[").count(), 1, "{said}");
    }
    for null in ["null", "~"] {
        assert_eq!(tests(&format!("      - {{ returns: {{ m: {null} }} }}\n")), "");
        assert_eq!(calls(&format!(" {null}")), "");
    }
}

/// What lies behind the end of a test would be met, or missed, by chance.
#[test]
fn what_comes_after_the_end_is_told_at_its_place() {
    let text = "flow: x.yaml
tests:
  - name: x
    for: 2m
    at:
      - { time: 2m, module: reset }
      - { time: 121s, module: reset }
      - { time: 5m, crash: atflow }
    faults:
      - { fault: port_gone, time: 1m, for: 20s }
      - { fault: port_gone, time: 6m, for: 20s }
    expect:
      - { link: lost, between: 1m..1h }
      - { link: lost, count: 0, between: 7m..8m }
";
    let behind = |file: &TestFile| -> Vec<String> {
        let problems = file.tests[0].behind_the_end.iter();
        problems.map(|problem| file.sources.slice(problem.at).to_owned()).collect()
    };
    assert_eq!(behind(&good(text)), ["6m", "121s", "5m", "7m..8m"]);
    assert!(behind(&good(&text.replace("for: 2m\n", "for: 8m\n"))).is_empty());
}
