//! Scripts: what is heard, what is wanted then, how it ends. Each run takes a second.

mod module;
mod recovery;
mod rules;
mod week;

use std::time::Duration;

use crate::flow::codes::Code;
use crate::flow::duration;
use crate::flow::model::{Pause, Retry};
use crate::link::Mono;
use crate::station::event::Happening;

use super::{
    Fact, History, Job, LevelShape, Machine, Outcome, PublishFault, RungShape, Shape, Trouble, Want,
};

fn level(name: &str) -> LevelShape {
    LevelShape { name: name.into(), retry: Retry::default() }
}

fn rung(name: &str, at_most: u32, needs_module: bool) -> RungShape {
    RungShape { name: name.into(), at_most, per: Duration::from_hours(1), needs_module }
}

/// Three levels, of which the top is tried twice, ten seconds apart; two rungs; a check every two minutes.
fn shape() -> Shape {
    let twice = Retry {
        attempts: Some(2),
        pause: Pause::Backoff(Duration::from_secs(10), Duration::from_secs(10)),
        written: true,
        ..Retry::default()
    };
    Shape {
        levels: vec![level("wake"), level("attach"), LevelShape { name: "go_online".into(), retry: twice }],
        rungs: vec![rung("reset", 1, true), rung("power", 1, false)],
        check_every: Some(Duration::from_mins(2)),
    }
}

/// A machine, its time, and all that it told.
struct Rig {
    link: Machine,
    shape: Shape,
    now: Mono,
    told: Vec<Happening>,
}

/// Plays a script on the usual shape.
fn play(script: &str) -> Rig {
    play_on(shape(), &History::default(), script)
}

fn play_on(shape: Shape, history: &History, script: &str) -> Rig {
    let now = Mono::ZERO + Duration::from_hours(1);
    let link = Machine::new(shape.clone(), history, 7, now);
    let mut rig = Rig { link, shape, now, told: Vec::new() };
    rig.play(script);
    rig
}

impl Rig {
    /// A line each: `hear FACT` · `rest A..B` nothing is wanted for so long · `pass A` time goes by ·
    /// `is STATE [LEVEL]` · `up` all levels pass at once · `idle` nothing is wanted ever · `JOB: OUTCOME` this
    /// is wanted now, and ends so.
    fn play(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let place = format!("`{line}` at {:?} of\n{script}", self.now);
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "hear" => self.hear(rest),
                "pass" => self.now = self.now + duration::parse(rest).unwrap(),
                "rest" => self.rest(rest, &place),
                "is" => {
                    self.link.want(self.now);
                    assert_eq!(self.standing(rest.contains(' ')), rest, "{place}");
                }
                "up" => self.up(&place),
                "idle" => {
                    assert_eq!(self.link.want(self.now), Want::Nothing { until: None }, "{place}");
                }
                _ => self.run(line, &place),
            }
            self.told.extend(self.link.take_happenings());
        }
    }

    fn standing(&self, with_level: bool) -> String {
        let word = self.link.state().word();
        if with_level { format!("{word} {}", self.link.level()) } else { word.to_string() }
    }

    fn hear(&mut self, fact: &str) {
        self.link.fact(self.now, fact_of(fact));
    }

    fn rest(&mut self, range: &str, place: &str) {
        let (least, most) = range.split_once("..").unwrap();
        let (least, most) = (duration::parse(least).unwrap(), duration::parse(most).unwrap());
        let want = self.link.want(self.now);
        let Want::Nothing { until: Some(until) } = want else { panic!("{want:?}: {place}") };
        let pause = until.since(self.now);
        assert!((least..=most).contains(&pause), "{pause:?}: {place}");
        self.now = until;
    }

    fn up(&mut self, place: &str) {
        for index in self.link.level()..self.shape.levels.len() {
            let name = self.shape.levels[index].name.clone();
            self.run(&format!("{name}: ok"), place);
        }
        assert_eq!(self.standing(false), "online", "{place}");
    }

    /// `JOB: OUTCOME`, or `JOB, FACT: OUTCOME` when that is heard meanwhile.
    fn run(&mut self, line: &str, place: &str) {
        let (job, outcome) = line.split_once(": ").unwrap_or_else(|| panic!("{place}"));
        let (job, heard) = job.split_once(", ").unwrap_or((job, ""));
        let want = self.link.want(self.now);
        assert_eq!(self.name(want), job, "{place}");
        self.link.begin(self.now).unwrap();
        assert_eq!(self.link.want(self.now), Want::Nothing { until: None }, "{place}");
        assert_eq!(self.link.begin(self.now), None, "{place}");
        if !heard.is_empty() {
            self.hear(heard);
        }
        self.now = self.now + Duration::from_secs(1);
        self.link.done(self.now, &outcome_of(outcome));
    }

    fn name(&self, want: Want) -> String {
        match want {
            Want::Do(Job::Check) => "check".into(),
            Want::Do(Job::Climb { level, clean }) => {
                format!("{}{}", self.shape.levels[level].name, if clean { " clean" } else { "" })
            }
            Want::Do(Job::Rung { index }) => self.shape.rungs[index].name.to_string(),
            Want::FindPort => "find the port".into(),
            Want::Nothing { until } => format!("nothing for {:?}", until.map(|at| at.since(self.now))),
        }
    }

    /// What was told, one word each, without the climbing.
    fn words(&self) -> Vec<String> {
        self.told.iter().filter_map(word_of).collect()
    }
}

