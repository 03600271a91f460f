//! A scripted life of a station, for tests.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use std::time::Duration;

use crate::link::Mono;
use crate::station::event::{Happening, JobKind, LaneName, LinkState, Made, Status, Summary};

/// A writer whose text can be looked at.
#[derive(Clone, Default)]
pub(crate) struct Paper(Rc<RefCell<Vec<u8>>>);

impl Paper {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).expect("reports are UTF-8")
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(crate) fn at(ms: u64) -> Mono {
    Mono::from_micros(ms * 1000)
}

fn text(text: &str) -> String {
    text.to_string()
}

pub(crate) fn started() -> Happening {
    Happening::StationStarted {
        name: text("thingscloud-station"),
        module: text("luat-air724"),
        port: text("/dev/ttyUSB0"),
        version: text("0.1.0"),
        store_id: text("3f9c"),
        outbox_rows: 2,
    }
}

fn link(from: LinkState, to: LinkState, level: usize, cause: Option<&str>) -> Happening {
    Happening::LinkState { from, to, level, cause: cause.map(text), pause_ms: 0 }
}

fn pausing(from: LinkState, to: LinkState, cause: Option<&str>, pause_ms: u64) -> Happening {
    Happening::LinkState { from, to, level: 0, cause: cause.map(text), pause_ms }
}

fn rung(rung: &str, attempt: u32, error: Option<&str>, took_ms: u64, pause_ms: u64) -> Happening {
    Happening::RungFinished {
        rung: text(rung),
        attempt,
        ok: error.is_none(),
        code: error.map(|_| text("AT1004")),
        error: error.map(text),
        took_ms,
        pause_ms,
    }
}

fn job(kind: JobKind, name: &str, run: u64, error: Option<(&str, &str)>) -> Happening {
    Happening::JobFinished {
        kind,
        name: text(name),
        run,
        outcome: text(error.map_or("ok", |(name, _)| name)),
        code: error.map(|_| text("AT1002")),
        error: error.map(|(_, why)| text(why)),
        took_ms: 340,
    }
}

pub(crate) fn sent(
    seq: u64,
    topic: &str,
    lane: LaneName,
    (qos, attempts): (u8, u32),
    age_ms: u64,
) -> Happening {
    Happening::ReportSent {
        seq,
        topic: text(topic),
        bytes: 61,
        lane,
        qos,
        attempts,
        age_ms,
        duplicate_possible: attempts > 1,
    }
}

pub(crate) fn summary() -> Summary {
    Summary {
        took_ms: 86_400_000,
        reports_sent: 288,
        events_sent: 2,
        replies_sent: 3,
        duplicates_possible: 1,
        commands_answered: 3,
        runs_passed: 290,
        runs_failed: 1,
        link_lost: 2,
        link_recovered: 2,
        ..Summary::default()
    }
}

pub(crate) fn status() -> Status {
    Status {
        link: LinkState::Online,
        level: (3, 3),
        next_try: None,
        signal_dbm: Some(-71),
        last_report: Some(at(62_000)),
        outbox_rows: [0, 1, 2],
        outbox_bytes: 1_830,
        oldest_row: Some(Made { at: at(61_000), before: Duration::ZERO }),
        dead_rows: 0,
        next_run: Some((text("report"), at(122_000))),
        store_volatile: false,
        clock_quality: 4,
        network_bytes_today: 51_200,
        wal_bytes: 32_992,
        serial_bytes: (4_096, 2_048),
    }
}

