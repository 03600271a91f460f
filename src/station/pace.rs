//! How fast the outbox is emptied: what the cloud allows between two publishes, how often it takes a report, and
//! what the link bears. A restart of the program does not make it faster.

use std::fmt::Write as _;
use std::time::Duration;

use crate::flow::model::station::CloudLimits;
use crate::link::Mono;
use crate::store::{Lane, Moment, Row};

use super::shared::plan_of;
use super::{Station, millis, traffic};

/// Under which the store keeps when the next publish may begin.
const NEXT: &str = "next_publish";
/// … what the cloud still takes of reports that did not wait for the link, and which of them did.
const ALLOWANCE: &str = "allowance";
/// No restart is over sooner, so shorter pauses need not be kept.
const RESTART: Duration = Duration::from_secs(1);
/// A loss this soon after a report that had waited slows the draining down.
const TOO_FAST: Duration = Duration::from_mins(1);
/// Draining becomes faster again after so long without one.
const CALM: Duration = Duration::from_mins(10);
/// The slowest draining.
const SLOWEST: Duration = Duration::from_mins(1);
/// More waits are not told apart; what was made in earlier ones goes by what the cloud takes.
const MOST_WAITS: usize = 16;
/// Before anything that the store dates.
const NEVER: Moment = Moment { boot: i64::MIN, mono_ms: 0 };

/// When the next publish may begin.
pub(super) struct Pace {
    pub not_before: Mono,
    pub allowance: Allowance,
    /// When reports were made that had to wait for the link, the earliest first.
    waits: Vec<Wait>,
    /// Since when what is made waits for the link, while that is down.
    lost_at: Option<Moment>,
    /// Between two of those that had to.
    pause: Duration,
    slowed_at: Mono,
    last_backlog: Option<Mono>,
}

/// What was made from one moment up to another waited for the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wait {
    from: Moment,
    until: Moment,
}

/// What the cloud takes of reports that did not wait for the link: over time one each `report_every`, and two
/// never closer than nine tenths of it, as the runs of a schedule are. So one that came late, because its run did,
/// delays none of those after it. One that is sent again keeps the distance, but has its share already: else each
/// publish that fails would make all later reports late, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    pub not_before: Mono,
    /// When it would be whole again, if none was sent until then.
    whole_at: Mono,
    /// The last row that took a share.
    last: Option<u64>,
}

impl Allowance {
    fn whole() -> Self {
        Self { not_before: Mono::ZERO, whole_at: Mono::ZERO, last: None }
    }

    /// The report `seq` goes, perhaps again.
    fn after_one(self, now: Mono, every: Duration, seq: u64) -> Self {
        let distance = now + distance(every);
        if self.last == Some(seq) {
            return Self { not_before: distance, ..self };
        }
        Self {
            not_before: self.whole_at.max(distance),
            whole_at: self.whole_at.max(now) + every,
            last: Some(seq),
        }
    }

    /// The cloud takes one each `every` from now on. What was used up when it took fewer is forgiven: these are the
    /// latest times that [`Allowance::after_one`] comes to.
    fn within(self, now: Mono, every: Duration) -> Self {
        Self {
            not_before: self.not_before.min(now + every),
            whole_at: self.whole_at.min(now + every * 2),
            ..self
        }
    }
}

/// Two reports are never closer.
fn distance(every: Duration) -> Duration {
    every * 9 / 10
}

impl Pace {
    pub fn new(limits: &CloudLimits) -> Self {
        Self {
            not_before: Mono::ZERO,
            allowance: Allowance::whole(),
            waits: Vec::new(),
            lost_at: Some(NEVER),
            pause: limits.drain_every,
            slowed_at: Mono::ZERO,
            last_backlog: None,
        }
    }

    /// The file is another one.
    pub fn renew(&mut self, limits: &CloudLimits, now: Mono) {
        self.pause = limits.drain_every;
        if let Some(every) = limits.report_every {
            self.allowance = self.allowance.within(now, every);
        }
    }

