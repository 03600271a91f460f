//! The outbox's way out: one message at a time, replies and events before reports, each until the module or
//! the broker has it. What is not known to have arrived is sent again; what is refused for what it is goes to
//! the dead letters, but never because the link is bad.

use std::time::Duration;

use crate::flow::model::station::CloudLimits;
use crate::flow::model::{FlowId, Program};
use crate::hooks;
use crate::link::Mono;
use crate::run::failure::Failure;
use crate::run::home::Post;
use crate::store::{Lane, Moment, Row};

use super::Station;
use super::event::{Happening, Work};
use super::link::{Fact, PublishFault};
use super::pace::Pace;
use super::shared::{Author, lane_name, plan_of};

/// Between two tries of a row that was refused.
const REFUSAL_PAUSE: Duration = Duration::from_secs(10);
/// So many refusals may make a row dead.
const REFUSALS: u32 = 3;
/// How long nothing is published when two different rows were refused in a row: it may not be the rows.
const DISTRUST: Duration = Duration::from_mins(5);
/// So many rows are refused before it is begun again with the first.
const MOST_SUSPECTS: usize = 16;
/// So many replies and events go in a row while a report waits that could go: else a flood of them would keep all
/// reports back.
const URGENT_IN_A_ROW: u32 = 4;
/// An acknowledgement of an earlier publish may still come this long after that of its repeat.
const SETTLING: Duration = Duration::from_secs(5);

/// Where the draining stands.
pub(super) struct Drain {
    /// The contract's `publish`.
    flow: Option<FlowId>,
    pub(super) pace: Pace,
    /// Rows that were refused, and none of which was accepted or buried since.
    suspects: Vec<Suspect>,
    /// The last of them to be refused, if no other row was accepted since.
    last_refused: Option<u64>,
    /// Replies and events that went since the last report.
    urgent_in_a_row: u32,
    /// What became of a publish of this row is not known: its acknowledgement may come yet, and would be taken for
    /// that of another.
    unknown: Option<u64>,
}

/// A row that was refused.
struct Suspect {
    seq: u64,
    refusals: u32,
    /// Some other row was accepted since.
    others_pass: bool,
    not_before: Mono,
    /// What the module said last.
    error: String,
}

impl Suspect {
    fn new(seq: u64) -> Self {
        Self { seq, refusals: 0, others_pass: false, not_before: Mono::ZERO, error: String::new() }
    }
}

impl Drain {
    pub fn new(program: &Program) -> Self {
        Self {
            flow: program.contract.get("publish").copied(),
            pace: Pace::new(&plan_of(program).limits),
            suspects: Vec::new(),
            last_refused: None,
            urgent_in_a_row: 0,
            unknown: None,
        }
    }

    /// The file is another one.
    pub fn renew(&mut self, program: &Program, now: Mono) {
        self.flow = program.contract.get("publish").copied();
        self.pace.renew(&plan_of(program).limits, now);
    }

    /// Whether the acknowledgement of an earlier publish may still come.
    pub fn is_unknown(&self) -> bool {
        self.unknown.is_some()
    }

    fn suspect(&self, seq: u64) -> Option<&Suspect> {
        self.suspects.iter().find(|suspect| suspect.seq == seq)
    }

    /// A row was refused, again perhaps.
    fn accuse(&mut self, seq: u64, now: Mono, error: &str) -> &Suspect {
        if self.suspect(seq).is_none() && self.suspects.len() == MOST_SUSPECTS {
            self.suspects.clear();
        }
        let known = self.suspects.iter().position(|suspect| suspect.seq == seq);
        let index = known.unwrap_or_else(|| {
            self.suspects.push(Suspect::new(seq));
            self.suspects.len() - 1
        });
        let suspect = &mut self.suspects[index];
        suspect.refusals += 1;
        suspect.not_before = now + REFUSAL_PAUSE;
        suspect.error = error.to_string();
        suspect
    }

    /// A row left; when may the next one?
    fn pass_on(&mut self, (now, moment): (Mono, Moment), row: &Row, limits: &CloudLimits) {
        self.pace.pass_on((now, moment), row, limits);
        // Another one goes only where that row is no more, or was refused too often.
        if self.unknown.take().is_some() {
            self.not_before(now + SETTLING);
        }
    }

    /// Nothing is published before, whatever the pace.
    fn not_before(&mut self, then: Mono) {
        self.pace.not_before = self.pace.not_before.max(then);
    }
}

