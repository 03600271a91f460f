//! Weeks of random trouble: what must hold whatever happens.

use proptest::prelude::*;

use crate::chance::Chance;
use crate::station::event::LinkState;
use crate::station::link::Uses;

use super::*;

const WEEK: Duration = Duration::from_hours(7 * 24);

/// A station in a world where anything may happen. `now` is the world's time; the machine's begins anew with
/// each process.
struct World {
    rig: Rig,
    chance: Chance,
    now: Mono,
    began: Mono,
    stored: (Uses, Mono),
    /// How likely a run passes, and the check with it; it changes every few hours.
    luck: f64,
    mood_until: Mono,
    used: Vec<(usize, Mono)>,
    last_check: Option<bool>,
    passed_in_vain: u32,
    condemned: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let shape = shape();
        let link = Machine::new(shape.clone(), &History::default(), seed, Mono::ZERO);
        Self {
            rig: Rig { link, shape, now: Mono::ZERO, told: Vec::new() },
            chance: Chance::new(seed),
            now: Mono::ZERO,
            began: Mono::ZERO,
            stored: (Uses::default(), Mono::ZERO),
            luck: 1.0,
            mood_until: Mono::ZERO,
            used: Vec::new(),
            last_check: None,
            passed_in_vain: 0,
            condemned: false,
        }
    }

    fn below(&mut self, most: Duration) -> Duration {
        self.chance.up_to(most)
    }

    fn is(&mut self, part: f64) -> bool {
        self.chance.part() < part
    }

    /// The machine's time.
    fn mono(&self) -> Mono {
        Mono::ZERO + self.now.since(self.began)
    }

    fn step(&mut self) {
        if self.now >= self.mood_until {
            self.luck = [0.0, 0.3, 0.9, 1.0][usize::from(self.is(0.5)) + 2 * usize::from(self.is(0.5))];
            self.mood_until = self.now + self.below(Duration::from_hours(8));
        }
        match self.rig.link.want(self.mono()) {
            Want::Do(_) => self.work(),
            Want::FindPort => {
                self.now = self.now + Duration::from_secs(1) + self.below(Duration::from_mins(5));
                if self.is(self.luck) {
                    self.rig.link.fact(self.mono(), Fact::PortFound);
                }
            }
            Want::Nothing { until } => {
                let at = until.map_or(Mono::FAR, |until| self.began + until.since(Mono::ZERO));
                assert!(at > self.now, "it would never sleep");
                let trouble =
                    self.now + self.below(Duration::from_mins(if self.luck < 0.9 { 20 } else { 300 }));
                self.now = at.min(trouble);
                if trouble < at {
                    self.trouble();
                }
            }
        }
        self.watch();
        if self.is(0.002) {
            self.crash();
        }
    }

    fn work(&mut self) {
        let job = self.rig.link.begin(self.mono()).unwrap();
        assert_eq!(self.rig.link.begin(self.mono()), None);
        if self.rig.link.uses_changed() {
            self.stored = (self.rig.link.uses(self.mono()), self.now);
        }
        if let Job::Rung { index } = job {
            self.judge_rung(index);
        }
        if self.is(0.01) {
            // The process ends in the middle of it.
            return self.crash();
        }
        let slow = self.is(0.1);
        self.now = self.now + self.below(Duration::from_secs(if slow { 90 } else { 5 }));
        if self.is(0.03) {
            self.trouble();
        }
        let outcome = self.outcome(job);
        if job == Job::Check {
            let good = outcome.is_good();
            self.last_check = Some(good);
            self.passed_in_vain += u32::from(good);
        }
        if matches!(job, Job::Climb { level: 2, .. }) {
            self.condemned = false;
        }
        self.rig.link.done(self.mono(), &outcome);
    }

    fn outcome(&mut self, job: Job) -> Outcome {
        let names = ["timeout", "error", "closed", "reboot", "port", "stuck", "hook", "refused"];
        if self.is(self.luck) {
            return Outcome::Passed { online: (job == Job::Check).then_some(true) };
        }
        if job == Job::Check && self.is(0.5) {
            return outcome_of("offline");
        }
        let likely = if self.is(0.9) { 3 } else { names.len() };
        let index = (0..likely).find(|_| self.is(0.4)).unwrap_or(0);
        outcome_of(names[index])
    }

    fn trouble(&mut self) {
        let facts = [
            ("acknowledged", 0.3),
            ("accepted", 0.2),
            ("message", 0.2),
            ("line", 0.3),
            ("closed", 0.3),
            ("no publish", 0.4),
            ("no puback", 0.1),
            ("refused", 0.2),
            ("silent", 0.1),
            ("restart", 0.1),
            ("reboot", 0.3),
            ("gone", 0.2),
            ("found", 0.1),
            ("unstuck", 0.3),
            ("stuck", 0.2),
        ];
        let fact = facts.iter().find(|(_, part)| self.chance.part() < *part).map_or("line", |(word, _)| word);
        let was_online = matches!(self.rig.link.state(), LinkState::Online | LinkState::Degraded);
        self.rig.link.fact(self.mono(), fact_of(fact));
        let lost = was_online && self.rig.link.state() == LinkState::Recovering;
        self.condemned |= lost && fact.starts_with("no ") || fact == "no puback";
    }

    fn watch(&mut self) {
        for happening in self.rig.link.take_happenings() {
            if let Happening::LinkState { from, to, .. } = happening {
                assert_ne!(from, to);
            }
        }
        if self.rig.link.is_online() {
            self.passed_in_vain = 0;
        }
    }

    /// Its caps, whatever the station remembers, and why it was used at all.
    fn judge_rung(&mut self, index: usize) {
        let rung = &self.rig.shape.rungs[index];
        let (now, per) = (self.now, rung.per);
        let recent = self.used.iter().filter(|(which, at)| *which == index && now.since(*at) < per).count();
        assert!(recent < rung.at_most as usize, "{} too often at {now:?}", rung.name);
        self.used.push((index, now));
        let quarantined = self.rig.link.state() == LinkState::Quarantined;
        assert!(!quarantined || !rung.needs_module, "the module was spoken to in quarantine");
        let asked = self.last_check == Some(false) || self.passed_in_vain >= 2;
        assert!(asked || self.condemned || quarantined, "{} without a check at {now:?}", rung.name);
        self.last_check = None;
        self.passed_in_vain = 0;
    }

    fn crash(&mut self) {
        self.now = self.now + self.below(Duration::from_mins(3));
        let away = if self.is(0.5) { self.now.since(self.stored.1) } else { Duration::ZERO };
        let history = History { uses: self.stored.0.clone(), away, unclean: true, ..History::default() };
        self.began = self.now;
        self.rig.link = Machine::new(self.rig.shape.clone(), &history, 3, Mono::ZERO);
        (self.last_check, self.passed_in_vain, self.condemned) = (None, 0, false);
    }

    /// From now on everything works; unless it was the network alone, because the module was switched off
    /// and on. The session may have outlived it or have to be opened. How long until it is online, and
    /// whether it had to wait first.
    fn heal(&mut self) -> (Duration, bool) {
        let healed = self.now;
        let silent = self.is(0.5) && !matches!(self.rig.link.state(), LinkState::Quarantined);
        if self.rig.link.want(self.mono()) == Want::FindPort {
            self.rig.link.fact(self.mono(), Fact::PortFound);
        }
        if !silent {
            self.rig.link.fact(self.mono(), fact_of("reboot"));
        }
        let waited = self.rig.link.state() == LinkState::Waiting;
        let mut open = self.is(0.5);
        while !self.rig.link.is_online() {
            match self.rig.link.want(self.mono()) {
                Want::Do(job) => {
                    self.rig.link.begin(self.mono());
                    self.now = self.now + Duration::from_secs(5);
                    open |= matches!(job, Job::Climb { level: 2, .. });
                    let online = (job == Job::Check).then_some(open);
                    self.rig.link.done(self.mono(), &Outcome::Passed { online });
                }
                Want::Nothing { until: Some(until) } => self.now = self.began + until.since(Mono::ZERO),
                want => panic!("{want:?}"),
            }
        }
        (self.now.since(healed), waited)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_week_of_trouble_keeps_the_rules_and_ends_online(seed: u64, part in 0.0..1.0) {
        let mut world = World::new(seed);
        let end = Mono::ZERO + WEEK.mul_f64(part);
        while world.now < end {
            world.step();
        }
        let (took, waited) = world.heal();
        let bound = Duration::from_mins(if waited { 90 } else { 30 });
        prop_assert!(took <= bound, "{took:?}");
    }
}