    /// The link came up; `next` is the report that goes next. What was made within the time from report to report
    /// before that did not have to wait: else a station that starts again and again would be faster than the cloud
    /// allows.
    pub fn came_online(&mut self, moment: Moment, next: Option<&Row>, limits: &CloudLimits) {
        let Some(from) = self.lost_at.take() else { return };
        self.waits.retain(|wait| next.is_some_and(|row| row.captured < wait.until));
        let too_many = self.waits.len().saturating_sub(MOST_WAITS - 1);
        self.waits.drain(..too_many);
        let every_ms =
            limits.report_every.map_or(0, |every| i64::try_from(every.as_millis()).unwrap_or(i64::MAX));
        let until = Moment { mono_ms: moment.mono_ms.saturating_sub(every_ms), ..moment };
        self.waits.push(Wait { from, until });
    }

    /// The link was lost. If that came soon after a report that had waited, they come too fast for it. Where the
    /// schedules make more than the cloud takes, reports wait for the cloud, and an outage must not let them go any
    /// faster; else what waits now waits because of the link.
    pub fn lost(&mut self, (now, moment): (Mono, Moment), limits: &CloudLimits) {
        self.lost_at = Some(if limits.exceeded { moment } else { NEVER });
        if !limits.exceeded {
            self.waits.clear();
        }
        if self.last_backlog.is_some_and(|last| now.since(last) < TOO_FAST) {
            self.pause = (self.pause * 2).clamp(Duration::from_millis(100), SLOWEST);
            self.slowed_at = now;
        }
    }

    /// What another process has to know of this, for [`Station::recall_pace`].
    fn note(&self, now: Mono, Moment { boot, mono_ms }: Moment) -> String {
        let Allowance { not_before, whole_at, .. } = self.allowance;
        let [rest_ms, whole_ms] = [not_before, whole_at].map(|at| millis(at.since(now)));
        let mut note = format!("{boot} {mono_ms} {rest_ms} {whole_ms}");
        let waits = self.waits.iter().flat_map(|wait| [wait.from, wait.until]);
        for Moment { boot, mono_ms } in waits.chain(self.lost_at) {
            // A `String` takes everything.
            let _ = write!(note, " {boot} {mono_ms}");
        }
        note
    }

    fn has_waited(&self, row: &Row) -> bool {
        let holds = |wait: &Wait| (wait.from..wait.until).contains(&row.captured);
        row.lane == Lane::Report && self.waits.iter().any(holds)
    }

    /// A report that goes by what the cloud takes, and not by what the link bears.
    pub fn is_live(&self, row: &Row) -> bool {
        row.lane == Lane::Report && !self.has_waited(row)
    }

    /// From a publish of this row to the next one.
    fn rest_after(&self, row: &Row, limits: &CloudLimits) -> Duration {
        if self.has_waited(row) { limits.gap.max(self.pause) } else { limits.gap }
    }

    /// A row may have left, and the next one keeps its distance.
    pub fn rest(&mut self, now: Mono, row: &Row, limits: &CloudLimits) {
        self.not_before = self.not_before.max(now + self.rest_after(row, limits));
    }

    /// A row left; when may the next one?
    pub fn pass_on(&mut self, (now, moment): (Mono, Moment), row: &Row, limits: &CloudLimits) {
        self.rest(now, row, limits);
        if self.has_waited(row) {
            // What was made meanwhile had to wait for this one.
            if let Some(last) = self.waits.last_mut() {
                last.until = last.until.max(moment);
            }
            self.last_backlog = Some(now);
            if self.pause > limits.drain_every && now.since(self.slowed_at) > CALM {
                self.pause = (self.pause / 2).max(limits.drain_every);
                self.slowed_at = now;
            }
        }
    }
}

impl Station {
    /// A publish of this row begins. Whatever becomes of it, and of this process, the next one keeps its
    /// distance: what is to be noted for that.
    pub(super) fn notes_of_publish(&mut self, row: &Row) -> Vec<(&'static str, Option<String>)> {
        let limits = &plan_of(&self.program).limits;
        let now = self.now();
        let mut store = self.shared.store.borrow_mut();
        let Moment { boot, mono_ms } = store.moment(self.shared.now_ms());
        let mut notes = vec![(traffic::KEY, Some(self.link.traffic.note()))];
        let rest = self.drain.pace.rest_after(row, limits);
        if rest > RESTART {
            notes.push((NEXT, Some(format!("{boot} {mono_ms} {}", millis(rest)))));
        } else if store.note(NEXT).is_some() {
            notes.push((NEXT, None));
        }
        if let Some(every) = limits.report_every.filter(|_| self.drain.pace.is_live(row)) {
            self.drain.pace.allowance = self.drain.pace.allowance.after_one(now, every, row.seq);
            notes.push((ALLOWANCE, Some(self.drain.pace.note(now, Moment { boot, mono_ms }))));
        }
        notes
    }

