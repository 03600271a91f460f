use super::*;

fn show(source: &str, names: &[&str]) {
    let host = Host::new();
    let inputs: Vec<(&str, Value)> = vec![
        ("rssi", Value::from(17_i64)),
        ("list", Value::from_array(vec![Value::from(1_i64), Value::from(2_i64)])),
        ("map", parse_json(r#"{"relay":true,"temp":1.5}"#).unwrap()),
        ("payload", Value::from_blob(vec![0xff; 5000])),
        ("text", Value::from("hi,there")),
        ("nothing", Value::UNIT),
    ];
    let file = host.load("h.rhai", "const LIMIT = 5; private fn hid(x) { x + 1 } fn twice(x) { hid(x) * 2 - 2 } fn over(l) { l.filter(|x| x > LIMIT) }\nfn deep(n) { if n == 0 { throw \"bottom\" } else { deep(n - 1) } }\nfn ever(n) { ever(n) }\nfn spin() { loop { } }\nfn bad(m) {\n  m.relai\n}").unwrap();
    let hooks = Hooks::merge(&[file]).unwrap();
    match host.compile(source, names, &hooks) {
        Ok(e) => match host.eval(&e, &inputs) {
            Ok(v) => println!("{source}   => {} : {}   uses {:?} ops {}", display(&v), kind_of(&v), e.names(), host.operations()),
            Err(e) => println!("{source}   !! {e} | {:?} | {:?} | {:?} | at {:?} = {:?}", e.kind, e.help(), e.place.as_ref().map(|p| p.to_string()), e.at, e.at.clone().and_then(|r| source.get(r))),
        },
        Err(p) => println!("{source}   ?? {p} | {:?} | {:?} {}:{} = {:?}", p.help(), p.at, p.line, p.column, source.get(p.at.clone())),
    }
}

#[test]
fn explore() {
    let names = ["rssi", "list", "map", "payload", "text", "nothing"];
    for source in [
        "rssi != 99", "rsi != 99", "dbm(rssi)", "dmb(rssi)", "dbm(rssi, 2)", "rssi = 4", "list.push(3)", "list.map(|x| x + rssi)",
        "list.map(|x| { let y = x; y })", "list.some(|c| c == 2)", "list.find(|c| c == 2)", "list.filter(|x| x > LIMIT)", "over([1, 9])", "twice(LIMIT)",
        "hid(3)", "list.twice()", "list.map(twice)", "map.relay", "map.relai", "map.zzz", "map.get(\"x\")", "map[\"zz\"]", "nothing.get(\"x\")", "nothing.x",
        "list[7]", "rssi / 0", "9223372036854775807 + 1", "text + rssi", "rssi - text", "-text", "!rssi", "rssi.foo", "rssi[1]",
        "deep(3)", "ever(1)", "spin()", "bad(map)", "size(payload)", "payload.len()", "size(text)", "size(\"温度\")", "chunks(payload, 4096).len()",
        "let x = 1", "while true {}", "1; 2", "rssi += 1", "return 4", "eval(\"1\")", "import \"x\"", "Fn(\"twice\")", "sleep(1)", "timestamp()", "exit()", "a::b(1)", "global::LIMIT",
        "${rssi}", "\"${rssi}\"", "match", "case == 1", "default", "", "  // x", "(1 + ", "1 +", "\"abc", "\"\\22\"", "'abc'", "[1, 2", "#{a: 1, a: 2}", "1 2", "rssi ==", ")", "#{a: 1}.to_json()", "json(map)", "json(payload)",
        "\"\".pad(100000000, 'x')", "[].pad(100000, 1)", "`${text}x`", "if rssi == 99 { () } else { dbm(rssi) }", "switch rssi { 1 => 2, _ => 3 }", "if rssi { 1 }",
        "list.map(|x| list.map(|y| { let n = 0; while n < 100000 { n += 1; } n }))", "throw 4", "escape(text)", "raw(text)", "escape(raw(text))", "escape(list)", "crc16(\"123456789\")", "crc32(\"123456789\")", "parse_json(\"{\\\"a\\\":1,\\\"a\\\":2}\")", "parse_json(\"[1,2]\")",
        "now()", "7 / 2", "round(7 / 2.0, 1)", "min(1, 2.5)", "min([3,1,2])", "max(3, 4)", "[1, \"x\"].mean()", "text.replace(\"i\", \"ii\")", "type_of(payload)", "text(payload)", "bytes(text)", "payload == payload", "unhex(\"0g\")", "unbase64(\"*\")", "hex(\"AB\")", "print(1)", "log(1)", "debug(1)", "map.relay = false", "list.sort()", "list.len", "map.keys()", "rssi in list", "text.len()", "0..rssi", "at(\"AT\", \"OK\")", "state.x", "map?.zz", "map.relay.x.y", "list.reduce(|a, b| a + b, 0)", "is_def_var(\"x\")", "payload[0]", "payload[99999]", "|x| x", "this", "fn x() {}", "try { 1 } catch { 2 }", "f(1)", "list.nope(1)", "map.tag", "rssi.tag"
    ] {
        show(source, &names);
    }
}
