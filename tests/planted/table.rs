//! The bugs: what is edited where, and what finds it.

/// One bug.
pub struct Bug {
    /// What somebody got wrong.
    pub what: &'static str,
    /// The test file of the healthy flow, from the top of the repository.
    pub base: &'static str,
    /// The file beside it that is edited.
    pub file: &'static str,
    /// What it says, exactly once.
    pub good: &'static str,
    /// What it says with the bug.
    pub bad: &'static str,
    /// What finds it.
    pub found: Found,
}

/// What finds a bug.
pub enum Found {
    /// `atflow check`, with this code.
    Check(&'static str),
    /// This test, because of what it expects.
    Test { test: &'static str, expects: &'static str },
    /// This test, because the flow fails with this error.
    Fails { test: &'static str, expects: &'static str, with: &'static str },
}

impl Bug {
    /// The test that finds it.
    pub fn test(&self) -> Option<&'static str> {
        match self.found {
            Found::Check(_) => None,
            Found::Test { test, .. } | Found::Fails { test, .. } => Some(test),
        }
    }
}

const BRINGUP: &str = "scripts/thingscloud/bringup.test.yaml";
const STATION: &str = "scripts/thingscloud/station.test.yaml";
const DIALECT: &str = "scripts/modules/luat-air724.test.yaml";
const PIN: &str = "scripts/examples/pin.test.yaml";
const SESSION: &str = "tests/planted/session.test.yaml";
const ORDERED: &str = "tests/planted/orders.test.yaml";
const COUNTER: &str = "tests/planted/counter.test.yaml";

const fn bug(
    what: &'static str,
    (base, file): (&'static str, &'static str),
    (good, bad): (&'static str, &'static str),
    found: Found,
) -> Bug {
    Bug { what, base, file, good, bad, found }
}

const fn test(test: &'static str, expects: &'static str) -> Found {
    Found::Test { test, expects }
}

const fn fails(test: &'static str, with: &'static str) -> Found {
    Found::Fails { test, expects: "verdict: passed", with }
}

const LINE_BREAKS: &str = "the line breaks while nobody talks";
const ANY_TEXT: &str = "an order is confirmed, whatever lines its text has";
const ALL_OF_A_SESSION: &str = "all that a session can do";
const THE_JOB: &str = "the job is confirmed and the line is closed";
const LOST_JOB: &str = "the job comes after the line was lost";
const EARLIER: &str = "only an earlier confirmation is acknowledged";
const LITRES: &str = "litres are counted, over a crash and the loss of the line";
const ORDERS: &str = "orders are carried out, and answered";
const TO_THE_ANSWER: &str = "from power-on to the answer to a command";
const HANGS_UP: &str = "the server hangs up between CONNECT OK and MCONNECT";

/// All of them.
pub const BUGS: &[Bug] = &[
    bug(
        "a wait without an end",
        (BRINGUP, "bringup.yaml"),
        ("        timeout: 60s\n", ""),
        Found::Check("AT0701"),
    ),
    bug(
        "a retry without an end",
        (BRINGUP, "bringup.yaml"),
        ("{ every: 2s, for: 2m }", "{ every: 2s }"),
        Found::Check("AT0702"),
    ),
    bug(
        "a name that nothing sets",
        (BRINGUP, "bringup.yaml"),
        ("'+CSQ: {rssi:int},{ber:int}'", "'+CSQ: {:int},{ber:int}'"),
        Found::Check("AT0404"),
    ),
    bug(
        "a pattern that takes any line",
        (SESSION, "session.yaml"),
        ("expect: '{imei:digits}'", "await: '{imei:rest}'"),
        Found::Check("AT0302"),
    ),
    bug(
        "more reports than the cloud allows",
        (COUNTER, "counter.yaml"),
        ("every: 2m", "every: 20s"),
        Found::Check("AT0806"),
    ),
    bug(
        "characters counted where bytes are meant",
        (DIALECT, "luat-air724.yaml"),
        ("${retain},${size(payload)}", "${retain},${payload.len()}"),
        Found::Check("AT0419"),
    ),
    bug(
        "a method that nothing answers",
        (COUNTER, "orders.rhai"),
        ("fn empty(params)", "fn emptied(params)"),
        Found::Check("AT0808"),
    ),
    bug(
        "no retry for `+CME ERROR: 767`",
        (BRINGUP, "bringup.yaml"),
        ("only: [cme 767, closed]", "only: [closed]"),
        fails(HANGS_UP, "cme 767"),
    ),
    bug(
        "a report before the login",
        (BRINGUP, "bringup.yaml"),
        (
            "      - name: log in\n        send: AT+MCONNECT=0,300\n        within: 5s of open TCP         # ThingsCloud closes a socket that stays silent\n        hint: ERROR after the OK is a refused login. Compare AccessToken and ProjectKey with the device's page.\n",
            "      - AT+MPUB=data/message,0,0,first\n      - AT+MCONNECT=0,300\n",
        ),
        fails(TO_THE_ANSWER, "cme 767"),
    ),
    bug(
        "no subscription",
        (BRINGUP, "bringup.yaml"),
        ("      - AT+MSUB=command/send/+,0\n", ""),
        fails(TO_THE_ANSWER, "timeout"),
    ),
    bug(
        "an answer on the wrong topic",
        (BRINGUP, "bringup.yaml"),
        ("command/reply/${id}", "command/reply/1"),
        test(
            TO_THE_ANSWER,
            "published: command/reply/1000, count: 1, json: { method: restart, params: { accepted: true } }",
        ),
    ),
    bug(
        "JSON put into a command line as it is",
        (BRINGUP, "bringup.yaml"),
        ("${escape(report())}", "${report()}"),
        fails(TO_THE_ANSWER, "refused"),
    ),
    bug(
        "the wrong argument",
        (BRINGUP, "bringup.yaml"),
        ("answer(body)", "answer(payload)"),
        fails(TO_THE_ANSWER, "hook"),
    ),
    bug(
        "a condition upside down",
        (BRINGUP, "bringup.yaml"),
        ("check: rssi != 99", "check: rssi == 99"),
        fails(TO_THE_ANSWER, "check"),
    ),
    bug(
        "a timeout shorter than the module's answer",
        (BRINGUP, "bringup.yaml"),
        ("send: AT+MIPSTART=${host},${port}", "send: AT+MIPSTART=${host},${port}\n        timeout: 1s"),
        fails(TO_THE_ANSWER, "timeout"),
    ),
    bug(
        "no `await` for CONNECT OK",
        (DIALECT, "luat-air724.yaml"),
        ("{ await: CONNECT OK, fail: [CONNECT FAIL, CLOSED], timeout: 75s }", "{ timeout: 75s }"),
        fails(ALL_OF_A_SESSION, "cme 767"),
    ),
    bug(
        "no `await` for CONNACK OK",
        (DIALECT, "luat-air724.yaml"),
        ("{ await: CONNACK OK, fail: CLOSED, timeout: 30s }", "{ fail: CLOSED, timeout: 30s }"),
        fails(ALL_OF_A_SESSION, "cme 767"),
    ),
    bug(
        "QoS and retain exchanged",
        (DIALECT, "luat-air724.yaml"),
        ("AT+MPUB=${topic},${qos},${retain},", "AT+MPUB=${topic},${retain},${qos},"),
        fails("with QoS 1 the acknowledgement is waited for", "timeout"),
    ),
    bug(
        "a payload that does not fit in a line",
        (DIALECT, "luat-air724.yaml"),
        ("plain(payload) && size(payload) > 0 && !text(payload).contains(\";\")", "size(payload) > 0"),
        fails("what does not fit in a line goes behind a prompt", "refused"),
    ),
    bug(
        "a network that is waited for too short",
        (DIALECT, "luat-air724.yaml"),
        ("retry: { every: 2s, for: 3m }", "retry: { every: 2s, for: 30s }"),
        fails("a slow network is waited for", "unexpected"),
    ),
    bug(
        "a restart in the middle that is not expected",
        (DIALECT, "luat-air724.yaml"),
        ("    retry: { attempts: 3, only: [timeout, reboot], backoff: 1s..5s }\n", ""),
        fails("a module that restarts while it is woken", "timeout"),
    ),
    bug(
        "a line that comes by itself is not known",
        (ORDERED, "pump.yaml"),
        ("    - CLOSED\n", "    - CLOSD\n"),
        fails(LINE_BREAKS, "timeout"),
    ),
    bug(
        "a message that is cut by line, not by length",
        (ORDERED, "pump.yaml"),
        ("{payload:bytes(n)}", "{payload:rest}"),
        test(ANY_TEXT, "returns: { order: \"thirty litres\\r\\nOK\\r\\nfor the east\", reference: 1 }"),
    ),
    bug(
        "a pattern that also takes the echo",
        (ORDERED, "orders.yaml"),
        ("'+CMGS: {reference:int}'", "'{reference:rest}'"),
        test(ANY_TEXT, "returns: { order: \"thirty litres\\r\\nOK\\r\\nfor the east\", reference: 1 }"),
    ),
    bug(
        "no `quiet` for a module that needs a pause",
        (ORDERED, "pump.yaml"),
        ("quiet: 20ms", "quiet: 0ms"),
        fails(ANY_TEXT, "timeout"),
    ),
    bug("data without its end", (ORDERED, "pump.yaml"), (" ends: ctrl-z,", ""), fails(ANY_TEXT, "timeout")),
    bug(
        "a PIN that is sent again",
        (PIN, "pin.yaml"),
        ("send: AT+CPIN=\"${pin}\"\n", "send: AT+CPIN=\"${pin}\"\n    once: false\n    retry: 3\n"),
        test("a wrong PIN is sent once", "sent: 'AT+CPIN=\"<pin>\"', count: 1"),
    ),
    bug(
        "a secret in the log, in another form",
        (SESSION, "session.yaml"),
        ("logged in with ${access_token}", "logged in with ${access_token.to_upper()}"),
        test(THE_JOB, "log: 'logged in with <access_token>', count: 1"),
    ),
    bug(
        "a capture of any line instead of the number",
        (SESSION, "session.yaml"),
        ("expect: '{imei:digits}'", "expect: '{imei:rest}'"),
        test(THE_JOB, "returns: { jobs: 3, imei: '866714045612345' }"),
    ),
    bug(
        "a subscription only the first time",
        (SESSION, "session.yaml"),
        ("      - run: subscribe\n", "      - run: subscribe\n        when: attempt == 1\n"),
        fails(LOST_JOB, "timeout"),
    ),
    bug(
        "the wrong field",
        (SESSION, "session.yaml"),
        ("body.parts", "body.spare"),
        test(THE_JOB, "published: confirmed/7, count: 1, json: { job: '7', parts: 3 }"),
    ),
    bug(
        "`always` in the wrong order",
        (SESSION, "session.yaml"),
        (
            "      - { send: AT+MDISCONNECT, on_error: ignore, name: goodbye }\n      - { send: AT+MIPCLOSE, on_error: ignore, name: hang up }\n",
            "      - { send: AT+MIPCLOSE, on_error: ignore, name: hang up }\n      - { send: AT+MDISCONNECT, on_error: ignore, name: goodbye }\n",
        ),
        test(THE_JOB, "sent: [AT+MDISCONNECT, AT+MIPCLOSE], between: 15s..1m, count: 1"),
    ),
    bug(
        "no retry when the line is lost",
        (SESSION, "session.yaml"),
        ("    retry: { attempts: 3, only: [closed, cme 767], backoff: 1s..5s }\n", ""),
        fails(LOST_JOB, "closed"),
    ),
    bug(
        "an earlier acknowledgement taken for this one",
        (SESSION, "session.yaml"),
        ("        since: result\n", ""),
        test(EARLIER, "verdict: failed, error: timeout"),
    ),
    bug(
        "whole numbers where a fraction is meant",
        (STATION, "telemetry.rhai"),
        ("mv / 1000.0", "mv / 1000"),
        test(
            "telemetry(17, 3912)",
            "call: 'telemetry(17, 3912)', gives: { signal_dbm: -79, supply_v: 3.912 }",
        ),
    ),
    bug(
        "99 taken for a measurement",
        (STATION, "telemetry.rhai"),
        ("if rssi == 99 { () } else { dbm(rssi) }", "-113 + 2 * rssi"),
        test("telemetry(99, ())", "call: 'telemetry(99, ())',   gives: { signal_dbm: (), supply_v: () }"),
    ),
    bug(
        "a measurement that nobody can do without",
        (STATION, "station.yaml"),
        ("        on_error: ignore               # the report goes without it\n", ""),
        test(
            "a report goes without the supply, if that cannot be measured",
            "run: report, passed: 3, failed: 0",
        ),
    ),
    bug(
        "a drifting schedule",
        (STATION, "station.yaml"),
        ("every: ${state.report_every}", "every: 70s"),
        test(
            "bad parameters get an error reply and change nothing",
            "published: attributes, between: 30s..5m, spacing: 55s..65s",
        ),
    ),
    bug(
        "work that takes longer than its interval",
        (STATION, "station.yaml"),
        ("    steps:\n      - name: signal\n", "    steps:\n      - sleep: 55s\n      - name: signal\n"),
        test("the module restarts by itself", "published: attributes, count: 30..31"),
    ),
    bug(
        "a `when` upside down",
        (STATION, "station.yaml"),
        ("== \"bool\"", "!= \"bool\""),
        test("the relay follows the cloud", "published: attributes, count: 1, json: { relay: true }"),
    ),
    bug(
        "a value that is never kept",
        (STATION, "station.yaml"),
        ("      - set: { state.relay: body.relay }\n", ""),
        test("what is promised survives a crash", "state: { relay: true }"),
    ),
    bug(
        "a handler that forgets its params",
        (STATION, "commands.rhai"),
        ("after(`${params.timeout}s`", "after(\"10s\""),
        test("what is promised survives a crash", "sent: AT+RESET, count: 1, between: 3m..3m10s"),
    ),
    bug(
        "a handler that never ends",
        (STATION, "commands.rhai"),
        ("    #{ relay: params.on }\n", "    loop {}\n"),
        test("every method answers", "replied: relay, code: ok, count: 1"),
    ),
    bug(
        "a handler that gives nothing back",
        (STATION, "commands.rhai"),
        ("    #{ signal_dbm: if", "    let answer = #{ signal_dbm: if"),
        test(
            "every method answers",
            "published: command/reply/1, json: { method: signal, params: { signal_dbm: -113..-51 } }",
        ),
    ),
    bug(
        "params that are not bounded",
        (STATION, "station.yaml"),
        ("{ type: int, min: 60, max: 86400 }", "{ type: int }"),
        test("bad parameters get an error reply and change nothing", "handled: set_interval, count: 0"),
    ),
    bug(
        "a line that is waited for with a letter too few",
        (STATION, "station.yaml"),
        ("'+CPIN: SIM REMOVED{}'", "'+CPIN: SIM REMOVE'"),
        test("the SIM is taken out", "log: the SIM was taken out, count: 1"),
    ),
    bug(
        "an outbox that is too small for an outage",
        (STATION, "station.yaml"),
        ("max: 10000", "max: 10"),
        test(
            "the broker is away for twenty minutes, no report is lost",
            "published: attributes, count: 60..61",
        ),
    ),
    bug(
        "the wrong topic",
        (STATION, "station.yaml"),
        ("      - publish: attributes            #", "      - publish: attribute            #"),
        test(
            "bad parameters get an error reply and change nothing",
            "published: attributes, between: 30s..5m, spacing: 55s..65s",
        ),
    ),
    bug(
        "a report without its number",
        (COUNTER, "counter.yaml"),
        ("downlink:\n", "outbox: { report_id: false }\n\ndownlink:\n"),
        test(
            LITRES,
            "published: attributes, count: 1, json: { report_id: 00000000000002d4-1, litres: 49..50 }",
        ),
    ),
    bug(
        "a sum that is never kept",
        (COUNTER, "counter.yaml"),
        (
            "      - set: { state.litres: 'state.litres + flow_litres(supply_mv)' }\n",
            "      - set: { litres: 'state.litres + flow_litres(supply_mv)' }\n",
        ),
        test(LITRES, "state: { litres: 480..510 }"),
    ),
    bug(
        "rounding in the wrong place",
        (COUNTER, "counter.rhai"),
        ("round((mv - 500) * 60 / 4000.0, 1)", "round((mv - 500) * 60 / 4000.0)"),
        test("flow_litres(3812)", "call: 'flow_litres(3812)', gives: 49.7"),
    ),
    bug(
        "units mixed up",
        (COUNTER, "counter.rhai"),
        ("(mv - 500)", "(mv / 1000.0 - 0.5)"),
        test(LITRES, "state: { litres: 480..510 }"),
    ),
    bug(
        "no `allow: dangerous`",
        (COUNTER, "counter.yaml"),
        ("locked: { allow: dangerous }", "locked: {}"),
        test(ORDERS, "replied: locked, code: ok, count: 1"),
    ),
    bug(
        "a restart before the reply is gone",
        (COUNTER, "orders.rhai"),
        ("after(\"5s\", \"reset\")", "run(\"reset\")"),
        test(ORDERS, "published: command/reply/4, count: 1, json: { params: { done: true } }"),
    ),
    bug(
        "a value that is read after it was changed",
        (COUNTER, "orders.rhai"),
        (
            "    let was = state.litres;\n    state.set(\"litres\", 0.0);\n",
            "    state.set(\"litres\", 0.0);\n    let was = state.litres;\n",
        ),
        test(ORDERS, "published: data/emptied, json: { litres: 90..105 }"),
    ),
    bug(
        "an event for the opposite",
        (COUNTER, "counter.yaml"),
        ("    link: up\n", "    link: lost\n"),
        test(LITRES, "published: data/online, count: 3"),
    ),
];
