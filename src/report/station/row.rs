//! Happenings in words: one row each.

use std::time::Duration;

use crate::report::paint::Paint;
use crate::report::text::{lasted, one_line, plural, size};
use crate::station::event::{Happening, JobKind, LaneName, LinkState};

/// One line of the console, without its time.
pub(super) struct Row {
    pub mark: &'static str,
    pub paint: Paint,
    /// What it is about.
    pub word: &'static str,
    pub text: String,
    /// Of less interest, in a column of their own.
    pub notes: Vec<String>,
}

impl Row {
    fn new(mark: &'static str, paint: Paint, word: &'static str, text: impl Into<String>) -> Self {
        Self { mark, paint, word, text: text.into(), notes: Vec::new() }
    }

    fn good(word: &'static str, text: impl Into<String>) -> Self {
        Self::new("✓", Paint::Good, word, text)
    }

    fn bad(word: &'static str, text: impl Into<String>) -> Self {
        Self::new("✗", Paint::Bad, word, text)
    }

    fn notice(word: &'static str, text: impl Into<String>) -> Self {
        Self::new("!", Paint::Notice, word, text)
    }

    /// It failed, and is not given up.
    fn again(word: &'static str, text: impl Into<String>) -> Self {
        Self::new("↻", Paint::Notice, word, text)
    }

    /// Neither good nor bad.
    fn plain(word: &'static str, text: impl Into<String>) -> Self {
        Self::new("·", Paint::Dim, word, text)
    }

    /// Something came in, or begins.
    fn begins(word: &'static str, text: impl Into<String>) -> Self {
        Self::new("▸", Paint::Strong, word, text)
    }

    fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    fn notes(mut self, notes: Option<&String>) -> Self {
        self.notes.extend(notes.cloned());
        self
    }

    fn note_if(self, when: bool, note: &str) -> Self {
        if when { self.note(note) } else { self }
    }
}

/// What a happening needs of those before it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before {
    /// How long the link has been away; `None` if it never was up.
    pub away: Option<Duration>,
    /// Since the station started.
    pub running: Duration,
}

/// The row of a happening; `None` for the beginning and the end, which have a form of their own.
pub(super) fn row(happening: &Happening, before: Before) -> Option<Row> {
    of_station(happening)
        .or_else(|| of_link(happening, before))
        .or_else(|| of_module(happening))
        .or_else(|| of_jobs(happening))
        .or_else(|| of_reports(happening))
        .or_else(|| of_commands(happening))
        .or_else(|| of_timers(happening))
        .or_else(|| of_store(happening))
}

fn of_station(happening: &Happening) -> Option<Row> {
    Some(match happening {
        Happening::StationStopping { why } => Row::plain("station", format!("stopping: {}", one_line(why))),
        Happening::ReloadOk => Row::good("reload", "the file is read again and in force"),
        Happening::ReloadFailed { .. } => Row::bad("reload", "refused, the old file stays in force:"),
        _ => return None,
    })
}

fn of_link(happening: &Happening, before: Before) -> Option<Row> {
    Some(match happening {
        Happening::LinkState { from, to, cause, level, pause_ms } => {
            let next = format!("next try in {}", ms(*pause_ms));
            link_state((*from, *to), cause.as_deref(), *level, before).note_if(*pause_ms > 0, &next)
        }
        Happening::RungStarted { rung, attempt } => Row::new("…", Paint::Dim, "link", tried(rung, *attempt)),
        Happening::RungFinished { rung, attempt, ok, code, error, took_ms, pause_ms } => {
            let text = tried(rung, *attempt);
            let next = format!("next in {}", ms(*pause_ms));
            let row = match error {
                _ if *ok => Row::good("link", text),
                Some(error) => Row::again("link", format!("{text}: {}", one_line(error))),
                None => Row::again("link", format!("{text} failed")),
            };
            row.notes(code.as_ref()).note(ms(*took_ms)).note_if(*pause_ms > 0, &next)
        }
        Happening::Check { ok: true, took_ms } => Row::good("check", "the link holds").note(ms(*took_ms)),
        Happening::Check { ok: false, took_ms } => {
            Row::notice("check", "the link does not hold").note(ms(*took_ms))
        }
        _ => return None,
    })
}

