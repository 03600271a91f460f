//! Looks over a parsed script before it runs: which names it uses, and whether every function it calls exists
//! with that many arguments. Rhai itself finds an unknown function only when it is called.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rhai::{AST, ASTNode, Engine, Expr, FnCallExpr, ImmutableString, Module, Position, Stmt};

use super::mention::{Mentioned, mention};
use super::problem::{ProblemKind, closed, nearest};

/// Functions by name, each with the numbers of arguments it can take.
pub(super) type Arities = BTreeMap<String, BTreeSet<usize>>;

/// Every function that an engine offers of its own.
pub(super) fn native_functions(engine: &Engine) -> Arities {
    let mut known = Arities::new();
    let signatures = engine.collect_fn_metadata(
        None,
        |info| Some((info.metadata.name.to_string(), info.metadata.num_params)),
        true,
    );
    for (name, count) in signatures {
        known.entry(name).or_default().insert(count);
    }
    // Part of Rhai's evaluator rather than of its packages.
    for (name, count) in [("type_of", 1), ("print", 1), ("debug", 1)] {
        known.entry(name.to_owned()).or_default().insert(count);
    }
    // A closure takes any number of values.
    known.entry("call".to_owned()).or_default().extend(1..=16);
    known.entry("curry".to_owned()).or_default().extend(1..=16);
    known.retain(|name, _| closed(name).is_none());
    known
}

/// What a script may refer to.
pub(super) struct Surroundings<'a> {
    pub(super) native: &'a Arities,
    /// Of the hook files, or of the file itself.
    pub(super) script: &'a Arities,
    /// Constants of the hook files, or of the file itself.
    pub(super) constants: &'a [String],
    /// An expression can change nothing; a hook file's functions have variables.
    pub(super) expression: bool,
}

/// A call of a function of the hook files.
pub(super) struct HookCall {
    pub(super) at: Position,
    /// By name and number of arguments.
    pub(super) function: (String, usize),
    /// It stands in a closure of the expression.
    pub(super) in_closure: bool,
}

/// What the look-over brought.
#[derive(Default)]
pub(super) struct Findings {
    /// Names that are neither local nor a closure's own, each with the first place where it stands.
    pub(super) free_names: BTreeMap<String, Position>,
    /// Calls of functions of the hook files.
    pub(super) hook_calls: Vec<HookCall>,
    /// Calls behind a dot of functions that every expression has: name, arguments behind the dot, place.
    pub(super) methods: Vec<(String, usize, Position)>,
    /// Names of the station that stand there literally.
    pub(super) mentions: Vec<(Mentioned, String, Position)>,
    /// By place: line, then character.
    problems: BTreeMap<(usize, usize), (ProblemKind, Position)>,
}

impl Findings {
    /// The problems in the order of the source.
    pub(super) fn take_problems(&mut self) -> impl Iterator<Item = (ProblemKind, Position)> {
        std::mem::take(&mut self.problems).into_values()
    }

    pub(super) fn problem(&mut self, kind: ProblemKind, position: Position) {
        let place = (position.line().unwrap_or(usize::MAX), position.position().unwrap_or(0));
        self.problems.entry(place).or_insert((kind, position));
    }
}

/// Looks over everything: statements, functions, closures.
pub(super) fn look_over(ast: &AST, surroundings: &Surroundings<'_>) -> Findings {
    let mut findings = Findings::default();
    let mut path = Vec::new();
    for statement in ast.statements() {
        statement.walk(&mut path, &mut |path| node(path, surroundings, &mut findings, None));
    }
    for function in ast.iter_fn_def() {
        // Rhai walks a whole script only, so each function becomes one.
        let mut alone = Module::new();
        alone.set_script_fn(Rc::clone(function));
        let parameters = Some(&function.params[..]);
        AST::new([], alone).walk(&mut |path| node(path, surroundings, &mut findings, parameters));
    }
    findings
}

