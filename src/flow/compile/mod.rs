//! From trees to a checked program: imports, names, patterns, expressions, the dialect. Every problem of
//! every file is gathered; nothing that passed here is checked again by anybody.

mod actions;
mod contract;
mod dialect;
mod files;
mod flow;
mod head;
mod retry;
mod scope;
mod scripts;
mod send;
mod sense;
mod station;
mod steps;
mod text;
mod vars;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::at::dialect::Dialect;
use crate::at::pattern::Pattern;
use crate::hooks::{Hooks, Host};

use super::codes::Code;
use super::diag::{Diagnostic, Diagnostics, FileId, Sources, Span};
use super::fields::Fields;
use super::keys::Shape;
use super::load::{Place, Reader};
use super::lost::Lost;
use super::model::{Flow, FlowId, Program, Station, Unit, UnitId, Var};
use super::yaml::Node;

use files::{File, Files, Kind};
use flow::{Body, Signature};
use head::Head;
pub(crate) use retry::ENGINE_ERRORS;

/// How a program is loaded.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--module`: wins over the file's own.
    pub module: Option<String>,
}

/// What became of a file.
pub struct Loaded {
    /// The program, if nothing forbids to run it.
    pub program: Option<Program>,
    /// What was read.
    pub sources: Sources,
    /// What was found, warnings included.
    pub problems: Diagnostics,
    /// The files' places, by unit, for vars that come from files.
    pub places: Vec<Place>,
    /// Reads further files by the same rules.
    pub reader: Reader,
}

/// Loads a file with all that it brings in and checks it.
pub fn load(main: &Path, working_directory: &Path, options: &Options, host: &Host) -> Loaded {
    let mut reader = Reader::for_main(main, working_directory);
    if let Some(module) = options.module.as_ref().filter(|name| name.contains('/')) {
        reader.also_beside(Path::new(module), working_directory);
    }
    let mut sources = Sources::new();
    let mut problems = Diagnostics::new();
    let files = Files::gather(main, options, &reader, &mut sources, &mut problems);
    let places = files.all.iter().map(|file| file.place.clone()).collect();
    let gathered = problems.len();
    let program =
        (!files.all.is_empty()).then(|| compile(&files, &reader, &mut sources, &mut problems, host));
    if let Some(steps) = files.cut {
        problems.retain_since(gathered, |problem| steps.holds(problem.at));
    }
    problems.retain_since(gathered, |problem| !files.explains(problem));
    let program = program.flatten().filter(|_| !problems.has_errors());
    Loaded { program, sources, problems, places, reader }
}

/// What is wrong, and the files to show it in.
pub type Problems = Box<(Diagnostics, Sources)>;

/// A dialect by its name or path, as `--module` gives it, without any flow.
///
/// # Errors
///
/// There is no such dialect, or something is wrong with it.
pub fn dialect(name: &str, working_directory: &Path, host: &Host) -> Result<Arc<Dialect>, Problems> {
    let reader = Reader::for_main(Path::new("."), working_directory);
    let mut sources = Sources::new();
    let mut problems = Diagnostics::new();
    let files = Files::gather_module(name, &reader, &mut sources, &mut problems);
    let gathered = problems.len();
    let program = compile(&files, &reader, &mut sources, &mut problems, host);
    problems.retain_since(gathered, |problem| !files.explains(problem));
    match program {
        Some(program) if !problems.has_errors() => Ok(program.dialect),
        _ => Err(Box::new((problems, sources))),
    }
}

fn compile(
    files: &Files,
    reader: &Reader,
    sources: &mut Sources,
    problems: &mut Diagnostics,
    host: &Host,
) -> Option<Program> {
    let scripts = scripts::read(files, reader, sources, problems, host);
    let mut compiler = Compiler {
        sources,
        problems,
        host,
        hooks: scripts.hooks,
        broken_hooks: scripts.broken,
        handlers: scripts.handlers,
        state: None,
        dialect: Arc::new(Dialect::default()),
        signatures: Vec::new(),
        tables: Vec::new(),
        contract: BTreeMap::new(),
        parents: files.all.iter().map(|file| (file.parent, file.kind)).collect(),
        var_names: Vec::new(),
        current: FlowId(0),
        calls: Vec::new(),
        families: BTreeSet::new(),
        error_names: Vec::new(),
        lines: Vec::new(),
        table_keys: Vec::new(),
        patterns: BTreeMap::new(),
        expressions: BTreeMap::new(),
        sends: 0,
        salvaged: Vec::new(),
        incomplete: files.incomplete,
        cloud_is_unread: files.all.first().is_some_and(names_no_cloud),
        lost: &files.lost,
    };
    compiler.program(files)
}

