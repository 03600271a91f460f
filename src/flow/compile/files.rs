//! The files of a program: the main one, its dialect with all it extends, its cloud, and the files it uses.

use std::path::Path;

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Diagnostics, FileId, Sources, Span};
use crate::flow::keys;
use crate::flow::load::{Place, Reader};
use crate::flow::lost::{Lost, lists_of};
use crate::flow::yaml::{Key, Kind as NodeKind, Node, Scalar, Style, Tree};

use super::Options;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It has steps or flows.
    Flow,
    /// It has schedules, downlink or events.
    Station,
    /// Brought in by `use`: only its flows count.
    Library,
    /// A cloud.
    Cloud,
    /// A module family.
    Dialect,
}

/// One file that was read.
pub(super) struct File {
    pub place: Place,
    pub id: FileId,
    pub node: Node,
    pub kind: Kind,
    pub parent: Option<usize>,
}

/// All of them, the main one first.
pub(super) struct Files {
    pub all: Vec<File>,
    /// Something that was asked for could not be read.
    pub incomplete: bool,
    /// The main file's steps, if reading ended behind the last one of these: nothing else can be judged.
    pub cut: Option<Span>,
    /// What is no YAML in any of them.
    pub lost: Vec<Lost>,
}

/// The dialect of a file that names none.
const GENERIC: &str = "generic";
/// A cloud file by itself is checked with this dialect: it names none, and its flows need one.
const CLOUD_CHECK_MODULE: &str = "luat-air724";
/// The longest chain of `extends`, and of `use`.
const CHAIN: usize = 8;

/// Reads files and remembers what went wrong.
struct Gatherer<'g> {
    reader: &'g Reader,
    sources: &'g mut Sources,
    problems: &'g mut Diagnostics,
    all: Vec<File>,
    cut: Option<Span>,
    lost: Vec<Lost>,
}

impl Files {
    pub fn gather(
        main: &Path,
        options: &Options,
        reader: &Reader,
        sources: &mut Sources,
        problems: &mut Diagnostics,
    ) -> Self {
        let mut gatherer =
            Gatherer { reader, sources, problems, all: Vec::new(), cut: None, lost: Vec::new() };
        gatherer.main(main, options);
        gatherer.done(options.module.is_some())
    }

    /// A dialect alone, as `module: name` in a file of the working directory would find it.
    pub fn gather_module(
        name: &str,
        reader: &Reader,
        sources: &mut Sources,
        problems: &mut Diagnostics,
    ) -> Self {
        let mut gatherer =
            Gatherer { reader, sources, problems, all: Vec::new(), cut: None, lost: Vec::new() };
        let place = Place::Disk("flow.yaml".into());
        // A file without a flow of its own, to bring in the dialect.
        let id = gatherer.sources.add_argument("--module");
        let span = Span::new(id, 0..0);
        let map = |entries| Node { span, kind: NodeKind::Map(entries), flow_style: false };
        let flows = Key { text: "flows".to_string(), span, style: Style::Plain };
        let node = map(vec![(flows, map(Vec::new()))]);
        gatherer.all.push(File { place, id, node, kind: Kind::Library, parent: None });
        gatherer.module(Kind::Flow, &Options { module: Some(name.to_string()) });
        gatherer.done(true)
    }

    /// Whether a problem follows from what is no YAML.
    pub fn explains(&self, problem: &Diagnostic) -> bool {
        self.lost.iter().any(|lost| lost.explains(problem))
    }

    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &File> {
        self.all.iter().filter(move |file| file.kind == kind)
    }
}

/// Whether a key that names other files holds something else: what they would bring in is not known.
fn brings_in_less(file: &File, is_main: bool, by_hand: bool) -> bool {
    let wrong = |key: &str, names: fn(&Node) -> bool| file.node.get(key).is_some_and(|node| !names(node));
    let text: fn(&Node) -> bool = |node| node.scalar().is_some();
    is_main && !by_hand && wrong("module", text)
        || file.kind == Kind::Dialect && wrong("extends", text)
        || (is_main || file.kind == Kind::Library) && wrong("use", Node::is_list_of_texts)
}

