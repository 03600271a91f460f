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
fn caught(m) { try { m.relai } catch (error) { `caught: ${error}` } }
fn nested() { [1, 2].map(|x| [1].map(|y| x.nothing)) }
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
    host.eval(&expression, &inputs()).map_or_else(|error| panic!("{source}: {error}"), |value| display(&value))
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
fn explore() {
    for s in ["rsi != 99", "dmb(rssi)", "dbm(rssi, 2)", "round()", "rssi = 4", "rssi += 1", "list.map(|x| rssi = x)", "map.relay = false", "let x = 1", "1; 2", "list.map(|x| { let y = x; y })", "list.twice()", "list.map(twice)", "hidden(3)", "eval(\"1\")", "import \"x\"", "export x", "Fn(\"twice\")", "sleep(1)", "timestamp()", "exit()", "is_def_fn(\"x\", 1)", "a::b(1)", "global::LIMIT", "${rssi}", "\"${rssi}\"", "match", "case == 1", "", " // x", "1 +", "(1", "\"abc", "\"\\22\"", "'abc'", "[1, 2", "#{a: 1, a: 2}", "1 2", ")", "at(\"AT\", \"OK\")", "state.x", "this", "len(1, 2, 3)", "x.y.z", "温 == 1", "rssi == 温度",
        &format!("{}1{}", "(".repeat(100), ")".repeat(100)), &format!("{}1", "-".repeat(100)), &"[".repeat(10000), "\"a\" + \n  rsi", "$x", "#", "rssi @ 2", "rssi == 1 && ", "if rssi == 1 { 2 } else", "rssi ? 1 : 2", "rssi and list", "not rssi", "rssi == 'OK'", "list.find(c => c)", "1 = rssi"] {
        println!("R {:?}: {:?}", &s[..s.len().min(60)], compile(&Host::new(), s).map(|_| ()).map_or_else(|_| refused(s), |()| "OK".into()));
    }
    for s in ["list.push(3)", "map.relai", "map.zzz", "map[\"zz\"]", "#{}.x", "nothing.get(\"x\")", "nothing.x", "rssi.foo", "list[7]", "rssi / 0", "9223372036854775807 + 1", "rssi - text", "-text", "if rssi { 1 }", "nothing + 1", "nothing > 1", "deep(3)", "for_ever(1)", "spin()", "bad(map)", "busy([1,2,3,4,5,6,7,8,9]+[1,2,3,4,5,6,7,8,9]+[1,2,3,4,5,6,7,8,9]+[1,2,3,4,5,6,7,8,9]+[1,2,3,4,5,6,7,8,9]+[1,2,3,4,5,6,7,8,9]+[1,2,3,4,5,6,7,8,9]+[1,2,3,4,5,6,7,8,9])", "\"\".pad(100000000, 'x')", "[].pad(100000, 1)", "swap(\"\".pad(60000, 'x'), \"x\", \"\".pad(60000, 'x'))", "swap(\"\".pad(60000, 'x'), 'x', \"\".pad(60000, 'x'))", "hex(\"\".pad(40000, 'x'))", "text.replace(\"i\", \"ii\")", "now()", "escape(list)", "escape(nothing)", "raw(escape(text))", "json(payload)", "text(payload)", "payload[99999]", "unhex(\"0g\")", "unhex(\"0\")", "unbase64(\"*\")", "nested()", "outer()", "list.map(|x| x.y)", "list.map(|x| bad(map))", "\"x\".pad(70000)", "chunks(payload, 1)", "chunks(payload, 0)", "fields(\"(1\")", "list.sort()", "rssi.len()", "text.x", "bytes([1, 300])", "list.nope"] {
        println!("F {:?}: {:?}", &s[..s.len().min(60)], std::panic::catch_unwind(|| fails(s)).unwrap_or("GIVES/PANIC".into()));
    }
    for s in ["over([1, 9])", "twice(LIMIT)", "caught(map)", "list.map(|x| x + rssi)", "list.some(|c| c == 2)", "list.find(|c| c == 2)", "bytes(text).len()", "size(payload)", "chunks(payload, 4096).map(|c| size(c))", "map.to_json()", "#{a: ()}.to_json()", "count([1])", "swap(\"aXb\", \"X\", \"--\")", "escape(text)", "size(escape(text))", "raw(\"a;b\")", "`${escape(text)}`", "crc16(\"123456789\")", "crc32(\"123456789\")", "`a ${rssi} b`", "twice(3) == 6", "hex(unhex(\"00FF\"))", "text(unbase64(base64(text)))", "chunks(\"温度x\", 3)", "rssi == ()", "nothing != ()", "parse_json(\"[1]\")[0]", "type_of(escape(text))", "#{a: raw(\"x\")}"," (1)", "payload[-1]", "list.contains(1)", "map.gone"] {
        println!("G {s:?}: {:?}", std::panic::catch_unwind(|| gives(s)).unwrap_or("PANIC".into()));
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
