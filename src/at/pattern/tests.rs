use super::*;

fn pattern(source: &str) -> Pattern {
    Pattern::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn captured(source: &str, line: &str) -> Option<Vec<(String, Capture)>> {
    let found = pattern(source).match_line(line.as_bytes(), &[]);
    assert_eq!(found.is_some(), pattern(source).is_match(line.as_bytes(), &[]), "{source} on {line}");
    Some(found?.0.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
}

fn text(name: &str, value: &str) -> (String, Capture) {
    (name.into(), Capture::Text(value.into()))
}

fn int(name: &str, value: i64) -> (String, Capture) {
    (name.into(), Capture::Int(value))
}

fn wrong(source: &str) -> (PatternErrorKind, &str, String) {
    let error = Pattern::parse(source).expect_err(source);
    (error.kind.clone(), &source[error.at.clone()], error.help().unwrap_or_default())
}

#[test]
fn blanks_around_marks_are_elastic_and_case_matters() {
    for line in ["+CSQ: 17,99", "+CSQ:17,99", "+CSQ :17 , 99", "+CSQ:  17,99  \t"] {
        let found = captured("+CSQ: {rssi:int},{ber:int}", line);
        assert_eq!(found, Some(vec![int("rssi", 17), int("ber", 99)]), "{line}");
    }
    assert_eq!(captured("+CSQ: {rssi:int},{ber:int}", "+csq: 17,99"), None);
    assert!(captured("CONNECT OK", "CONNECT  OK").is_some());
    assert!(captured("CONNECT OK", "CONNECTOK").is_none());
    assert!(captured("+MQTTSTATU: {s:int}", "+MQTTSTATU :1").is_some());
}

#[test]
fn a_hole_is_one_field() {
    let creg = "+CREG: {n},{stat}";
    assert_eq!(captured(creg, "+CREG: 2,1"), Some(vec![text("n", "2"), text("stat", "1")]));
    assert_eq!(captured(creg, "+CREG: 2,1,\"1863\""), None);
    assert_eq!(captured(creg, "+CREG: ,\"a,b\""), Some(vec![text("n", ""), text("stat", "a,b")]));
    assert_eq!(captured("+X: {a} , {b}", "+X: a b ,c"), Some(vec![text("a", "a b"), text("b", "c")]));
}

#[test]
fn typed_holes_take_their_text_in_quotes_too() {
    assert_eq!(captured("+P: {p:int}", "+P: \"1883\""), Some(vec![int("p", 1883)]));
    assert_eq!(captured("+P: {p:int}", "+P: \"1883"), None);
    assert_eq!(captured("{ip:ipv4}", "10.17.70.180"), Some(vec![text("ip", "10.17.70.180")]));
    assert_eq!(captured("{ip:ipv4}", "10.17.70.380"), None);
    assert_eq!(captured("{imei:digits}", "0123"), Some(vec![text("imei", "0123")]));
    assert_eq!(captured("+ICCID: {i:hex}", "+ICCID: 89C0"), Some(vec![text("i", "89C0")]));
    assert_eq!(captured("{t:number}", "-1.5"), Some(vec![("t".into(), Capture::Float(-1.5))]));
    assert_eq!(captured("{t:/[A-Z]{3}\\d+/}", "ABC1"), Some(vec![text("t", "ABC1")]));
    assert_eq!(captured("{t:/.*/}", "a,b"), None);
}

#[test]
fn an_integer_beyond_64_bits_is_no_match() {
    assert_eq!(captured("+X: {x:int}", "+X: 9223372036854775807"), Some(vec![int("x", i64::MAX)]));
    assert_eq!(captured("+X: {x:int}", "+X: 9223372036854775808"), None);
    assert_eq!(captured("+X: {:int}", "+X: 9223372036854775808"), None);
}

#[test]
fn options_may_be_missing() {
    let creg = "+CREG: {stat:int},\"{area}\",\"{cell}\"[,{act:int}]";
    let found = captured(creg, "+CREG: 1,\"1863\",\"01a2\"").unwrap();
    assert_eq!(found[3], ("act".into(), Capture::Missing));
    let found = captured(creg, "+CREG: 1,\"1863\",\"01a2\",7").unwrap();
    assert_eq!(found[3], int("act", 7));
    assert_eq!(captured(creg, "+CREG: 0,1"), None);
    assert!(captured("a [,{b}]", "a").is_some());
    assert!(captured("a[[{x}]]", "a[1]").is_some());
    assert!(captured("{{{x}}}", "{1}").is_some());
}

#[test]
fn rest_crosses_everything_and_bad_utf8_is_replaced() {
    assert_eq!(captured("+CPIN: {s:rest}", "+CPIN: SIM PIN"), Some(vec![text("s", "SIM PIN")]));
    assert_eq!(captured("^boot.rom{:rest}", "^boot.rom'v1'!"), Some(vec![]));
    let found = pattern("+X: {x}").match_line(b"+X: a\xffb", &[]).unwrap();
    assert_eq!(found.get("x"), Some(&Capture::Text("a\u{fffd}b".into())));
    let found = pattern("+X: {x:/.*/}").match_line(b"+X: a\xffb", &[]).unwrap();
    assert_eq!(found.get("x"), Some(&Capture::Text("a\u{fffd}b".into())));
}

#[test]
fn a_regex_is_the_whole_line() {
    let found = captured(r"/\+CSQ: (?<rssi>\d+),\d+/", "+CSQ: 17,99");
    assert_eq!(found, Some(vec![text("rssi", "17")]));
    assert_eq!(captured(r"/\+CSQ: (?<rssi>\d+)/", "+CSQ: 17,99"), None);
    assert_eq!(captured("/a|b/", "ab"), None);
}

#[test]
fn a_variable_must_be_equal() {
    let same = [(Arc::from("id"), "7".to_string())];
    let puback = pattern("+QMTPUBEX: 0,{=id},0");
    assert!(puback.is_match(b"+QMTPUBEX: 0,7,0", &same));
    assert!(puback.is_match(b"+QMTPUBEX: 0,\"7\",0", &same));
    assert!(!puback.is_match(b"+QMTPUBEX: 0,8,0", &same));
    assert!(!puback.is_match(b"+QMTPUBEX: 0,7,0", &[]));
    assert!(puback.names().is_empty());
    assert_eq!(&*puback.same_names()[0], "id");
}

#[test]
fn bytes_are_counted_and_no_blank_is_eaten_before_them() {
    let msub = pattern("+MSUB: {topic},{n:int} byte,{payload:bytes(n)}");
    let found = msub.match_line(b"+MSUB: \"t\",3 byte, \r\n", &[]).unwrap();
    assert_eq!(found.get("payload"), Some(&Capture::Bytes(b" \r\n".to_vec())));
    assert!(msub.match_line(b"+MSUB: \"t\",3 byte,ab", &[]).is_none());
    let umqtt = pattern("+UMQTTC: 6,{},{},{m:int},\"{topic:bytes(m)}\",{n:int},\"{payload:bytes(n)}\"");
    let found = umqtt.match_line(b"+UMQTTC: 6,1,9,3,\"a\",\",2,\"x\"\"", &[]).unwrap();
    assert_eq!(found.get("topic"), Some(&Capture::Bytes(b"a\",".to_vec())));
    assert_eq!(found.get("payload"), Some(&Capture::Bytes(b"x\"".to_vec())));
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_cure() {
    use PatternErrorKind as Kind;
    let (kind, at, help) = wrong("+X: ${id}");
    assert_eq!((kind, at), (Kind::Expression, "${"));
    assert!(help.contains("{=name}"));
    assert_eq!(wrong("  ").0, Kind::Empty);
    assert_eq!(wrong("a {b").0, Kind::OpenHole);
    assert_eq!(wrong("a [b").0, Kind::OpenOption);
    assert_eq!(wrong("a ] b").0, Kind::Stray(']'));
    assert_eq!(wrong("a } b").0, Kind::Stray('}'));
    assert_eq!(wrong("{x:itn}").2, "did you mean `int`?");
    assert_eq!(wrong("{a},{a}").0, Kind::Twice("a".into()));
    assert_eq!(wrong("{case:int}").0, Kind::Reserved("case".into()));
    assert_eq!(wrong("{1a}").0, Kind::Name("1a".into()));
    assert_eq!(wrong("{x:/(/}").1, "{x:/(/}");
    assert!(matches!(wrong("/(/").0, Kind::Regex(_)));
    assert_eq!(wrong("{b:bytes(n)},{n:int}").0, Kind::Length("n".into()));
    assert_eq!(wrong("{n},{b:bytes(n)}").0, Kind::Length("n".into()));
    assert_eq!(wrong("{n:int}{b:bytes(n)}").0, Kind::BytesBehindHole);
    assert_eq!(wrong("+X[ {n:int},{b:bytes(n)}]").0, Kind::InOption("bytes"));
    assert_eq!(wrong("{x:lines},b").0, Kind::LinesNotLast);
    assert_eq!(wrong("a\nb").0, Kind::LineBreak);
}

#[test]
fn names_types_and_families_are_known() {
    let cme = pattern("+CME ERROR: {cme:error}");
    assert_eq!(cme.error_family().map(|name| &**name), Some("cme"));
    assert_eq!(cme.hole_type("cme"), Some(&HoleType::Error));
    assert!(cme.has_own_text() && !pattern("{ip:ipv4}").has_own_text());
    assert!(!pattern("{a},{b}").has_own_text());
    assert!(pattern("{b:bytes(n)}").begins_with_bytes());
}

#[test]
fn sequences_check_names_and_lengths_across_items() {
    let one = |source| Item::One(pattern(source));
    assert!(Sequence::new(vec![one("+HTTPREAD: {n:int}"), one("{body:bytes(n)}")]).is_ok());
    let error = Sequence::new(vec![one("{body:bytes(n)}")]).unwrap_err();
    assert_eq!(error.kind, SequenceErrorKind::Length("n".into()));
    let error = Sequence::new(vec![one("+A: {n}"), one("+B: {n}")]).unwrap_err();
    assert_eq!((error.item, error.kind), (1, SequenceErrorKind::Twice("n".into())));
    let any = Item::Any(vec![pattern("+A: {n}"), pattern("+B: {n}")]);
    assert_eq!(Sequence::new(vec![any]).unwrap().names().len(), 1);
    assert!(Sequence::new(vec![]).is_err());
    let many = vec![one("+A: {n:int}"), Item::Many(vec![pattern("{b:bytes(n)}")])];
    assert_eq!(Sequence::new(many).unwrap_err().kind, SequenceErrorKind::Many);
}

#[test]
fn near_misses_are_explained() {
    let near = |source: &str, line: &str| pattern(source).near_miss(line.as_bytes());
    assert_eq!(
        near("+CREG: {n:int}", "+CREG: 2,1,\"1863\"").unwrap(),
        "`+CREG: 2,1,\"1863\"` has two more fields; write `[,{:rest}]`"
    );
    assert!(near("+CREG: {n:int},{s:int}", "+CREG: 1").unwrap().contains("one fewer field"));
    assert!(near("+CSQ: {a:int},{b:int}", "+CSQ: 1,x").unwrap().contains("`x` is not an integer"));
    assert!(near("+CSQ: {a:int}", "+csq: 1").unwrap().contains("in place of `+CSQ`"));
    assert_eq!(near("+CPIN: READY", "+CPIN: SIM PIN"), None);
    assert_eq!(near("+CSQ: {a:int}", "OK"), None);
}

proptest::proptest! {
    #[test]
    fn no_source_and_no_line_panics(source in "[ -~\\r]{0,24}", line in proptest::collection::vec(0u8.., 0..40)) {
        if let Ok(pattern) = Pattern::parse(&source) {
            let found = pattern.match_line(&line, &[]).is_some();
            proptest::prop_assert_eq!(found, pattern.is_match(&line, &[]));
            pattern.near_miss(&line);
        }
    }

    #[test]
    fn whatever_is_wrong_with_a_source_is_told_and_bounded(source in "/?([{}()/:,a1é$]|\\[|\\]|int|bytes){0,12}/?") {
        let errors = Pattern::errors(&source);
        proptest::prop_assert_eq!(errors.is_empty(), Pattern::parse(&source).is_ok());
        proptest::prop_assert!(errors.len() <= 8);
        for error in errors {
            proptest::prop_assert!(source.get(error.at.clone()).is_some(), "{:?}", error);
        }
    }
}

#[test]
fn a_pattern_that_was_used_is_still_the_same() {
    let pattern = Pattern::parse("+NITZ: {date},{time:rest} x{n:int}y{m:int}").unwrap();
    let before = format!("{pattern:?}");
    assert!(pattern.match_line(b"+NITZ: a,b x1y2", &[]).is_some());
    assert_eq!(format!("{pattern:?}"), before);
}
