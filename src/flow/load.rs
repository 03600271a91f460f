//! Files: the one that was asked for and all that it brings in. A file beside the flow wins over a bundled
//! name; nothing outside the tree's root is read.

use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::codes::Code;
use super::diag::{Diagnostic, Diagnostics, FileId, Sources, Span};
use super::yaml::{self, Tree};

/// The recipes that come with the program.
static BUNDLED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/scripts");

/// How a bundled file is shown: this, then its path below `scripts/`.
pub const BUNDLED_PREFIX: &str = "bundled:";

/// The most bytes that are read of any file.
const MOST_BYTES: u64 = 16 << 20;

/// Where a file was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On disk.
    Disk(PathBuf),
    /// Inside the program: its path below `scripts/`.
    Bundled(String),
}

impl Place {
    /// As a person sees it.
    pub fn shown(&self) -> String {
        match self {
            Self::Disk(path) => path.display().to_string(),
            Self::Bundled(path) => format!("{BUNDLED_PREFIX}{path}"),
        }
    }

    /// The file that somebody asks for: a path, or `bundled:thingscloud/bringup.yaml`.
    pub fn asked_for(path: &Path) -> Self {
        match path.to_str().and_then(|path| path.strip_prefix(BUNDLED_PREFIX)) {
            Some(bundled) => Self::Bundled(bundled.to_string()),
            None => Self::Disk(path.to_path_buf()),
        }
    }

    /// The file `relative` to the folder that this file stands in.
    fn beside(&self, relative: &str) -> Self {
        match self {
            Self::Disk(path) => Self::Disk(normal(&path.parent().unwrap_or(Path::new("")).join(relative))),
            Self::Bundled(path) => {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                Self::Bundled(normal(&Path::new(folder).join(relative)).to_string_lossy().replace('\\', "/"))
            }
        }
    }
}

/// Reads files below one root.
pub struct Reader {
    /// Where relative paths begin.
    working_directory: PathBuf,
    /// Nothing outside of these is read.
    roots: Vec<PathBuf>,
}

/// Why a file is not there.
#[derive(Debug, thiserror::Error)]
pub enum ReadProblem {
    /// Its path leaves the root.
    #[error("it lies outside the folder that flows may read")]
    Outside,
    /// The system's words.
    #[error("{0}")]
    Unreadable(String),
}

impl Reader {
    /// A reader for a main file: the root is the working directory if the file stands below it, else the
    /// file's own folder.
    pub fn for_main(main: &Path, working_directory: &Path) -> Self {
        let working_directory = normal(working_directory);
        let absolute = normal(&working_directory.join(main));
        let root = if absolute.starts_with(&working_directory) {
            working_directory.clone()
        } else {
            absolute.parent().unwrap_or(Path::new("/")).to_path_buf()
        };
        Self { working_directory, roots: vec![root] }
    }

    /// Also reads in the folder of a file that the user named by hand.
    pub fn also_beside(&mut self, file: &Path, working_directory: &Path) {
        let absolute = normal(&working_directory.join(file));
        self.roots.extend(absolute.parent().map(Path::to_path_buf));
    }

    /// The bytes of a file.
    pub fn bytes(&self, place: &Place) -> Result<Vec<u8>, ReadProblem> {
        match place {
            Place::Bundled(path) => BUNDLED
                .get_file(path)
                .map(|file| file.contents().to_vec())
                .ok_or_else(|| ReadProblem::Unreadable("there is no such bundled file".to_string())),
            Place::Disk(path) => {
                if !self.allows(path) {
                    return Err(ReadProblem::Outside);
                }
                regular(&self.absolute(path))
            }
        }
    }

    /// Whether the file is there.
    fn has(&self, place: &Place) -> bool {
        match place {
            Place::Bundled(path) => BUNDLED.get_file(path).is_some(),
            Place::Disk(path) => self.allows(path) && self.absolute(path).is_file(),
        }
    }

    /// Whether a path stays below the root, links followed.
    fn allows(&self, path: &Path) -> bool {
        let absolute = self.absolute(path);
        let below = |root: &PathBuf| {
            if !absolute.starts_with(root) {
                return false;
            }
            match (absolute.canonicalize(), root.canonicalize()) {
                (Ok(real), Ok(root)) => real.starts_with(root),
                _ => true,
            }
        };
        self.roots.iter().any(below)
    }

    /// A path from the root of the file system.
    fn absolute(&self, path: &Path) -> PathBuf {
        normal(&self.working_directory.join(path))
    }

