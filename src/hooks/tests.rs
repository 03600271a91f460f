use super::*;

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
fn a_problem_says_what_is_wrong_and_what_to_do() {
    const SET: &str = "to compare, write `==`; to keep a value, write `set:` in the flow";
    const MOVE: &str = "put it into a function of a hook file and call that";
    for (source, message, help, part) in [
        ("rsi != 99", "there is no `rsi` here", "did you mean `rssi`?", "rsi"),
        ("list.map(|x| x + rsi)", "there is no `rsi` here", "did you mean `rssi`?", "rsi"),
        ("\"a\" + \n  rsi", "there is no `rsi` here", "did you mean `rssi`?", "rsi"),
        ("dmb(rssi)", "there is no function `dmb`", "did you mean `dbm`?", "dmb"),
        ("hidden(3)", "there is no function `hidden`", "", "hidden"),
        ("list.nope()", "there is no function `nope`", "", "nope"),
        ("dbm(rssi, 2)", "`dbm` takes 1 argument, not 2", "", "dbm"),
        ("round()", "`round` takes 1 or 2 arguments, not 0", "", "round"),
        ("twice()", "`twice` takes 1 argument, not 0", "", "twice"),
        (
            "list.twice()",
            "`twice` is a function of a hook file and cannot stand behind a dot",
            "write `twice(x)` instead of `x.twice()`",
            "twice",
        ),
        (
            "list.map(twice)",
            "there is no `twice` here",
            "`twice` is a function: call it, `twice(…)`, or hand it on as `|x| twice(x)`",
            "twice",
        ),
        ("rssi = 4", "`=` would change a value, and nothing can be changed here", SET, "="),
        ("list.map(|x| rssi = x)", "`=` would change a value, and nothing can be changed here", SET, "="),
        ("map.relay = false", "`=` would change a value, and nothing can be changed here", SET, "="),
        (
            "rssi += 1",
            "`+=` would change a value, and nothing can be changed here",
            "to keep a value, write `set:` in the flow",
            "+=",
        ),
        ("let x = 1", "`let` begins a statement, only an expression can stand here", MOVE, "let"),
        ("while true {}", "`while` begins a statement, only an expression can stand here", MOVE, "while"),
        (
            "list.map(|x| { let y = x; y })",
            "`let` begins a statement, only an expression can stand here",
            MOVE,
            "let",
        ),
        ("1; 2", "`;` ends a statement, only one expression can stand here", MOVE, ";"),
        ("eval(\"1\")", "`eval` is closed here: text is never run as code", "", "eval"),
        ("import \"x\"", "`import` is closed here: a hook file stands alone", "", "import"),
        ("export x", "`export` is closed here: a hook file stands alone", "", "export"),
        (
            "Fn(\"twice\")",
            "`Fn` is closed here: functions are called by their names, never by a text",
            "",
            "Fn",
        ),
        ("sleep(1)", "`sleep` is closed here: a hook never waits; a step does, with `sleep:`", "", "sleep"),
        ("timestamp()", "`timestamp` is closed here: ask `now()` for the time", "", "timestamp"),
        ("exit()", "`exit` is closed here: write `return` in a function", "", "exit"),
        ("text.to_blob()", "`to_blob` is closed here: write `bytes(…)`", "", "to_blob"),
        ("a::b(1)", "`a::` is closed here: there are no modules", "", "a"),
        ("global::LIMIT", "`global::` is closed here: there are no modules", "", "global"),
        (
            "at(\"AT\", \"OK\")",
            "`at` is closed here: only command handlers of a station can call it",
            "",
            "at",
        ),
        (
            "${rssi} > 1",
            "`${` stands inside an expression",
            "the whole text is an expression already: write the name alone",
            "${",
        ),
        (
            "\"a ${rssi}\"",
            "`${` between `\"` is no hole, it stays as it is",
            "put the text between back-ticks",
            "\"a ${rssi}\"",
        ),
        ("match", "`match` is a word that Rhai keeps for itself", "choose another name", "match"),
        ("#", "`#` is a sign that Rhai keeps for itself", "", "#"),
    ] {
        assert_eq!(refused(source), format!("{message} · {help} · {part}"), "{source}");
    }
}