/// A start, a report, a command and its reply, a loss and what follows it.
pub(crate) fn life() -> Vec<(u64, Happening)> {
    use LinkState::{Climbing, Down, Online, Recovering};
    vec![
        (0, started()),
        (100, link(Down, Climbing, 1, None)),
        (110, Happening::RungStarted { rung: text("go_online"), attempt: 1 }),
        (4_000, rung("go_online", 1, None, 3_890, 0)),
        (4_100, link(Climbing, Online, 3, None)),
        (
            60_000,
            Happening::JobStarted { kind: JobKind::Schedule, name: text("report"), run: 1, late_ms: 120 },
        ),
        (
            60_330,
            Happening::ReportQueued {
                seq: 17,
                topic: text("attributes"),
                bytes: 61,
                lane: LaneName::Report,
                source: text("report"),
            },
        ),
        (60_340, job(JobKind::Schedule, "report", 1, None)),
        (61_540, sent(17, "attributes", LaneName::Report, (1, 1), 1_210)),
        (62_400, Happening::CommandReceived { n: 1, id: text("1000"), method: text("restart") }),
        (62_450, Happening::CommandStarted { n: 1, method: text("restart") }),
        (
            62_800,
            Happening::CommandFinished {
                n: 1,
                method: text("restart"),
                code: text("ok"),
                took_ms: 350,
                effects: 1,
                reply: true,
            },
        ),
        (63_100, sent(18, "command/reply/1000", LaneName::Reply, (0, 1), 300)),
        (300_000, link(Online, Recovering, 1, Some("closed"))),
        (305_000, rung("go_online", 1, Some("timeout: no answer to AT+MCONNECT\r\n"), 5_000, 10_000)),
        (312_000, link(Recovering, Online, 3, None)),
        (313_000, sent(19, "attributes", LaneName::Report, (1, 2), 12_000)),
        (400_000, job(JobKind::Schedule, "report", 2, Some(("cme", "+CME ERROR: 10, SIM not inserted")))),
        (401_000, Happening::PortGone { what: text("No such device") }),
        (402_000, Happening::PortFound),
        (402_000, pausing(LinkState::Absent, Down, None, 96_000)),
        (403_000, Happening::Check { ok: true, took_ms: 12 }),
    ]
}

/// What else can happen, one of each.
pub(crate) fn rest() -> Vec<Happening> {
    use LinkState::{Degraded, Online, Recovering, Waiting};
    vec![
        Happening::StationStopping { why: text("signal") },
        Happening::ReloadOk,
        Happening::ReloadFailed { error: text("error[AT0201]: `evry` is no key\n  | help") },
        link(Online, Degraded, 3, None),
        link(LinkState::Climbing, Recovering, 0, Some("reboot")),
        pausing(Online, Recovering, Some("closed"), 65_000),
        pausing(Recovering, Waiting, None, 900_000),
        rung("wait", 1, None, 900_000, 0),
        Happening::Check { ok: false, took_ms: 5_000 },
        Happening::Reboot { expected: true, evidence: text("RDY") },
        Happening::Reboot { expected: false, evidence: text("echo is on again") },
        Happening::Brownout,
        Happening::QuarantineEntered,
        Happening::QuarantineLeft,
        Happening::FrameMismatch { declared: 54, seen: 53 },
        Happening::JobSkipped { kind: JobKind::Event, name: text("sim"), reason: text("full") },
        Happening::JobSkipped { kind: JobKind::Schedule, name: text("report"), reason: text("waits") },
        Happening::ScheduleMissed { name: text("report"), count: 12, policy: text("skip") },
        Happening::ScheduleHeld { name: text("daily") },
        Happening::ReportRefused { seq: 20, error: text("+CME ERROR: 53") },
        Happening::ReportDead { seq: 20, error: text("+CME ERROR: 53") },
        Happening::ReportDropped { first: 21, last: 30, count: 10, reason: text("full") },
        Happening::CommandDuplicate { n: 1, id: text("1000"), reply_again: true },
        Happening::CommandRejected {
            code: text("bad_json"),
            method: String::new(),
            why: text("expected `}` \u{1b}[31m"),
            count: 1,
            reply: false,
        },
        Happening::CommandRejected {
            code: text("busy"),
            method: text("count"),
            why: text("more commands come than can be answered"),
            count: 1661,
            reply: false,
        },
        Happening::TimerSet { flow: text("reset"), in_ms: 10_000 },
        Happening::TimerFired { flow: text("reset") },
        Happening::TimerDropped { flow: text("reset"), why: text("three hours late") },
        Happening::StateSet { name: text("relay"), value: text("true") },
        Happening::StoreVolatile { why: text("No space left on device") },
        Happening::StoreRestored { rows: 4 },
        Happening::StoreCorrupt { kept_as: text("station.db.broken-1"), salvaged: 1 },
        Happening::ClockSet { quality: 4, step_ms: -2_500 },
        Happening::BudgetWarning { bytes: 1_250_000, budget: 1_000_000 },
        Happening::Log { text: text("the SIM was taken out") },
    ]
}