    /// Where a file named relative to `from` is.
    pub fn beside(&self, from: &Place, relative: &str) -> Place {
        from.beside(relative)
    }

    /// Whether both are one file, however they are spelt.
    pub fn is_same(&self, one: &Place, other: &Place) -> bool {
        match (one, other) {
            (Place::Disk(one), Place::Disk(other)) => {
                let (one, other) = (self.absolute(one), self.absolute(other));
                one == other
                    || one.canonicalize().ok().is_some_and(|one| other.canonicalize().ok() == Some(one))
            }
            _ => one == other,
        }
    }

    /// Where `module: name` or `cloud: name` is: a path if it holds `/`, else `folder/name.yaml` beside the
    /// file, else bundled.
    pub fn named(&self, from: &Place, folder: &str, name: &str) -> Option<Place> {
        if name.contains('/') {
            return Some(from.beside(name));
        }
        let file = format!("{folder}/{name}.yaml");
        let mut beside = vec![from.beside(&file)];
        if matches!(from, Place::Disk(_)) {
            // A dialect that extends another finds it in its own folder.
            beside.push(from.beside(&format!("{name}.yaml")));
        }
        beside.push(Place::Bundled(file));
        beside.into_iter().find(|place| !self.is_same(place, from) && self.has(place))
    }

    /// Names that could have been meant.
    pub fn bundled_names(folder: &str) -> Vec<String> {
        let mut names: Vec<String> = BUNDLED
            .get_dir(folder)
            .map(|dir| {
                dir.files()
                    .filter_map(|file| file.path().file_stem())
                    // A test file's name has a further part: `esp-at.test.yaml`.
                    .filter(|stem| Path::new(stem).extension().is_none())
                    .map(|stem| stem.to_string_lossy().into_owned())
                    .collect()
            })
            .unwrap_or_default();
        names.sort();
        names
    }

    /// A YAML file as a tree, as far as it could be read. What is wrong goes to `problems`, at `asked` if the file
    /// cannot be read.
    pub fn yaml(
        &self,
        place: &Place,
        asked: Option<Span>,
        sources: &mut Sources,
        problems: &mut Diagnostics,
    ) -> Option<(FileId, Tree)> {
        let text = self.text(place, asked, sources, problems)?;
        let file = sources.add(place.shown(), text);
        let tree = yaml::parse_or_cut(sources, file, problems)?;
        Some((file, tree))
    }

    /// A text file. What is wrong goes to `problems`.
    pub fn text(
        &self,
        place: &Place,
        asked: Option<Span>,
        sources: &mut Sources,
        problems: &mut Diagnostics,
    ) -> Option<String> {
        let shown = place.shown();
        let problem = match self.bytes(place) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => return Some(text),
                Err(_) => (Code::UNREADABLE, format!("`{shown}` is not UTF-8 text"), "save it as UTF-8"),
            },
            Err(ReadProblem::Outside) => (
                Code::OUTSIDE,
                format!("`{shown}` lies outside the folder that flows may read"),
                "keep the file below the folder you run atflow in, or beside the flow",
            ),
            Err(ReadProblem::Unreadable(why)) => (
                Code::UNREADABLE,
                format!("cannot read `{shown}`: {why}"),
                match asked {
                    Some(at) if !sources.is_argument(at.file) => {
                        "a path is relative to the file that names it"
                    }
                    _ => "a path on the command line is relative to the folder that you are in",
                },
            ),
        };
        let (code, message, help) = problem;
        let at = asked.unwrap_or_else(|| Span::new(sources.add(shown, String::new()), 0..0));
        problems.push(Diagnostic::error(code, at, message).help(help));
        None
    }
}

/// The bytes of a regular file: a pipe might never end, a device neither.
fn regular(path: &Path) -> Result<Vec<u8>, ReadProblem> {
    let unreadable = |why: &str| Err(ReadProblem::Unreadable(why.to_string()));
    let system = |error: std::io::Error| ReadProblem::Unreadable(words(&error));
    let about = std::fs::metadata(path).map_err(system)?;
    if about.is_dir() {
        return unreadable("is a directory");
    }
    if !about.is_file() {
        return unreadable("is no regular file");
    }
    // A file may say that it is empty and yet have bytes, or grow while it is read.
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(system)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(system)?;
    if bytes.len() as u64 > MOST_BYTES {
        return unreadable("is larger than 16 MiB");
    }
    Ok(bytes)
}