    /// The link was lost: what waits for it does so also for a process after this one, until the first report is
    /// published that did not have to. (Without a limit of the cloud, all that was made before a link is up has
    /// to wait anyway.)
    pub(super) fn note_loss(&mut self, moment: Moment) {
        if plan_of(&self.program).limits.report_every.is_some() {
            let note = self.drain.pace.note(self.now(), moment);
            self.shared.store.borrow_mut().set_note(ALLOWANCE, Some(&note));
        }
    }

    /// What an earlier process published last, or tried to, still counts.
    pub(super) fn recall_pace(&mut self) {
        if let Some((noted, rest)) = self.noted(NEXT)
            && let [rest_ms] = rest[..]
        {
            self.drain.pace.not_before = self.after(noted, rest_ms);
        }
        let Some((noted, numbers)) = self.noted(ALLOWANCE) else { return };
        let [mut rest_ms, whole_ms, ref waits @ ..] = numbers[..] else { return };
        let (not_before, whole_at) = (self.after(noted, rest_ms), self.after(noted, whole_ms));
        let mut allowance = Allowance { not_before, whole_at, last: None };
        // The file may be another one than that of the earlier process.
        if let Some(every) = plan_of(&self.program).limits.report_every {
            allowance = allowance.within(self.now(), every);
            rest_ms = rest_ms.min(i64::try_from(millis(distance(every))).unwrap_or(i64::MAX));
        }
        let moment = |boot, mono_ms| Moment { boot, mono_ms };
        let wait = |&[a, b, c, d]: &[i64; 4]| Wait { from: moment(a, b), until: moment(c, d) };
        let (waits, lost_at) = waits.as_chunks();
        let pace = &mut self.drain.pace;
        pace.allowance = allowance;
        pace.waits = waits.iter().map(wait).collect();
        pace.lost_at = Some(match *lost_at {
            [boot, mono_ms] => moment(boot, mono_ms),
            // The link was up when that process ended: what was made before this waited for the cloud.
            _ => Moment { mono_ms: noted.mono_ms.saturating_add(rest_ms), ..noted },
        });
    }

    /// When something was noted, and the numbers that it tells.
    fn noted(&self, key: &str) -> Option<(Moment, Vec<i64>)> {
        let note = self.shared.store.borrow_mut().note(key)?;
        let mut numbers = note.split(' ').map(str::parse);
        let (boot, mono_ms) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        Some((Moment { boot, mono_ms }, numbers.collect::<Result<_, _>>().ok()?))
    }

