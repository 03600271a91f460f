use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::at::dialect::{CommandEntry, CommandRules, Prompt};

fn dialect() -> Dialect {
    let entry = |key: &str, rules| CommandEntry { key: key.into(), rules };
    let restarts = CommandRules { restarts: Some(Duration::from_secs(30)), ..CommandRules::default() };
    let once = CommandRules { once: Some(true), ..CommandRules::default() };
    let prompt = CommandRules { prompt: Some(Prompt::Sign), ..CommandRules::default() };
    let slow = CommandRules { timeout: Some(Duration::from_mins(1)), ..CommandRules::default() };
    Dialect {
        commands: vec![
            entry("AT+BOOT", restarts),
            entry("AT+UNLOCK=", once),
            entry("AT+MPUBEX=", prompt),
            entry("AT+CGPS=", slow),
        ],
        ..Dialect::default()
    }
}

fn verdict(line: &str, allowed: Option<&[&str]>, dangerous: bool) -> Result<(), String> {
    let allowed: Option<Vec<String>> = allowed.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect());
    let rules = AtRules { allowed: allowed.as_deref(), dangerous };
    judge(line, &rules, &dialect()).map_err(|refusal| {
        assert_eq!(refusal.code, Code::Refused);
        refusal.message
    })
}

const HARMLESS: &[&str] = &[
    "AT",
    "at",
    "ATI",
    "ATI9",
    "ATH",
    "AT&V",
    "ATIH",
    "ATI+CSQ",
    "AT+CSQ",
    "at+csq",
    "AT + CSQ",
    "AT+CSQ;+CREG?",
    "AT+CSQ;;+CREG?;",
    "AT+CFUN?",
    "AT+CFUN=?",
    "AT+COPS?",
    "AT+CPIN?",
    "ATS3?",
    "AT+CGPS=1",
    "AT+X=\"AT+CFUN=1,1\"",
    "AT+X=\"a;+CFUN=1,1\"",
    "AT+X=\"+++\",\"&W\"",
    "AT+X=\"温度\"",
    "AT^SYSINFO",
    "AT#BND?",
    "AT$GPS?",
];

const NEVER: &[(&str, &str)] = &[
    ("A/", "`A/` repeats whatever was sent last"),
    ("a /", "`A/` repeats whatever was sent last"),
    ("+++", "leaves the data mode"),
    ("AT+++", "leaves the data mode"),
    ("ATD*99#", "dials"),
    ("atd\"Mum\";", "dials"),
    ("AT D 123", "dials"),
    ("ATDT123", "dials"),
    ("ATE0D123", "dials"),
    ("AT+CSQ;D123;", "dials"),
    ("ATO", "goes back to data mode"),
    ("ATO1", "goes back to data mode"),
    ("ATIO", "goes back to data mode"),
    ("ATO=?", "goes back to data mode"),
    ("", "does not begin with `AT`"),
    ("   ", "does not begin with `AT`"),
    ("+CSQ", "does not begin with `AT`"),
    (";AT+CSQ", "does not begin with `AT`"),
    ("xAT+CSQ", "does not begin with `AT`"),
    ("\"AT+CSQ\"", "does not begin with `AT`"),
    ("AT+CSQ;AT+CSQ", "only the first command"),
    ("AT+CSQ AT+CFUN=1,1", "cannot be read as a command"),
    ("AT+", "cannot be read as a command"),
    ("AT+CSQ?1", "cannot be read as a command"),
    ("AT+=1", "cannot be read as a command"),
    ("AT1", "cannot be read as a command"),
    ("AT(", "cannot be read as a command"),
    ("AT\"+CFUN=1,1\"", "cannot be read as a command"),
    ("AT&", "cannot be read as a command"),
    ("AT+CSQ\r\nAT+CFUN=1,1", "control character 0x0D"),
    ("AT+CSQ\rAT", "control character 0x0D"),
    ("AT+CSQ\n", "control character 0x0A"),
    ("AT+X=\"\u{1a}\"", "control character 0x1A"),
    ("AT+X=\"\0\"", "control character 0x00"),
    ("AT+X=\"\u{8d}AT\"", "control character 0x8D"),
    ("AT+CSQ\u{7f}", "control character 0x7F"),
    ("AT\t+CSQ", "control character 0x09"),
    ("AT+CFUN\u{ff1d}1,1", "outside quotes"),
    ("\u{410}\u{422}+CFUN=1,1", "outside quotes"),
    ("ＡＴ+CFUN=1,1", "outside quotes"),
    ("AT+ſEND", "outside quotes"),
    ("AT\u{a0}+CSQ", "outside quotes"),
    ("AT\u{200b}+CSQ", "outside quotes"),
    ("AT+CSQ\u{2028}AT", "outside quotes"),
    ("AT+CSQ；+CFUN=1,1", "outside quotes"),
    ("AT+X=\"a", "never closed"),
    ("AT+X=\"a;+CFUN=1,1", "never closed"),
    ("AT+X=\"a\\\",\"b;+CFUN=1,1;\"", "may be two commands"),
    ("AT+MPUBEX=t,0,0,5", "asks for data"),
];

