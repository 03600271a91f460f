use super::*;

mod failures;
mod handlers;
mod hostile;
mod problems;

/// Which file a test's hooks stand in.
const FILE: &str = "hooks.rhai";

const HOOKS: &str = "const LIMIT = 5;
private fn hidden(x) { x + 1 }
fn twice(x) { hidden(x) * 2 - 2 }
fn over(list) { list.filter(|x| x > LIMIT) }
fn deep(n) { if n == 0 { throw \"bottom\" } else { deep(n - 1) } }
fn for_ever(n) { for_ever(n) }
fn spin() { loop { } }
fn bad(m) {
    m.relai
}
fn busy(list) { list.map(|x| { let n = 0; while n < 1000 { n += 1; } n }) }
fn count(x) { let y = x; y.push(1); y.len() }
fn add(list, x) { list.push(x); list }
fn swap(text, a, b) { text.replace(a, b); text }
fn caught(m) { try { m.relai } catch (error) { return `caught: ${error}`; } }
fn nested() { [1, 2].map(|x| [1].map(|y| x.nothing)) }
fn long(n) { let text = ``; text.pad(n, 'x'); text }
fn closure(n) { [1].map(|x| closure(n)) }
fn nests(n) { [[[[[[[[1 + nests(n)]]]]]]]] }
fn uncatchable() { try { loop { } } catch { return 1; } }
fn outer() { bad(#{ relay: true }) }
";

fn inputs() -> Vec<(&'static str, Value)> {
    vec![
        ("rssi", Value::from(17_i64)),
        ("list", Value::from_array(vec![Value::from(1_i64), Value::from(2_i64)])),
        ("map", parse_json(r#"{"relay":true,"temp":1.5,"gone":null}"#).unwrap()),
        ("payload", Value::from_blob(vec![0xff; 5000])),
        ("text", Value::from("hi,there")),
        ("nothing", Value::UNIT),
    ]
}

fn hooks(host: &Host) -> Hooks {
    Hooks::merge(&[host.load(FILE, HOOKS).unwrap()]).unwrap()
}

fn compile(host: &Host, source: &str) -> Result<Expression, HookProblem> {
    let names: Vec<&str> = inputs().iter().map(|(name, _)| *name).collect();
    host.compile(source, &names, &hooks(host))
}

/// What an expression gives, `display`ed.
fn gives(source: &str) -> String {
    let host = Host::new();
    host.set_escapes(vec![(',', "\\2C".into()), ('"', "\\22".into())]);
    let expression = compile(&host, source).unwrap_or_else(|problem| panic!("{source}: {problem}"));
    host.eval(&expression, &inputs())
        .map_or_else(|error| panic!("{source}: {error}"), |value| display(&value))
}

/// `message · help · the source's part it is about`.
fn refused(source: &str) -> String {
    let problem = compile(&Host::new(), source).expect_err(source);
    let part = &source[problem.at.clone()];
    format!("{problem} · {} · {part}", problem.help().unwrap_or_default())
}

/// `message · help · the source's part · the place in the hook file`.
fn fails(source: &str) -> String {
    let host = Host::new();
    let expression = compile(&host, source).unwrap_or_else(|problem| panic!("{source}: {problem}"));
    let error = host.eval(&expression, &inputs()).expect_err(source);
    let part = error.at.clone().map_or("", |at| &source[at]);
    let place = error.place.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{error} · {} · {part} · {place}", error.help().unwrap_or_default())
}

#[test]
fn values_come_out_as_expected() {
    for (source, shown) in [
        ("rssi != 99", "true"),
        ("twice(LIMIT)", "10"),
        ("over([1, 9])", "[9]"),
        ("list.filter(|x| x > LIMIT - 4)", "[2]"),
        ("caught(map)", "caught: the map has no `relai`"),
        ("list.map(|x| x + rssi)", "[18,19]"),
        ("list.some(|c| c == 2)", "true"),
        ("list.find(|c| c == 2)", "2"),
        ("list.find(|c| c == 7) != ()", "false"),
        ("if rssi == 99 { () } else { dbm(rssi) }", "-79"),
        ("switch rssi { 17 => 2, _ => 3 }", "2"),
        ("`a ${rssi} b`", "a 17 b"),
        ("map.get(\"x\")", "()"),
        ("nothing.get(\"x\")", "()"),
        ("map.get(\"x\").get(\"y\")", "()"),
        ("text.get(\"x\")", "()"),
        ("map.gone", "()"),
        ("size(\"温度\")", "6"),
        ("size(payload)", "5000"),
        ("size(escape(text))", "10"),
        ("size(1.5)", "3"),
        ("size(bytes(text))", "8"),
        ("plain(text)", "true"),
        ("plain(bytes(\"a\\r\\n ~\"))", "true"),
        ("plain(\"\")", "true"),
        ("plain(\"温度\")", "false"),
        ("plain(\"a\\tb\")", "false"),
        ("plain(bytes([127]))", "false"),
        ("plain(payload)", "false"),
        ("plain(map)", "false"),
        ("chunks(payload, 4096).map(|c| size(c))", "[4096,904]"),
        ("chunks(\"温度x\", 3)", "[\"温\",\"度\",\"x\"]"),
        ("payload[-1]", "255"),
        ("map.to_json()", "{\"relay\":true,\"temp\":1.5}"),
        ("json(#{a: (), b: [()]})", "{\"b\":[null]}"),
        ("parse_json(\"[1]\")[0]", "1"),
        ("count([1])", "2"),
        ("[add(list, 3), list]", "[[1,2,3],[1,2]]"),
        ("swap(\"aXb\", 'X', \"--\")", "a--b"),
        ("escape(text)", "hi\\2Cthere"),
        ("escape(true)", "1"),
        ("raw(\"a;b\")", "a;b"),
        ("crc16(\"123456789\")", "19255"),
        ("crc32(\"123456789\")", "3421780262"),
        ("hex(unhex(\"00FF\"))", "00ff"),
        ("text(unbase64(base64(text)))", "hi,there"),
        ("type_of(payload)", "bytes"),
        ("min(list)", "1"),
        ("max(3, 4)", "4"),
        ("mean(list)", "1.5"),
        ("round(mean(list) / 3.0, 2)", "0.5"),
        ("fields(\"1,\\\"a\\\"\")", "[1,\"a\"]"),
        ("sms_time(\"24/07/23,08:35:01+32\")", "1721694901"),
        ("|x| x", "function"),
    ] {
        assert_eq!(gives(source), shown, "{source}");
    }
}

#[test]
fn a_name_without_an_input_is_unit_and_used_names_are_known() {
    let host = Host::new();
    let expression = compile(&host, "rssi == () && list.map(|rssi| rssi) == ()").unwrap();
    let names: Vec<&str> = expression.names().iter().map(AsRef::as_ref).collect();
    assert_eq!(names, ["list", "rssi"]);
    let expression = compile(&host, "rssi == ()").unwrap();
    assert!(host.eval(&expression, &[]).unwrap().as_bool().unwrap());
    assert_eq!(expression.source(), "rssi == ()");
}

#[test]
fn prepared_text_and_bytes_can_be_told_apart() {
    let host = Host::new();
    let value = |source| host.eval(&compile(&host, source).unwrap(), &inputs()).unwrap();
    assert_eq!(as_prepared(&value("raw(\"a,b\")")), Some(Prepared { text: "a,b".into(), how: How::Raw }));
    assert_eq!(as_prepared(&value("text")), None);
    assert_eq!(as_bytes(&value("payload")).unwrap().len(), 5000);
    assert!(as_bytes(&value("text")).is_none());
}

#[test]
fn files_are_put_together_without_mixing() {
    let host = Host::new();
    let one = host.load("one.rhai", "const N = 1; private fn own() { N } fn first() { own() }").unwrap();
    let two = host
        .load("two.rhai", "const M = 2; private fn own() { M } fn second() { own() } fn first(x) { x }")
        .unwrap();
    assert_eq!(
        (one.name(), two.functions().collect::<Vec<_>>()),
        ("one.rhai", vec![("first", 1), ("second", 0)])
    );
    let hooks = Hooks::merge(&[one.clone(), two]).unwrap();
    let sum = host.compile("first() * 100 + second() * 10 + first(N + M)", &[], &hooks).unwrap();
    assert_eq!(display(&host.eval(&sum, &[]).unwrap()), "123");
    // A name of the flow goes before a constant.
    let named = host.compile("N", &["N"], &hooks).unwrap();
    assert_eq!(display(&host.eval(&named, &[("N", Value::from(9_i64))]).unwrap()), "9");

    let again = host.load("again.rhai", "fn first() { 3 }").unwrap();
    let problem = Hooks::merge(&[one.clone(), again]).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "the function `first` with no arguments stands in `one.rhai` and in `again.rhai`"
    );
    assert_eq!(
        problem.help().unwrap(),
        "rename one of them, or mark it `private` if only its own file needs it"
    );
    let again = host.load("again.rhai", "const N = 3;").unwrap();
    let problem = Hooks::merge(&[one, again]).unwrap_err();
    assert_eq!(problem.to_string(), "the constant `N` stands in `one.rhai` and in `again.rhai`");
}

#[test]
fn constants_are_seen_everywhere_and_give_way_to_parameters() {
    let host = Host::new();
    let file = host
        .load(
            FILE,
            "const N = 1; const NAMES = [\"a\", \"b\"]; const MAP = #{ x: N + 1 };
fn all() { [N, NAMES[1], NAMES.len(), MAP.x, [5].map(|i| i + N)[0]] }
fn own(N) { [N, [5].map(|i| i + N)[0]] }
fn local() { let N = 7; N += 1; N }
fn apply(f) { f.call(1) }
fn change() { NAMES.push(1) }",
        )
        .unwrap();
    let hooks = Hooks::merge(&[file]).unwrap();
    let gives = |source: &str, names: &[&str]| {
        let expression = host.compile(source, names, &hooks).unwrap_or_else(|problem| panic!("{problem}"));
        let inputs: Vec<(&str, Value)> = names.iter().map(|name| (*name, Value::from(100_i64))).collect();
        host.eval(&expression, &inputs).map_or_else(|error| error.to_string(), |value| display(&value))
    };
    assert_eq!(gives("all()", &[]), r#"[1,"b",2,2,6]"#);
    assert_eq!(gives("own(3)", &[]), "[3,8]");
    assert_eq!(gives("local()", &[]), "8");
    assert_eq!(gives("[NAMES[0], NAMES.len(), MAP.x, apply(|x| x + N)]", &[]), r#"["a",2,2,2]"#);
    assert_eq!(gives("apply(|x| x + N)", &["N"]), "101");
    assert_eq!(gives("change()", &[]), "`push` would change a value that cannot be changed here");
}

#[test]
fn only_public_functions_can_be_called_by_name() {
    let host = Host::new();
    let hooks = hooks(&host);
    let call = |name: &str, args: &[Value]| match host.call(&hooks, name, args) {
        Ok(value) => display(&value),
        Err(error) => {
            format!("{error} at {}", error.place.as_ref().map(ToString::to_string).unwrap_or_default())
        }
    };
    assert_eq!(call("twice", &[Value::from(3_i64)]), "6");
    assert_eq!(call("bad", &[Value::from_map(rhai::Map::new())]), "the map has no `relai` at hooks.rhai:9:7");
    assert_eq!(call("twice", &[]), "`twice` takes 1 argument, not 0 at ");
    for name in ["hidden", "dbm", "anon$1", "+", "a::b", "spin(); spin", "", "__proto__"] {
        assert_eq!(call(name, &[]), format!("no hook file has a public function `{name}` at "));
    }
}

#[test]
fn the_log_is_collected_and_bounded() {
    let host = Host::new();
    let hooks = Hooks::merge(&[host
        .load(
            FILE,
            "fn f() { print(1); debug(\"a\"); log(#{ b: () }); } fn many() { for i in 0..500 { log(i); } }",
        )
        .unwrap()])
    .unwrap();
    assert!(host.call(&hooks, "f", &[]).is_ok());
    assert_eq!(host.take_log(), ["1", "\"a\"", "{}"]);
    assert!(host.take_log().is_empty());
    assert!(host.call(&hooks, "many", &[]).is_ok());
    let log = host.take_log();
    assert_eq!((log.len(), log.last().unwrap().as_str()), (101, "… and 400 more lines"));
}

struct NoonClock;

impl crate::link::Clock for NoonClock {
    fn now(&self) -> crate::link::Mono {
        crate::link::Mono::ZERO
    }
    fn wall_ms(&self) -> i64 {
        1_721_736_000_999
    }
}

#[test]
fn now_is_whole_seconds_of_the_clock() {
    let host = Host::new();
    host.set_clock(std::rc::Rc::new(NoonClock));
    let now =
        host.compile("(now() - sms_time(\"24/07/22,12:00:00+00\")) / 86400", &[], &Hooks::default()).unwrap();
    assert_eq!(display(&host.eval(&now, &[]).unwrap()), "1");
}

#[test]
fn words_of_rhai_are_known() {
    for word in [
        "case", "match", "is", "new", "with", "default", "module", "yield", "if", "let", "true", "this",
        "eval",
    ] {
        assert!(is_reserved(word), "{word}");
    }
    for word in ["rssi", "state", "body", "error", "topic", "payload", "attempt", "id", "to"] {
        assert!(!is_reserved(word), "{word}");
    }
}
