//! Notes what happens during a test, as far as somebody expects something of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::flow::diag::Span;
use crate::link::Mono;
use crate::run::event::{Event, Observer};
use crate::session::Heard;
use crate::station::event::{Happening, LinkState, Status, Watcher, Work};

use super::coverage::{Branch, Touched};
use super::file::Subject;

/// Something that happened, as an expectation counts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub at: Mono,
    /// For people; masked.
    pub text: String,
    /// Of a run: it passed. Of an answer: it has the code that was wanted.
    pub passed: bool,
    /// Of a run: how long it took.
    pub took: Duration,
}

/// Notes what happens.
pub(super) struct Recorder {
    subjects: Vec<Subject>,
    /// By subject.
    notes: Vec<Vec<Note>>,
    /// How many lines of a `sent` list have come, by subject.
    in_order: Vec<usize>,
    touched: BTreeSet<Touched>,
    /// Steps that are not over.
    begun: BTreeSet<Span>,
    /// Runs of this process that are not over, by number: what for, and since when.
    running: BTreeMap<u64, (String, Mono)>,
    wants_lines: bool,
    /// What shows it as the terminal would, for goldens.
    shown: Option<Box<dyn Watcher>>,
    /// Everything that was told, if somebody wants it.
    told: Option<Vec<(Mono, Happening)>>,
    /// What was only counted, as far as everything is kept.
    worked: Vec<Work>,
}

impl Recorder {
    pub fn new(subjects: Vec<Subject>, shown: Option<Box<dyn Watcher>>) -> Self {
        Self {
            notes: vec![Vec::new(); subjects.len()],
            in_order: vec![0; subjects.len()],
            wants_lines: subjects.iter().any(Subject::wants_lines),
            subjects,
            touched: BTreeSet::new(),
            begun: BTreeSet::new(),
            running: BTreeMap::new(),
            shown,
            told: None,
            worked: Vec::new(),
        }
    }

    /// From now on everything that is told is kept.
    pub fn keep_told(&mut self) {
        self.told.get_or_insert_default();
    }

    /// What was told so far, if it was kept.
    pub fn take_told(&mut self) -> Vec<(Mono, Happening)> {
        self.told.take().unwrap_or_default()
    }

    /// Work that was only counted, if what was told was kept.
    pub fn take_worked(&mut self) -> Vec<Work> {
        std::mem::take(&mut self.worked)
    }

    /// What was noted so far, by subject. What comes later is not looked at any more.
    pub fn take_notes(&mut self) -> Vec<Vec<Note>> {
        std::mem::take(&mut self.notes)
    }

    /// What was reached.
    pub fn take_touched(&mut self) -> BTreeSet<Touched> {
        self.steps_ended();
        std::mem::take(&mut self.touched)
    }

    /// A run in which a process ended took until then, and has not passed.
    pub fn process_ended(&mut self, at: Mono) {
        for (name, began) in std::mem::take(&mut self.running).into_values() {
            let text = "the process ended in it".to_owned();
            self.note_run(&name, &Note { at, text, passed: false, took: at.since(began) });
        }
        self.steps_ended();
    }

    /// A step in which the test or a process ended ran, too, whatever the next process makes of it.
    fn steps_ended(&mut self) {
        let begun = std::mem::take(&mut self.begun);
        self.touched.extend(begun.into_iter().map(|span| (span, Branch::Ran)));
    }

    fn note(&mut self, at: Mono, text: &str, fits: impl Fn(&Subject) -> bool) {
        self.note_all(&Note { at, text: text.to_owned(), passed: true, took: Duration::ZERO }, fits);
    }

    fn note_all(&mut self, note: &Note, fits: impl Fn(&Subject) -> bool) {
        for (subject, notes) in self.subjects.iter().zip(&mut self.notes) {
            if fits(subject) {
                notes.push(note.clone());
            }
        }
    }

    fn note_run(&mut self, name: &str, note: &Note) {
        self.note_all(
            note,
            |subject| matches!(subject, Subject::Runs { name: wanted, .. } if wanted == name),
        );
    }

    /// An answer with another code than the wanted one has not passed.
    fn replied(&mut self, at: Mono, method: &str, code: &str) {
        for (subject, notes) in self.subjects.iter().zip(&mut self.notes) {
            if let Subject::Replied { method: wanted, code: with } = subject
                && wanted == method
            {
                let passed = with.as_ref().is_none_or(|with| with == code);
                let text = format!("{method}: {code}");
                notes.push(Note { at, text, passed, took: Duration::ZERO });
            }
        }
    }

