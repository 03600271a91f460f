//! Method names, params and handlers that try to reach what they should not.

use super::*;

const HANDLERS: &str = "const LIMIT = 5;
private fn secret(params) { \"reached\" }
fn restart(params) { #{ ok: true } }
fn with_context(params, ctx) { params.x = 1; ctx.key = 2; [params, ctx] }
fn closures(params) { [1].map(|x| x + LIMIT) }
fn call_by_name(params) { params.name.call() }
fn curry_name(params) { params.name.curry(1) }
fn no_this(params) { this }
fn loop_for_ever(params) { loop { } }
fn deep(params) { deep(params) }
fn big(params) { let text = \"\"; text.pad(100000000, 'x'); text }
";

fn handlers(host: &Host) -> Hooks {
    let file = host.load_handlers(FILE, HANDLERS).unwrap_or_else(|problem| panic!("{problem}"));
    Hooks::merge(&[file]).unwrap()
}

#[test]
fn a_name_from_outside_finds_public_functions_and_nothing_else() {
    let host = Host::new();
    let hooks = handlers(&host);
    for name in [
        "",
        "__proto__",
        "constructor",
        "this",
        "+",
        "==",
        "!",
        "to_string",
        "eval",
        "Fn",
        "import",
        "call",
        "curry",
        "anon$",
        "anon$1",
        "a::b",
        "global::restart",
        "print",
        "debug",
        "at",
        "run",
        "publish",
        "after",
        "state",
        "log",
        "sleep",
        "timestamp",
        "size",
        "dbm",
        "type_of",
        "is_def_fn",
        "secret",
        "LIMIT",
        "get$name",
        "set$name",
        "restart()",
        "restart(1); restart",
        "restart\0",
        "restart//",
        "ｒestart",
        "${restart}",
    ] {
        let error = host.call(&hooks, name, &[Value::UNIT]).expect_err(name);
        assert_eq!(error.kind, ErrorKind::Missing, "{name}");
    }
    let closures: Vec<&str> =
        hooks.functions().map(|(name, _)| name).filter(|name| name.contains('$')).collect();
    assert!(closures.is_empty(), "{closures:?}");
}

#[test]
fn a_param_never_becomes_code() {
    let host = Host::new();
    let hooks = handlers(&host);
    for handler in ["call_by_name", "curry_name"] {
        for name in ["secret", "restart", "anon$1", "eval", "print", "|x| x"] {
            let params = map_of([("name", Value::from(name))]);
            let error = host.call(&hooks, handler, &[params]).expect_err(handler);
            assert!(matches!(error.kind, ErrorKind::Type | ErrorKind::Missing), "{handler} {name}: {error}");
            assert_eq!(error.place.as_ref().map(|place| place.file.as_str()), Some(FILE), "{handler}");
        }
    }
    let params = map_of([("name", Value::from("${1+1} \\22 \" \r\n"))]);
    let given = params.clone();
    assert!(host.call(&hooks, "restart", &[params]).is_ok());
    assert_eq!(display(&entry(&given, "name").unwrap()), "${1+1} \\22 \" \r\n");
    assert!(host.call(&hooks, "no_this", &[Value::UNIT]).is_err());
}

#[test]
fn a_handler_has_the_limits_of_every_script() {
    let host = Host::new();
    let hooks = handlers(&host);
    for (handler, limit) in
        [("loop_for_ever", Limit::Operations), ("deep", Limit::CallDepth), ("big", Limit::Text)]
    {
        let error = host.call(&hooks, handler, &[Value::UNIT]).expect_err(handler);
        assert_eq!(error.kind, ErrorKind::Limit(limit), "{handler}");
    }
    // It works on its own copy of what it is given.
    let (params, context) = (map_of([("x", Value::from(0_i64))]), map_of([("key", Value::from("a"))]));
    let result = host.call(&hooks, "with_context", &[params.clone(), context.clone()]).unwrap();
    assert_eq!(display(&result), r#"[{"x":1},{"key":2}]"#);
    assert_eq!((display(&params), display(&context)), (r#"{"x":0}"#.into(), r#"{"key":"a"}"#.into()));
    // What one call used up is nothing to the next.
    assert!(host.call(&hooks, "restart", &[Value::UNIT]).is_ok());
}

/// What no limit of Rhai counts is paid for in operations: bytes, and texts that are looked through.
#[test]
fn what_functions_make_or_look_through_is_paid_for() {
    let host = Host::new();
    let setup =
        "let t = \"\"; t.pad(60000, 'x'); let z = `${t}`; z.replace('x', `A`); let b = bytes(t); let l = [];";
    for work in [
        "l.push(bytes(t))",
        "l.push(escape(t))",
        "l.push(raw(t))",
        "l.push(chunks(b, 60000))",
        "l.push(unbase64(z))",
        "crc16(b)",
        "crc32(t)",
        "base64(`${t.len()}`); t.replace('y', \"z\")",
        "text(b)",
        "parse_json(`\"${t}\"`)",
    ] {
        let source = format!(
            "fn f(p) {{ {setup} let n = 0; loop {{ {work}; n += 1; if n == 3000 {{ throw n; }} }} }}"
        );
        let hooks =
            Hooks::merge(&[host.load(FILE, &source).unwrap_or_else(|problem| panic!("{work}: {problem}"))]);
        let error = host.call(&hooks.unwrap(), "f", &[Value::UNIT]).expect_err(work);
        assert_eq!(error.kind, ErrorKind::Limit(Limit::Operations), "{work}: {error}");
    }
    // A file of a mebibyte is nothing to complain of.
    let hooks =
        Hooks::merge(&[host.load(FILE, "fn f(b) { [crc32(b), chunks(b, 1024).len()] }").unwrap()]).unwrap();
    assert!(host.call(&hooks, "f", &[Bytes::value(vec![0; 1 << 20])]).is_ok());
}

#[test]
fn a_long_text_is_not_repeated_in_the_error_about_it() {
    let host = Host::new();
    for call in ["unhex", "unbase64", "sms_time"] {
        let source = format!("fn f(p) {{ let t = \"\"; t.pad(60000, 'x'); {call}(t + \"!\") }}");
        let hooks = Hooks::merge(&[host.load(FILE, &source).unwrap()]).unwrap();
        let error = host.call(&hooks, "f", &[Value::UNIT]).expect_err(call);
        assert!(error.message.len() < 200, "{call}: {} bytes", error.message.len());
    }
}

#[test]
fn a_file_can_be_loaded_after_a_script_ran_out_of_operations() {
    let host = Host::new();
    let hooks = handlers(&host);
    assert!(host.call(&hooks, "loop_for_ever", &[Value::UNIT]).is_err());
    assert!(host.load_handlers(FILE, "const A = [1].map(|x| x + 1); fn f(p) { A }").is_ok());
}

fn file_problem(source: &str) -> String {
    let problem = Host::new().load_handlers(FILE, source).expect_err(source);
    let help = problem.help().unwrap_or_default();
    format!("{}:{} {problem} · {help}", problem.line, problem.column)
}

#[test]
fn a_handler_file_that_reaches_out_is_refused() {
    for (source, shown) in [
        ("fn f(p) { eval(p.code) }", "1:11 `eval` is closed here: text is never run as code · "),
        (
            "fn f(p) { Fn(p.name).call() }",
            "1:11 `Fn` is closed here: functions are called by their names, never by a text · ",
        ),
        ("fn f(p) { import \"x\"; }", "1:11 `import` is closed here: a hook file stands alone · "),
        ("export const X = 1;", "1:1 `export` is closed here: a hook file stands alone · "),
        (
            "fn f(p) { sleep(1) }",
            "1:11 `sleep` is closed here: a hook never waits; a step does, with `sleep:` · ",
        ),
        ("fn f(p) { timestamp() }", "1:11 `timestamp` is closed here: ask `now()` for the time · "),
        ("fn f(p) { exit() }", "1:11 `exit` is closed here: write `return` in a function · "),
        (
            "fn f(p) { is_def_fn(\"x\", 1) }",
            "1:11 `is_def_fn` is closed here: functions are called by their names, never by a text · ",
        ),
        ("fn f(p) { secret::g(p) }", "1:11 `secret::` is closed here: there are no modules · "),
        (
            "at(\"AT\", \"OK\");",
            "1:1 only `fn` and `const` can stand at the top of a hook file · put it into a function",
        ),
        (
            "const A = at(\"AT\", \"OK\"); fn f(p) { A }",
            "1:11 the constant cannot be computed: `at` works only in a handler of a running station · ",
        ),
        ("fn at(a, b) { a }", "1:4 there is a function `at` with 2 arguments already · choose another name"),
        ("fn log(p) { p }", "1:4 there is a function `log` with 1 argument already · choose another name"),
        (
            "fn int.f(p) { p }",
            "1:8 `f` belongs to a type, and a function of a hook file belongs to none · write `fn f(x, …)`",
        ),
        (
            "fn f(p) { state = 1; }",
            "1:17 `=` would change a value, and nothing can be changed here · to compare, write `==`; to keep a value, write `set:` in the flow",
        ),
        ("fn f(p) { p.jump(1) }", "1:13 there is no function `jump` · "),
        ("fn f(p) { stat.set(\"a\", 1) }", "1:11 there is no `stat` here · did you mean `state`?"),
    ] {
        assert_eq!(file_problem(source), shown, "{source}");
    }
}

/// Counts what reaches it.
#[derive(Default)]
struct Counter(std::cell::Cell<usize>);

impl Station for Counter {
    fn at(&self, line: &str, _: Option<&str>) -> Result<Value, String> {
        self.0.set(self.0.get() + 1);
        Err(format!("`{line}` may restart the module"))
    }
    fn run(&self, flow: &str, _: &Value) -> Result<Value, String> {
        Err(format!("there is no flow `{flow}`"))
    }
    fn publish(&self, _: &str, _: &Value) -> Result<(), String> {
        Err("the message is too long".to_owned())
    }
    fn after(&self, _: &str, _: &str) -> Result<(), String> {
        Err("no such delay".to_owned())
    }
    fn state(&self, name: &str) -> Result<Value, String> {
        Err(format!("no `{name}`"))
    }
    fn set_state(&self, name: &str, _: &Value) -> Result<(), String> {
        Err(format!("`{name}` does not fit"))
    }
}

#[test]
fn what_the_station_refuses_fails_at_its_place_in_the_handler() {
    let host = Host::new();
    let file = host
        .load_handlers(
            FILE,
            "fn a(p) {\n  at(p.line, \"OK\")\n}
fn b(p) { inner(p) }
private fn inner(p) {\n    run(\"x\")\n}
fn c(p) { publish(\"t\", p) }
fn d(p) { after(\"1\", \"x\") }
fn e(p) { [1].map(|x| state.get(\"x\")) }
fn f(p) { state.set(\"x\", 1) }
fn g(p) { state.x }
fn h(p) { try { at(\"AT\", \"OK\") } catch (why) { return why; } }
fn i(p) { state.x = 1; }",
        )
        .unwrap();
    let hooks = Hooks::merge(&[file]).unwrap();
    host.set_station(Some(std::rc::Rc::new(Counter::default())));
    let params = map_of([("line", Value::from("AT+CFUN=1,1"))]);
    let shown = |name: &str| match host.call(&hooks, name, std::slice::from_ref(&params)) {
        Ok(value) => display(&value),
        Err(error) => {
            assert_eq!(error.at, None);
            format!("{error} at {}", error.place.as_ref().map(ToString::to_string).unwrap_or_default())
        }
    };
    assert_eq!(shown("a"), "`AT+CFUN=1,1` may restart the module at hooks.rhai:2:3");
    assert_eq!(shown("b"), "there is no flow `x` at hooks.rhai:6:5");
    assert_eq!(shown("c"), "the message is too long at hooks.rhai:8:11");
    assert_eq!(shown("d"), "no such delay at hooks.rhai:9:11");
    assert_eq!(shown("e"), "no `x` at hooks.rhai:10:29");
    assert_eq!(shown("f"), "`x` does not fit at hooks.rhai:11:17");
    assert_eq!(shown("g"), "no `x` at hooks.rhai:12:16");
    assert_eq!(shown("h"), "`AT` may restart the module");
    assert_eq!(shown("i"), "`state` is changed with `state.set(\"x\", …)` at hooks.rhai:14:16");
}

#[test]
fn loading_a_file_asks_no_station() {
    let host = Host::new();
    let station = std::rc::Rc::new(Counter::default());
    host.set_station(Some(station.clone()));
    assert!(host.load_handlers(FILE, "const A = at(\"AT+CFUN=1,1\", \"OK\"); fn f(p) { A }").is_err());
    assert_eq!(station.0.get(), 0);
    // It is still there for the handlers.
    let hooks = Hooks::merge(&[host.load_handlers(FILE, "fn f(p) { at(\"AT\", \"OK\") }").unwrap()]).unwrap();
    assert!(host.call(&hooks, "f", &[Value::UNIT]).is_err());
    assert_eq!(station.0.get(), 1);
}
