//! [`Host`]: compiles hook files and expressions, and evaluates them within limits.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use rhai::{AST, ASTFlags, Engine, Module, Position, Scope, Stmt};

use super::check::{Arities, Findings, HookCall, Surroundings, look_over};
use super::engine::{self, Shared, known};
use super::error::{ErrorKind, HookError};
use super::file::{Entrance, HookFile, Hooks, beginnings, callable, methods};
use super::limits;
use super::mend;
use super::mention::Mention;
use super::problem::{HookProblem, ProblemKind, nearest};
use super::station::{self, Station};
use super::value::{Value, as_bytes, kind_of};
use crate::link::Clock;

/// A script engine for one device. Cheap to make. Not `Send`: every thread has its own.
pub struct Host {
    engine: Engine,
    shared: Rc<Shared>,
    station: station::Slot,
}

/// One compiled expression. A clone is the same one.
#[derive(Clone, Debug)]
pub struct Expression(Rc<Compiled>);

#[derive(Debug)]
struct Compiled {
    source: Box<str>,
    names: Box<[Arc<str>]>,
    mentions: Box<[Mention]>,
    entrances: Box<[Entrance]>,
    ast: AST,
}

impl Expression {
    /// As it was written.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Which of the names it was compiled with it uses, sorted.
    pub fn names(&self) -> &[Arc<str>] {
        &self.0.names
    }

    /// Its value, if it is a number, a text or the like and nothing else.
    pub fn literal(&self) -> Option<Value> {
        match self.0.ast.statements() {
            [Stmt::Expr(expr)] if expr.is_constant() => expr.get_literal_value(None),
            _ => None,
        }
    }

    /// The values of `state` that it names literally.
    pub fn mentions(&self) -> &[Mention] {
        &self.0.mentions
    }
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// A host without clock, escapes, station and wall limit.
    pub fn new() -> Self {
        let shared = Rc::new(Shared::default());
        let station = station::Slot::default();
        let engine = engine::new(&shared, &station);
        Self { engine, shared, station }
    }

    /// What `now()` asks. Without a clock `now()` is an error.
    pub fn set_clock(&self, clock: Rc<dyn Clock>) {
        *self.shared.clock.borrow_mut() = Some(clock);
    }

    /// The dialect's `escapes`, for `escape(…)`.
    pub fn set_escapes(&self, escapes: Vec<(char, String)>) {
        *self.shared.escapes.borrow_mut() = escapes;
    }

    /// Who answers `at`, `run`, `publish`, `after` and `state` of handlers.
    pub fn set_station(&self, station: Option<Rc<dyn Station>>) {
        *self.station.borrow_mut() = station;
    }

    /// Asked every few hundred operations: an evaluation ends with [`super::Limit::Time`] once it says that
    /// time is up. In a simulated run there is none, operations alone decide.
    pub fn set_wall_limit(&self, time_is_up: Option<Rc<dyn Fn() -> bool>>) {
        *self.shared.time_is_up.borrow_mut() = time_is_up;
    }

    /// What `log`, `print` and `debug` wrote since the last call, oldest first.
    pub fn take_log(&self) -> Vec<String> {
        self.shared.take_log()
    }

    /// Operations of the last evaluation, for a virtual clock.
    pub fn operations(&self) -> u64 {
        self.shared.operations.get()
    }

    /// Compiles a hook file: functions and constants, nothing that runs by itself.
    ///
    /// # Errors
    ///
    /// What Rhai's parser stumbled over, else all problems of the source; with `file_name` in them.
    pub fn load(&self, file_name: &str, source: &str) -> Result<HookFile, HookProblem> {
        self.load_as(file_name, source, false)
    }

    /// Compiles a file of command handlers, which may also call `at run publish after` and use `state`.
    ///
    /// # Errors
    ///
    /// As [`Host::load`].
    pub fn load_handlers(&self, file_name: &str, source: &str) -> Result<HookFile, HookProblem> {
        self.load_as(file_name, source, true)
    }

    fn load_as(&self, file_name: &str, source: &str, handlers: bool) -> Result<HookFile, HookProblem> {
        let file: Arc<str> = file_name.into();
        self.load_source(&file, source, handlers).map_err(|problem| problem.in_file(&file))
    }

