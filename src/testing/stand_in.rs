//! A station that is asked by a handler and only notes what it would do.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::at::pattern::Pattern;
use crate::flow::duration;
use crate::flow::model::{FlowId, Program};
use crate::hooks::{self, Value};
use crate::run::captures_map;
use crate::run::failure::Failure;
use crate::run::home::{Effects, Home};
use crate::station::HANDLER;
use crate::station::command::ask;
use crate::station::command::code::Code;
use crate::station::command::judge::{AtRules, judge};
use crate::store::{MAX_STATE_BYTES, StoreError};
use crate::transcript::visible::escaped;

/// Something that the station would do.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Send a command line.
    At {
        /// The line.
        line: String,
        /// What came back.
        answer: String,
    },
    /// Run a flow, at once.
    Run {
        /// Its name.
        flow: String,
        /// What it gets.
        with: Json,
    },
    /// Put a message into the outbox.
    Publish {
        /// Where to.
        topic: String,
        /// What.
        content: String,
    },
    /// Run a flow, later.
    After {
        /// How much later.
        delay: String,
        /// Its name.
        flow: String,
    },
    /// Keep a value.
    State {
        /// Its name.
        name: String,
        /// The new value.
        value: Json,
    },
}

impl Deed {
    /// The name and the new value of what is kept.
    fn set(&self) -> Option<(&str, &Json)> {
        match self {
            Self::State { name, value } => Some((name, value)),
            _ => None,
        }
    }

    /// What it is, and the rest in one line.
    pub fn shown(&self) -> (&'static str, String) {
        match self {
            Self::At { line, answer } => ("at", format!("{line} -> {}", escaped(answer))),
            Self::Run { flow, with } => ("run", format!("{flow} {with}")),
            Self::Publish { topic, content } => ("publish", format!("{topic} {}", escaped(content))),
            Self::After { delay, flow } => ("after", format!("{delay} {flow}")),
            Self::State { name, value } => ("state", format!("{name} = {value}")),
        }
    }

    /// For programs.
    pub fn json(&self) -> Json {
        match self {
            Self::At { line, answer } => json!({ "at": line, "answer": answer }),
            Self::Run { flow, with } => json!({ "run": flow, "with": with }),
            Self::Publish { topic, content } => json!({ "publish": topic, "content": content }),
            Self::After { delay, flow } => json!({ "after": delay, "run": flow }),
            Self::State { name, value } => json!({ "state": name, "value": value }),
        }
    }
}

/// The station's place, taken while a handler is tried.
pub struct StandIn {
    program: Rc<Program>,
    /// Of the method that is called.
    dangerous: bool,
    /// What the module answers to which line.
    answers: Vec<(String, String)>,
    /// How to say what it answers to this line; for messages.
    how_to_answer: fn(&str) -> String,
    /// How often each line was sent.
    sent: RefCell<BTreeMap<String, usize>>,
    state: RefCell<BTreeMap<Arc<str>, Value>>,
    deeds: RefCell<Vec<Deed>>,
    /// The station does not do the last thing that it was asked for.
    refused: Cell<bool>,
}

impl StandIn {
    /// One for `program`. `dangerous`: the method may restart the module. `how_to_answer` tells the author
    /// how to give the answer to a line that has none.
    pub fn new(
        program: Rc<Program>,
        dangerous: bool,
        answers: Vec<(String, String)>,
        how_to_answer: fn(&str) -> String,
    ) -> Self {
        let vars = program.station.iter().flat_map(|station| &station.state);
        let state = vars.map(|var| (Arc::clone(&var.name), var.default.clone())).collect();
        Self {
            program,
            dangerous,
            answers,
            how_to_answer,
            sent: RefCell::default(),
            state: RefCell::new(state),
            deeds: RefCell::default(),
            refused: Cell::default(),
        }
    }

    /// What it was asked for, in order.
    pub fn deeds(&self) -> Vec<Deed> {
        self.deeds.borrow().clone()
    }

    /// Whether the station would keep what was set in `state`: it looks when the handler is over.
    ///
    /// # Errors
    ///
    /// It would be too large.
    pub fn fits_state(&self) -> Result<(), String> {
        let deeds = self.deeds.borrow();
        let set: BTreeMap<&str, &Json> = deeds.iter().filter_map(Deed::set).collect();
        let bytes = set.iter().map(|(name, value)| name.len() + value.to_string().len()).sum();
        if bytes > MAX_STATE_BYTES {
            self.refused.set(false);
            return Err(StoreError::StateTooLarge { bytes }.to_string());
        }
        Ok(())
    }

    /// With what code the station would answer if the handler failed now.
    pub fn code_of_failure(&self) -> Code {
        if self.refused.get() { Code::Refused } else { Code::Failed }
    }

    /// The station does not do this.
    fn refuse(&self, why: String) -> String {
        self.refused.set(true);
        why
    }

    fn note(&self, deed: Deed) {
        self.deeds.borrow_mut().push(deed);
    }

    /// A flow that a handler may name.
    fn flow(&self, name: &str) -> Result<FlowId, String> {
        let id = self.program.station.as_ref().and_then(|station| station.callable.get(name));
        id.copied().ok_or_else(|| format!("there is no flow `{name}`"))
    }

