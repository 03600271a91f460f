//! From the YAML of a test file to what it says. Every problem of the file is gathered, at its place.

mod events;
mod expect;
#[cfg(test)]
mod tests;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Diagnostics, FileId, Sources, Span, Spanned};
use crate::flow::duration;
use crate::flow::fields::{Fields, nearest};
use crate::flow::keys::{TEST, TEST_CALL, TEST_FILE};
use crate::flow::lost::Lost;
use crate::flow::yaml::{self, Node, Scalar};
use crate::link::address::Address;
use crate::sim;

use super::file::{CallTest, Port, Recording, SEED, Test, TestFile};
use super::value::Wanted;

/// The end of every test file's name.
pub const ENDING: &str = ".test.yaml";

/// The module of a file that names none.
const MODULE: &str = "luat-air724";

/// Reads a test file. The problems are in `problems`; with errors among them there is no file.
///
/// # Errors
///
/// The sources, so that the problems can be shown.
pub fn read(path: &Path, text: &str, problems: &mut Diagnostics) -> Result<TestFile, Sources> {
    let mut sources = Sources::new();
    let file = sources.add(path.display().to_string(), text);
    let reading =
        Reading { path, file, sources: &sources, problems, is_recording: false, behind_the_end: Vec::new() };
    match reading.file() {
        Some(parts) if !problems.has_errors() => Ok(parts.with(path, sources)),
        _ => Err(sources),
    }
}

/// What was read, before the sources come back.
struct Parts {
    flow: (String, Span),
    port: Port,
    vars: BTreeMap<String, String>,
    tests: Vec<Test>,
    calls: Vec<CallTest>,
}

impl Parts {
    fn with(self, path: &Path, sources: Sources) -> TestFile {
        let beside = path.parent().unwrap_or(Path::new(""));
        TestFile {
            path: path.to_path_buf(),
            sources,
            flow: beside.join(self.flow.0),
            flow_span: self.flow.1,
            port: self.port,
            vars: self.vars,
            tests: self.tests,
            calls: self.calls,
        }
    }
}

/// A file that is being read.
struct Reading<'r> {
    path: &'r Path,
    file: FileId,
    sources: &'r Sources,
    problems: &'r mut Diagnostics,
    /// The tests run on a recording.
    is_recording: bool,
    /// What lies behind the end of the test that is being read.
    behind_the_end: Vec<Diagnostic>,
}