/// Always goes on: all problems are found.
fn node(
    path: &[ASTNode<'_>],
    around: &Surroundings<'_>,
    findings: &mut Findings,
    parameters: Option<&[ImmutableString]>,
) -> bool {
    findings.mentions.extend(path.last().and_then(mention));
    match path.last() {
        Some(ASTNode::Stmt(Stmt::Assignment(assignment))) => {
            let constant = match &assignment.1.lhs {
                Expr::Variable(variable, ..) => {
                    variable.0.is_none() && around.constants.iter().any(|constant| *constant == variable.1)
                }
                _ => false,
            };
            if around.expression || constant {
                let operator =
                    assignment.0.get_op_assignment_info().map_or("=".to_owned(), |info| info.2.to_string());
                findings.problem(ProblemKind::Assignment { operator }, assignment.0.position());
            }
        }
        Some(ASTNode::Stmt(Stmt::FnCall(call, position)) | ASTNode::Expr(Expr::FnCall(call, position))) => {
            function_call(call, *position, around, findings, parameters.is_some());
        }
        Some(ASTNode::Expr(Expr::MethodCall(call, position))) => {
            method_call(call, *position, around, findings);
        }
        Some(ASTNode::Expr(Expr::Variable(variable, _, position))) => {
            let (local, name, namespace, _) = &**variable;
            if !namespace.is_empty() {
                let word = format!("{namespace}::");
                let position = namespace.position();
                findings.problem(ProblemKind::Closed { word, why: "there are no modules" }, position);
            } else if local.is_none() {
                // What a closure brings in from around it has become a parameter of its own, and is looked at
                // where the closure stands.
                if parameters.is_some_and(|parameters| parameters.contains(name)) {
                    return true;
                }
                let first = findings.free_names.entry(name.to_string()).or_insert(*position);
                *first = (*first).min(*position);
            }
        }
        Some(ASTNode::Expr(Expr::StringConstant(text, position)))
            if around.expression && text.contains("${") && !inside_back_ticks(path) =>
        {
            findings.problem(ProblemKind::TemplateInText, *position);
        }
        _ => {}
    }
    true
}

/// The text between the holes of `` `a ${x} b` ``, where `${` was read as a hole already.
fn inside_back_ticks(path: &[ASTNode<'_>]) -> bool {
    matches!(path, [.., ASTNode::Expr(Expr::InterpolatedString(..)), _])
}

fn function_call(
    call: &FnCallExpr,
    position: Position,
    around: &Surroundings<'_>,
    findings: &mut Findings,
    in_closure: bool,
) {
    if call.is_qualified() {
        let word = format!("{}::", call.namespace);
        let position = call.namespace.position();
        findings.problem(ProblemKind::Closed { word, why: "there are no modules" }, position);
        return;
    }
    if call.is_operator_call() {
        return;
    }
    let (name, given) = (call.name.as_str(), call.args.len());
    if let Some(counts) = around.script.get(name)
        && counts.contains(&given)
    {
        let function = (name.to_owned(), given);
        findings.hook_calls.push(HookCall { at: position, function, in_closure });
        return;
    }
    unless_native(name, given, position, around, findings);
}

fn method_call(call: &FnCallExpr, position: Position, around: &Surroundings<'_>, findings: &mut Findings) {
    let name = call.name.as_str();
    if around.script.contains_key(name) && !around.native.contains_key(name) {
        findings.problem(ProblemKind::NotAMethod { name: name.to_owned() }, position);
        return;
    }
    let count = call.args.len();
    let has = |functions: &Arities, count| {
        functions.get(name).is_some_and(|counts: &BTreeSet<usize>| counts.contains(&count))
    };
    // Rhai looks for a script's function first, and what stands before the dot is none of its arguments. One that has
    // an argument more is refused where it is defined.
    if has(around.script, count) && has(around.native, count + 1) && !has(around.script, count + 1) {
        findings.problem(ProblemKind::TakenOf { name: name.to_owned(), count }, position);
        return;
    }
    if has(around.native, count + 1) {
        findings.methods.push((name.to_owned(), count, position));
        return;
    }
    unless_native(name, count + 1, position, around, findings);
}

fn unless_native(
    name: &str,
    given: usize,
    position: Position,
    around: &Surroundings<'_>,
    findings: &mut Findings,
) {
    if around.native.get(name).is_some_and(|counts| counts.contains(&given)) {
        return;
    }
    if let Some(why) = closed(name) {
        findings.problem(ProblemKind::Closed { word: name.to_owned(), why }, position);
        return;
    }
    let takes: BTreeSet<usize> =
        [around.script.get(name), around.native.get(name)].into_iter().flatten().flatten().copied().collect();
    let for_handlers = || super::station::FUNCTIONS.iter().any(|(handlers_only, _)| *handlers_only == name);
    let kind = if takes.is_empty() && for_handlers() {
        ProblemKind::Closed { word: name.to_owned(), why: "only command handlers of a station can call it" }
    } else if takes.is_empty() {
        let names = around.script.keys().chain(around.native.keys()).map(String::as_str);
        let callable = names.filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()));
        ProblemKind::UnknownFunction {
            name: name.to_owned(),
            nearest: nearest(name, callable.filter(|name| !name.contains('$'))),
        }
    } else {
        ProblemKind::ArgumentCount { name: name.to_owned(), given, takes: takes.into_iter().collect() }
    };
    findings.problem(kind, position);
}