impl Station {
    /// The row that goes next.
    fn next_row(&self) -> Option<Row> {
        let mut store = self.shared.store.borrow_mut();
        // Of a row that was refused often enough it is only known to be its own fault when another passes.
        let tried =
            |row: &Row| self.drain.suspect(row.seq).is_some_and(|suspect| suspect.refusals >= REFUSALS);
        // Until it is known what became of a row, no other one goes.
        let is_unknown = |row: &Row| self.drain.unknown == Some(row.seq) && !tried(row);
        if let Some(before) = self.drain.unknown.map(|seq| seq.saturating_sub(1)) {
            let mut found = [true, false].into_iter().filter_map(|urgent| store.row_after(urgent, before));
            if let Some(row) = found.find(is_unknown) {
                return Some(row);
            }
        }
        let urgent = store.head(true);
        let turn = urgent.is_none() || self.drain.urgent_in_a_row >= URGENT_IN_A_ROW;
        let report = if turn { store.head(false) } else { None };
        let report = report.filter(|row| urgent.is_none() || self.may_go_from(row) <= self.now());
        let row = report.or(urgent)?;
        let mut next = row.clone();
        while tried(&next) {
            let urgent = next.lane != Lane::Report;
            let behind = store.row_after(urgent, next.seq);
            match behind.or_else(|| urgent.then(|| store.head(false)).flatten()) {
                Some(behind) => next = behind,
                None => return Some(row),
            }
        }
        Some(next)
    }

    /// When the next publish may begin; `None` while there is nothing to publish, or no link.
    pub(super) fn next_publish(&self) -> Option<Mono> {
        self.drain.flow?;
        let from = self.link.machine.publish_from()?;
        let row = self.next_row()?;
        Some(from.max(self.may_go_from(&row)).max(self.mono_of(row.captured).unwrap_or(Mono::ZERO)))
    }

    /// When this row may go, whatever the link says.
    fn may_go_from(&self, row: &Row) -> Mono {
        let mut from = self.drain.pace.not_before;
        if let Some(suspect) = self.drain.suspect(row.seq) {
            from = from.max(suspect.not_before);
        }
        if plan_of(&self.program).limits.report_every.is_some() && self.drain.pace.is_live(row) {
            from = from.max(self.drain.pace.allowance.not_before);
        }
        from
    }

    /// Publishes the head of the outbox, which was due then.
    pub(super) fn publish(&mut self, due: Mono) {
        let began = self.now();
        self.publish_head();
        let work = Work::Publish { began, late: began.since(due), took: self.now().since(began) };
        self.shared.watcher.borrow_mut().worked(&work);
    }

    fn publish_head(&mut self) {
        let (Some(flow), Some(row)) = (self.drain.flow, self.next_row()) else { return };
        let payload = self.enveloped(&row);
        let bytes = payload.len() as u64;
        let post = Post { topic: row.topic.clone(), payload, qos: row.qos, retain: row.retain };
        self.link.traffic.spend(bytes + row.topic.len() as u64, self.day());
        let urgent = row.lane != Lane::Report;
        self.drain.urgent_in_a_row = if urgent { self.drain.urgent_in_a_row.saturating_add(1) } else { 0 };
        let before = self.drain.pace.allowance;
        let notes = self.notes_of_publish(&row);
        self.shared.store.borrow_mut().begin_publish_noting(row.seq, &notes);
        *self.shared.author.borrow_mut() = Author { lane: row.lane, name: row.source.clone() };
        let failure = self.run.borrow_mut().publish_now(flow, post, Mono::FAR);
        let now = self.now();
        match failure {
            None => self.published(now, &row, bytes),
            Some(failure) => {
                self.not_published(now, &row, &failure);
                if matches!(failure.family.as_str(), "cme" | "cms" | "error" | "busy" | "refused") {
                    // The module has not taken it, so the cloud has not seen it.
                    self.drain.pace.allowance = before;
                } else {
                    self.drain.pace.rest(now, &row, &plan_of(&self.program).limits);
                }
            }
        }
        self.shared.tell_store_news();
    }

    fn published(&mut self, now: Mono, row: &Row, bytes: u64) {
        self.shared.store.borrow_mut().delivered(row.seq);
        let age_ms = self.shared.store.borrow().age_ms(row.captured, self.shared.now_ms());
        let age_ms = age_ms.and_then(|age| u64::try_from(age).ok()).unwrap_or(0);
        self.shared.tell(&Happening::ReportSent {
            seq: row.seq,
            topic: self.shared.masked.text(&row.topic),
            bytes,
            lane: lane_name(row.lane),
            qos: row.qos,
            attempts: row.attempts + 1,
            age_ms,
            duplicate_possible: row.attempts > 0,
        });
        self.acquit(row.seq);
        let moment = self.shared.store.borrow().moment(self.shared.now_ms());
        self.drain.pass_on((now, moment), row, &plan_of(&self.program).limits);
        self.tell_machine(Fact::PublishOk { acknowledged: row.qos > 0 });
    }