#[test]
fn grammar_is_explained_in_words() {
    for (source, message, help, part) in [
        ("", "there is no expression here", "", ""),
        ("1 +", "the expression ends too early", "", ""),
        ("\"abc", "this text is never closed", "", "\"abc"),
        ("[1, 2", "`]` is missing to end this array literal", "", ""),
        ("#{a: 1, a: 2}", "the map has the key `a` twice", "", "a"),
        ("1 2", "`2` cannot stand here", "", "2"),
        ("rssi and list", "`and` cannot stand here", "write `&&`", "and"),
        ("rssi @ 2", "`@` is no operator", "", "@"),
        (
            "温 == 1",
            "`温` cannot stand here",
            "names are made of `a` to `z`, `A` to `Z`, digits and `_`",
            "温",
        ),
        ("rssi == 'OK'", "`'OK'` is not one character", "a text stands between `\"`", "'"),
        (
            "\"\\22\"",
            "`\\2` is no escape sequence",
            "write a backslash as `\\\\`, or put the text between back-ticks",
            "22",
        ),
        ("this", "`this` can only be used in functions", "", "this"),
    ] {
        assert_eq!(refused(source), format!("{message} · {help} · {part}"), "{source}");
    }
    let deep = "[".repeat(10_000);
    assert_eq!(refused(&deep), "too many expressions inside each other · cut it into smaller functions · [");
}

#[test]
fn a_failure_says_what_was_seen_and_where() {
    const UNIT: &str = "`()` means that no step has set it, or that it is not there";
    const COPY: &str = "in a function, copy it first: `let copy = value;`";
    for (source, message, help, part, place) in [
        ("map.relai", "the map has no `relai`", "did you mean `relay`?", "relai", ""),
        (
            "map[\"zz\"]",
            "the map has no `zz`",
            "there is `gone`, `relay`, `temp`; `.get(\"zz\")` is `()` where there is none",
            "\"zz\"",
            "",
        ),
        (
            "#{}.x",
            "the map has no `x`",
            "the map is empty; `.get(\"x\")` is `()` where there is none",
            "x",
            "",
        ),
        ("nothing.get(\"x\")", "`get` does not take (), text", UNIT, "get", ""),
        ("nothing.x", "() has no `x`", UNIT, "x", ""),
        ("rssi.foo", "int has no `foo`", "", "foo", ""),
        ("list[7]", "there is no element 7, there are 2", "", "7", ""),
        ("payload[99999]", "there is no byte 99999, there are 5000", "", "[", ""),
        ("rssi / 0", "division by zero: 17 / 0", "", "/", ""),
        ("9223372036854775807 + 1", "addition overflow: 9223372036854775807 + 1", "", "+", ""),
        ("rssi - text", "`-` does not go between int and text", "", "-", ""),
        ("nothing + 1", "`+` does not go between () and int", UNIT, "+", ""),
        ("-text", "`-` does not go before text", "", "-", ""),
        ("rssi.len()", "`len` does not take int", "", "len", ""),
        ("if rssi { 1 }", "int stands where bool is needed", "", "rssi", ""),
        ("list.push(3)", "`push` would change a value that cannot be changed here", COPY, "push", ""),
        (
            "text.replace(\"i\", \"ii\")",
            "`replace` would change a value that cannot be changed here",
            COPY,
            "replace",
            "",
        ),
        ("deep(3)", "bottom", "", "deep", "hooks.rhai:5:26"),
        ("outer()", "the map has no `relai`", "did you mean `relay`?", "outer", "hooks.rhai:9:7"),
        (
            "list.map(|x| bad(map))",
            "the map has no `relai`",
            "did you mean `relay`?",
            "bad",
            "hooks.rhai:9:7",
        ),
        ("list.map(|x| x.y)", "int has no `y`", "", "y", ""),
        ("nested()", "int has no `nothing`", "", "nested", "hooks.rhai:15:44"),
    ] {
        assert_eq!(fails(source), format!("{message} · {help} · {part} · {place}"), "{source}");
    }
}

