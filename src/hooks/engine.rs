//! Rhai, set up our way: its functions and ours, what is closed, limits, log, clock.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use rhai::{Engine, OptimizationLevel};

use super::check::{Arities, native_functions};
use super::error::Stop;
use super::functions::{escape, fault, shared_modules};
use super::station;
use super::value::{Value, display};
use super::{limits, missing};
use crate::link::Clock;

/// Lines of log kept until they are taken; more are only counted.
const MAX_LOG_LINES: usize = 100;
/// Characters of a line of log.
const MAX_LOG_CHARACTERS: usize = 1_000;
/// How often the wall is looked at, in operations.
const OPERATIONS_BETWEEN_LOOKS: u64 = 256;

type TimeIsUp = Rc<dyn Fn() -> bool>;

/// What the engine's functions reach.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) clock: RefCell<Option<Rc<dyn Clock>>>,
    pub(super) escapes: RefCell<Vec<(char, String)>>,
    log: RefCell<Vec<String>>,
    lost_log_lines: Cell<usize>,
    pub(super) time_is_up: RefCell<Option<TimeIsUp>>,
    pub(super) operations: Cell<u64>,
    /// Evaluations inside each other: a handler's `run(…)` evaluates the expressions of a flow.
    pub(super) depth: Cell<usize>,
}

impl Shared {
    fn log(&self, line: &str) {
        let mut log = self.log.borrow_mut();
        if log.len() >= MAX_LOG_LINES {
            self.lost_log_lines.set(self.lost_log_lines.get() + 1);
            return;
        }
        log.push(match line.char_indices().nth(MAX_LOG_CHARACTERS) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line.to_owned(),
        });
    }

    pub(super) fn take_log(&self) -> Vec<String> {
        let mut log = self.log.take();
        match self.lost_log_lines.take() {
            0 => {}
            lost => log.push(format!("… and {lost} more lines")),
        }
        log
    }
}

/// An engine whose functions reach `shared` and `station`.
pub(super) fn new(shared: &Rc<Shared>, station: &station::Slot) -> Engine {
    fix_hashing();
    let mut engine = Engine::new_raw();
    // Looked up from the last one registered: ours go before Rhai's.
    let [ours, rhais] = shared_modules();
    engine.register_global_module(rhais).register_global_module(ours);
    engine.set_optimization_level(OptimizationLevel::None);
    limits::apply(&mut engine);
    missing::refuse(&mut engine);
    for word in ["eval", "Fn", "import", "export"] {
        engine.disable_symbol(word);
    }
    find_constants(&mut engine);
    register(&mut engine, shared);
    station::register(&mut engine, station);
    engine
}

/// Functions are found by hash; with a random seed their order, and with it what is reported first, would
/// change from run to run.
pub(super) fn fix_hashing() {
    // Refused when it is set already, by the host before this one.
    let _ = rhai::config::hashing::set_hashing_seed(Some([0x6174, 0x666c, 0x6f77, 0x0001]));
}

/// A script's constants are variables of its library: of the hook file while one of its functions runs, else
/// of the expression. Rhai itself shows a function no name but its own.
fn find_constants(engine: &mut Engine) {
    #[expect(deprecated, reason = "not deprecated: so Rhai marks what may still change")]
    engine.on_var(|name, index, context| {
        if index > 0 || context.scope().contains(name) {
            return Ok(None);
        }
        Ok(context.namespaces().last().and_then(|library| library.get_var(name)))
    });
}

fn register(engine: &mut Engine, shared: &Rc<Shared>) {
    let here = Rc::clone(shared);
    engine.register_fn("now", move || match &*here.clock.borrow() {
        Some(clock) => Ok(clock.wall_ms().div_euclid(1_000)),
        None => Err(fault("`now` has no clock here")),
    });
    let here = Rc::clone(shared);
    engine.register_fn("escape", move |value: Value| escape(&value, &here.escapes.borrow()));
    let here = Rc::clone(shared);
    engine.register_fn("log", move |value: Value| here.log(&display(&value)));
    let here = Rc::clone(shared);
    engine.on_print(move |line| here.log(line));
    let here = Rc::clone(shared);
    engine.on_debug(move |line, _, _| here.log(line));
    // Nothing can name them, and if something could, a script must never wait.
    engine.register_fn("sleep", |_: i64| -> Result<(), _> { Err(fault("a hook never waits")) });
    engine.register_fn("sleep", |_: f64| -> Result<(), _> { Err(fault("a hook never waits")) });
    let here = Rc::clone(shared);
    engine.on_progress(move |_| {
        // Rhai forgets what a closure used up once the closure returns, so the counting is done here.
        let before = here.operations.get();
        let operations = before.saturating_add(1).saturating_add(limits::owed());
        here.operations.set(operations);
        if operations > limits::MAX_OPERATIONS {
            return Some(Stop::Operations.value());
        }
        if operations / OPERATIONS_BETWEEN_LOOKS == before / OPERATIONS_BETWEEN_LOOKS {
            return None;
        }
        let time_is_up = here.time_is_up.borrow().clone();
        time_is_up.is_some_and(|time_is_up| time_is_up()).then(|| Stop::Time.value())
    });
}

/// What can be called without a hook file. The same for every host, so it is listed once a thread.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) expressions: Rc<Arities>,
    pub(super) handlers: Rc<Arities>,
}

/// The functions of `engine`, which is any host's.
pub(super) fn known(engine: &Engine) -> Known {
    thread_local! {
        static KNOWN: OnceCell<Known> = const { OnceCell::new() };
    }
    let list = || {
        let handlers = native_functions(engine);
        let mut expressions = handlers.clone();
        for (name, count) in station::FUNCTIONS {
            // `set` is also a method of lists and maps.
            if name != "set"
                && let Some(counts) = expressions.get_mut(name)
            {
                counts.remove(&count);
            }
        }
        expressions.retain(|_, counts| !counts.is_empty());
        Known { expressions: Rc::new(expressions), handlers: Rc::new(handlers) }
    };
    KNOWN.with(|known| known.get_or_init(list).clone())
}
