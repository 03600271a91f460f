//! The report of a run as a file: it is compared, or written anew.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use crate::flow::diag::Sources;
use crate::flow::load::Place;

/// A report that is kept in memory.
#[derive(Clone, Default)]
pub(super) struct Paper(Rc<RefCell<Vec<u8>>>);

impl Paper {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same files under names relative to a folder, so that a report is the same wherever atflow is started.
pub(super) fn beside(sources: &Sources, folder: &Path) -> Sources {
    let (mut renamed, mut numbers) = (Sources::new(), Sources::new());
    loop {
        // Files are numbered in order, and each has a name.
        let file = numbers.add("", "");
        if sources.name(file).is_empty() {
            return renamed;
        }
        renamed.add(relative(sources.name(file), folder), sources.text(file));
    }
}

fn relative(name: &str, folder: &Path) -> String {
    let path = Path::new(name);
    if matches!(Place::asked_for(path), Place::Bundled(_)) || path.is_absolute() != folder.is_absolute() {
        return name.to_owned();
    }
    let (path, folder) = (parts(path), parts(folder));
    let same = path.iter().zip(&folder).take_while(|(one, other)| one == other).count();
    let up = folder[same..].iter().map(|_| Component::ParentDir);
    up.chain(path[same..].iter().copied()).collect::<PathBuf>().display().to_string()
}

/// A path without detours.
fn parts(path: &Path) -> Vec<Component<'_>> {
    let mut parts = Vec::new();
    for part in path.components() {
        match (part, parts.last()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts
}

/// Compares `report` with what `path` holds, or writes it there. The error is what to say.
pub(super) fn compare(path: &Path, report: &str, update: bool) -> Result<(), (String, Vec<String>)> {
    let shown = path.display();
    let kept = std::fs::read_to_string(path);
    if kept.as_ref().is_ok_and(|kept| kept == report) {
        return Ok(());
    }
    if update {
        let written = std::fs::write(path, report);
        return written.map_err(|error| (format!("cannot write `{shown}`: {error}"), Vec::new()));
    }
    let help = "help: `atflow test --update` writes it; then read the difference".to_owned();
    let Ok(kept) = kept else { return Err((format!("there is no file `{shown}`"), vec![help])) };
    let same = kept.lines().zip(report.lines()).take_while(|(kept, now)| kept == now).count();
    let line = |text: &str| text.lines().nth(same).unwrap_or("(the end)").to_owned();
    let notes = vec![format!("the file:   {}", line(&kept)), format!("the report: {}", line(report)), help];
    Err((format!("the report is another one from line {} of `{shown}` on", same + 1), notes))
}

#[cfg(test)]
mod tests {
    use super::{Path, relative};

    #[test]
    fn names_are_relative_to_the_folder_of_the_test() {
        for (name, folder, wanted) in [
            ("./a.yaml", ".", "a.yaml"),
            ("a.yaml", "", "a.yaml"),
            ("tests/a.yaml", "tests", "a.yaml"),
            ("/x/tests/../a.yaml", "/x/tests", "../a.yaml"),
            ("../../a.yaml", "../tests", "../../a.yaml"),
            ("/elsewhere/a.yaml", "tests", "/elsewhere/a.yaml"),
            ("bundled:modules/luat.yaml", "tests", "bundled:modules/luat.yaml"),
        ] {
            assert_eq!(relative(name, Path::new(folder)), wanted);
        }
    }
}