    fn load_source(&self, file: &Arc<str>, source: &str, handlers: bool) -> Result<HookFile, HookProblem> {
        let problem = |kind, position| HookProblem::at(source, position, kind);
        let mut read = mend::read(&self.engine, source);
        let Some(ast) = read.ast.take() else {
            return Err(HookProblem::together(read.problems)
                .unwrap_or_else(|| problem(ProblemKind::Empty, Position::NONE)));
        };
        let mut constants = constant_names(&ast);
        if handlers {
            constants.push(station::STATE.to_owned());
        }
        let functions = callable(&ast, |_| true);
        let known = known(&self.engine);
        let native = if handlers { known.handlers } else { known.expressions };
        let mut findings = look_over(
            &ast,
            &Surroundings { native: &native, script: &functions, constants: &constants, expression: false },
        );
        refuse_unknown_names(&mut findings, &constants.iter().map(String::as_str), &functions, &native);
        refuse_definitions(source, &ast, &taken(&functions, &native), &mut findings);
        let found = findings.take_problems().map(|(kind, position)| problem(kind, position));
        let news: Vec<HookProblem> = found.filter(|problem| read.is_news(problem)).collect();
        if let Some(problem) = HookProblem::together(read.problems.into_iter().chain(news)) {
            return Err(problem);
        }
        let mentions = Mention::all(source, &mut findings);
        let scope = self.evaluate_constants(source, &ast)?;
        let mut library = (**ast.shared_lib()).clone();
        for (name, _, value) in scope.iter() {
            library.set_var(name, value);
        }
        if handlers {
            library.set_var(station::STATE, station::State::value(&self.station));
        }
        let mut ast = AST::new([], library);
        ast.set_source(&**file);
        let module = Module::eval_ast_as_new(Scope::new(), &ast, &self.engine)
            .map_err(|error| problem(ProblemKind::Constant { why: error.to_string() }, Position::NONE))?;
        let constants = scope.iter().map(|(name, _, value)| (name.to_owned(), value)).collect();
        let functions = callable(&ast, |public| public);
        let beginnings = beginnings(file, &ast);
        let methods = methods(file, findings.methods);
        Ok(HookFile { name: Arc::clone(file), module, functions, beginnings, methods, constants, mentions })
    }

