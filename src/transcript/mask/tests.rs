use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

fn masker(secrets: &[(&str, &str)]) -> Masker {
    let escapes = [('"', "\\22".to_owned()), (',', "\\2C".to_owned()), ('\\', "\\5C".to_owned())];
    let secrets: Vec<_> = secrets
        .iter()
        .map(|(name, value)| Secret { name: (*name).into(), value: value.as_bytes().into() })
        .collect();
    Masker::new(&secrets, &escapes).unwrap()
}

#[test]
fn a_secret_is_replaced_by_its_name() {
    let masker = masker(&[("access_token", "h7Xk29qLmZ")]);
    assert_eq!(
        masker.mask("AT+MCONFIG=\"id\",\"h7Xk29qLmZ\",\"p\"\r\n"),
        "AT+MCONFIG=\"id\",\"<access_token>\",\"p\"\r\n"
    );
    assert!(matches!(masker.mask("AT+CSQ\r\n"), Cow::Borrowed("AT+CSQ\r\n")));
    assert_eq!(masker.mask("h7Xk29qLmZh7Xk29qLmZ"), "<access_token><access_token>");
}

#[test]
fn every_form_of_a_secret_is_found() {
    let value = "pä/ss \"w\\o,rd\"?";
    let masker = masker(&[("pw", value)]);
    let json = serde_json::to_string(value).unwrap();
    let json_inner = &json[1..json.len() - 1];
    let json_twice = serde_json::to_string(json_inner).unwrap();
    let json_twice = &json_twice[1..json_twice.len() - 1];
    let hex = |between: &str| value.bytes().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(between);
    let forms = [
        ("raw", value.to_owned()),
        ("dialect", "pä/ss \\22w\\5Co\\2Crd\\22?".to_owned()),
        ("json", json_inner.to_owned()),
        ("json with escaped slash", json_inner.replace('/', "\\/")),
        ("json in ascii", json_inner.replace('ä', "\\u00e4")),
        ("json, then dialect", "pä/ss \\5C\\22w\\5C\\5Co\\2Crd\\5C\\22?".to_owned()),
        ("dialect, then json", "pä/ss \\\\22w\\\\5Co\\\\2Crd\\\\22?".to_owned()),
        ("json in json", json_twice.to_owned()),
        (
            "json in json, then dialect",
            json_twice.replace('\\', "\\5C").replace('"', "\\22").replace(',', "\\2C"),
        ),
        ("log", value.as_bytes().escape_ascii().to_string()),
        ("hex", hex("")),
        ("HEX", hex("").to_uppercase()),
        ("hex with blanks", hex(" ")),
        ("hex as an address", hex(":")),
        ("HEX with hyphens", hex("-").to_uppercase()),
        ("hex with commas", hex(",")),
        ("hex in C", format!("0x{}", hex(", 0x"))),
        ("backslash x", format!("\\x{}", hex("\\x"))),
        ("url", "p%C3%A4%2Fss%20%22w%5Co%2Crd%22%3F".to_owned()),
        ("url in small letters", "p%c3%a4%2fss%20%22w%5co%2crd%22%3f".to_owned()),
        ("form", "p%C3%A4%2Fss+%22w%5Co%2Crd%22%3F".to_owned()),
        ("all percent", format!("%{}", hex("%"))),
        ("base64", STANDARD.encode(value)),
        ("base64 in a query", STANDARD.encode(value).replace('/', "%2F").replace('=', "%3D")),
        ("base64 in JSON", STANDARD.encode(value).replace('/', "\\/")),
        ("hex in base64", STANDARD.encode(hex(""))),
        ("HEX in base64", STANDARD.encode(hex("").to_uppercase())),
        ("UCS2", "007000E4002F00730073002000220077005C006F002C007200640022003F".to_owned()),
        ("ucs2", "007000e4002f00730073002000220077005c006f002c007200640022003f".to_owned()),
    ];
    for (form, text) in forms {
        assert_eq!(masker.mask(&format!("AT=({text})")), "AT=(<pw>)", "{form}: {text}");
    }
}

#[test]
fn base64_is_found_in_a_query_and_in_json() {
    let masker = masker(&[("pw", "~~~???")]);
    for text in ["fn5+Pz8/", "fn5-Pz8_", "fn5%2BPz8%2F", "fn5%2bPz8%2f", "fn5+Pz8\\/"] {
        assert_eq!(masker.mask(&format!("k={text}&")), "k=<pw>&", "{text}");
    }
}

