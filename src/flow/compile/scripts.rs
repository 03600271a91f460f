//! The scripts that files name: hook files, and a station's command handlers.

use std::collections::BTreeSet;

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Diagnostics, FileId, Sources, Span};
use crate::flow::load::Reader;
use crate::flow::yaml::{Node, Scalar};
use crate::hooks::{HookFile, HookProblem, Hooks, Host, ProblemKind};

use super::files::{File, Files, Kind};

/// The scripts of all files.
#[derive(Default)]
pub(super) struct Scripts {
    /// What the expressions of a file can call, by unit.
    pub hooks: Vec<Hooks>,
    /// By unit: what its hook files that cannot be used would bring.
    pub broken: Vec<Broken>,
    /// What answers the cloud's commands.
    pub handlers: Option<Handlers>,
}

/// What hook files of a unit would bring that cannot be used. Whoever calls it makes no mistake of their own.
#[derive(Default)]
pub(super) struct Broken {
    /// The names that stand behind `fn` and `const`.
    names: BTreeSet<String>,
    /// A file was not read at all: any function might be in it.
    is_unread: bool,
}

impl Broken {
    /// Whether a function may be in such a file.
    pub fn may_have_function(&self, name: &str) -> bool {
        self.is_unread || self.names.contains(name)
    }

    /// Whether a constant may be in such a file.
    pub fn may_have_constant(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Notes what a text that is no good would define.
    fn note(&mut self, text: &str) {
        let words: Vec<&str> = text.split(|sign: char| !(sign.is_alphanumeric() || sign == '_')).collect();
        let defined = words.windows(2).filter(|pair| matches!(pair[0], "fn" | "const"));
        self.names.extend(defined.map(|pair| pair[1].to_string()));
    }
}

/// The file of a station's command handlers.
pub(super) struct Handlers {
    pub file: HookFile,
    /// Its text.
    pub source: FileId,
}

/// Reads scripts and remembers what went wrong.
struct ScriptReader<'s> {
    reader: &'s Reader,
    sources: &'s mut Sources,
    problems: &'s mut Diagnostics,
}

/// The hooks of every file, and the handlers of a station.
pub(super) fn read(
    files: &Files,
    reader: &Reader,
    sources: &mut Sources,
    problems: &mut Diagnostics,
    host: &Host,
) -> Scripts {
    let mut scripts = ScriptReader { reader, sources, problems };
    let (hooks, broken) = files.all.iter().map(|file| scripts.hooks_of(file, host)).unzip();
    let handlers = scripts.handlers(files, host);
    Scripts { hooks, broken, handlers }
}

impl ScriptReader<'_> {
    fn hooks_of(&mut self, file: &File, host: &Host) -> (Hooks, Broken) {
        let mut loaded = Vec::new();
        let mut last = None;
        let mut broken = Broken::default();
        let named = file.node.get("hooks");
        broken.is_unread = named.is_some_and(|node| !node.is_list_of_texts());
        for item in named.and_then(Node::list).unwrap_or_default() {
            let Some(scalar) = item.scalar() else { continue };
            last = Some(scalar.span);
            match self.script(file, scalar, |name, text| host.load(name, text)) {
                Ok((hooks, _)) => loaded.push(hooks),
                Err(Some(text)) => broken.note(&text),
                Err(None) => broken.is_unread = true,
            }
        }
        match Hooks::merge(&loaded) {
            Ok(hooks) => (hooks, broken),
            Err(problem) => {
                let at = last.unwrap_or(file.node.span);
                self.problems.push(
                    Diagnostic::error(Code::HOOK_FILE, at, problem.to_string())
                        .help("rename one of them, or leave out one of the files"),
                );
                (Hooks::default(), Broken { is_unread: true, ..broken })
            }
        }
    }

    /// The station's own handlers, else the cloud's.
    fn handlers(&mut self, files: &Files, host: &Host) -> Option<Handlers> {
        let named = |kind| {
            let file = files.of_kind(kind).next()?;
            Some((file, file.node.get("downlink")?.get("handlers")?.scalar()?))
        };
        let (file, name) = named(Kind::Station).or_else(|| named(Kind::Cloud))?;
        let (file, text) = self.script(file, name, |name, text| host.load_handlers(name, text)).ok()?;
        let source = self.sources.add(file.name(), text);
        Some(Handlers { file, source })
    }

    /// One script and its text; of one that is no good the text alone, if there is any.
    fn script(
        &mut self,
        file: &File,
        name: Scalar<'_>,
        load: impl Fn(&str, &str) -> Result<HookFile, HookProblem>,
    ) -> Result<(HookFile, String), Option<String>> {
        let place = self.reader.beside(&file.place, name.text);
        let text = self.reader.text(&place, Some(name.span), self.sources, self.problems).ok_or(None)?;
        let problem = match load(&place.shown(), &text) {
            Ok(loaded) => return Ok((loaded, text)),
            Err(problem) => problem,
        };
        let id = self.sources.add(place.shown(), text.as_str());
        for problem in problem.all() {
            let at = Span::new(id, problem.at.clone());
            let mut diagnostic = Diagnostic::error(Code::HOOK_FILE, at, problem.to_string());
            let by_kind = || match problem.kind {
                ProblemKind::UnknownName { .. } => {
                    Some("a function sees its params and its file's constants: pass it".to_string())
                }
                ProblemKind::UnknownFunction { .. } => {
                    Some("a function calls those of its file and the built-in ones".to_string())
                }
                _ => None,
            };
            if let Some(help) = problem.help().or_else(by_kind) {
                diagnostic = diagnostic.help(help);
            }
            self.problems.push(diagnostic);
        }
        Err(Some(text))
    }
}
