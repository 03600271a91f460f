//! One sign put anywhere into a good file is one mistake: whatever is told of it, nothing else is. And whatever the
//! bytes are, there is an answer, in bounded time, with places that exist.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::chance::Chance;
use crate::flow::compile::{self, Loaded, Options};
use crate::flow::diag::{Diagnostics, Look, Sources};
use crate::flow::yaml;
use crate::hooks::Host;

/// The files that are spoilt: a dialect, a cloud, a flow with a library, a station.
const FILES: [&str; 6] = [
    "modules/luat-air724.yaml",
    "modules/esp-at.yaml",
    "clouds/thingscloud.yaml",
    "thingscloud/bringup.yaml",
    "thingscloud/station.yaml",
    "examples/http-get.yaml",
];
/// What a slip of the hand leaves.
const SIGNS: [&str; 11] = ["\t", "\t\t", "[", "]", "{", "}", "'", "\"", " ", "|", "\u{0}"];

/// A copy of the bundled files.
struct Bundled(PathBuf);

impl Bundled {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("atflow-mended-{}-{name}", std::process::id()));
        copy(&super::root().join("scripts"), &folder);
        Self(folder)
    }

    fn text(file: &str) -> String {
        fs::read_to_string(super::root().join("scripts").join(file)).expect("a bundled file")
    }

    /// Loads a file with other bytes in it.
    fn load(&self, file: &str, bytes: &[u8]) -> Loaded {
        let path = self.0.join(file);
        fs::write(&path, bytes).expect("a file");
        let loaded = compile::load(&path, &self.0, &Options::default(), &Host::new());
        fs::write(&path, Self::text(file)).expect("a file");
        loaded
    }
}

impl Drop for Bundled {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, to).expect("a copy");
        }
    }
}

/// Where a line begins, its content, its value, and where it ends.
fn seams(text: &str) -> Vec<usize> {
    let mut seams = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        let is_text = !content.is_empty() && !content.trim_start().starts_with('#');
        let value = content.find(": ").map(|colon| colon + 2);
        let places = [Some(0), Some(content.len() - content.trim_start().len()), value, Some(content.len())];
        seams.extend(places.into_iter().flatten().filter(|_| is_text).map(|place| start + place));
        start += line.len();
    }
    seams
}

/// Every place that is told exists, and can be shown.
fn shows(loaded: &Loaded) {
    for problem in loaded.problems.sorted() {
        let text = loaded.sources.text(problem.at.file);
        assert!(text.get(problem.at.range()).is_some(), "{problem:?}");
    }
    let _ = loaded.problems.render(&loaded.sources, Look::Plain);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_bytes_have_an_answer(
        file in select(&FILES[..]),
        slips in prop::collection::vec((any::<Index>(), prop::collection::vec(any::<u8>(), 0..4), 0..9_usize), 1..6),
    ) {
        let mut bytes = Bundled::text(file).into_bytes();
        for (place, with, len) in slips {
            let at = place.index(bytes.len() + 1);
            let end = (at + len).min(bytes.len());
            bytes.splice(at..end, with);
        }
        let bundled = Bundled::new("bytes");
        shows(&bundled.load(file, &bytes));
        shows(&bundled.load(file, String::from_utf8_lossy(&bytes).as_bytes()));
    }

    #[test]
    fn tabs_and_brackets_anywhere_have_an_answer(
        file in select(&FILES[..]),
        slips in prop::collection::vec((any::<Index>(), select(&SIGNS[..])), 1..30),
    ) {
        let mut text = Bundled::text(file);
        for (place, sign) in slips {
            let seams = seams(&text);
            text.insert_str(seams[place.index(seams.len())], sign);
        }
        shows(&Bundled::new("signs").load(file, text.as_bytes()));
    }
}

/// Places of every file, always the same ones: this is what was seen to hold, and no law of YAML.
#[test]
fn a_slip_has_no_echo() {
    let bundled = Bundled::new("slip");
    let mut chance = Chance::new(1);
    for file in FILES.iter().cycle().take(240) {
        let mut spoilt = Bundled::text(file);
        let seams = seams(&spoilt);
        let mut one_of = |count: usize| usize::try_from(chance.below(count as u64)).expect("an index");
        let (at, sign) = (seams[one_of(seams.len())], SIGNS[one_of(SIGNS.len())]);
        let line = spoilt[..at].matches('\n').count() + 1;
        spoilt.insert_str(at, sign);
        let loaded = bundled.load(file, spoilt.as_bytes());
        shows(&loaded);
        let is_yaml = |number: u16| number < 200;
        let found: Vec<_> = loaded.problems.sorted();
        if !found.iter().any(|problem| is_yaml(problem.code.number())) {
            continue;
        }
        for problem in found {
            let near = loaded.sources.position(problem.at).line.abs_diff(line) <= 1;
            assert!(
                is_yaml(problem.code.number()) || near,
                "{sign:?} in line {line} of {file}:\n{}",
                loaded.problems.render(&loaded.sources, Look::Plain)
            );
        }
    }
}

/// What is read again and again is bounded, also in a file that is all mistakes.
#[test]
fn large_hostile_files_have_an_answer() {
    for line in ["\t- AT\n", "a: \"\\d\"\n", "- [\n", "  \tx: {\n", "\t", "}\n", "x:\n\t\ty: 'z\n", "@\n"] {
        let text = line.repeat(yaml::MOST_BYTES / line.len());
        let mut sources = Sources::new();
        let file = sources.add("a.yaml", text);
        let mut problems = Diagnostics::new();
        let _ = yaml::parse(&sources, file, &mut problems);
        assert!(problems.has_errors(), "{line:?}");
    }
}