#[test]
fn a_pin_is_no_part_of_a_long_number() {
    let masker = masker(&[("pin", "1234"), ("puk", "12345678"), ("token", "123456789")]);
    for number in ["866714045612345", "89860412341022025418", "1700001234567"] {
        assert_eq!(masker.mask(&format!("+ID: {number}\r\n")), format!("+ID: {number}\r\n"));
    }
    for (text, shown) in [
        ("AT+CPIN=\"1234\"", "AT+CPIN=\"<pin>\""),
        ("PIN1234", "PIN<pin>"),
        ("\\22pin\\22:\\221234\\22", "\\22pin\\22:\\22<pin>\\22"),
        ("\\u00221234\\u0022", "\\u0022<pin>\\u0022"),
        ("%221234%22", "%22<pin>%22"),
        ("2231323334222022", "22<pin>222022"),
        ("AT+CPIN=\"12345678\",\"1234\"", "AT+CPIN=\"<puk>\",\"<pin>\""),
        // Longer than any PIN: it is looked for everywhere.
        ("001234567890000", "00<token>0000"),
    ] {
        assert_eq!(masker.mask(text), shown, "{text}");
    }
}

#[test]
fn ucs2_is_found_in_either_byte_order() {
    let masker = masker(&[("pw", "geheim")]);
    assert_eq!(*masker.mask_bytes(b"(\0g\0e\0h\0e\0i\0m)"), *b"(<pw>)");
    assert_eq!(*masker.mask_bytes(b"(g\0e\0h\0e\0i\0m\0)"), *b"(<pw>)");
    assert_eq!(masker.mask(r"(\x00g\x00e\x00h\x00e\x00i\x00m)"), "(<pw>)");
    assert_eq!(masker.mask("(670065006800650069006D00)"), "(<pw>)");
}

/// As a module with that character set gets what a flow made of it.
#[test]
fn ucs2_of_what_was_escaped_is_found() {
    let masker = masker(&[("pw", "a\"b,c/d")]);
    for text in ["a\\\"b,c/d", "a\\22b\\2Cc/d", "a\\\"b,c\\/d", "a\\5C\\22b\\2Cc/d"] {
        for unit_bytes in [u16::to_be_bytes, u16::to_le_bytes] {
            let ucs2: Vec<u8> = text.encode_utf16().flat_map(unit_bytes).collect();
            let digits = ucs2.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().concat();
            assert_eq!(masker.mask(&format!("({digits})")), "(<pw>)", "{text}");
            assert_eq!(*masker.mask_bytes(&[b"(", &ucs2[..], b")"].concat()), *b"(<pw>)", "{text}");
        }
    }
}

#[test]
fn percent_encoding_is_found_whoever_wrote_it() {
    let masker = masker(&[("pw", "it's (a/b)! *~")]);
    for text in [
        "it%27s%20%28a%2Fb%29%21%20%2A~",
        // JavaScript's `encodeURIComponent`, Python's `quote`, and of both.
        "it's%20(a%2Fb)!%20*~",
        "it%27s%20%28a/b%29%21%20%2A~",
        "it's%20(a/b)!%20*~",
        "it's%20(a%2fb)!%20*~",
    ] {
        for text in [text.to_owned(), text.replace("%20", "+")] {
            assert_eq!(masker.mask(&format!("k={text}&")), "k=<pw>&", "{text}");
        }
    }
}

/// Of a secret that percent encoding leaves as it is, only every byte can be encoded.
#[test]
fn percent_encoding_that_changes_nothing_is_no_form() {
    let forms = forms::of(b"h7Xk29qLmZab", &[]);
    assert_eq!(forms.iter().filter(|form| form.contains(&b'%')).count(), 2);
}

#[test]
fn a_secret_is_found_in_json_for_one_command_line_and_for_a_web_page() {
    let value = "a;b<c>d&ä";
    let masker = masker(&[("pw", value)]);
    // As a station writes what it publishes.
    let plain = "a\\u003bb<c>d&\\u00e4".to_owned();
    for text in [plain.clone(), plain.replace('\\', "\\5C"), "a;b\\u003cc\\u003ed\\u0026ä".to_owned()] {
        assert_eq!(masker.mask(&format!("AT=({text})")), "AT=(<pw>)", "{text}");
    }
}

#[test]
fn base64_is_found_in_every_phase() {
    let secret = "correct horse battery";
    let masker = masker(&[("pw", secret)]);
    for before in ["", "u", "us", "use", "user"] {
        for after in ["", ":", ":x", ":xy"] {
            let encoded = STANDARD.encode(format!("{before}{secret}{after}"));
            let shown = masker.mask(&encoded);
            // 21 bytes are 28 characters; those at either end that hold a neighbour's bits may stay.
            let left = shown.replace("<pw>", "");
            assert!(shown.contains("<pw>") && left.len() <= encoded.len() - 26, "{encoded} -> {shown}");
        }
    }
}

