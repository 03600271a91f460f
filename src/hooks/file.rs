//! Hook files: what one brings, and what a YAML file sees of all that it names.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use rhai::{AST, FnAccess, Module, Position};

use super::check::{Arities, HookCall};
use super::error::Place;
use super::mention::Mention;
use super::problem::{HookProblem, ProblemKind};
use super::value::Value;

/// Where each function begins, by its name and number of arguments.
pub(super) type Beginnings = BTreeMap<(String, usize), Place>;

/// Where each function is first called behind a dot, by its name and the number of arguments there.
pub(super) type Methods = BTreeMap<(String, usize), Place>;

/// A call in an expression that leads into a hook file.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    /// Where the call stands in the expression.
    pub(super) call: Position,
    /// Where the function begins.
    pub(super) function: Place,
    /// The call stands in a closure of the expression.
    pub(super) in_closure: bool,
}

/// One compiled hook file. Its functions see its own functions and constants, private ones too, and those of
/// no other file.
#[derive(Clone, Debug)]
pub struct HookFile {
    pub(super) name: Arc<str>,
    pub(super) module: Module,
    pub(super) functions: Arities,
    pub(super) beginnings: Beginnings,
    pub(super) methods: Methods,
    pub(super) constants: Vec<(String, Value)>,
    pub(super) mentions: Vec<Mention>,
}

impl HookFile {
    /// As it was named when it was loaded.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its public functions with their numbers of arguments, sorted.
    pub fn functions(&self) -> impl Iterator<Item = (&str, usize)> {
        pairs(&self.functions)
    }

    /// The flows and values of `state` that it names literally.
    pub fn mentions(&self) -> &[Mention] {
        &self.mentions
    }
}

/// What the expressions of a YAML file see of its hook files.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    pub(super) module: Rc<Module>,
    pub(super) functions: Arities,
    pub(super) beginnings: Beginnings,
    pub(super) constants: BTreeMap<String, (Value, Arc<str>)>,
}

impl Hooks {
    /// The public functions and the constants of these files together.
    ///
    /// # Errors
    ///
    /// The same function (name and number of arguments) or the same constant in two files, or a function that another
    /// file would call behind a dot in place of the one that is meant.
    pub fn merge(files: &[HookFile]) -> Result<Self, HookProblem> {
        let mut module = Module::new();
        let mut functions = Arities::new();
        let mut beginnings = Beginnings::new();
        let mut constants = BTreeMap::<String, (Value, Arc<str>)>::new();
        let mut homes = BTreeMap::<(&str, usize), &Arc<str>>::new();
        for file in files {
            for (name, count) in file.functions() {
                if let Some(first) = homes.insert((name, count), &file.name) {
                    return Err(twice(name, Some(count), first, &file.name));
                }
                functions.entry(name.to_owned()).or_default().insert(count);
            }
            for (name, value) in &file.constants {
                if let Some((_, first)) = constants.get(name) {
                    return Err(twice(name, None, first, &file.name));
                }
                constants.insert(name.clone(), (value.clone(), Arc::clone(&file.name)));
            }
            beginnings.extend(file.beginnings.clone());
            module.combine(file.module.clone());
        }
        // What one file makes public, Rhai finds for a call behind a dot in every other.
        for (called, at) in files.iter().flat_map(|file| &file.methods) {
            if let Some(home) = homes.get(&(called.0.as_str(), called.1)) {
                return Err(taken_in(called, at, home));
            }
        }
        Ok(Self { module: Rc::new(module), functions, beginnings, constants })
    }

    /// The public functions with their numbers of arguments, sorted.
    pub fn functions(&self) -> impl Iterator<Item = (&str, usize)> {
        pairs(&self.functions)
    }

    /// What such a call leads to.
    pub(super) fn entrance(&self, call: &HookCall) -> Option<Entrance> {
        let function = self.beginnings.get(&call.function)?.clone();
        Some(Entrance { call: call.at, function, in_closure: call.in_closure })
    }
}

fn pairs(functions: &Arities) -> impl Iterator<Item = (&str, usize)> {
    functions.iter().flat_map(|(name, counts)| counts.iter().map(move |count| (name.as_str(), *count)))
}

fn twice(name: &str, count: Option<usize>, first: &Arc<str>, second: &Arc<str>) -> HookProblem {
    let file = Some(Arc::clone(second));
    let (first, second) = (Arc::clone(first), Arc::clone(second));
    let kind = ProblemKind::Twice { name: name.to_owned(), count, first, second };
    HookProblem { file, at: 0..0, line: 1, column: 1, kind, next: None }
}

fn taken_in((name, count): &(String, usize), at: &Place, home: &Arc<str>) -> HookProblem {
    let kind = ProblemKind::TakenIn {
        name: name.clone(),
        count: *count,
        at: at.to_string().into(),
        home: Arc::clone(home),
    };
    HookProblem { file: Some(Arc::clone(home)), at: 0..0, line: 1, column: 1, kind, next: None }
}

/// The functions of a script that have a name, by whether they are public.
pub(super) fn callable(ast: &AST, wanted: impl Fn(bool) -> bool) -> Arities {
    let mut functions = Arities::new();
    for function in ast.iter_functions() {
        if !function.name.starts_with("anon$") && wanted(function.access == FnAccess::Public) {
            functions.entry(function.name.to_owned()).or_default().insert(function.params.len());
        }
    }
    functions
}

/// Where the public functions of the script begin.
pub(super) fn beginnings(file: &str, ast: &AST) -> Beginnings {
    let public = ast.iter_fn_def().filter(|function| function.access == FnAccess::Public);
    let places = public.filter_map(|function| {
        let position = function.body.start_position();
        let column = position.position().unwrap_or(1);
        let place = Place { file: file.to_owned(), line: position.line()?, column };
        Some(((function.name.to_string(), function.params.len()), place))
    });
    places.collect()
}

/// Where each of these functions is first called behind a dot.
pub(super) fn methods(file: &str, mut called: Vec<(String, usize, Position)>) -> Methods {
    // The last one of a name stays.
    called.sort_by_key(|(.., position)| std::cmp::Reverse(*position));
    let places = called.into_iter().filter_map(|(name, count, position)| {
        let column = position.position().unwrap_or(1);
        Some(((name, count), Place { file: file.to_owned(), line: position.line()?, column }))
    });
    places.collect()
}