fn word_of(happening: &Happening) -> Option<String> {
    Some(match happening {
        Happening::LinkState { to, cause, .. } => {
            cause.as_ref().map_or(to.word().into(), |cause| format!("{} ({cause})", to.word()))
        }
        Happening::RungStarted { rung, attempt } => format!("{rung} {attempt}"),
        Happening::RungFinished { .. } => return None,
        Happening::Check { ok, .. } => format!("check {ok}"),
        Happening::Reboot { expected, .. } => if *expected { "restart" } else { "reboot" }.into(),
        Happening::Brownout => "brownout".into(),
        Happening::PortGone { .. } => "gone".into(),
        Happening::PortFound => "found".into(),
        Happening::QuarantineEntered => "quarantine".into(),
        Happening::QuarantineLeft => "free".into(),
        other => panic!("{other:?}"),
    })
}

fn fact_of(word: &str) -> Fact {
    match word {
        "closed" => Fact::Closed,
        "silent" => Fact::Silent,
        "reboot" => Fact::Reboot { evidence: "RDY".into(), expected: false },
        "restart" => Fact::Reboot { evidence: "RDY".into(), expected: true },
        "gone" => Fact::PortGone { what: "hung up".into(), expected: false },
        "found" => Fact::PortFound,
        "stuck" => Fact::Stuck,
        "unstuck" => Fact::Unstuck,
        "accepted" => Fact::PublishOk { acknowledged: false },
        "acknowledged" => Fact::PublishOk { acknowledged: true },
        "no publish" => Fact::PublishFailed(PublishFault::Transport),
        "no puback" => Fact::PublishFailed(PublishFault::PubackMissing),
        "refused" => Fact::PublishFailed(PublishFault::Refused),
        "message" => Fact::Downlink,
        "doubt" => Fact::Doubt,
        "line" => Fact::SignOfLife,
        other => panic!("no fact: {other}"),
    }
}

fn outcome_of(word: &str) -> Outcome {
    match word {
        "ok" => Outcome::Passed { online: None },
        "online" => Outcome::Passed { online: Some(true) },
        "offline" => Outcome::Passed { online: Some(false) },
        name => Outcome::Failed(Trouble {
            code: Code::FAILED_TIMEOUT,
            name: name.into(),
            family: name.into(),
            number: None,
            message: format!("it ended with {name}"),
        }),
    }
}