fn link_state((from, to): (LinkState, LinkState), cause: Option<&str>, level: usize, before: Before) -> Row {
    match (to, cause) {
        (LinkState::Online, _) => match before.away {
            Some(away) => Row::good("link", format!("up again after {}", lasted(away))),
            None => Row::good("link", format!("up after {}", lasted(before.running))),
        },
        (LinkState::Degraded, None) => Row::notice("link", "in doubt, it is being checked"),
        (LinkState::Degraded, Some(cause)) => {
            Row::notice("link", format!("in doubt, it is being checked: {}", because(cause)))
        }
        (LinkState::Waiting, _) => Row::notice("link", "everything was tried; waiting"),
        (_, Some(cause)) if from.is_up() => Row::bad("link", format!("lost: {}", because(cause))),
        (_, Some(cause)) => Row::notice("link", format!("not up: {}", because(cause))),
        (LinkState::Down, None) if from == LinkState::Absent => {
            Row::plain("link", "rests, as it was lost just before")
        }
        (_, None) => Row::plain("link", format!("{}, level {level}", to.word())),
    }
}

/// The cause of a loss, for people.
fn because(cause: &str) -> String {
    match cause {
        "closed" => "the connection was closed".to_string(),
        "silent" => "the module does not answer".to_string(),
        "check" => "the check did not pass".to_string(),
        "reboot" => "the module restarted".to_string(),
        "port" => "the port is gone".to_string(),
        "puback" => "an acknowledgement did not come".to_string(),
        "publish" => "publishing failed again and again".to_string(),
        "stuck" => "the module may take everything for data".to_string(),
        other => one_line(other),
    }
}

fn tried(rung: &str, attempt: u32) -> String {
    let rung = one_line(rung);
    if attempt > 1 { format!("{rung}, try {attempt}") } else { rung }
}

fn of_module(happening: &Happening) -> Option<Row> {
    Some(match happening {
        Happening::Reboot { expected: true, .. } => Row::plain("module", "restarted, as asked"),
        Happening::Reboot { expected: false, evidence } => {
            Row::notice("module", format!("restarted by itself: {}", one_line(evidence)))
        }
        Happening::Brownout => {
            Row::bad("module", "restarted three times in ten minutes; is its power supply strong enough?")
        }
        Happening::PortGone { what } => Row::bad("port", format!("gone: {}", one_line(what))),
        Happening::PortFound => Row::good("port", "back"),
        Happening::QuarantineEntered => {
            Row::bad("module", "may take everything for data; nothing is sent until it restarts")
        }
        Happening::QuarantineLeft => Row::good("module", "listens again"),
        Happening::FrameMismatch { declared, seen } => {
            Row::notice("message", format!("of {declared} bytes by its header, but {seen} came"))
        }
        _ => return None,
    })
}

fn of_jobs(happening: &Happening) -> Option<Row> {
    Some(match happening {
        Happening::JobStarted { kind, name, late_ms, .. } => {
            let late = format!("{} late", ms(*late_ms));
            Row::new("…", Paint::Dim, of_kind(*kind), one_line(name)).note_if(*late_ms > 0, &late)
        }
        Happening::JobFinished { kind, name, outcome, code, error, took_ms, .. } => {
            let name = one_line(name);
            let row = match (outcome.as_str(), error) {
                ("ok", _) => Row::good(of_kind(*kind), name),
                (_, Some(error)) => Row::bad(of_kind(*kind), format!("{name} failed: {}", one_line(error))),
                (error, None) => Row::bad(of_kind(*kind), format!("{name} failed: {}", one_line(error))),
            };
            row.notes(code.as_ref()).note(ms(*took_ms))
        }
        Happening::JobSkipped { kind, name, reason } => {
            let why = match reason.as_str() {
                "waits" => "the last one still waits to run",
                "overlap" => "the last one had not ended",
                "full" => "too many wait",
                other => other,
            };
            Row::plain(of_kind(*kind), format!("{} skipped: {}", one_line(name), one_line(why)))
        }
        Happening::ScheduleMissed { name, count, policy } => {
            let then = if policy == "once" { "it runs once now" } else { "the next one stands" };
            let times = if *count == 1 { "once".to_string() } else { format!("{count} times") };
            Row::notice("run", format!("{} was missed {times}; {then}", one_line(name)))
        }
        Happening::ScheduleHeld { name } => {
            Row::plain("run", format!("{} waits until the clock can be trusted", one_line(name)))
        }
        Happening::Log { text } => Row::plain("log", one_line(text)),
        _ => return None,
    })
}

fn of_kind(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Schedule => "run",
        other => other.word(),
    }
}