    fn not_published(&mut self, now: Mono, row: &Row, failure: &Failure) {
        if failure.is_interrupt() {
            self.drain.unknown = Some(row.seq).filter(|_| row.qos > 0).or(self.drain.unknown);
            self.shared.store.borrow_mut().failed(row.seq, None, false);
            return;
        }
        let kind = kind_of(failure, row.qos);
        if kind == PublishFault::Refused {
            self.refused(now, row, failure);
            return;
        }
        if row.qos > 0 {
            self.drain.unknown = Some(row.seq);
            self.link.machine.owe_clean_session();
        }
        self.shared.store.borrow_mut().failed(row.seq, Some(&failure.message), false);
        self.run_failed(failure);
        // A module that is silent or has restarted weighs more than a publish that failed for it.
        self.look_at_facts();
        self.tell_machine(Fact::PublishFailed(kind));
    }

    /// The module said no, and it may be the row's own fault.
    fn refused(&mut self, now: Mono, row: &Row, failure: &Failure) {
        self.shared.store.borrow_mut().failed(row.seq, Some(&failure.message), true);
        self.shared.tell(&Happening::ReportRefused { seq: row.seq, error: failure.message.clone() });
        let another = self.drain.last_refused.replace(row.seq).is_some_and(|last| last != row.seq);
        let suspect = self.drain.accuse(row.seq, now, &failure.message);
        let enough = suspect.refusals >= REFUSALS;
        let others_pass = suspect.others_pass;
        let alone = self.shared.store.borrow_mut().counts().rows.iter().sum::<u64>() <= 1;
        if enough && (others_pass || alone) {
            self.bury(row.seq, &failure.message);
            return;
        }
        if another || (enough && self.drain.suspects.len() > 1) {
            // Two different rows in a row: a forbidden topic, a module in another mode. Nobody dies.
            self.drain.not_before(now + DISTRUST);
        }
        self.tell_machine(Fact::PublishFailed(PublishFault::Refused));
    }

    /// A row was accepted, so the module takes rows: of those that it refused often enough, the first dies.
    fn acquit(&mut self, accepted: u64) {
        self.drain.last_refused = None;
        self.drain.suspects.retain(|suspect| suspect.seq != accepted);
        for suspect in &mut self.drain.suspects {
            suspect.others_pass = true;
        }
        let guilty = self.drain.suspects.iter().find(|suspect| suspect.refusals >= REFUSALS);
        if let Some((seq, error)) = guilty.map(|suspect| (suspect.seq, suspect.error.clone())) {
            self.bury(seq, &error);
        }
    }

    fn bury(&mut self, seq: u64, error: &str) {
        self.drain.suspects.retain(|suspect| suspect.seq != seq);
        // One accepted row is proof against one other.
        for suspect in &mut self.drain.suspects {
            suspect.others_pass = false;
        }
        self.shared.store.borrow_mut().bury(seq, "refused", Some(error));
        self.shared.tell(&Happening::ReportDead { seq, error: error.to_string() });
    }

    /// The payload as it is sent: what belongs to the sending, not to the reading, is put in now.
    fn enveloped(&self, row: &Row) -> Vec<u8> {
        let plan = &plan_of(&self.program).outbox;
        if row.lane != Lane::Report || !(plan.report_id || plan.time_field.is_some()) {
            return row.payload.clone();
        }
        let Ok(serde_json::Value::Object(mut object)) = serde_json::from_slice(&row.payload) else {
            return row.payload.clone();
        };
        let store = self.shared.store.borrow();
        if plan.report_id {
            let id = format!("{}-{}", store.id(), row.seq);
            object.entry("report_id").or_insert(id.into());
        }
        if let Some(name) = &plan.time_field {
            match store.wall_of(row.captured) {
                Some(wall_ms) => object.entry(name.as_str()).or_insert(wall_ms.into()),
                None => object.entry("time_known").or_insert(false.into()),
            };
        }
        let whole = hooks::plain_json(&serde_json::Value::Object(object).to_string()).into_bytes();
        // The report itself fits; it is not to be refused for what only goes with it.
        if whole.len() > self.program.dialect.limits.payload_bytes { row.payload.clone() } else { whole }
    }
}

/// What a failed publish says about the link.
fn kind_of(failure: &Failure, qos: u8) -> PublishFault {
    match (failure.family.as_str(), failure.number) {
        // Too many at once for the module: one of them may not be acknowledged yet.
        ("timeout", _) | ("cme", Some(767)) if qos > 0 => PublishFault::PubackMissing,
        ("timeout" | "closed" | "port" | "reboot" | "stuck" | "busy", _) | ("cme", Some(767 | 3 | 14)) => {
            PublishFault::Transport
        }
        _ => PublishFault::Refused,
    }
}