    fn evaluate_constants(&self, source: &str, ast: &AST) -> Result<Scope<'static>, HookProblem> {
        let mut scope = Scope::new();
        // A file may be loaded while a station runs, and nothing in it is a command's handler yet.
        let station = self.station.take();
        let run = self.counted(|engine| engine.run_ast_with_scope(&mut scope, ast));
        *self.station.borrow_mut() = station;
        run.map_err(|error| {
            let position = error.position();
            let why = HookError::from_rhai(source, &error, &[]).message;
            HookProblem::at(source, position, ProblemKind::Constant { why })
        })?;
        let function =
            scope.iter().find(|(.., value)| kind_of(value) == "function").map(|(name, ..)| name.to_owned());
        match function {
            Some(name) => {
                let why = format!("`{name}` would be a function, write `fn {name}`");
                Err(HookProblem::at(source, place_of_constant(source, &name), ProblemKind::Constant { why }))
            }
            None => Ok(scope),
        }
    }

    /// Compiles one expression that may use `names` and what `hooks` brings.
    ///
    /// # Errors
    ///
    /// What Rhai's parser stumbled over, else all problems; their bytes count from the start of `source`.
    pub fn compile(&self, source: &str, names: &[&str], hooks: &Hooks) -> Result<Expression, HookProblem> {
        if source.trim().is_empty() {
            return Err(HookProblem::at(source, Position::NONE, ProblemKind::Empty));
        }
        let ast = self
            .engine
            .compile_expression(source)
            .map_err(|error| HookProblem::parse(source, &error, true))?;
        let native = known(&self.engine).expressions;
        let constants: Vec<String> = hooks.constants.keys().cloned().collect();
        let mut findings = look_over(
            &ast,
            &Surroundings { native: &native, script: &hooks.functions, constants: &[], expression: true },
        );
        let visible = names.iter().copied().chain(constants.iter().map(String::as_str));
        refuse_unknown_names(&mut findings, &visible, &hooks.functions, &native);
        let found = findings.take_problems().map(|(kind, position)| HookProblem::at(source, position, kind));
        if let Some(problem) = HookProblem::together(found) {
            return Err(problem);
        }
        let mentions = Mention::all(source, &mut findings);
        let ast = Self::link(ast, &findings, names, hooks);
        let entrances = findings.hook_calls.iter().filter_map(|call| hooks.entrance(call)).collect();
        let names = findings.free_names.keys().filter(|name| names.contains(&name.as_str()));
        Ok(Expression(Rc::new(Compiled {
            source: source.into(),
            names: names.map(|name| name.as_str().into()).collect(),
            mentions: mentions.into(),
            entrances,
            ast,
        })))
    }

    /// Brings in what the expression uses of the hook files. A name of the flow goes before a constant.
    fn link(ast: AST, findings: &Findings, names: &[&str], hooks: &Hooks) -> AST {
        let mut constants = hooks
            .constants
            .iter()
            .filter(|(name, _)| findings.free_names.contains_key(*name) && !names.contains(&name.as_str()))
            .peekable();
        if findings.hook_calls.is_empty() && constants.peek().is_none() {
            return ast;
        }
        let mut library = (*hooks.module).clone();
        for closure in ast.iter_fn_def() {
            library.set_script_fn(Rc::clone(closure));
        }
        for (name, (value, _)) in constants {
            library.set_var(name.as_str(), value.clone());
        }
        AST::new(ast.statements().iter().cloned(), library)
    }

    /// Evaluates an expression. A name that has no input is `()`: no step has set it yet.
    ///
    /// # Errors
    ///
    /// What the script raised, or a limit, with the place.
    pub fn eval(&self, expression: &Expression, inputs: &[(&str, Value)]) -> Result<Value, HookError> {
        let mut scope = Scope::new();
        for name in &expression.0.names {
            let input = inputs.iter().find(|(input, _)| **input == **name);
            let value = input.map_or(Value::UNIT, |(_, value)| own(value));
            scope.push_constant_dynamic(&**name, value);
        }
        let Compiled { source, ast, entrances, .. } = &*expression.0;
        self.run(source, ast, &mut scope, entrances)
    }

    /// Calls a public function of the hook files.
    ///
    /// # Errors
    ///
    /// As [`Host::eval`], and if there is no such function with so many arguments.
    pub fn call(&self, hooks: &Hooks, name: &str, args: &[Value]) -> Result<Value, HookError> {
        // Looked up by equality in the table of public functions, so that nothing else can be reached.
        let takes = hooks.functions.get(name).ok_or_else(|| {
            HookError::outside(ErrorKind::Missing, format!("no hook file has a public function `{name}`"))
        })?;
        if !takes.contains(&args.len()) {
            let kind = ProblemKind::ArgumentCount {
                name: name.to_owned(),
                given: args.len(),
                takes: takes.iter().copied().collect(),
            };
            return Err(HookError::outside(ErrorKind::Type, kind.to_string()));
        }
        let names: Vec<String> = (0..args.len()).map(|index| format!("argument_{index}")).collect();
        let source = format!("{name}({})", names.join(","));
        let ast = self.engine.compile_expression(&source).map_err(|error| {
            HookError::outside(ErrorKind::Other, HookProblem::parse(&source, &error, true).to_string())
        })?;
        let ast = AST::new(ast.statements().iter().cloned(), Rc::clone(&hooks.module));
        let mut scope = Scope::new();
        for (name, value) in names.iter().zip(args) {
            scope.push_constant_dynamic(name.as_str(), own(value));
        }
        let function = (name.to_owned(), args.len());
        let entrance = hooks.entrance(&HookCall { at: Position::new(1, 1), function, in_closure: false });
        // The call itself was written by nobody, so it is no place to point at.
        self.run(&source, &ast, &mut scope, entrance.as_slice()).map_err(|mut error| {
            error.at = None;
            error
        })
    }

    fn run(
        &self,
        source: &str,
        ast: &AST,
        scope: &mut Scope<'_>,
        entrances: &[Entrance],
    ) -> Result<Value, HookError> {
        let result = self.counted(|engine| engine.eval_ast_with_scope::<Value>(scope, ast));
        result.map(Value::flatten).map_err(|error| HookError::from_rhai(source, &error, entrances))
    }

    /// Counts operations from zero, unless something is being evaluated already: what runs inside a handler
    /// counts as the handler's.
    fn counted<T>(&self, evaluate: impl FnOnce(&Engine) -> T) -> T {
        let depth = self.shared.depth.get();
        if depth == 0 {
            self.shared.operations.set(0);
            // What the last call of an evaluation used up is nothing to the next.
            limits::owed();
        }
        self.shared.depth.set(depth + 1);
        let _back = Depth { cell: &self.shared.depth, before: depth };
        evaluate(&self.engine)
    }
}