const DANGEROUS: &[(&str, &str)] = &[
    ("ATZ", "stores or brings back settings"),
    ("ATIZ0", "stores or brings back settings"),
    ("AT+CSQ;Z", "stores or brings back settings"),
    ("ATZ?", "stores or brings back settings"),
    ("AT&F?", "stores or brings back settings"),
    ("AT&F", "stores or brings back settings"),
    ("at & f 0", "stores or brings back settings"),
    ("AT&W", "stores or brings back settings"),
    ("ATE0&W", "changes how the module talks"),
    ("AT+CSQ;&W0", "stores or brings back settings"),
    ("AT+IPR=9600;&W", "changes how the module talks"),
    ("AT+IPR=9600&W", "stores or brings back settings"),
    ("AT+CFUN=1,1", "may restart the module"),
    ("AT+CFUN=0", "may restart the module"),
    ("at+cfun = 1 , 1", "may restart the module"),
    ("AT+CFUN=\"1\",\"1\"", "may restart the module"),
    ("AT+CFUN=01,01", "may restart the module"),
    ("AT+CFUN=", "may restart the module"),
    ("AT+CFUN", "may restart the module"),
    ("AT+CSQ;+CFUN=1,1", "may restart the module"),
    ("AT+CSQ;;+CFUN=1,1", "may restart the module"),
    ("AT+CSQ ; ; + c f u n = 1,1", "may restart the module"),
    ("AT;+CFUN=1,1", "may restart the module"),
    ("ATI+CFUN=1,1", "may restart the module"),
    ("AT+X=\"a\";+CFUN=1,1", "may restart the module"),
    ("AT+X=\"a;b\";+CFUN=1,1", "may restart the module"),
    ("AT+RESET", "may restart the module"),
    ("AT^RESET", "may restart the module"),
    ("AT#REBOOT", "may restart the module"),
    ("AT+CPOWD=1", "may restart the module"),
    ("AT+QPOWD", "may restart the module"),
    ("AT+RST", "may restart the module"),
    ("AT+QRST=1", "may restart the module"),
    ("AT+BOOT", "restarts the module"),
    ("at+boot", "restarts the module"),
    ("AT+UNLOCK=1", "may be sent only once"),
    ("AT+CPIN=1234", "may lock the SIM"),
    ("AT+CPWD=\"SC\",\"1\",\"2\"", "may lock the SIM"),
    ("AT+CLCK=\"SC\",1,\"1234\"", "may lock the SIM"),
    ("AT+CRSM=214,28539", "may lock the SIM"),
    ("AT+COPS=2", "may take the module off the network"),
    ("AT+CGATT=0", "may take the module off the network"),
    ("AT+IPR=9600", "changes how the module talks"),
    ("AT+IPREX=9600", "changes how the module talks"),
    ("AT+CMUX=0", "changes how the module talks"),
    ("ATE1", "changes how the module talks"),
    ("ATV0", "changes how the module talks"),
    ("ATQ1", "changes how the module talks"),
    ("ATIQ1", "changes how the module talks"),
    ("ATS3=0", "changes how the module talks"),
    ("AT\\Q3", "changes how the module talks"),
    ("AT&D0", "changes how the module talks"),
    ("ATCSQ", "changes how the module talks"),
    ("ATA", "may cost money"),
    ("AT+CUSD=1,\"*100#\"", "may cost money"),
    ("AT+CMGD=1,4", "erases or overwrites"),
    ("AT+FACTORYRESET", "may restart the module"),
    ("AT+RESTORE", "erases or overwrites"),
    ("AT+RSTSET", "erases or overwrites"),
    ("AT+SYSSTORE=1", "erases or overwrites"),
    ("AT+QFOTADL=\"http://x\"", "erases or overwrites"),
    ("AT+CSCLK=1", "may put the module to sleep"),
];

