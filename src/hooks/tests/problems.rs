//! What is refused before anything runs, word for word.

use super::*;

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
        ("dbm(rssi, 2)", "`dbm` takes 1 argument, not 2", "write `dbm(…)`", "dbm"),
        ("round()", "`round` takes 1 or 2 arguments, not 0", "write `round(…)`", "round"),
        ("twice()", "`twice` takes 1 argument, not 0", "write `twice(…)`", "twice"),
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
        (
            "#",
            "`#` is a sign that Rhai keeps for itself",
            "a text stands between `\"`, and a comment begins with `//`",
            "#",
        ),
    ] {
        assert_eq!(refused(source), format!("{message} · {help} · {part}"), "{source}");
    }
}

#[test]
fn grammar_is_explained_in_words() {
    for (source, message, help, part) in [
        ("", "there is no expression here", "write one, such as `rssi != 99`, or leave the key out", ""),
        (
            "1 +",
            "the expression ends too early",
            "a value belongs behind an operator, and every bracket is closed",
            "",
        ),
        ("\"abc", "this text is never closed", "end it with the sign that it begins with", "\"abc"),
        ("[1, 2", "`]` is missing to end this array literal", "add `]`", ""),
        ("#{a: 1, a: 2}", "the map has the key `a` twice", "keep one of them", "a"),
        ("1 2", "`2` cannot stand here", "between two values stands an operator, such as `==` or `+`", "2"),
        ("rssi and list", "`and` cannot stand here", "write `&&`", "and"),
        ("rssi @ 2", "`@` is no operator", "operators are `+ - * / % ** == != < <= > >= && || !`", "@"),
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
        (
            "this",
            "`this` can only be used in functions",
            "an expression is a value, a call or a comparison, such as `rssi != 99`",
            "this",
        ),
    ] {
        assert_eq!(refused(source), format!("{message} · {help} · {part}"), "{source}");
    }
    let deep = "[".repeat(10_000);
    assert_eq!(refused(&deep), "too many expressions inside each other · cut it into smaller functions · [");
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
        ("fn f(x) { f(x, 1) }", "1:11 `f` takes 1 argument, not 2 · write `f(…)`"),
        ("fn f(x) { x.map(|y| z) }", "1:21 there is no `z` here · "),
        ("fn dbm(x) { x }", "1:4 there is a function `dbm` with 1 argument already · choose another name"),
        ("fn len(x) { x }", "1:4 there is a function `len` with 1 argument already · choose another name"),
        (
            "fn f(x) { x }\nfn f(y) { y }",
            "2:1 there is a function `f` with 1 argument already · rename one of them",
        ),
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
        (
            "fn f() { 1 ",
            "1:12 `;` is missing to terminate this statement · end the statement with `;`, or the block with `}`",
        ),
        ("fn match() { 1 }", "1:4 `match` is a word that Rhai keeps for itself · choose another name"),
    ] {
        assert_eq!(file_problem(source), shown, "{source}");
    }
}