impl Gatherer<'_> {
    /// `by_hand`: the command line names the module, whatever the file says.
    fn done(self, by_hand: bool) -> Files {
        // A mistake in a step has brought in nothing less.
        let lists = self.all.first().map(|main| lists_of(&main.node)).unwrap_or_default();
        let is_known = |found: &Diagnostic| {
            found.code == Code::TAB
                || self.lost.iter().any(|lost| lost.is_at(found.at))
                || lists.iter().any(|list| list.holds(found.at))
        };
        let incomplete = self.cut.is_some()
            || self.lost.iter().any(Lost::decides)
            || self.all.iter().enumerate().any(|(index, file)| brings_in_less(file, index == 0, by_hand))
            || self.problems.errors().any(|found| !is_known(found));
        Files { all: self.all, incomplete, cut: self.cut, lost: self.lost }
    }

    fn main(&mut self, path: &Path, options: &Options) {
        let place = Place::asked_for(path);
        let Some((id, tree)) = self.reader.yaml(&place, None, self.sources, self.problems) else { return };
        self.remember_lost(&tree, id, Kind::Flow);
        let Tree { root: node, complete, .. } = tree;
        self.cut = node.get("steps").filter(|_| !complete).map(|steps| steps.span);
        if let Some((key, _)) = node.map().and_then(|map| map.iter().find(|(key, _)| is_test_key(&key.text)))
        {
            self.problems.push(
                Diagnostic::error(Code::WRONG_FILE, key.span, "this is a test file, not one to run or check")
                    .help("`atflow test` reads it, and tries the file that its `flow` names"),
            );
            return;
        }
        let kind = kind_of(&node);
        self.all.push(File { place, id, node, kind, parent: None });
        if kind == Kind::Dialect {
            self.extended(0);
            return;
        }
        self.module(kind, options);
        self.cloud();
        self.used(0);
    }

    fn remember_lost(&mut self, tree: &Tree, id: FileId, kind: Kind) {
        let mut lost = Lost::new(tree, id, self.sources.text(id), self.problems);
        if kind == Kind::Library {
            // The others ask it for nothing but its flows.
            lost.touches_only_itself();
        }
        if !lost.is_empty() {
            self.lost.push(lost);
        }
    }

    /// A text at the top of a file.
    fn asked(&self, file: usize, key: &str) -> Option<(String, Span)> {
        let scalar: Scalar<'_> = self.all[file].node.get(key)?.scalar()?;
        Some((scalar.text.to_string(), scalar.span))
    }

    fn module(&mut self, kind: Kind, options: &Options) {
        let fallback = if kind == Kind::Cloud { CLOUD_CHECK_MODULE } else { GENERIC };
        let whole = Span::new(self.all[0].id, 0..0);
        let (name, at) = match (&options.module, self.asked(0, "module")) {
            // What the command line says stands nowhere in the file.
            (Some(name), _) => {
                let by_hand = self.sources.add_argument("--module");
                (name.clone(), Span::new(by_hand, 0..0))
            }
            (None, Some((name, at))) => (name, at),
            (None, None) => (fallback.to_string(), whole),
        };
        // A path on the command line is relative to where the user stands, not to the flow's file.
        let by_hand = options.module.as_ref().filter(|name| name.contains('/'));
        let file = match by_hand {
            Some(path) => self.add(Place::Disk(path.into()), at, Kind::Dialect, 0),
            None => self.named(0, "modules", &name, at, Kind::Dialect),
        };
        if let Some(file) = file {
            self.extended(file);
        }
    }

    /// The dialects that a dialect extends, up to the one that extends nothing.
    fn extended(&mut self, first: usize) {
        let mut child = first;
        for _ in 0..CHAIN {
            let Some((name, at)) = self.asked(child, "extends") else { return };
            match self.named(child, "modules", &name, at, Kind::Dialect) {
                Some(parent) => child = parent,
                None => return,
            }
        }
        let at = self.asked(child, "extends").map_or(self.all[child].node.span, |(_, at)| at);
        let message = format!("more than {CHAIN} dialects extend each other");
        self.problems.push(
            Diagnostic::error(Code::IMPORT_CYCLE, at, message)
                .help("put what several of them add into one that the others extend"),
        );
    }

    fn cloud(&mut self) {
        if let Some((name, at)) = self.asked(0, "cloud") {
            self.named(0, "clouds", &name, at, Kind::Cloud);
        }
    }

    /// The files that a file uses, and those that they use.
    fn used(&mut self, file: usize) {
        let items: Vec<(String, Span)> = self.all[file]
            .node
            .get("use")
            .and_then(Node::list)
            .unwrap_or_default()
            .iter()
            .filter_map(|item| item.scalar().map(|scalar| (scalar.text.to_string(), scalar.span)))
            .collect();
        for (path, at) in items {
            let place = self.reader.beside(&self.all[file].place, &path);
            if let Some(index) = self.add(place, at, Kind::Library, file) {
                self.used(index);
            }
        }
    }

    fn named(&mut self, from: usize, folder: &str, name: &str, at: Span, kind: Kind) -> Option<usize> {
        let Some(place) = self.reader.named(&self.all[from].place, folder, name) else {
            let own_name = super::file_stem(&self.all[from].place);
            if self.all[from].kind == kind && own_name == name.trim_end_matches(".yaml") {
                self.problems.push(
                    Diagnostic::error(Code::IMPORT_CYCLE, at, format!("`{name}` extends itself"))
                        .help("a dialect may have the name of a bundled one, and extend that"),
                );
                return None;
            }
            let help = help_for_name(folder, name);
            let what = folder.trim_end_matches('s');
            let prefix = if self.sources.is_argument(at.file) {
                format!("`--module {name}`: ")
            } else {
                String::new()
            };
            let message = format!("{prefix}there is no {what} `{name}`");
            self.problems.push(Diagnostic::error(Code::NO_SUCH_FILE, at, message).help(help));
            return None;
        };
        self.add(place, at, kind, from)
    }

    fn add(&mut self, place: Place, at: Span, kind: Kind, parent: usize) -> Option<usize> {
        let mut above = Some(parent);
        let mut depth = 0;
        while let Some(index) = above {
            depth += 1;
            if self.reader.is_same(&self.all[index].place, &place) {
                let message = format!("`{}` brings in itself", place.shown());
                self.problems.push(
                    Diagnostic::error(Code::IMPORT_CYCLE, at, message)
                        .help("files cannot use each other in a circle"),
                );
                return None;
            }
            above = self.all[index].parent;
        }
        if kind == Kind::Library && depth > CHAIN {
            let message = format!("`use` goes more than {CHAIN} files deep");
            self.problems.push(
                Diagnostic::error(Code::IMPORT_CYCLE, at, message)
                    .help("let a file use the files that it needs by itself"),
            );
            return None;
        }
        let (id, tree) = self.reader.yaml(&place, Some(at), self.sources, self.problems)?;
        if !tree.complete {
            return None;
        }
        self.remember_lost(&tree, id, kind);
        let node = tree.root;
        let found = kind_of(&node);
        let fits = match kind {
            Kind::Dialect | Kind::Cloud => found == kind || node.map().is_some_and(<[_]>::is_empty),
            _ => matches!(found, Kind::Flow | Kind::Library),
        };
        // What tells the kind of file may be what is lost.
        if !fits && self.lost.last().is_some_and(|lost| lost.is_of(id) && lost.decides()) {
            return None;
        }
        if !fits {
            let message = format!("`{}` is a {}, not a {}", place.shown(), found.word(), kind.word());
            self.problems.push(
                Diagnostic::error(Code::WRONG_FILE, at, message)
                    .help("`module` names a dialect, `cloud` a cloud file, `use` a file with flows"),
            );
            return None;
        }
        self.all.push(File { place, id, node, kind, parent: Some(parent) });
        Some(self.all.len() - 1)
    }
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Flow | Self::Library => "flow file",
            Self::Station => "station",
            Self::Cloud => "cloud file",
            Self::Dialect => "dialect",
        }
    }
}

