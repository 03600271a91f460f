//! What only command handlers of a station may call: `at run publish after state`. The station does it; here
//! stands only how it looks from a script.

use std::cell::RefCell;
use std::rc::Rc;

use rhai::{Dynamic, Engine, FuncRegistration, ImmutableString};

use super::functions::{Answer, fault};
use super::value::Value;

/// What a station does for its handlers. Each refusal is the message that the script gets.
///
/// None of these may wait without a deadline: a script cannot be stopped inside of them.
pub trait Station {
    /// `at(line, pattern)`: sends a command line and returns what the pattern captured, a map. `at(line)`: the lines
    /// that came before the final result, a list.
    fn at(&self, line: &str, pattern: Option<&str>) -> Result<Value, String>;
    /// `run(flow, #{…})`: runs a flow with these params and returns what it returns, a map.
    fn run(&self, flow: &str, with: &Value) -> Result<Value, String>;
    /// `publish(topic, value)`: puts a message into the outbox.
    fn publish(&self, topic: &str, value: &Value) -> Result<(), String>;
    /// `after(duration, flow)`: runs a flow once, later.
    fn after(&self, delay: &str, flow: &str) -> Result<(), String>;
    /// `state.name` and `state.get("name")`.
    fn state(&self, name: &str) -> Result<Value, String>;
    /// `state.set("name", value)`.
    fn set_state(&self, name: &str, value: &Value) -> Result<(), String>;
}

/// Where a host keeps its station.
pub(super) type Slot = Rc<RefCell<Option<Rc<dyn Station>>>>;

/// Names that only handlers know, with their numbers of arguments.
pub(super) const FUNCTIONS: [(&str, usize); 7] =
    [("at", 1), ("at", 2), ("run", 1), ("run", 2), ("publish", 2), ("after", 2), ("set", 3)];

/// Whether handlers call something of this name that is not theirs.
pub fn is_host_function(name: &str) -> bool {
    let of_station = FUNCTIONS.iter().filter(|(name, _)| *name != "set").map(|(name, _)| *name);
    of_station.chain(["log", "now", "escape", "print", "debug"]).any(|known| known == name)
}

/// The variable of handlers.
pub(super) const STATE: &str = "state";

/// `state` in a handler: reads and writes go to the station.
#[derive(Clone)]
pub(super) struct State(Slot);

impl State {
    pub(super) fn value(slot: &Slot) -> Value {
        Dynamic::from(Self(Rc::clone(slot)))
    }

    fn get(&self, name: &str) -> Answer<Value> {
        ask(&self.0, STATE, |station| station.state(name))
    }
}

/// The station may run flows whose expressions come back to this host, so nothing stays borrowed.
fn ask<T>(slot: &Slot, name: &str, question: impl FnOnce(&dyn Station) -> Result<T, String>) -> Answer<T> {
    let station = slot.borrow().clone();
    match station {
        Some(station) => question(&*station).map_err(fault),
        None => Err(fault(format!("`{name}` works only in a handler of a running station"))),
    }
}

/// Puts the functions into an engine. [`super::Host`] lets only handlers name them.
pub(super) fn register(engine: &mut Engine, slot: &Slot) {
    let here = Rc::clone(slot);
    engine
        .register_fn("at", move |line: ImmutableString| ask(&here, "at", |station| station.at(&line, None)));
    let here = Rc::clone(slot);
    engine.register_fn("at", move |line: ImmutableString, pattern: ImmutableString| {
        ask(&here, "at", |station| station.at(&line, Some(&pattern)))
    });
    let here = Rc::clone(slot);
    engine.register_fn("run", move |flow: ImmutableString| {
        ask(&here, "run", |station| station.run(&flow, &Value::from_map(rhai::Map::new())))
    });
    let here = Rc::clone(slot);
    engine.register_fn("run", move |flow: ImmutableString, with: rhai::Map| {
        ask(&here, "run", |station| station.run(&flow, &Value::from_map(with)))
    });
    let here = Rc::clone(slot);
    engine.register_fn("publish", move |topic: ImmutableString, value: Value| {
        ask(&here, "publish", |station| station.publish(&topic, &value))
    });
    let here = Rc::clone(slot);
    engine.register_fn("after", move |delay: ImmutableString, flow: ImmutableString| {
        ask(&here, "after", |station| station.after(&delay, &flow))
    });
    engine.register_type_with_name::<State>(STATE);
    engine.register_indexer_get(|state: &mut State, name: ImmutableString| state.get(&name));
    // `state` is a constant to the script, on which Rhai calls only what is pure.
    FuncRegistration::new_index_setter().with_purity(true).register_into_engine(
        engine,
        |_: &mut State, name: ImmutableString, _: Value| -> Answer<()> {
            Err(fault(format!("`state` is changed with `state.set(\"{name}\", …)`")))
        },
    );
    engine.register_fn("get", |state: &mut State, name: ImmutableString| state.get(&name));
    engine.register_fn("set", |state: &mut State, name: ImmutableString, value: Value| {
        ask(&state.0, STATE, |station| station.set_state(&name, &value))
    });
}