#[test]
fn a_function_refuses_what_it_cannot_take() {
    for (source, message) in [
        ("now()", "`now` has no clock here"),
        ("size(list)", "`size` takes text or bytes, not list `[1,2]`"),
        ("escape(nothing)", "`escape` takes text, a number or a bool, not `()`"),
        ("raw(escape(text))", "`raw` was given what `escape(…)` has prepared already"),
        ("escape(raw(text))", "`escape` was given what `raw(…)` has prepared already"),
        ("json(payload)", "bytes have no JSON form: write `text(…)`, `hex(…)` or `base64(…)`"),
        (
            "json(raw(text))",
            "what `escape(…)` or `raw(…)` prepared is for a command line and has no JSON form",
        ),
        ("parse_json(\"{\\\"a\\\":1+1}\")", "not JSON: expected `,` or `}`, at character 7"),
        ("text(payload)", "`text`: these bytes are not UTF-8, byte 0 is 0xFF"),
        ("bytes([1, 300])", "`bytes` takes ints from 0 to 255, not int `300`"),
        ("unhex(\"0g\")", "`0g` is not hex: `g` is no hex digit"),
        ("unhex(\"0\")", "`0` is not hex: 1 digits, which is odd"),
        ("unbase64(\"*\")", "`*` is not base64: invalid symbol 42, offset 0"),
        ("chunks(payload, 0)", "`chunks` takes a size of at least 1, not 0"),
        ("chunks(\"温\", 2)", "`chunks`: one character of this text needs more than 2 bytes"),
        ("fields(\"(1\")", "`fields`: the `(` at character 1 is never closed"),
        ("dbm(45)", "`dbm` takes an rssi of 0 to 31 or 99, not 45"),
        ("mean([1, text])", "`mean` takes numbers, element 1 is text `hi,there`"),
        ("sms_time(text)", "`hi,there` is not the time of an SMS, such as `24/07/23,08:35:01+32`"),
    ] {
        assert_eq!(fails(source).split(" · ").next(), Some(message), "{source}");
    }
}

#[test]
fn limits_hold_and_are_named() {
    for (source, limit, message) in [
        ("spin()", Limit::Operations, "more than 200000 operations"),
        ("uncatchable()", Limit::Operations, "more than 200000 operations"),
        ("busy(chunks(payload, 5))", Limit::Operations, "more than 200000 operations"),
        ("for_ever(1)", Limit::CallDepth, "more than 32 functions inside each other"),
        ("closure(1)", Limit::CallDepth, "more than 32 functions inside each other"),
        ("nests(1)", Limit::CallDepth, "more than 32 functions inside each other"),
        ("\"\".pad(100000000, 'x')", Limit::Text, "a text would have more than 65536 bytes"),
        ("long(60000) + long(60000)", Limit::Text, "a text would have more than 65536 bytes"),
        (
            "swap(long(60000), \"x\", long(60000))",
            Limit::Text,
            "the text that `replace` makes would have more than 65536 bytes",
        ),
        (
            "swap(long(60000), 'x', long(60000))",
            Limit::Text,
            "the text that `replace` makes would have more than 65536 bytes",
        ),
        ("hex(long(40000))", Limit::Text, "the text that `hex` makes would have more than 65536 bytes"),
        ("[].pad(100000000, 1)", Limit::List, "a list would have more than 4096 elements"),
        (
            "chunks(payload, 1)",
            Limit::List,
            "the list that `chunks` makes would have more than 4096 elements",
        ),
    ] {
        let host = Host::new();
        let expression = compile(&host, source).unwrap();
        let error = host.eval(&expression, &inputs()).expect_err(source);
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Limit(limit), message), "{source}");
    }
}

