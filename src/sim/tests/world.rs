//! The world around a module: cloud, scenario, port, clock, and what cannot be built.

use super::*;

const REFUSED: &str = "\r\nOK\r\n\r\nERROR\r\n\r\nCLOSED\r\n";
const WELCOME: &str = "\r\nOK\r\n\r\nCONNACK OK\r\n";

/// What comes of a login, with the rest of `sim:`.
fn login(sim: &str, names: &str) -> String {
    let mut host = Host::warm("luat-air724", sim);
    host.ask(&format!("AT+MCONFIG=thingscloud{names}"));
    host.ask("AT+MIPSTART=h,1883");
    host.ask("AT+MCONNECT=1,60")
}

#[test]
fn any_login_does_but_not_half_of_one() {
    assert_eq!(login("", ",token,key"), WELCOME);
    for names in ["", ",,", ",token,", ",,key"] {
        assert_eq!(login("", names), REFUSED, "{names}");
    }
}

#[test]
fn a_cloud_that_was_told_the_login_wants_this_one() {
    let right = ", login: { access_token: token, project_key: key }";
    assert_eq!(login(right, ",token,key"), WELCOME);
    for names in [",token,wrong", ",wrong,key", ",key,token", ",token,"] {
        assert_eq!(login(right, names), REFUSED, "{names}");
    }
}

#[test]
fn a_refused_login_is_followed_by_nothing() {
    let mut host = Host::warm("luat-air724", "");
    host.ask("AT+MCONFIG=thingscloud");
    host.ask("AT+MIPSTART=h,1883");
    host.write(b"AT+MCONNECT=1,60\r\nAT+MPUB=attributes,0,0,{}\r\n");
    assert_eq!(host.hear(Duration::from_secs(9)).len(), REFUSED.len() + FAILED.len());
    assert!(host.watch.received().is_empty());
    host.go_online();
}

#[test]
fn the_esp_says_that_its_login_was_refused() {
    let right = ", login: { access_token: token, project_key: key }";
    for (password, end) in [("key", OK), ("wrong", ERROR)] {
        let mut host = Host::warm("esp-at", right);
        host.ask(&format!("AT+MQTTUSERCFG=0,1,\"thing\",\"token\",\"{password}\",0,0,\"\""));
        let answer = host.ask("AT+MQTTCONN=0,\"h\",1883,0");
        assert!(answer.ends_with(end), "{password}: {answer}");
    }
}

#[test]
fn a_topic_with_a_wildcard_ends_the_connection() {
    for line in [
        "AT+MPUB=command/reply/+,1,0,{}",
        "AT+MPUB=#,0,0,x",
        "AT+MSUB=command/#/send,0",
        "AT+MSUB=command+,0",
    ] {
        let mut host = Host::online();
        assert_eq!(host.ask(line), "\r\nOK\r\n\r\nCLOSED\r\n", "{line}");
        host.go_online();
    }
}

/// What the cloud answers to a message, and what it made of it.
#[test]
fn the_cloud_says_what_it_understood() {
    let mut host = Host::online();
    for filter in ["attributes/response", "attributes/get/response/+", "command/reply/response/+"] {
        host.ask(&format!("AT+MSUB={filter},0"));
    }
    for (topic, body, answer, understood) in [
        ("attributes", "{\\22t\\22:1}", Some(("attributes/response", "1")), Understood::Yes),
        ("attributes", "t=1", Some(("attributes/response", "0")), Understood::BadBody),
        ("attributes/get/3", "all", Some(("attributes/get/response/3", "0")), Understood::BadBody),
        ("command/reply/7", "{}", Some(("command/reply/response/7", "1")), Understood::Yes),
        ("command/reply/7", "done", Some(("command/reply/response/7", "0")), Understood::BadBody),
        ("data/message", "hello", None, Understood::Yes),
        ("telemetry", "{}", None, Understood::NoSuchTopic),
    ] {
        let said = host.ask(&format!("AT+MPUB={topic},0,0,{body}"));
        let answer = answer.map_or(String::new(), |(topic, result)| {
            format!("\r\n+MSUB: \"{topic}\",12 byte,{{\"result\":{result}}}\r\n")
        });
        assert_eq!(said, format!("{OK}{answer}"), "{topic} {body}");
        assert_eq!(host.watch.take_received()[0].understood, understood, "{topic} {body}");
    }
}