    fn sent(&mut self, at: Mono, line: &[u8]) {
        for (index, subject) in self.subjects.iter().enumerate() {
            let Subject::Sent(patterns) = subject else { continue };
            let Some(notes) = self.notes.get_mut(index) else { continue };
            let next = &mut self.in_order[index];
            if patterns.get(*next).is_some_and(|pattern| pattern.is_match(line, &[])) {
                *next += 1;
                if *next == patterns.len() {
                    *next = 0;
                    let text = String::from_utf8_lossy(line).into_owned();
                    notes.push(Note { at, text, passed: true, took: Duration::ZERO });
                }
            }
        }
    }

    fn link(&mut self, at: Mono, from: LinkState, to: LinkState, cause: Option<&str>) {
        if to.is_up() && !from.is_up() {
            self.note(at, "up", |subject| matches!(subject, Subject::LinkUp));
        }
        if from.is_up() && !to.is_up() && to != LinkState::Stopped {
            let text = cause.unwrap_or("lost");
            self.note(at, text, |subject| matches!(subject, Subject::LinkLost));
        }
    }
}

impl Observer for Recorder {
    fn event(&mut self, at: Mono, event: &Event<'_>) {
        match event {
            Event::StepStarted(step) => {
                self.begun.insert(step.span);
            }
            Event::StepFinished(step) => {
                self.begun.remove(&step.span);
                self.touched.extend(Branch::of(step).iter().map(|branch| (step.span, *branch)));
            }
            Event::Retrying { span, .. } => {
                self.touched.insert((*span, Branch::Again));
            }
            Event::AttemptFailed(failure) => {
                let text = failure.in_one_line();
                let name = &failure.name;
                self.note(at, &text, |subject| matches!(subject, Subject::Error(wanted) if wanted == name));
            }
            Event::Log { text, .. } => self.note(
                at,
                text,
                |subject| matches!(subject, Subject::Log(pattern) if pattern.is_match(text.as_bytes(), &[])),
            ),
            Event::Heard(Heard::Sent(line)) => self.sent(at, line),
            _ => {}
        }
        // Lines may be there only because something else is expected of them.
        let is_line = matches!(event, Event::Heard(_));
        if let Some(shown) = self.shown.as_mut().filter(|shown| !is_line || shown.wants_lines()) {
            shown.event(at, event);
        }
    }

    fn wants_lines(&self) -> bool {
        self.wants_lines
    }
}

impl Watcher for Recorder {
    fn happened(&mut self, at: Mono, happening: &Happening) {
        if let Some(told) = &mut self.told {
            told.push((at, happening.clone()));
        }
        match happening {
            Happening::LinkState { from, to, cause, .. } => self.link(at, *from, *to, cause.as_deref()),
            Happening::CommandStarted { method, .. } => {
                self.note(
                    at,
                    method,
                    |subject| matches!(subject, Subject::Handled(wanted) if wanted == method),
                );
            }
            Happening::CommandFinished { method, code, reply: true, .. }
            | Happening::CommandRejected { method, code, reply: true, .. } => {
                self.replied(at, method, code);
            }
            Happening::JobStarted { name, run, .. } => {
                self.running.insert(*run, (name.clone(), at));
            }
            Happening::JobFinished { name, run, outcome, error, took_ms, .. } => {
                self.running.remove(run);
                let text = error.as_deref().unwrap_or(outcome).to_owned();
                let note = Note { at, text, passed: outcome == "ok", took: Duration::from_millis(*took_ms) };
                self.note_run(name, &note);
            }
            Happening::Log { text } => self.note(
                at,
                text,
                |subject| matches!(subject, Subject::Log(pattern) if pattern.is_match(text.as_bytes(), &[])),
            ),
            _ => {}
        }
        if let Some(shown) = &mut self.shown {
            shown.happened(at, happening);
        }
    }

    fn worked(&mut self, work: &Work) {
        if self.told.is_some() && matches!(work, Work::Publish { .. }) {
            self.worked.push(*work);
        }
    }

    fn status(&mut self, at: Mono, status: &Status) {
        if let Some(shown) = &mut self.shown {
            shown.status(at, status);
        }
    }
}