fn of_reports(happening: &Happening) -> Option<Row> {
    Some(match happening {
        Happening::ReportQueued { seq, topic, bytes, lane, source } => {
            Row::new("…", Paint::Dim, lane.word(), format!("→ {}", one_line(topic)))
                .note(format!("#{seq} {}", size(*bytes)))
                .note(format!("queued by {}", one_line(source)))
        }
        Happening::ReportSent {
            seq, topic, bytes, lane, qos, attempts, age_ms, duplicate_possible, ..
        } => {
            let how = if *qos > 0 { "acknowledged" } else { "handed over" };
            let age = format!("{} old", ms(*age_ms));
            Row::good(lane.word(), format!("→ {}", one_line(topic)))
                .note(format!("#{seq} {}", size(*bytes)))
                .note(how)
                .note_if(*age_ms >= 10_000 || (*age_ms > 0 && *lane != LaneName::Reply), &age)
                .note_if(*attempts > 1, &format!("publish {attempts}"))
                .note_if(*duplicate_possible, "may be there twice")
        }
        Happening::ReportRefused { seq, error } => {
            Row::notice("report", format!("#{seq} not taken: {}", one_line(error)))
        }
        Happening::ReportDead { seq, error } => {
            Row::bad("report", format!("#{seq} given up, `atflow outbox` shows it: {}", one_line(error)))
        }
        Happening::ReportDropped { first, last, count, reason } => {
            let which = if first == last { format!("#{first}") } else { format!("#{first} to #{last}") };
            let why = match reason.as_str() {
                "full" => "the outbox is full",
                "age" => "too old",
                other => other,
            };
            let messages = plural(count, "message");
            Row::bad("report", format!("{messages} dropped, {which}: {}", one_line(why)))
        }
        _ => return None,
    })
}

fn of_commands(happening: &Happening) -> Option<Row> {
    Some(match happening {
        Happening::CommandReceived { id, method, .. } => {
            Row::begins("command", format!("← {} ({})", one_line(method), one_line(id)))
        }
        Happening::CommandDuplicate { id, reply_again, .. } => {
            let then = if *reply_again { "its reply is sent again" } else { "nothing is done" };
            Row::plain("command", format!("← ({}) came again; {then}", one_line(id)))
        }
        Happening::CommandRejected { code, why, count, .. } => {
            let more = if *count > 1 { format!("{count} more ") } else { String::new() };
            Row::notice("command", format!("← {more}refused, {}: {}", one_line(code), one_line(why)))
        }
        Happening::CommandStarted { method, .. } => Row::new("…", Paint::Dim, "command", one_line(method)),
        Happening::CommandFinished { method, code, took_ms, effects, .. } => {
            let method = one_line(method);
            let row = match code.as_str() {
                "ok" => Row::good("command", format!("{method} done")),
                code => {
                    Row::notice("command", format!("{method} answered with an error: {}", one_line(code)))
                }
            };
            row.note(ms(*took_ms)).note_if(*effects > 0, &plural(effects, "effect"))
        }
        _ => return None,
    })
}

fn of_timers(happening: &Happening) -> Option<Row> {
    Some(match happening {
        Happening::TimerSet { flow, in_ms } => {
            Row::plain("timer", format!("{} runs in {}", one_line(flow), ms(*in_ms)))
        }
        Happening::TimerFired { flow } => Row::begins("timer", one_line(flow)),
        Happening::TimerDropped { flow, why } => {
            Row::notice("timer", format!("{} dropped: {}", one_line(flow), one_line(why)))
        }
        Happening::StateSet { name, value } => {
            Row::plain("state", format!("{} = {}", one_line(name), one_line(value)))
        }
        _ => return None,
    })
}

fn of_store(happening: &Happening) -> Option<Row> {
    Some(match happening {
        Happening::StoreVolatile { why } => {
            Row::bad("store", format!("the disk takes nothing, working from memory: {}", one_line(why)))
        }
        Happening::StoreRestored { rows } => {
            Row::good("store", "on disk again").note(plural(rows, "row") + " brought over")
        }
        Happening::StoreCorrupt { kept_as, salvaged } => {
            let text = format!("was broken and begins anew; the old file is {}", one_line(kept_as));
            Row::bad("store", text).note(plural(salvaged, "row") + " kept")
        }
        Happening::ClockSet { quality, step_ms } => {
            let known = match quality {
                0 => "unknown",
                1 => "a guess",
                2 => "roughly known",
                3 => "known",
                _ => "synchronised",
            };
            let sign = if *step_ms < 0 { "-" } else { "+" };
            let step = format!("moved by {sign}{}", ms(step_ms.unsigned_abs()));
            Row::plain("clock", known).note_if(*step_ms != 0, &step)
        }
        Happening::BudgetWarning { bytes, budget } => {
            let text = format!("{} over the network today, planned were {}", size(*bytes), size(*budget));
            Row::notice("budget", text)
        }
        _ => return None,
    })
}

fn ms(ms: u64) -> String {
    lasted(Duration::from_millis(ms))
}