#[test]
fn the_broker_goes_away_and_comes_back() {
    let mut host = Host::new(
        "luat-air724",
        "sim: { start: warm, delays: 0, echo: false }\n\
         at: [{ time: 30s, broker: away, for: 1m }, { after: CONNACK OK, urc: '+CPIN: SIM REMOVED 0', count: 1 }]",
    );
    host.ask("AT+MCONFIG=thingscloud,token,key");
    host.ask("AT+MIPSTART=h,1883");
    assert!(host.ask("AT+MCONNECT=0,300").ends_with("CONNACK OK\r\n\r\n+CPIN: SIM REMOVED 0\r\n"));
    assert_eq!(host.hear(Duration::from_secs(30)), b"\r\nCLOSED\r\n");
    assert_eq!(host.ask("AT+MIPSTART=h,1883"), "\r\nOK\r\n\r\nSTATE: IP STATUS\r\n\r\nCONNECT FAIL\r\n");
    host.hear(Duration::from_mins(1));
    host.go_online();
}

#[test]
fn the_server_hangs_up_once_between_connect_and_login() {
    let mut host = Host::new(
        "luat-air724",
        "sim: { start: warm, delays: 0, echo: false }\nat: [{ after: CONNECT OK, broker: close, count: 1 }]",
    );
    host.ask("AT+MCONFIG=thingscloud,token,key");
    assert_eq!(host.ask("AT+MIPSTART=h,1883"), "\r\nOK\r\n\r\nCONNECT OK\r\n\r\nCLOSED\r\n");
    assert_eq!(host.ask("AT+MCONNECT=0,300"), FAILED);
    host.go_online();
}

#[test]
fn the_port_is_unplugged_and_comes_back() {
    let mut host = Host::new(
        "luat-air724",
        "sim: { start: warm, echo: false }\nat: [{ time: 5s, port: unplug, for: 20s }]",
    );
    let mut heard = Vec::new();
    let gone = host.link.read(&mut heard, Mono::from_micros(10_000_000));
    assert!(matches!(gone, Err(LinkError::Gone { .. })));
    assert_eq!(host.now(), Mono::from_micros(5_000_000));
    assert!(matches!(host.link.write(b"AT\r\n", Mono::FAR), Err(LinkError::Gone { .. })));
    let too_early = host.link.reopen(Mono::from_micros(10_000_000));
    assert!(matches!(too_early, Err(LinkError::Open { .. })));
    host.link.reopen(Mono::from_micros(60_000_000)).unwrap();
    assert_eq!(host.now(), Mono::from_micros(25_000_000));
    assert_eq!(host.ask("AT"), OK);
}

const HOUR_MS: i64 = 3_600_000;

/// How far the host's calendar is from the right one.
fn error_ms(host: &Host) -> i64 {
    let clock = host.link.clock();
    clock.wall_ms() - WALL_AT_ZERO_MS - clock.since_boot_ms()
}

#[test]
fn the_hosts_calendar_jumps_and_nobody_elses_does() {
    let mut host = Host::new(
        "luat-air724",
        "sim: { start: warm, delays: 0, echo: false }\nat:
  - { time: 10s, clock: +1h }
  - { time: 20s, clock: -2h30m }
  - { time: 30s, clock: unknown }
  - { time: 40s, clock: synchronised }",
    );
    let modules_time = host.ask("AT+CCLK?");
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push((error_ms(&host), host.link.clock().wall_quality()));
        host.hear(Duration::from_secs(10));
    }
    assert_eq!(seen, [(0, 4), (HOUR_MS, 4), (-HOUR_MS * 3 / 2, 4), (-HOUR_MS * 3 / 2, 0), (0, 4)]);
    assert_eq!(modules_time.get(..19), host.ask("AT+CCLK?").get(..19), "the same hour");
    assert_eq!(host.link.clock().boot_id(), "sim-1");
}