/// The system's words without its number.
fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// The path without `.` and `..`, links not followed.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => match out.components().next_back() {
                Some(Component::Normal(_)) => {
                    out.pop();
                }
                // Above the root of the file system there is nothing.
                Some(Component::RootDir | Component::Prefix(_)) => {}
                _ => out.push(".."),
            },
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every bundled YAML file.
    fn bundled(dir: &Dir<'_>, out: &mut Vec<(String, String)>) {
        for file in dir.files() {
            let path = file.path().to_string_lossy().into_owned();
            if file.path().extension().is_some_and(|extension| extension == "yaml") {
                out.push((path, file.contents_utf8().expect("bundled files are UTF-8").to_string()));
            }
        }
        for inner in dir.dirs() {
            bundled(inner, out);
        }
    }

    #[test]
    fn every_bundled_file_tells_editors_its_schema() {
        let mut files = Vec::new();
        bundled(&BUNDLED, &mut files);
        assert!(files.len() > 8, "{}", files.len());
        let is_test = |path: &str| path.ends_with(".test.yaml");
        for (path, text) in &files {
            let schema = match path {
                path if is_test(path) => "test",
                path if path == "thingscloud/demo.yaml" => "scenario",
                path if path.starts_with("modules/") => "dialect",
                _ => "flow",
            };
            let modeline = format!("# yaml-language-server: $schema=../../schemas/{schema}.schema.json");
            assert_eq!(text.lines().next(), Some(modeline.as_str()), "{path}");
        }
    }

    #[test]
    fn a_flow_above_the_working_directory_brings_in_what_stands_beside_it() {
        let folder = std::env::temp_dir().join(format!("atflow-above-{}", std::process::id()));
        let inner = folder.join("one/two");
        std::fs::create_dir_all(&inner).expect("a folder");
        std::fs::create_dir_all(folder.join("modules")).expect("a folder");
        std::fs::write(folder.join("x.yaml"), "").expect("a file");
        std::fs::write(folder.join("h.rhai"), "").expect("a file");
        std::fs::write(folder.join("modules/own.yaml"), "").expect("a file");
        for (main, beside) in [("../x.yaml", folder.join("one")), ("../../x.yaml", inner.clone())] {
            let reader = Reader::for_main(Path::new(main), &beside);
            let from = Place::Disk(main.into());
            assert!(reader.bytes(&from).is_ok(), "{main}");
            assert!(reader.bytes(&reader.beside(&from, "h.rhai")).is_ok(), "{main}");
            assert!(matches!(reader.named(&from, "modules", "own"), Some(Place::Disk(_))), "{main}");
            assert!(matches!(reader.bytes(&reader.beside(&from, "../y")), Err(ReadProblem::Outside)));
            let folder =
                reader.bytes(&reader.beside(&from, "modules")).map_err(|problem| problem.to_string());
            assert_eq!(folder, Err("is a directory".to_string()));
        }
        std::fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn only_regular_files_of_a_sane_size_are_read() {
        let why = |path: &Path| regular(path).map_err(|problem| problem.to_string());
        #[cfg(unix)]
        assert_eq!(why(Path::new("/dev/zero")), Err("is no regular file".to_string()));
        let large = std::env::temp_dir().join(format!("atflow-large-{}", std::process::id()));
        let file = std::fs::File::create(&large).expect("a file");
        file.set_len(MOST_BYTES + 1).expect("a size");
        assert_eq!(why(&large), Err("is larger than 16 MiB".to_string()));
        std::fs::remove_file(&large).expect("removed");
    }

    #[test]
    fn a_path_is_normal_without_dots() {
        for (path, expected) in
            [("./a/../b", "b"), ("../../a", "../../a"), ("/../a", "/a"), ("a/../../b", "../b")]
        {
            assert_eq!(normal(Path::new(path)), Path::new(expected), "{path}");
        }
    }

    #[test]
    fn a_file_beside_the_flow_wins_over_a_bundled_name() {
        let folder = std::env::temp_dir().join(format!("atflow-load-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("modules")).expect("a folder");
        let own = folder.join("modules/luat-air724.yaml");
        let flow = folder.join("flow.yaml");
        let reader = Reader::for_main(&flow, &folder);
        let from = Place::Disk(flow);
        let bundled = Place::Bundled("modules/luat-air724.yaml".to_string());
        assert_eq!(reader.named(&from, "modules", "luat-air724"), Some(bundled));
        std::fs::write(&own, "name: mine").expect("a file");
        assert_eq!(reader.named(&from, "modules", "luat-air724"), Some(Place::Disk(own)));
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