    /// What the module answers to `line`: the first answer the first time, then the next; the last one stays.
    fn answer(&self, line: &str, pattern: Option<&str>) -> Result<&str, String> {
        let mut sent = self.sent.borrow_mut();
        let times = sent.entry(line.to_owned()).or_default();
        let fitting =
            self.answers.iter().filter(|(known, _)| known == line).map(|(_, answer)| answer.as_str());
        let fitting: Vec<&str> = fitting.collect();
        let answer = fitting.get(*times).or(fitting.last()).copied();
        *times += 1;
        answer.ok_or_else(|| {
            let how = (self.how_to_answer)(line);
            let wanted =
                pattern.map_or_else(|| "`OK`".to_string(), |pattern| format!("a line like `{pattern}`"));
            format!("nothing says what the module answers: add {how}, {wanted}")
        })
    }
}

impl hooks::Station for StandIn {
    fn at(&self, line: &str, pattern: Option<&str>) -> Result<Value, String> {
        let downlink = self.program.station.as_ref().and_then(|station| station.downlink.as_ref());
        let allowed = downlink.and_then(|downlink| downlink.at.as_deref());
        let rules = AtRules { allowed, dangerous: self.dangerous };
        judge(line, &rules, &self.program.dialect).map_err(|refusal| self.refuse(refusal.message))?;
        // Whatever fails from here on is no refusal.
        self.refused.set(false);
        let expected = pattern.map(ask::pattern).transpose()?;
        let answer = self.answer(line, pattern)?;
        self.note(Deed::At { line: line.to_owned(), answer: answer.to_owned() });
        let results = &self.program.dialect.results;
        let is = |known: &[Pattern], line: &str| {
            known.iter().any(|pattern| pattern.is_match(line.as_bytes(), &[]))
        };
        if let Some(error) = answer.lines().find(|line| is(&results.error, line)) {
            return Err(format!("the module answers `{error}` to `{line}`"));
        }
        // A final result may stand there; it is no line of the answer.
        let mut lines = answer.lines().filter(|line| !is(&results.ok, line));
        let Some((expected, pattern)) = expected.zip(pattern) else {
            return Ok(hooks::list_of(lines.map(|line| Value::from(line.to_owned()))));
        };
        let captures = lines.find_map(|line| expected.match_line(line.as_bytes(), &[]));
        captures
            .map(|captures| captures_map(&captures))
            .ok_or_else(|| format!("the answer `{}` does not fit `{pattern}`", escaped(answer)))
    }

    fn run(&self, flow: &str, with: &Value) -> Result<Value, String> {
        let id = self.flow(flow)?;
        let found = self.program.flow(id);
        ask::arguments(found, with)?;
        ask::enough_time(&self.program, id, flow, HANDLER).map_err(|why| self.refuse(why))?;
        let with = hooks::to_json(with).map_err(|error| error.to_string())?;
        self.note(Deed::Run { flow: flow.to_owned(), with });
        Ok(hooks::map_of(found.returns.iter().map(|(name, _)| (&**name, Value::UNIT))))
    }

    fn publish(&self, topic: &str, value: &Value) -> Result<(), String> {
        let limits = &self.program.dialect.limits;
        ask::topic(topic, limits)?;
        let content = ask::content(value, limits)?;
        let content = String::from_utf8_lossy(&content).into_owned();
        self.note(Deed::Publish { topic: topic.to_owned(), content });
        Ok(())
    }

    fn after(&self, delay: &str, flow: &str) -> Result<(), String> {
        let found = self.program.flow(self.flow(flow)?);
        let waiting = self.deeds.borrow().iter().filter(|deed| matches!(deed, Deed::After { .. })).count();
        let delay = ask::after(found, delay, waiting)?;
        self.note(Deed::After { delay: duration::display(delay), flow: flow.to_owned() });
        Ok(())
    }

    fn state(&self, name: &str) -> Result<Value, String> {
        let vars = self.program.station.as_ref().map_or(&[][..], |station| &station.state);
        let var = ask::state_var(vars, name)?;
        Ok(self.state.borrow().get(&var.name).cloned().unwrap_or(Value::UNIT))
    }

    fn set_state(&self, name: &str, value: &Value) -> Result<(), String> {
        let vars = self.program.station.as_ref().map_or(&[][..], |station| &station.state);
        ask::new_state(vars, name, value)?;
        let shown = hooks::to_json(value).map_err(|error| error.to_string())?;
        self.note(Deed::State { name: name.to_owned(), value: shown });
        self.state.borrow_mut().insert(name.into(), value.clone());
        Ok(())
    }
}

/// For the reply's expressions, which may read `state`.
impl Home for StandIn {
    fn state(&self) -> Value {
        hooks::map_of(self.state.borrow().iter().map(|(name, value)| (&**name, value.clone())))
    }

    fn state_name(&self, index: usize) -> Arc<str> {
        let var = self.program.station.as_ref().and_then(|station| station.state.get(index));
        var.map_or_else(|| "".into(), |var| Arc::clone(&var.name))
    }

    fn check_state(&self, _name: &str, _value: &Value) -> Result<(), Failure> {
        Ok(())
    }

    fn subscriptions(&self) -> Value {
        let topics = self.program.station.iter().flat_map(|station| &station.subscriptions);
        hooks::list_of(topics.map(|topic| Value::from(topic.clone())))
    }

    fn clean_session(&self) -> bool {
        false
    }

    fn default_qos(&self) -> u8 {
        self.program.station.as_ref().map_or(0, |station| station.outbox.qos)
    }

    fn data_begins(&self) {}

    fn commit(&self, _effects: Effects) -> Result<(), Failure> {
        Ok(())
    }
}