/// What else may be written for the name of a module or cloud that is not there.
fn help_for_name(folder: &str, name: &str) -> String {
    let known = Reader::bundled_names(folder);
    if let Some(near) = crate::flow::fields::nearest(name, known.iter().map(String::as_str)) {
        return format!("did you mean `{near}`?");
    }
    if let Some(stem) = name.strip_suffix(".yaml") {
        return format!("`./{name}` is the file beside this one, and `{stem}` means `{folder}/{name}`");
    }
    format!("bundled: {}; your own goes to `{folder}/{name}.yaml` beside the file", known.join(", "))
}

/// The keys that only a test file has.
fn is_test_key(key: &str) -> bool {
    matches!(key, "tests" | "calls")
}

/// What a file is, by the keys that only one kind has.
fn kind_of(node: &Node) -> Kind {
    let has = |keys: &[&str]| keys.iter().any(|key| node.get(key).is_some());
    if has(&["commands", "urc", "results", "extends", "escapes", "line", "errors"]) {
        Kind::Dialect
    } else if has(&["schedule", "events", "state", "outbox"])
        || node.get("downlink").is_some_and(keys::is_handled_downlink)
    {
        Kind::Station
    } else if has(&["link", "downlink", "limits"]) && !has(&["steps", "module"]) {
        Kind::Cloud
    } else if has(&["downlink", "link"]) {
        Kind::Station
    } else {
        Kind::Flow
    }
}