#[test]
fn a_host_without_a_battery_starts_in_1970() {
    let mut host = Host::new("luat-air724", "sim: { clock: 1970 }\nat: [{ time: 1h, clock: synchronised }]");
    let clock = host.link.clock();
    assert_eq!((clock.wall_ms(), clock.wall_quality()), (0, 0));
    host.hear(Duration::from_mins(59));
    assert_eq!((clock.wall_ms(), clock.wall_quality()), (59 * 60_000, 0));
    host.hear(Duration::from_mins(1));
    assert_eq!((error_ms(&host), clock.wall_quality()), (0, 4));
}

#[test]
fn a_host_that_slept_hears_afterwards_what_came() {
    let mut host = Host::new(
        "luat-air724",
        "sim: { start: warm, delays: 0, echo: false }\nat:
  - { time: 1m, suspend: 1h }
  - { time: 2m, urc: RING }
  - { time: 30m, suspend: 10m }
  - { time: 2h, urc: LATE }",
    );
    let mut heard = Vec::new();
    let until = Mono::ZERO + Duration::from_secs(70);
    let read = host.link.read(&mut heard, until).unwrap();
    assert_eq!((read, heard.as_slice()), (Read::Bytes(8), b"\r\nRING\r\n".as_slice()));
    assert_eq!(host.now(), Mono::ZERO + Duration::from_mins(61));
    assert_eq!(host.link.read(&mut heard, until).unwrap(), Read::Deadline);
    assert_eq!(host.now(), Mono::ZERO + Duration::from_mins(61));
    assert_eq!(host.hear(Duration::from_hours(1)), b"\r\nLATE\r\n");
}