/// Sets the depth back, also when an evaluation unwinds: a station that is killed on the virtual clock does, and the
/// next one has the same host. Operations would never be counted from zero again.
struct Depth<'d> {
    cell: &'d Cell<usize>,
    before: usize,
}

impl Drop for Depth<'_> {
    fn drop(&mut self) {
        self.cell.set(self.before);
    }
}

/// An input as the script gets it: Rhai's blobs become [`super::Bytes`].
fn own(value: &Value) -> Value {
    if value.is_blob() { as_bytes(value).map_or(Value::UNIT, Value::from) } else { value.clone() }
}

/// The name that a statement at the top of a hook file makes a constant.
fn constant_name(statement: &Stmt) -> Option<&str> {
    match statement {
        Stmt::Var(variable, flags, _) if flags.contains(ASTFlags::CONSTANT) => Some(variable.0.name.as_str()),
        _ => None,
    }
}

fn constant_names(ast: &AST) -> Vec<String> {
    ast.statements().iter().filter_map(constant_name).map(str::to_owned).collect()
}

/// What stands at the top of a hook file and may not.
fn refuse_definitions(source: &str, ast: &AST, taken: &[(String, usize)], findings: &mut Findings) {
    for statement in ast.statements().iter().filter(|statement| constant_name(statement).is_none()) {
        findings.problem(ProblemKind::TopLevel, statement.position());
    }
    for function in ast.iter_fn_def().filter(|function| function.this_type.is_some()) {
        let name = function.name.to_string();
        let position = place_of(source, &name, |before| before.ends_with('.') && before.contains("fn "));
        findings.problem(ProblemKind::Typed { name }, position);
    }
    for (name, count) in taken {
        let problem = ProblemKind::Taken { name: name.clone(), count: *count };
        findings.problem(problem, place_of_function(source, name));
    }
}

fn refuse_unknown_names<'a>(
    findings: &mut Findings,
    visible: &(impl Iterator<Item = &'a str> + Clone),
    functions: &Arities,
    native: &Arities,
) {
    let unknown: BTreeMap<String, Position> = findings
        .free_names
        .iter()
        .filter(|(name, _)| !visible.clone().any(|known| known == name.as_str()))
        .map(|(name, position)| (name.clone(), *position))
        .collect();
    for (name, position) in unknown {
        let function = functions.contains_key(&name) || native.contains_key(&name);
        let nearest = nearest(&name, visible.clone());
        findings.problem(ProblemKind::UnknownName { name, nearest, function }, position);
    }
}

/// Functions of the file that would take the place of ones that every expression has.
fn taken(functions: &Arities, native: &Arities) -> Vec<(String, usize)> {
    let taken = functions.iter().filter_map(|(name, counts)| {
        let count = native.get(name)?.intersection(counts).next()?;
        Some((name.clone(), *count))
    });
    taken.collect()
}

/// Rhai keeps no place for a function, so its definition is looked for.
fn place_of_function(source: &str, name: &str) -> Position {
    place_of(source, name, |before| follows(before, "fn"))
}

fn place_of_constant(source: &str, name: &str) -> Position {
    place_of(source, name, |before| follows(before, "const"))
}

fn follows(before: &str, keyword: &str) -> bool {
    let word = before.trim_end();
    word.ends_with(keyword) && word.len() < before.len()
}

/// The first `name` in the source that stands behind what is wanted on its line.
fn place_of(source: &str, name: &str, wanted: impl Fn(&str) -> bool) -> Position {
    for (index, line) in source.lines().enumerate() {
        let found = line
            .match_indices(name)
            .find(|(at, _)| super::problem::word(&line[*at..]) == name && wanted(&line[..*at]));
        if let (Some((at, _)), Ok(line_number)) = (found, u16::try_from(index + 1)) {
            let column = u16::try_from(line[..at].chars().count() + 1).unwrap_or(u16::MAX);
            return Position::new(line_number, column);
        }
    }
    Position::NONE
}
