//! The report of a run as a file: it is compared, or written anew.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

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