/// Whether a file names a cloud, and what stands there is no name.
fn names_no_cloud(file: &File) -> bool {
    file.node.get("cloud").is_some_and(|cloud| cloud.scalar().is_none())
}

/// Everything that is known while files become a program.
struct Compiler<'c> {
    sources: &'c Sources,
    problems: &'c mut Diagnostics,
    host: &'c Host,
    /// By unit.
    hooks: Vec<Hooks>,
    /// By unit: what its hook files that cannot be used would bring.
    broken_hooks: Vec<scripts::Broken>,
    /// What answers the cloud's commands; `None` also if it could not be used.
    handlers: Option<scripts::Handlers>,
    /// What a station keeps; `None` in a program that ends.
    state: Option<Vec<station::Kept>>,
    dialect: Arc<Dialect>,
    /// By flow.
    signatures: Vec<Signature>,
    /// By unit: its own flows.
    tables: Vec<BTreeMap<String, FlowId>>,
    /// The dialect's flows, the child's over its parents'.
    contract: BTreeMap<String, FlowId>,
    /// By unit: who brought it in, and what it is.
    parents: Vec<(Option<usize>, Kind)>,
    /// By unit.
    var_names: Vec<Vec<Arc<str>>>,
    /// The flow whose body is being read.
    current: FlowId,
    /// Who runs whom, and where that is said.
    calls: Vec<(FlowId, FlowId, Span)>,
    /// Error families that something here can raise.
    families: BTreeSet<String>,
    /// Error names that a retry mentions.
    error_names: Vec<(String, Span)>,
    /// The literal beginnings of all command lines.
    lines: Vec<String>,
    /// The keys of the command table.
    table_keys: Vec<(String, Span)>,
    /// By source, those that were compiled.
    patterns: BTreeMap<String, Pattern>,
    /// By unit and source, the last one of each that was compiled.
    expressions: BTreeMap<(UnitId, String), text::KnownExpression>,
    sends: usize,
    /// Names that broken patterns would have captured.
    salvaged: Vec<Arc<str>>,
    /// A file is missing: what it would have defined is not known.
    incomplete: bool,
    /// The file names a cloud, and what stands there is no name.
    cloud_is_unread: bool,
    /// What is no YAML in the files.
    lost: &'c [Lost],
}