/// The same seed and the same input give the same bytes at the same times; another seed does not.
#[test]
fn a_run_repeats() {
    let run = |seed| {
        let (link, watch) = build("luat-air724", SimOptions { seed, ..SimOptions::default() }).unwrap();
        let mut host = Host { link, watch };
        let mut said = Vec::new();
        for line in
            ["AT", "ATE0", "AT+CSQ", "AT+CBC", "AT+MCONFIG=a,b,c", "AT+MIPSTART=h,1883", "AT+MCONNECT=0,60"]
        {
            host.write(line.as_bytes());
            host.write(b"\r\n");
            let until = host.now() + Duration::from_secs(4);
            loop {
                let read = host.link.read(&mut said, until).unwrap();
                said.extend(host.now().as_micros().to_le_bytes());
                if read == Read::Deadline {
                    break;
                }
            }
        }
        said
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn a_factor_for_all_delays_goes_over_the_scenarios() {
    let ready_after = |delays, yaml: &str| {
        let scenario = Some(Scenario::parse("s", yaml).unwrap());
        let (link, watch) =
            build("luat-air724", SimOptions { scenario, delays, ..SimOptions::default() }).unwrap();
        let mut host = Host { link, watch };
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).contains("SMS READY") {
            host.link.read(&mut heard, Mono::FAR).unwrap();
        }
        host.now().as_micros()
    };
    let usual = ready_after(None, "sim: { echo: false }");
    assert!(ready_after(Some(0.1), "sim: { delays: 10 }") < usual / 5);
    assert!(ready_after(Some(2.0), "sim: { delays: 0 }") > usual * 3 / 2);
}

#[test]
fn a_pacer_is_asked_before_time_moves() {
    struct Script(Vec<Waited>);
    impl Pacer for Script {
        fn wait(&mut self, _until: Mono) -> Waited {
            self.0.pop().unwrap_or(Waited::Due)
        }
    }
    let pacer = Script(vec![Waited::Woken(Mono::from_micros(5))]);
    let pace = Pace::Paced(Box::new(pacer));
    let (mut link, _) = build("luat-air724", SimOptions { pace, ..SimOptions::default() }).unwrap();
    let mut heard = Vec::new();
    assert_eq!(link.read(&mut heard, Mono::from_micros(100)).unwrap(), Read::Woken);
    assert_eq!(link.clock().now(), Mono::from_micros(5));
    assert_eq!(link.read(&mut heard, Mono::from_micros(100)).unwrap(), Read::Deadline);
    assert_eq!(link.clock().now(), Mono::from_micros(100));
}

#[test]
fn what_cannot_be_built() {
    let unknown = build("luat-air999", SimOptions::default()).err().unwrap();
    assert_eq!(unknown.to_string(), "there is no simulated module `luat-air999`");
    let cloud = CloudChoice::Broker("mqtt://localhost".parse().unwrap());
    let unpaced = build("luat-air724", SimOptions { cloud, ..SimOptions::default() });
    assert!(matches!(unpaced.err(), Some(SimError::BrokerNeedsPace)));
    for (name, _) in names() {
        assert!(build(name, SimOptions::default()).is_ok(), "{name}");
    }
}

#[test]
fn a_line_is_refused_as_often_as_it_says() {
    let mut host = Host::new(
        "luat-air724",
        "sim: { start: warm, delays: 0, echo: false }
at:
  - { time: 0s, refuse: 'AT+C{:rest}', with: '+CME ERROR: 4', count: 2 }
  - { time: 0s, refuse: AT+CBC, with: silence }
  - { time: 1m, refuse: AT }
",
    );
    host.dialogue(&[
        ("AT", OK),
        ("AT+CSQ", "\r\n+CME ERROR: 4\r\n"),
        ("AT+CBC", "\r\n+CME ERROR: 4\r\n"),
        ("AT+CBC", ""),
    ]);
    assert!(host.ask("AT+CBC").ends_with(OK));
    host.hear(Duration::from_mins(1));
    host.dialogue(&[("AT+CPIN?", "\r\n+CPIN: READY\r\n\r\nOK\r\n"), ("AT", ERROR), ("AT", OK)]);
}

#[test]
fn a_deaf_module_loses_what_comes_at_once() {
    let mut host = Host::new("luat-air724", "sim: { start: warm, delays: 0, echo: false, deaf: 20ms }");
    host.write(b"AT\r\n");
    assert_eq!(host.hear(Duration::from_millis(1)), OK.as_bytes());
    host.write(b"AT\r\n");
    assert_eq!(host.hear(Duration::from_millis(30)), b"");
    assert_eq!(host.ask("AT"), OK);
}

#[test]
fn generated_scenario_cases() {
    crate::flow::cases::check("scenarios.txt", |sources, file, problems| {
        drop(read::scenario(sources, file, problems));
    });
}

/// A station's day: a report a minute over the prompt, and nothing takes real time.
#[test]
fn a_day_of_reports_arrives() {
    let mut host = Host::new("luat-air724", "sim: { start: warm, echo: false }");
    host.ask("AT+MCONFIG=thingscloud,token,key");
    host.ask_for("AT+MIPSTART=h,1883", 3);
    host.ask("AT+MCONNECT=1,300");
    for _ in 0..1440 {
        assert!(host.ask("AT+CSQ").ends_with(OK));
        assert_eq!(host.ask("AT+MPUBEX=attributes,1,0,14"), "\r\n>");
        host.write(b"{\"signal\":-79}");
        host.hear(Duration::from_secs(58));
    }
    assert_eq!(host.payloads().len(), 1440);
    assert!(host.now() > Mono::ZERO + Duration::from_hours(24));
}