impl Reading<'_> {
    fn open<'n>(&mut self, node: &'n Node, shape: &'static crate::flow::keys::Shape) -> Option<Fields<'n>> {
        Fields::open(node, shape, self.sources.text(self.file), self.problems)
    }

    fn file(mut self) -> Option<Parts> {
        let tree = yaml::parse_or_cut(self.sources, self.file, self.problems).filter(|tree| tree.complete)?;
        let lost = Lost::new(&tree, self.file, self.sources.text(self.file), self.problems);
        let before = self.problems.len();
        let parts = self.parts(&tree.root);
        self.problems.retain_since(before, |problem| !lost.explains(problem));
        parts
    }

    fn parts(&mut self, root: &Node) -> Option<Parts> {
        let fields = self.open(root, &TEST_FILE)?;
        let flow = fields.text("flow", self.problems);
        let port = self.port(&fields);
        self.is_recording = matches!(port, Some(Port::Recording(_)));
        let seed = self.seed(&fields).unwrap_or(SEED);
        let vars = self.vars(&fields);
        let tests: Vec<Test> = fields
            .list("tests", self.problems)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|node| self.test(node, seed))
            .collect();
        let calls = fields
            .list("calls", self.problems)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|node| self.call(node))
            .collect();
        fields.finish();
        self.names_differ(&tests);
        let flow = flow.map(|flow| (flow.text.to_owned(), flow.span))?;
        Some(Parts { flow, port: port?, vars, tests, calls })
    }

    /// What the tests run on.
    fn port(&mut self, fields: &Fields<'_>) -> Option<Port> {
        let Some(port) = fields.text("port", self.problems) else {
            return Some(Port::Sim(MODULE.to_owned()));
        };
        let names: Vec<&str> = sim::names().iter().map(|(name, _)| *name).collect();
        let known = names.iter().map(|name| format!("`sim:{name}`")).collect::<Vec<_>>().join(", ");
        let (message, help) = match Address::parse(port.text) {
            Ok(Address::Sim(name)) if names.contains(&name.as_str()) => return Some(Port::Sim(name)),
            Ok(Address::Replay { file, order }) => {
                let path = self.path.parent().unwrap_or(Path::new("")).join(file);
                return Some(Port::Recording(Recording { path, order, span: port.span }));
            }
            Ok(Address::Sim(name)) => {
                let help = match nearest(&name, names.iter().copied()) {
                    Some(near) => format!("did you mean `sim:{near}`?"),
                    None => format!("there is {known}"),
                };
                (format!("there is no simulated module `{name}`"), help)
            }
            _ => (
                format!(
                    "`{}` is neither a simulated module nor a recording, and a test has no other",
                    port.text
                ),
                format!("there is {known}; `replay:FILE` is what a module said once"),
            ),
        };
        self.problems.push(Diagnostic::error(Code::NOT_IN_TEST, port.span, message).help(help));
        None
    }

    fn seed(&mut self, fields: &Fields<'_>) -> Option<u64> {
        fields.int("seed", self.problems).map(|seed| seed.value.unsigned_abs())
    }

    fn vars(&mut self, fields: &Fields<'_>) -> BTreeMap<String, String> {
        let entries = fields.map("vars", self.problems).unwrap_or_default();
        let mut vars = BTreeMap::new();
        for (key, node) in entries {
            match node.scalar() {
                Some(scalar) => drop(vars.insert(key.text.clone(), scalar.text.to_owned())),
                None => self.problems.push(
                    Diagnostic::error(
                        Code::WRONG_KIND,
                        node.span,
                        format!("`{}` takes a plain value here", key.text),
                    )
                    .help("as for `--var`; a list or a map comes from a file that a var of the flow names"),
                ),
            }
        }
        vars
    }

    /// One text, or a list of them.
    fn texts<'n>(&mut self, fields: &Fields<'n>, name: &str) -> Vec<Scalar<'n>> {
        match fields.node(name) {
            None => Vec::new(),
            Some(node) if node.list().is_some() => fields.texts(name, self.problems).unwrap_or_default(),
            Some(_) => fields.text(name, self.problems).into_iter().collect(),
        }
    }

    fn test(&mut self, node: &Node, seed: u64) -> Option<Test> {
        let fields = self.open(node, &TEST)?;
        let name = fields.text("name", self.problems);
        let run = self.texts(&fields, "run");
        let lasts = fields.duration("for", self.problems);
        let seed = self.seed(&fields).unwrap_or(seed);
        let vars = self.vars(&fields);
        if self.is_recording {
            self.nothing_else_happens(&fields);
        }
        let sim = match fields.node("sim") {
            Some(node) => sim::read::settings(node, self.sources.text(self.file), self.problems)?,
            None => sim::SimSettings::default(),
        };
        let faults = fields
            .node("faults")
            .map(|node| sim::read::faults(node, self.sources.text(self.file), self.problems))
            .unwrap_or_default();
        let (mut at, mut mishaps) = (Vec::new(), Vec::new());
        let end = lasts.as_ref().map(|lasts| lasts.value);
        let listed = fields.node("faults").and_then(Node::list).unwrap_or_default();
        for fault in listed {
            self.is_in_time(fault, end);
        }
        let fault_times = listed.iter().filter_map(time_of_fault).collect();
        for node in fields.list("at", self.problems).unwrap_or_default() {
            self.is_in_time(node, end);
            match self.event(node) {
                Some(events::Timed::Entry(entry)) => at.push(Spanned { value: entry, span: node.span }),
                Some(events::Timed::Mishap(mishap)) => mishaps.push(mishap),
                None => {}
            }
        }
        let wanted = fields.list("expect", self.problems);
        if let (Some([]), Some(at)) = (wanted.as_deref(), fields.at("expect")) {
            let problem =
                Diagnostic::error(Code::EMPTY_TEXT, at, "`expect` is empty: nothing would be wrong");
            self.problems.push(problem.help("say what must be true, such as `verdict: passed`"));
        }
        let expect: Vec<_> =
            wanted.unwrap_or_default().into_iter().filter_map(|node| self.expectation(node, end)).collect();
        fields.finish();
        let name = name?;
        Some(Test {
            name: name.text.to_owned(),
            span: name.span,
            run: run.into_iter().map(|run| Spanned { value: run.text.to_owned(), span: run.span }).collect(),
            lasts: lasts.map(|lasts| lasts.value),
            seed,
            vars,
            sim,
            at,
            faults,
            fault_times,
            mishaps,
            expect,
            behind_the_end: std::mem::take(&mut self.behind_the_end),
        })
    }

    /// What would happen when a station's test is over does not happen.
    fn is_in_time(&mut self, node: &Node, end: Option<Duration>) {
        let Some(time) = node.get("time") else { return };
        // What cannot be read is told where it is read.
        let at = time.scalar().and_then(|time| duration::parse(time.text).ok());
        if let Some(at) = at {
            self.is_before_the_end(at, time.span, end, "this never happens");
        }
    }

    /// Of a station this is wrong; a flow's `always` runs behind it, and its last sleep goes on.
    fn is_before_the_end(&mut self, at: Duration, place: Span, end: Option<Duration>, so: &str) {
        let Some(end) = end.filter(|end| at > *end) else { return };
        let message = format!("{so}: the test is over after {}", duration::display(end));
        let help = "choose an earlier time, or a longer `for`";
        self.behind_the_end.push(Diagnostic::error(Code::OUT_OF_RANGE, place, message).help(help));
    }

    /// A recording says what it says.
    fn nothing_else_happens(&mut self, fields: &Fields<'_>) {
        for key in ["sim", "at", "faults"] {
            if let Some(at) = fields.at(key) {
                let message = format!("`{key}` is for simulated modules, and the port is a recording");
                let help = "leave it out: a recording says what it says";
                self.problems.push(Diagnostic::error(Code::NOT_IN_TEST, at, message).help(help));
            }
        }
    }

    /// A name is what `--filter` and reports know a test by.
    fn names_differ(&mut self, tests: &[Test]) {
        for (index, test) in tests.iter().enumerate() {
            if let Some(first) = tests[..index].iter().find(|first| first.name == test.name) {
                let message = format!("two tests are called `{}`", test.name);
                self.problems.push(
                    Diagnostic::error(Code::DUPLICATE_KEY, test.span, message)
                        .also(first.span, "the first one")
                        .help("say in the name what this one shows"),
                );
            }
        }
    }

    fn call(&mut self, node: &Node) -> Option<CallTest> {
        let fields = self.open(node, &TEST_CALL)?;
        let call = fields.text("call", self.problems);
        let gives = fields.node("gives").and_then(Wanted::of);
        let fails = fields.text("fails", self.problems);
        let does = fields.texts("does", self.problems);
        let answers = fields.map("answers", self.problems).unwrap_or_default();
        fields.finish();
        let answers = answers
            .into_iter()
            .filter_map(|(key, node)| Some((key.text.clone(), node.scalar()?.text.to_owned())))
            .collect();
        let call = call?;
        Some(CallTest {
            span: call.span,
            source: call.text.to_owned(),
            gives,
            fails: fails.map(|fails| fails.text.to_owned()),
            answers,
            does: does.map(|does| does.iter().map(|text| text.text.to_owned()).collect()),
        })
    }
}

/// When a fault of a list happens, and where it stands. When all is well again is no fault.
fn time_of_fault(node: &Node) -> Option<Spanned<Duration>> {
    let is_heal = node.get("fault").and_then(Node::scalar).is_some_and(|fault| fault.text == "heal");
    let time = node.get("time").and_then(Node::scalar).filter(|_| !is_heal)?;
    Some(Spanned { value: duration::parse(time.text).ok()?, span: node.span })
}