/// Rhai finds a script's function before the one that belongs to the value.
#[test]
fn a_function_that_is_called_in_place_of_a_method_is_told_at_the_call() {
    let files = "fn get(params) { 1 }\nfn push(x) { 2 }\nfn clear() { 3 }\nfn set(params, ctx) { 4 }\n";
    for (call, shown) in [
        (
            "x.get(\"a\")",
            "5:13 `x.get(…)` calls the `get` of a hook file, and not the one that is there already · \
             write `get(x, …)` with a variable `x`, or choose another name",
        ),
        (
            "x.clear()",
            "5:13 `x.clear()` calls the `clear` of a hook file, and not the one that is there already · \
             write `clear(x)` with a variable `x`, or choose another name",
        ),
    ] {
        assert_eq!(file_problem(&format!("{files}fn f(x) {{ {call} }}")), shown, "{call}");
        let host = Host::new();
        let hooks = Hooks::merge(&[host.load(FILE, files).unwrap()]).unwrap();
        let problem = host.compile(call, &["x"], &hooks).expect_err(call);
        let told = format!("1:3 {problem} · {}", problem.help().unwrap_or_default());
        assert_eq!(told, shown.replace("5:13", "1:3"), "{call}");
    }
    // As a function each finds the one that is meant.
    let host = Host::new();
    let more = "fn f(x) { let list = [7]; push(list, get(x, \"a\")); let map = #{}; set(map, \"b\", 9);
        let gone = [1]; clear(gone); [list, map, gone, get(0), clear()] }";
    let source = format!("{files}{more}");
    let hooks = Hooks::merge(&[host.load(FILE, &source).unwrap()]).unwrap();
    let value = parse_json(r#"{"a":5}"#).unwrap();
    for (source, given) in [("f(x)", "[[7,5],{\"b\":9},[],1,3]"), ("[get(x, \"a\"), get(x)]", "[5,1]")] {
        let expression = host.compile(source, &["x"], &hooks).unwrap_or_else(|problem| panic!("{problem}"));
        let value = host.eval(&expression, &[("x", value.clone())]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(display(&value), given, "{source}");
    }
}

/// Functions of one file are found in another behind a dot, and nowhere else.
#[test]
fn a_function_that_another_file_would_call_in_place_of_a_method_is_told() {
    let host = Host::new();
    let one = host.load("one.rhai", "fn get(params) { 1 }").unwrap();
    let load = |source: &str| host.load("two.rhai", source).unwrap();
    let two = load("fn f(x) {\n  x.get(\"a\") + x.get(\"b\") }");
    for files in [[one.clone(), two.clone()], [two, one.clone()]] {
        let problem = Hooks::merge(&files).expect_err("a method");
        assert_eq!(
            problem.to_string(),
            "`x.get(…)` at two.rhai:2:5 would call the `get` of `one.rhai`, and not the one that is there already"
        );
    }
    for good in
        ["fn f(x) { get(x, \"a\") }", "private fn get(x) { 1 }\nfn f(x) { x.a }", "fn f(x) { x.len(); x.a }"]
    {
        let hooks = Hooks::merge(&[one.clone(), load(good)]).unwrap();
        let expression = host.compile("f(#{ a: 5 })", &[], &hooks).unwrap();
        assert_eq!(display(&host.eval(&expression, &[]).unwrap()), "5", "{good}");
    }
}

#[test]
fn one_mistake_in_a_hook_file_hides_no_other() {
    let source = "fn a() { let b = ; }\nfn b() { 1 +* 2 }\nfn match() { 1 }\n";
    let problem = Host::new().load(FILE, source).expect_err(source);
    assert_eq!(problem.all().map(|one| one.line).collect::<Vec<_>>(), [1, 2, 3]);
    let source = "import \"x\" as y;\nconst K = #{ a: 1, b };\n";
    let problem = Host::new().load(FILE, source).expect_err(source);
    assert_eq!(problem.all().map(|one| one.line).collect::<Vec<_>>(), [1, 2]);
    for constant in [
        "const K = #{ a: 1, b };",
        "const K=;",
        "const K 5;",
        "const K = [1; 2];",
        "const K = 1 + ;",
        "const K = \";\" \"b\"; // ;",
        "const K = [2]];",
    ] {
        let source = format!("{constant}\nfn f(x) {{ 1 +* }}\nfn g() {{ K + nothing }}\n");
        let problem = Host::new().load(FILE, &source).expect_err(&source);
        assert_eq!(problem.all().map(|one| one.line).collect::<Vec<_>>(), [1, 2, 3], "{source}");
    }
}

/// What follows from something that was put aside is no problem of its own.
#[test]
fn a_mistake_in_a_hook_file_is_one_problem() {
    for (source, first) in [
        // What stands behind a constant is whole.
        ("const K = #{ a: 1, b };\nfn f(x) { x }\nfn g(x) { f(x) }", "1:22 "),
        ("const K = #{\n  a: 1,\n  b };\nfn f(x) { x + K }\nfn g(x) { f(x) }", "3:5 "),
        ("const K = #{ a: 1;\nfn f(x) { x }\nfn g(x) { f(x) }", "1:18 "),
        ("const K = 1\nfn f(x) { x }\nfn g(x) { f(K) }", "2:1 "),
        // Another function, in a comment behind the one that is broken.
        ("fn g(b) { b.foo( }\n/*\nfn f(a) { 1 }\n*/\nfn h(a) { a }\n", "1:18 "),
        ("fn g(b) { b.foo( }\n/*\nfn f(a) { 1 }\n*/\nfn f(a) { a }\nfn h(a) { f(a) }\n", "1:18 "),
        ("fn g(b) { b.foo( }\nfn h(a) { `\nfn f(a) {\n` }\n", "1:18 "),
        // One that begins behind it, where no function begins.
        ("fn g(b) { b.foo( } fn m(a) { 1 }\nfn f() { m(1) }\n", "1:18 "),
        ("fn g(b) { b.foo( }\n  fn m(a) { 1 }\n  const N = 1;\nfn f() { m(N) }\n", "1:18 "),
        ("fn g(b) { b.foo( }\n  fn m(a) { 1 }\nfn m() { 1 }\nfn f() { m(1) }\n", "1:18 "),
        // Its body begins behind the comment.
        ("fn f(a) // {\n{ a.foo( }\nfn g(a) { f(a) }\n", "2:10 "),
        ("fn f(a) /* { */ { a.foo( }\nfn g(a) { f(a) }\n", "1:26 "),
        // The rest of a body is none of the file's.
        ("fn f() {\nlet b = ;\nconst A = 1;\nb }\nfn g() { 1 }\n", "2:9 "),
    ] {
        let problem = Host::new().load(FILE, source).expect_err(source);
        let all: Vec<String> =
            problem.all().map(|one| format!("{}:{} {one}", one.line, one.column)).collect();
        assert!(all.len() == 1 && all[0].starts_with(first), "{source}\n{all:#?}");
    }
}

#[test]
fn the_first_problem_of_a_file_is_the_same_every_time() {
    let source = "fn a() { one }\nfn b() { two }\nfn c() { three }\n";
    for _ in 0..20 {
        assert_eq!(file_problem(source), "1:10 there is no `one` here · ");
    }
}