#[test]
fn the_wall_limit_is_asked_and_operations_are_counted() {
    let host = Host::new();
    let spin = compile(&host, "spin()").unwrap();
    host.set_wall_limit(Some(std::rc::Rc::new(|| true)));
    let error = host.eval(&spin, &[]).unwrap_err();
    assert_eq!(
        (error.kind, error.to_string()),
        (ErrorKind::Limit(Limit::Time), "the time for this hook is up".into())
    );
    assert_eq!(host.operations(), 256);
    host.set_wall_limit(None);
    assert_eq!(display(&host.eval(&compile(&host, "1 + 1").unwrap(), &[]).unwrap()), "2");
    assert!(host.operations() < 10);
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
        ("map.gone", "()"),
        ("size(\"温度\")", "6"),
        ("size(payload)", "5000"),
        ("size(escape(text))", "10"),
        ("size(1.5)", "3"),
        ("size(bytes(text))", "8"),
        ("chunks(payload, 4096).map(|c| size(c))", "[4096,904]"),
        ("chunks(\"温度x\", 3)", "[\"温\",\"度\",\"x\"]"),
        ("payload[-1]", "255"),
        ("map.to_json()", "{\"relay\":true,\"temp\":1.5}"),
        ("json(#{a: (), b: [()]})", "{\"b\":[null]}"),
        ("parse_json(\"[1]\")[0]", "1"),
        ("count([1])", "2"),
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

fn file_problem(source: &str) -> String {
    let problem = Host::new().load(FILE, source).expect_err(source);
    assert_eq!(problem.file.as_deref(), Some(FILE));
    format!("{}:{} {problem} · {}", problem.line, problem.column, problem.help().unwrap_or_default())
}

#[test]
fn a_hook_file_is_checked_before_it_runs() {
    for (source, shown) in [
        (
            "fn f() { 1 }\nprint(2);",
            "2:1 only `fn` and `const` can stand at the top of a hook file · put it into a function",
        ),
        (
            "let x = 1;",
            "1:1 only `fn` and `const` can stand at the top of a hook file · put it into a function",
        ),
        ("fn f(rssi) {\n  rsi\n}", "2:3 there is no `rsi` here · "),
        ("const LIMIT = 1;\nfn f(x) { LIMT }", "2:11 there is no `LIMT` here · did you mean `LIMIT`?"),
        ("fn f(x) { g(x) }", "1:11 there is no function `g` · "),
        ("fn f(x) { f(x, 1) }", "1:11 `f` takes 1 argument, not 2 · "),
        ("fn f(x) { x.map(|y| z) }", "1:21 there is no `z` here · "),
        ("fn dbm(x) { x }", "1:4 there is a function `dbm` with 1 argument already · choose another name"),
        ("fn len(x) { x }", "1:4 there is a function `len` with 1 argument already · choose another name"),
        ("fn f(x) { x }\nfn f(y) { y }", "2:1 there is a function `f` with 1 argument already · "),
        (
            "const L = 1; fn f() { L = 2; }",
            "1:25 `=` would change a value, and nothing can be changed here · to compare, write `==`; to keep a value, write `set:` in the flow",
        ),
        ("const T = now();", "1:11 the constant cannot be computed: `now` has no clock here · "),
        ("const T = |x| x;", "1:7 the constant cannot be computed: `T` would be a function, write `fn T` · "),
        ("fn f() { eval(\"1\") }", "1:10 `eval` is closed here: text is never run as code · "),
        ("import \"x\" as y;", "1:1 `import` is closed here: a hook file stands alone · "),
        (
            "fn f() { at(\"AT\", \"OK\") }",
            "1:10 `at` is closed here: only command handlers of a station can call it · ",
        ),
        ("fn f() { 1 ", "1:12 `;` is missing to terminate this statement · "),
        ("fn match() { 1 }", "1:4 `match` is a word that Rhai keeps for itself · choose another name"),
    ] {
        assert_eq!(file_problem(source), shown, "{source}");
    }
}

#[test]
fn the_first_problem_of_a_file_is_the_same_every_time() {
    let source = "fn a() { one }\nfn b() { two }\nfn c() { three }\n";
    for _ in 0..20 {
        assert_eq!(file_problem(source), "1:10 there is no `one` here · ");
    }
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

/// Notes what a handler asked for.
#[derive(Default)]
struct Notes(std::cell::RefCell<Vec<String>>);

impl Station for Notes {
    fn at(&self, line: &str, pattern: &str) -> Result<Value, String> {
        self.0.borrow_mut().push(format!("at {line} {pattern}"));
        parse_json(r#"{"rssi":17}"#).map_err(|error| error.to_string())
    }
    fn run(&self, flow: &str, with: &Value) -> Result<Value, String> {
        Err(format!("no flow `{flow}` for {}", display(with)))
    }
    fn publish(&self, topic: &str, value: &Value) -> Result<(), String> {
        self.0.borrow_mut().push(format!("publish {topic} {}", display(value)));
        Ok(())
    }
    fn after(&self, delay: &str, flow: &str) -> Result<(), String> {
        self.0.borrow_mut().push(format!("after {delay} {flow}"));
        Ok(())
    }
    fn state(&self, name: &str) -> Result<Value, String> {
        Ok(Value::from(format!("the {name}")))
    }
    fn set_state(&self, name: &str, value: &Value) -> Result<(), String> {
        self.0.borrow_mut().push(format!("{name} := {}", display(value)));
        Ok(())
    }
}

#[test]
fn handlers_reach_their_station() {
    let host = Host::new();
    let file = host
        .load_handlers(
            "commands.rhai",
            "fn restart(params) { after(`${params.timeout}s`, \"reset\"); #{ accepted: true } }
fn set_interval(params) { state.set(\"report_every\", `${params.seconds}s`); #{ report_every: state.report_every } }
fn signal(params) { let csq = at(\"AT+CSQ\", \"+CSQ: {rssi:int},{ber:int}\"); #{ signal_dbm: dbm(csq.rssi) } }
fn other(params) { publish(\"topic\", params); run(\"flow\", #{ a: 1 }) }",
        )
        .unwrap();
    let hooks = Hooks::merge(&[file]).unwrap();
    let params = [parse_json(r#"{"timeout":10,"seconds":300}"#).unwrap()];
    let call = |name: &str| {
        host.call(&hooks, name, &params).map_or_else(|error| error.to_string(), |value| display(&value))
    };
    assert_eq!(call("restart"), "`after` works only in a handler of a running station");
    assert_eq!(call("set_interval"), "`state` works only in a handler of a running station");
    let notes = std::rc::Rc::new(Notes::default());
    host.set_station(Some(notes.clone()));
    assert_eq!(call("restart"), r#"{"accepted":true}"#);
    assert_eq!(call("set_interval"), r#"{"report_every":"the report_every"}"#);
    assert_eq!(call("signal"), r#"{"signal_dbm":-79}"#);
    assert_eq!(call("other"), r#"no flow `flow` for {"a":1}"#);
    assert_eq!(
        notes.0.take(),
        [
            "after 10s reset",
            "report_every := 300s",
            "at AT+CSQ +CSQ: {rssi:int},{ber:int}",
            r#"publish topic {"seconds":300,"timeout":10}"#
        ]
    );
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

#[test]
#[ignore = "measures; run it in release"]
fn speed() {
    use std::time::Duration;
    /// The best of ten batches: other processes only ever make it slower.
    fn measure(what: &str, rounds: u32, mut work: impl FnMut()) {
        let mut best = Duration::MAX;
        for _ in 0..if rounds == 1 { 1 } else { 10 } {
            #[expect(clippy::disallowed_methods, reason = "a measurement is about real time")]
            let begin = std::time::Instant::now();
            for _ in 0..rounds {
                work();
            }
            best = best.min(begin.elapsed() / rounds);
        }
        println!("{what}: {best:?}");
    }
    measure("first host of a thread", 1, || drop(Host::new()));
    let host = Host::new();
    measure("first compile of a thread", 1, || drop(host.compile("dbm(1)", &[], &Hooks::default())));
    measure("another host", 100, || drop(Host::new()));
    let inputs = inputs();
    for source in ["rssi != 99", "dbm(rssi)", "list.some(|c| c == 2)", "twice(rssi)", "size(payload)"] {
        measure(&format!("compile {source}"), 100, || drop(compile(&host, source)));
        let expression = compile(&host, source).unwrap();
        measure(&format!("eval {source}"), 20_000, || drop(host.eval(&expression, &inputs)));
    }
    measure("load", 100, || drop(host.load(FILE, HOOKS)));
}