#[test]
fn special_characters_mean_nothing() {
    let masker = masker(&[("a", ".*+?"), ("b", "[^x]{2}|$")]);
    assert_eq!(masker.mask("AT+X=.*+? abcd [^x]{2}|$"), "AT+X=<a> abcd <b>");
}

#[test]
fn of_overlapping_secrets_no_part_shows() {
    let masker = masker(&[("one", "abcdef"), ("two", "defghi"), ("all", "0abcdefghi0"), ("rep", "zzzz")]);
    assert_eq!(masker.mask("-abcdefghi-"), "-<one><two>-");
    assert_eq!(masker.mask("-0abcdefghi0-"), "-<all>-");
    assert_eq!(masker.mask("zzzzzzz"), "<rep>");
    assert_eq!(masker.mask("abcdefabcdef"), "<one><one>");
}

#[test]
fn a_short_secret_is_found_where_it_stands_alone() {
    let masker = masker(&[("pin", "123"), ("long", "23456")]);
    assert_eq!(masker.mask("AT+CPIN=\"123\""), "AT+CPIN=\"<pin>\"");
    assert_eq!(masker.mask("123"), "<pin>");
    assert_eq!(masker.mask("1234 0123 a123 313233"), "1234 0123 a123 313233");
    // One that does not stand alone hides no other that begins inside it.
    assert_eq!(masker.mask("x123456"), "x1<long>");
}

#[test]
fn nothing_to_hide_costs_nothing() {
    let masker = masker(&[("empty", "")]);
    assert!(masker.is_empty());
    assert!(matches!(masker.mask("<empty>"), Cow::Borrowed(_)));
    assert!(Masker::default().is_empty());
    assert_eq!(masker.cut(b"abc", 2), 2);
}

#[test]
fn a_secret_may_be_any_bytes() {
    let secret = Secret { name: "key".into(), value: vec![0xff, 0, b'\n', 0x80, 0xc3] };
    let masker = Masker::new(&[secret], &[]).unwrap();
    assert_eq!(masker.mask_bytes(b"a\xff\0\n\x80\xc3b").as_ref(), b"a<key>b");
    assert_eq!(masker.mask("ff000a80c3"), "<key>");
}

#[test]
fn a_private_key_is_found_and_a_monster_is_refused() {
    let pem = (0..40).map(|line| format!("{line:064}\n")).collect::<Vec<_>>().concat();
    let with_key = masker(&[("key", &pem)]);
    assert_eq!(with_key.mask(&format!("<{pem}>")), "<<key>>");
    let monster = Secret { name: "m".into(), value: vec![b'x'; SECRET_BYTES_MAX + 1] };
    let error = Masker::new(&[monster], &[]).unwrap_err();
    assert_eq!(error.to_string(), "the secret `m` has 16385 bytes, too many to be masked (at most 16384)");
}

/// Forms that begin alike are found at one place, each as a whole.
#[test]
fn long_secrets_that_begin_alike_are_told_apart() {
    let beginning = "0123456789".repeat(6);
    let (one, two) = (format!("{beginning}one"), format!("{beginning}two"));
    let masker = masker(&[("one", &one), ("two", &two), ("both", &beginning)]);
    assert_eq!(masker.mask(&format!("<{one}> <{two}> <{beginning}>")), "<<one>> <<two>> <<both>>");
    assert_eq!(masker.mask(&beginning[1..]), &beginning[1..]);
}

#[test]
fn a_text_is_not_cut_in_a_secret() {
    let masker = masker(&[("pw", "secret\nword"), ("pin", "12")]);
    assert_eq!(masker.cut(b"OK\r\nsec", 7), 4, "it may go on");
    assert_eq!(masker.cut(b"OK\r\nsec", 4), 4);
    assert_eq!(masker.cut(b"a secret\n", 9), 2, "over the end of a line, too");
    assert_eq!(masker.cut(b"a secret\nwords\n", 15), 15);
    assert_eq!(masker.cut(b"a secret\nword", 9), 2, "nor in one that is all there");
    assert_eq!(masker.cut(b"a secret\nx\n", 11), 11);
    assert_eq!(masker.cut(b"x 1", 3), 2);
    assert_eq!(masker.mask_cut_off(b"x secr").as_ref(), b"x <pw>");
    assert_eq!(masker.mask_cut_off(b"x sec").as_ref(), b"x sec");
}
