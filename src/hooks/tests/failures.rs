//! What fails while it runs, and the limits, word for word.

use super::*;

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
        ("nothing.len()", "`len` does not take ()", UNIT, "len", ""),
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
        ("nested()", "int has no `nothing`", "", "nested", "hooks.rhai:16:44"),
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
fn a_limit_inside_a_hook_file_says_which_function() {
    for (source, part, place) in [
        ("spin()", "spin", "hooks.rhai:7:11"),
        ("1 + uncatchable()", "uncatchable", "hooks.rhai:20:18"),
        // Rhai tells where a closure was handed over.
        ("busy(chunks(payload, 5))", "busy", "hooks.rhai:11:22"),
        ("closure(1)", "closure", "hooks.rhai:18:21"),
        ("for_ever(1)", "for_ever", "hooks.rhai:6:16"),
        ("long(70000)", "long", "hooks.rhai:17:12"),
        ("list.map(|x| spin())", "map", "hooks.rhai:7:11"),
        // Either may have been it.
        ("list.map(|x| if x == 1 { spin() } else { for_ever(x) })", "map", ""),
        // In the expression itself, though a hook file is used.
        ("add(chunks(payload, 5), 1).map(|x| chunks(payload, 5).map(|y| x)).len()", "map", ""),
        ("list.map(|x| \"\".pad(long(x).len() + 100000000, 'x'))", "map", ""),
        ("long(60000) + long(60000)", "+", ""),
        ("long(\"\".pad(100000000, 'x').len())", "pad", ""),
        ("chunks(payload, 1)", "chunks", ""),
    ] {
        let told = fails(source);
        assert!(told.ends_with(&format!(" · {part} · {place}")), "{source}: {told}");
    }
    let host = Host::new();
    let error = host.call(&hooks(&host), "spin", &[]).unwrap_err();
    assert_eq!(error.place.map(|place| place.to_string()).as_deref(), Some("hooks.rhai:7:11"));
    assert_eq!(error.at, None);
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