    /// So long after a moment of an earlier process.
    fn after(&self, moment: Moment, rest_ms: i64) -> Mono {
        // How long the machine was off may not be known: then as if it had been a moment.
        let passed = self.ago(moment).unwrap_or_default();
        let rest = Duration::from_millis(u64::try_from(rest_ms).unwrap_or(0));
        self.now() + rest.saturating_sub(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_mins(1);

    /// When reports go that are made at these times, in seconds.
    fn goes(made: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut allowance = Allowance::whole();
        let mut gone = Vec::new();
        for made in made {
            let now = allowance.not_before.max(Mono::ZERO + Duration::from_secs(made));
            gone.push(now.since(Mono::ZERO).as_secs());
            allowance = allowance.after_one(now, EVERY, gone.len() as u64);
        }
        gone
    }

    #[test]
    fn one_that_is_sent_again_delays_those_after_it_for_a_while() {
        let mut allowance = Allowance::whole();
        let s = |seconds| Mono::ZERO + Duration::from_secs(seconds);
        let late: Vec<u64> = (0..30_u64)
            .map(|n| {
                let made = s(n * 60);
                let mut now = allowance.not_before.max(made);
                allowance = allowance.after_one(now, EVERY, n);
                if n == 3 {
                    now = allowance.not_before;
                    allowance = allowance.after_one(now, EVERY, n);
                }
                now.since(made).as_secs()
            })
            .collect();
        assert_eq!(late[..12], [0, 0, 0, 54, 48, 42, 36, 30, 24, 18, 12, 6]);
        assert!(late[12..].iter().all(|late| *late == 0), "{late:?}");
    }

    #[test]
    fn a_cloud_that_takes_more_from_now_on_makes_nobody_wait_as_before() {
        let now = Mono::ZERO + Duration::from_mins(5);
        let hourly = Allowance::whole().after_one(Mono::ZERO, Duration::from_hours(1), 1);
        let wanted = Allowance { not_before: now + EVERY, whole_at: now + EVERY * 2, last: Some(1) };
        assert_eq!(hourly.within(now, EVERY), wanted);
        let fresh = Allowance::whole();
        assert_eq!(fresh.within(now, EVERY), fresh);
    }

    fn made(mono_ms: i64) -> Row {
        Row {
            seq: 1,
            lane: Lane::Report,
            topic: "attributes".into(),
            qos: 1,
            retain: false,
            payload: Vec::new(),
            captured: Moment { boot: 1, mono_ms },
            source: "report".into(),
            attempts: 0,
            refusals: 0,
            error: None,
        }
    }

    #[test]
    fn what_waited_for_the_cloud_before_an_outage_does_so_after_it() {
        let at = |mono_ms| Moment { boot: 1, mono_ms };
        // How reports go that were made before the outage and in it.
        let after_a_loss = |exceeded| {
            let limits = CloudLimits {
                report_every: Some(EVERY),
                gap: Duration::ZERO,
                drain_every: Duration::ZERO,
                exceeded,
            };
            let mut pace = Pace::new(&limits);
            pace.came_online(at(1_000_000), None, &limits);
            pace.lost((Mono::ZERO, at(2_000_000)), &limits);
            pace.came_online(at(3_000_000), None, &limits);
            [1_999_999, 2_000_000, 2_940_000].map(|mono_ms| pace.is_live(&made(mono_ms)))
        };
        assert_eq!(after_a_loss(true), [true, false, true]);
        assert_eq!(after_a_loss(false), [false, false, true]);
    }

    #[test]
    fn what_waited_in_several_outages_is_told_from_what_did_not() {
        let at = |mono_ms| Moment { boot: 1, mono_ms };
        let limits = CloudLimits {
            report_every: Some(EVERY),
            gap: Duration::ZERO,
            drain_every: Duration::ZERO,
            exceeded: true,
        };
        let mut pace = Pace::new(&limits);
        pace.came_online(at(0), None, &limits);
        pace.lost((Mono::ZERO, at(1_000_000)), &limits);
        pace.came_online(at(2_060_000), Some(&made(900_000)), &limits);
        pace.lost((Mono::ZERO, at(3_000_000)), &limits);
        pace.came_online(at(4_060_000), Some(&made(950_000)), &limits);
        let has_waited = |mono_ms| !pace.is_live(&made(mono_ms));
        assert!(has_waited(1_500_000) && has_waited(3_500_000));
        assert!(![999_999, 2_000_000, 2_999_999, 4_000_000].into_iter().any(has_waited));
        // The first is over when nothing of it is left.
        pace.lost((Mono::ZERO, at(5_000_000)), &limits);
        pace.came_online(at(6_060_000), Some(&made(2_500_000)), &limits);
        let wait = |from, until| Wait { from: at(from), until: at(until) };
        assert_eq!(pace.waits, [wait(3_000_000, 4_000_000), wait(5_000_000, 6_000_000)]);
    }

    #[test]
    fn one_that_came_late_delays_no_other() {
        assert_eq!(goes([9, 63, 120, 180, 240]), [9, 63, 120, 180, 240]);
    }

    #[test]
    fn two_in_one_moment_are_kept_apart() {
        assert_eq!(goes([0, 0, 0, 1_000, 1_000, 1_000]), [0, 54, 108, 1_000, 1_054, 1_108]);
    }

    #[test]
    fn over_time_it_is_one_each_period() {
        let gone = goes(std::iter::repeat_n(0, 60));
        assert!(gone.windows(2).all(|pair| pair[1] - pair[0] >= 54), "{gone:?}");
        assert!(gone.iter().enumerate().all(|(index, at)| index as u64 <= at / 60 + 1), "{gone:?}");
    }
}