#[test]
fn what_only_asks_is_allowed() {
    for line in HARMLESS {
        assert_eq!(verdict(line, None, false), Ok(()), "{line}");
    }
}

#[test]
fn some_text_is_refused_whatever_is_allowed() {
    for (line, why) in NEVER {
        for dangerous in [false, true] {
            let message = verdict(line, None, dangerous).expect_err(line);
            assert!(message.contains(why), "{line:?}: {message}");
        }
    }
}

#[test]
fn what_is_dangerous_needs_leave() {
    for (line, why) in DANGEROUS {
        let message = verdict(line, None, false).expect_err(line);
        assert!(message.contains(why), "{line:?}: {message}");
        assert!(message.contains("; its method needs `allow: dangerous`"), "{message}");
        assert_eq!(verdict(line, None, true), Ok(()), "{line}");
    }
}

#[test]
fn a_list_of_keys_holds_for_every_command_of_a_line() {
    let keys: &[&str] = &["AT+CSQ", "AT+CREG?", "AT+CGPS=", "AT+CPIN=", "AT", "AT+X=1"];
    for line in ["AT", "AT+CSQ", "at+csq", "AT+CREG?", "AT+CSQ;+CREG?", "AT+CGPS=1", "AT+X=1", "AT+X=1,2"] {
        assert_eq!(verdict(line, Some(keys), false), Ok(()), "{line}");
    }
    for line in
        ["ATI", "AT+CREG=1", "AT+CREG=?", "AT+CSQ=1", "AT+CGPS=?", "AT+CSQ;+CIMI", "ATI+CSQ", "AT+X=10"]
    {
        let message = verdict(line, Some(keys), true).expect_err(line);
        assert!(message.contains("is not among the commands of `downlink.at`"), "{line}: {message}");
    }
    // Being listed is not enough for what is dangerous.
    assert!(verdict("AT+CPIN=1234", Some(keys), false).is_err());
    assert_eq!(verdict("AT+CPIN=1234", Some(keys), true), Ok(()));
    assert!(verdict("AT+CSQ", Some(&[]), true).is_err());
}

#[test]
fn a_spelling_that_the_command_table_would_not_know_is_refused() {
    for line in ["AT + BOOT", "AT+ BOOT", "ATI+BOOT", "AT+UNLOCK =1"] {
        let message = verdict(line, None, true).expect_err(line);
        assert!(message.contains("is not spelled as the command table has it"), "{line}: {message}");
    }
    assert_eq!(verdict(" at+boot ", None, true), Ok(()));
}

#[test]
fn the_bundled_dialects_commands_are_judged_as_expected() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let air724 =
        crate::flow::compile::dialect("luat-air724", here, &crate::hooks::Host::new()).expect("bundled");
    let good = |line: &str, dangerous| judge(line, &AtRules { allowed: None, dangerous }, &air724).is_ok();
    assert!(good("AT+CSQ", false) && good("AT+CBC", false) && good("AT+MQTTSTATU", false));
    assert!(!good("AT+RESET", false) && good("AT+RESET", true));
    assert!(!good("AT+MPUBEX=t,0,0,5", true));
}

/// Whether a module that skips everything it can skip would find a restart behind the start of a command.
fn a_careless_module_would_restart(line: &str) -> bool {
    let bare: String = line.split('"').step_by(2).flat_map(str::chars).filter(|c| *c != ' ').collect();
    let bare = bare.to_ascii_uppercase();
    let basic = |c: char| c.is_ascii_alphanumeric() || "&=?".contains(c);
    bare.split([';', '\r']).any(|part| part.trim_start_matches(basic).starts_with("+CFUN=1,1"))
}

proptest! {
    #[test]
    fn no_spelling_of_a_restart_gets_through(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "AT", "at", "+CSQ", "+CFUN=1,1", "+cfun = 1,1", ";", " ", "\"", "\\\"", "=", "?", "I", "E0",
                "&V", ",", "1", "x", "温", "\r", "\u{bb}", "+",
            ]),
            0..10,
        )
    ) {
        let line: String = pieces.concat();
        if verdict(&line, None, false).is_ok() {
            prop_assert!(!a_careless_module_would_restart(&line), "{line:?}");
        }
    }

    #[test]
    fn no_text_makes_it_panic(line in any::<String>(), listed in any::<bool>(), dangerous in any::<bool>()) {
        let keys: Option<&[&str]> = if listed { Some(&["AT+CSQ"]) } else { None };
        let _ = verdict(&line, keys, dangerous);
    }
}
