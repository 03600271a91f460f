//! A case: a folder with `flow.yaml`, `module.txt` and the report that they must give; `flow.txt` names
//! a flow that stands elsewhere, `env.txt` holds the environment, one `NAME=value` a line.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use atflow::flow::compile::{self, Options};
use atflow::flow::diag::Look;
use atflow::flow::model::UnitId;
use atflow::hooks::Host;
use atflow::link::Link as _;
use atflow::report::console::{Console, Detail};
use atflow::report::json::JsonLines;
use atflow::run::mask_text::Masked;
use atflow::run::once::OnceInMemory;
use atflow::run::vars::{self, Outside};
use atflow::run::{Part, Run, Setup, SharedObserver, TellLines};
use atflow::session::Session;
use atflow::transcript::{Header, Masker, Transcript};

use super::link::{Scripted, Seen};
use super::script::Script;

/// A folder below `tests/cases`.
pub struct Case {
    /// Its path, as problems and reports show it.
    pub path: PathBuf,
}

/// What a run of a case gave.
pub struct Outcome {
    /// What a person reads.
    pub report: String,
    /// The same as JSON lines.
    pub events: String,
    /// Every byte, as recorded.
    pub transcript: String,
    /// Where the run first left the script.
    pub strayed: Option<String>,
    /// When each line of the script that is ours happened.
    pub times: Vec<(usize, Duration)>,
}

/// A writer that several hands share.
#[derive(Clone, Default)]
struct Page(Rc<RefCell<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).expect("reports are UTF-8")
    }
}

impl Case {
    /// Every case, by name.
    pub fn all() -> Vec<Self> {
        let root = Path::new("tests/cases");
        let mut paths: Vec<PathBuf> = fs::read_dir(root)
            .expect("the cases are there")
            .map(|entry| entry.expect("the folder can be read").path())
            .filter(|path| path.join("module.txt").is_file())
            .collect();
        paths.sort();
        paths.into_iter().map(|path| Self { path }).collect()
    }

    pub fn name(&self) -> String {
        self.path.file_name().expect("a folder has a name").to_string_lossy().into_owned()
    }

    pub fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path.join(name)).ok()
    }

    pub fn script(&self) -> Script {
        Script::parse(&self.read("module.txt").expect("a case has a module.txt"))
    }

    /// Runs the flow against the script, once for a person and once as JSON lines.
    pub fn run(&self, script: Script) -> Outcome {
        let outcome = self.report(script.clone());
        let events = self.run_watched(script, true).map_or_else(|problems| problems, |(_, text)| text);
        Outcome { events, ..outcome }
    }

    /// Runs the flow against the script, for a person only.
    pub fn report(&self, script: Script) -> Outcome {
        match self.run_watched(script, false) {
            Ok((outcome, report)) => Outcome { report, ..outcome },
            Err(problems) => Outcome {
                report: problems,
                events: String::new(),
                transcript: String::new(),
                strayed: Some("the flow has problems".to_string()),
                times: Vec::new(),
            },
        }
    }

    /// One run, seen by the console or as JSON lines. `Err`: the flow's problems.
    fn run_watched(&self, script: Script, as_json: bool) -> Result<(Outcome, String), String> {
        let host = Rc::new(Host::new());
        let here = std::env::current_dir().expect("tests run in the package");
        let flow = match self.read("flow.txt") {
            Some(elsewhere) => PathBuf::from(elsewhere.trim()),
            None => self.path.join("flow.yaml"),
        };
        let loaded = compile::load(&flow, &here, &Options::default(), &host);
        let shown_problems = loaded.problems.render(&loaded.sources, Look::Plain);
        let Some(program) = loaded.program.map(Rc::new) else { return Err(shown_problems) };
        let file = |unit: UnitId, path: &str| {
            let place = loaded.reader.beside(&loaded.places[unit.0], path);
            loaded.reader.bytes(&place).map_err(|problem| problem.to_string())
        };
        let env_file = self.read("env.txt").unwrap_or_default();
        let env = |name: &str| {
            let mut lines = env_file.lines().filter_map(|line| line.split_once('='));
            lines.find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
        };
        let outside = Outside { given: &BTreeMap::new(), env: &env, file: &file, simulated: false };
        let resolved = vars::resolve(&program, &outside)
            .map_err(|problems| problems.render(&loaded.sources, Look::Plain))?;
        let masker =
            || Masker::new(&resolved.secrets, &program.dialect.escapes).expect("secrets of a case are short");
        let seen = Rc::new(RefCell::new(Seen::default()));
        let (page, transcript_page) = (Page::default(), Page::default());
        let typed = Rc::clone(&seen);
        let answers = Box::new(move || typed.borrow_mut().typed.pop_front());
        let out = Box::new(page.clone());
        let observer: SharedObserver = if as_json {
            Rc::new(RefCell::new(JsonLines::new(out, loaded.sources, true).with_answers(answers)))
        } else {
            Rc::new(RefCell::new(
                Console::new(out, loaded.sources, Detail::Steps, false).with_answers(answers),
            ))
        };
        let link = Scripted::new(script, Rc::clone(&seen));
        host.set_clock(link.clock());
        let header = Header {
            port: "script".to_string(),
            module: Some(program.dialect.name.clone()),
            ..Header::default()
        };
        let stop = Rc::clone(&seen);
        let session = Session::new(
            Box::new(link),
            std::sync::Arc::clone(&program.dialect),
            Transcript::to(Box::new(transcript_page.clone()), &header, masker()),
            Box::new(TellLines::new(Rc::clone(&observer), Masked::new(Rc::new(masker())))),
            Rc::new(move || stop.borrow().stop),
        );
        let setup = Setup {
            program: Rc::clone(&program),
            host: Rc::clone(&host),
            masked: Masked::new(Rc::new(masker())),
            vars: resolved.values,
            session,
            observer,
            once: Box::new(OnceInMemory::default()),
            seed: 1,
            port: "script".to_string(),
            home: None,
        };
        let main = program.main.expect("a case has steps");
        Run::new(setup).run(main, &Part::default());
        let seen = seen.take();
        let outcome = Outcome {
            report: String::new(),
            events: String::new(),
            transcript: transcript_page.text(),
            strayed: seen.strayed,
            times: seen.times,
        };
        let warnings =
            if shown_problems.is_empty() { String::new() } else { format!("{shown_problems}\n\n") };
        Ok((outcome, format!("{warnings}{}", page.text())))
    }
}
