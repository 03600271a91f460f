use super::*;
use crate::flow::diag::{Look, Sources};
use crate::flow::keys::{CLOUD, FLOW, LINE, PORT, RETRY, STATION, STEP, file_shape};
use crate::flow::yaml::parse;

/// Reads `yaml` as one map of that shape, does something with it and returns what was found.
fn with<T>(
    yaml: &str,
    shape: &'static Shape,
    read: impl FnOnce(&Fields<'_>, &mut Diagnostics) -> T,
) -> (T, String) {
    let mut sources = Sources::new();
    let file = sources.add("a.yaml", yaml);
    let mut problems = Diagnostics::new();
    let root = parse(&sources, file, &mut problems).unwrap();
    let fields = Fields::open(&root, shape, yaml, &mut problems).unwrap();
    let value = read(&fields, &mut problems);
    (value, problems.render(&sources, Look::Plain))
}

#[test]
fn getters_give_values_with_their_place() {
    let yaml = "attempts: 3\nfor: 1m30s\nbackoff: 1s..10s\nonly: [cme 10, closed]\nforever: false\n";
    let read = |fields: &Fields<'_>, problems: &mut Diagnostics| {
        assert_eq!(fields.int("attempts", problems).unwrap().value, 3);
        assert_eq!(fields.duration("for", problems).unwrap().value, Duration::from_secs(90));
        assert_eq!(fields.duration("for", problems).unwrap().span.range(), 17..22);
        assert_eq!(
            fields.duration_range("backoff", problems).unwrap().value.most,
            Some(Duration::from_secs(10))
        );
        let only: Vec<_> = fields.texts("only", problems).unwrap().iter().map(|text| text.text).collect();
        assert_eq!(only, ["cme 10", "closed"]);
        assert!(!fields.bool("forever", problems).unwrap().value);
        assert!(fields.has("only") && !fields.has("never"));
        assert!(fields.duration("every", problems).is_none());
    };
    // `forever` beside `attempts` is a contradiction; the values are there all the same.
    let ((), printed) = with(yaml, &RETRY, read);
    assert!(printed.starts_with("error[AT0204]"), "{printed}");
}

#[test]
fn a_value_of_the_wrong_kind_is_reported_once_and_left_out() {
    let (value, printed) = with("max: [1]\nquiet: 20\n", &LINE, |fields, problems| {
        (fields.int("max", problems), fields.duration("quiet", problems))
    });
    assert_eq!(value, (None, None));
    assert_eq!(printed.matches("error[").count(), 2, "{printed}");
}

#[test]
fn the_inner_map_is_read_by_its_own_shape() {
    let yaml = "send: AT\nretry: { attempts: 2, nevr: [x] }\n";
    let (attempts, printed) = with(yaml, &STEP, |fields, problems| {
        fields.object("retry", yaml, problems).and_then(|retry| retry.int("attempts", problems))
    });
    assert_eq!(attempts.unwrap().value, 2);
    assert!(printed.contains("did you mean `never`?"), "{printed}");
}

#[test]
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method alone is not general in its lifetime"
)]
fn the_action_is_found_among_its_parts() {
    let action = |yaml: &str| with(yaml, &STEP, |fields, problems| fields.action(problems));
    assert_eq!(action("send: AT\nawait: X"), (Some("send"), String::new()));
    assert_eq!(action("await: X\ntimeout: 5s"), (Some("await"), String::new()));
    assert_eq!(action("each: x in y\nsteps: [AT]"), (Some("each"), String::new()));
    assert_eq!(action("steps: [AT]\nname: x"), (Some("steps"), String::new()));
    assert_eq!(action("set: { x: 1 }"), (None, String::new()));
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "the shape `port` has no key `speed`")]
fn a_getter_of_a_key_that_the_table_lacks_panics() {
    with("baud: 9600", &PORT, |fields, _| fields.has("speed"));
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = r#"nobody reads ["rts", "break"] of `port`"#)]
fn a_key_of_the_table_that_nobody_reads_panics() {
    let yaml = "baud: 9600";
    let mut sources = Sources::new();
    let file = sources.add("a.yaml", yaml);
    let mut problems = Diagnostics::new();
    let root = parse(&sources, file, &mut problems).unwrap();
    let fields = Fields::open(&root, &PORT, yaml, &mut problems).unwrap();
    fields.leave(&["baud", "dtr"]);
    fields.finish();
}

#[test]
fn a_file_is_what_its_keys_say() {
    let kind = |yaml: &str| {
        let mut sources = Sources::new();
        let file = sources.add("a.yaml", yaml);
        file_shape(&parse(&sources, file, &mut Diagnostics::new()).unwrap()).name
    };
    assert_eq!(kind("steps: [AT]"), FLOW.name);
    assert_eq!(kind("flows: { a: { steps: [AT] } }"), FLOW.name);
    assert_eq!(kind("steps: [AT]\nschedule: []"), STATION.name);
    assert_eq!(kind("module: a\ncloud: b\nevents: []"), STATION.name);
    assert_eq!(kind("module: a\ndownlink: { handlers: x.rhai }"), STATION.name);
    assert_eq!(kind("module: a\nlink: { up: [] }"), STATION.name);
    assert_eq!(kind("link: { up: [] }\ndownlink: { topic: a }"), CLOUD.name);
}

#[test]
fn words_that_are_near_are_offered_and_no_others() {
    let words = ["timeout", "send", "on_error"];
    assert_eq!(nearest("timout", words.into_iter()), Some("timeout"));
    assert_eq!(nearest("on-error", words.into_iter()), Some("on_error"));
    assert_eq!(nearest("SEND", words.into_iter()), Some("send"));
    assert_eq!(nearest("x", words.into_iter()), None);
}