impl Compiler<'_> {
    /// Opens a map by its shape.
    fn open<'n>(&mut self, node: &'n Node, shape: &'static Shape) -> Option<Fields<'n>> {
        Fields::open(node, shape, self.sources.text(node.span.file), self.problems)
    }

    fn program(&mut self, files: &Files) -> Option<Program> {
        let dialect_nodes: Vec<&Node> = files.of_kind(Kind::Dialect).map(|file| &file.node).collect();
        self.dialect = Arc::new(self.dialect(&dialect_nodes));
        self.host.set_escapes(self.dialect.escapes.clone());
        let heads: Vec<Head<'_>> = files.all.iter().map(|file| self.head(file)).collect();
        let mut units = Vec::new();
        for head in &heads {
            let vars = self.vars(head.vars);
            self.var_names.push(vars.iter().map(|var: &Var| Arc::clone(&var.name)).collect());
            units.push(vars);
        }
        if files.all[0].kind == Kind::Station {
            self.state = Some(self.kept(&heads[0].station.state));
        }
        let levels = station::levels(files, &heads);
        let mut bodies = self.collect_flows(files, &heads);
        let station = self.station(files, &heads, &levels, &mut bodies);
        let flows = self.bodies(&bodies);
        let station = self.judged(station, &flows);
        self.check_recursion(&flows);
        self.check_contract(files);
        self.check_error_names();
        self.check_table_keys();
        if self.problems.has_errors() {
            return None;
        }
        self.assemble(files, &heads, units, flows, station)
    }

    /// Every flow of every file gets its id and signature before any body is read.
    fn collect_flows<'n>(&mut self, files: &'n Files, heads: &[Head<'n>]) -> Vec<Body<'n>> {
        let mut bodies = Vec::new();
        for (index, head) in heads.iter().enumerate() {
            let unit = UnitId(index);
            let mut table = BTreeMap::new();
            if let Some(main) = head.main_body() {
                let name = head.name.clone().unwrap_or_else(|| files.all[index].place.shown());
                let span = head.steps.map_or(files.all[index].node.span, |steps| steps.span);
                let signature = self.signature(&name, span, unit, &main, true);
                self.signatures.push(signature);
                bodies.push(main);
            }
            for (key, node) in &head.flows {
                let Some(body) = self.flow_body(node) else { continue };
                let signature = self.signature(&key.text, key.span, unit, &body, false);
                table.insert(key.text.clone(), FlowId(self.signatures.len()));
                self.signatures.push(signature);
                bodies.push(body);
            }
            if self.parents[index].1 == Kind::Dialect {
                for (name, id) in &table {
                    self.contract.entry(name.clone()).or_insert(*id);
                }
            }
            self.tables.push(table);
        }
        bodies
    }

    fn bodies(&mut self, bodies: &[Body<'_>]) -> Vec<Flow> {
        bodies
            .iter()
            .enumerate()
            .map(|(index, body)| {
                self.current = FlowId(index);
                self.flow(FlowId(index), body)
            })
            .collect()
    }

    /// Whether what stands under this key at the top of a file is not all that was written there.
    fn lacks(&self, key: &str) -> bool {
        self.lost.iter().any(|lost| lost.is_under(key))
    }

    /// A cloud needs a module that can talk to it, a notice a flow that fetches what waits.
    fn check_contract(&mut self, files: &Files) {
        if self.incomplete {
            return;
        }
        let lacks = |name: &&str| !self.contract.contains_key(*name);
        let missing: Vec<&str> = ["connect", "publish", "subscribe"].into_iter().filter(lacks).collect();
        let cloud = files.all.first().and_then(|main| main.node.get("cloud"));
        if let (Some(node), false) = (cloud.filter(|node| node.scalar().is_some()), missing.is_empty()) {
            let message =
                format!("this module's dialect has no flow `{}`, which a cloud needs", missing.join("`, `"));
            self.problems.push(
                Diagnostic::error(Code::NO_CONTRACT, node.span, message)
                    .help("name a `module` with MQTT, or leave `cloud` out"),
            );
        }
        if !self.dialect.urc.notice.is_empty() && !self.contract.contains_key("fetch") {
            let dialect = files.of_kind(Kind::Dialect).find_map(|file| file.node.get("urc"));
            let at = dialect.map_or(files.all[0].node.span, |node| node.span);
            self.problems.push(
                Diagnostic::error(
                    Code::NO_CONTRACT,
                    at,
                    "`urc.notice` says that messages wait, and no flow `fetch` brings them",
                )
                .help("add a flow `fetch` that reads every waiting message"),
            );
        }
    }

    /// Flows that run each other without an end would never end.
    fn check_recursion(&mut self, flows: &[Flow]) {
        let mut told: BTreeSet<FlowId> = BTreeSet::new();
        for circle in circles(&std::mem::take(&mut self.calls), flows) {
            if circle.iter().all(|(flow, _)| told.contains(flow)) {
                continue;
            }
            told.extend(circle.iter().map(|(flow, _)| *flow));
            let (first, at) = circle[0];
            let back = circle[1..].iter().map(|(flow, _)| *flow).chain([first]);
            let names: Vec<_> = back.map(|id| format!("`{}`", flows[id.0].name)).collect();
            let message = if circle.len() == 1 {
                format!("{} runs itself", names[0])
            } else {
                format!("`{}` runs {}", flows[first.0].name, names.join(", which runs "))
            };
            self.problems.push(
                Diagnostic::error(Code::RECURSION, at, message)
                    .help("try again with `retry`, loop over a list with `each`"),
            );
        }
    }

    /// The flow that `name` means in a file: its own, those it uses, the cloud's, the dialect's.
    fn lookup(&self, unit: UnitId, name: &str) -> Option<FlowId> {
        let in_dialect = self.parents[unit.0].1 == Kind::Dialect;
        if !in_dialect {
            if let Some(found) = self.tables[unit.0].get(name) {
                return Some(*found);
            }
            let imported = self.parents.iter().enumerate().filter(|(_, (parent, kind))| {
                matches!(kind, Kind::Cloud) || (matches!(kind, Kind::Library) && *parent == Some(unit.0))
            });
            for (index, _) in imported {
                if let Some(found) = self.tables[index].get(name) {
                    return Some(*found);
                }
            }
        }
        self.contract.get(name).copied()
    }

    fn flow_names(&self, unit: UnitId) -> Vec<String> {
        let names: BTreeSet<&String> = self.tables[unit.0].keys().chain(self.contract.keys()).collect();
        names.into_iter().cloned().collect()
    }

    /// A flow of the dialect's contract.
    fn contract_flow(&self, name: &str) -> Option<FlowId> {
        self.contract.get(name).copied()
    }

    fn assemble(
        &mut self,
        files: &Files,
        heads: &[Head<'_>],
        vars: Vec<Vec<Var>>,
        flows: Vec<Flow>,
        station: Option<Station>,
    ) -> Option<Program> {
        let units = files
            .all
            .iter()
            .zip(vars)
            .zip(&self.hooks)
            .map(|((file, vars), hooks)| Unit {
                path: file.place.shown(),
                parent: file.parent.map(UnitId),
                vars,
                hooks: hooks.clone(),
            })
            .collect();
        let main =
            self.signatures.iter().position(|signature| signature.is_main && signature.unit == UnitId(0));
        let name = heads.first()?.name.clone().unwrap_or_else(|| file_stem(&files.all[0].place));
        Some(Program {
            name,
            main_file: FileId::clone(&files.all[0].id),
            dialect: Arc::clone(&self.dialect),
            units,
            flows,
            main: main.map(FlowId),
            named: self.tables.first().cloned().unwrap_or_default(),
            contract: self.contract.clone(),
            station,
        })
    }
}

/// Flows that run each other in a circle, each with the place where it runs the next one; the flow that stands
/// first in the files begins. One walk in depth: a call back to a flow that is still being walked closes a
/// circle. Without recursion, as a chain of flows may be long.
fn circles(calls: &[(FlowId, FlowId, Span)], flows: &[Flow]) -> Vec<Vec<(FlowId, Span)>> {
    let mut callees: Vec<BTreeMap<FlowId, Span>> = vec![BTreeMap::new(); flows.len()];
    for (from, to, at) in calls {
        callees[from.0].entry(*to).or_insert(*at);
    }
    let mut left: Vec<_> = callees.iter().map(BTreeMap::iter).collect();
    let mut seen = vec![false; flows.len()];
    // Where a flow stands on the way, while it is walked.
    let mut position: Vec<Option<usize>> = vec![None; flows.len()];
    let mut found = Vec::new();
    for root in (0..flows.len()).map(FlowId) {
        let mut way: Vec<(FlowId, Span)> = Vec::new();
        let mut next = Some(root).filter(|root| !seen[root.0]);
        loop {
            if let Some(flow) = next.take() {
                seen[flow.0] = true;
                position[flow.0] = Some(way.len());
                // Its own place, until it runs something.
                way.push((flow, flows[flow.0].span));
            }
            let Some((here, leaves_at)) = way.last_mut() else { break };
            let Some((callee, at)) = left[here.0].next() else {
                position[here.0] = None;
                way.pop();
                continue;
            };
            *leaves_at = *at;
            if let Some(start) = position[callee.0] {
                let mut circle = way[start..].to_vec();
                let first = (0..circle.len()).min_by_key(|index| circle[*index].0).unwrap_or(0);
                circle.rotate_left(first);
                found.push(circle);
            } else if !seen[callee.0] {
                next = Some(*callee);
            }
        }
    }
    found
}

fn file_stem(place: &Place) -> String {
    let shown = place.shown();
    let name = shown.rsplit('/').next().unwrap_or(&shown);
    name.strip_suffix(".yaml").unwrap_or(name).to_string()
}
