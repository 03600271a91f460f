//! A station on a terminal: one line a happening, aligned; how things stand on a line at the bottom that is
//! drawn anew in its place; a summary at the end.

use std::io::Write;
use std::time::Duration;

use crate::link::Mono;
use crate::report::console::Detail;
use crate::report::paint::Paint;
use crate::report::text::{one_line, pad, plural};
use crate::run::event::{Event, Observer};
use crate::station::event::{Happening, LinkState, Status, Summary, Watcher};

use super::layout::Layout;
use super::refusals::Refusals;
use super::row::{Before, Row, row};
use super::status_line::status_line;
use super::steps::step_line;
use super::summary::{sums, verdict};
use super::{Level, level};

/// Lines are cut here where no terminal says how wide it is: a journal has room.
const WIDTH: usize = 512;
/// Below this nothing reads well, cut or not.
const WIDTH_LEAST: usize = 40;
/// Labels of the summary.
const LABEL_WIDTH: usize = 11;
/// Takes the cursor's line away.
const WIPE: &str = "\r\x1b[K";
/// What goes past the right edge is not shown, so that a line never becomes two.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// How many columns the terminal has now.
pub type Columns = Box<dyn Fn() -> Option<usize>>;

/// Writes a station to a terminal, or to a file that looks like one.
pub struct StationConsole {
    out: Box<dyn Write>,
    detail: Detail,
    colour: bool,
    simulated: bool,
    bottom: Option<Bottom>,
    started: Mono,
    link: LinkTimes,
    refusals: Refusals,
}

/// The line at the bottom.
struct Bottom {
    columns: Columns,
    every: Option<Duration>,
    status: Option<Status>,
    shown: bool,
}

/// Since when the link is what it is.
#[derive(Default)]
struct LinkTimes {
    was_up: bool,
    lost: Option<Mono>,
}

impl LinkTimes {
    fn at_state(&mut self, at: Mono, to: LinkState) {
        match to {
            LinkState::Online => *self = Self { was_up: true, lost: None },
            LinkState::Degraded => {}
            _ if self.was_up => {
                self.lost.get_or_insert(at);
            }
            _ => {}
        }
    }
}

impl StationConsole {
    /// Writes to `out`.
    pub fn new(out: Box<dyn Write>, detail: Detail, colour: bool) -> Self {
        let (bottom, started, link) = (None, Mono::ZERO, LinkTimes::default());
        let refusals = Refusals::default();
        Self { out, detail, colour, simulated: false, bottom, started, link, refusals }
    }

    /// Says at the end that the time was simulated.
    #[must_use]
    pub fn simulated(mut self, simulated: bool) -> Self {
        self.simulated = simulated;
        self
    }

    /// For a terminal: a status line at the bottom, and nothing wider than the terminal. `every`: how often the
    /// line wants to be drawn when nothing happens, on the station's clock; `None` when that runs too fast.
    #[must_use]
    pub fn with_status_line(mut self, columns: Columns, every: Option<Duration>) -> Self {
        if self.detail > Detail::Quiet {
            self.bottom = Some(Bottom { columns, every, status: None, shown: false });
        }
        self
    }

    fn width(&self) -> usize {
        let columns = self.bottom.as_ref().and_then(|bottom| (bottom.columns)());
        columns.map_or(WIDTH, |columns| columns.max(WIDTH_LEAST))
    }

    fn paint(&self, paint: Paint, text: &str) -> String {
        paint.on(text, self.colour)
    }

    /// Writes lines above the status line. A broken terminal is no reason to stop.
    fn lines(&mut self, at: Mono, lines: &[String]) {
        let mut text = self.wiped();
        for line in lines {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text.push_str(&self.drawn(at));
        self.write(&text);
    }

    fn write(&mut self, text: &str) {
        if !text.is_empty() {
            let _ = self.out.write_all(text.as_bytes());
            let _ = self.out.flush();
        }
    }

    /// What takes the status line away, if it is there.
    fn wiped(&mut self) -> String {
        let shown = self.bottom.as_mut().is_some_and(|bottom| std::mem::take(&mut bottom.shown));
        if shown { WIPE.to_string() } else { String::new() }
    }

    /// The status line, if there is one to show.
    fn drawn(&mut self, at: Mono) -> String {
        let (width, colour) = (self.width(), self.colour);
        let Some(bottom) = &mut self.bottom else { return String::new() };
        let Some(status) = &bottom.status else { return String::new() };
        bottom.shown = true;
        format!("{NO_WRAP}{}{WRAP}", status_line(at, status, width, colour))
    }

    fn started(&mut self, at: Mono, happening: &Happening) {
        let Happening::StationStarted { name, module, port, outbox_rows, .. } = happening else { return };
        self.started = at;
        let on = format!("{} on {}", one_line(module), one_line(port));
        let mut head = vec![
            format!("{}  {}", self.paint(Paint::Strong, &one_line(name)), self.paint(Paint::Dim, &on)),
            String::new(),
        ];
        if *outbox_rows > 0 {
            let waits = if *outbox_rows == 1 { "waits" } else { "wait" };
            let text = format!("{} {waits} from earlier", plural(outbox_rows, "message"));
            let row = Row { mark: "·", paint: Paint::Dim, word: "outbox", text, notes: Vec::new() };
            head.extend(self.row(at, &row, Level::Info));
        }
        self.lines(at, &head);
    }

    fn row(&self, at: Mono, row: &Row, level: Level) -> Vec<String> {
        Layout { width: self.width(), colour: self.colour }.row(at, row, level)
    }

    /// The end: no status line any more.
    fn stopped(&mut self, summary: &Summary) {
        let wiped = self.wiped();
        self.write(&wiped);
        self.bottom = None;
        let (paint, mark, text) = verdict(summary, self.simulated);
        let verdict = format!("{}  {text}", self.paint(paint, mark));
        if self.detail == Detail::Quiet {
            return self.lines(Mono::ZERO, &[verdict]);
        }
        let mut lines = vec![String::new()];
        for sum in sums(summary) {
            let label = self.paint(Paint::Dim, &pad(sum.label, LABEL_WIDTH));
            let text = if sum.paint == Paint::Good { sum.text } else { self.paint(sum.paint, &sum.text) };
            lines.push(format!("  {label} {text}"));
        }
        lines.extend([String::new(), verdict]);
        self.lines(Mono::ZERO, &lines);
    }

    /// The least that is shown.
    fn least(&self) -> Level {
        if self.detail >= Detail::Lines { Level::Debug } else { Level::Info }
    }
}

impl Watcher for StationConsole {
    fn happened(&mut self, at: Mono, happening: &Happening) {
        let (sums, shown) = self.refusals.pass(at, happening);
        for happening in sums.iter().chain(shown.then_some(happening)) {
            self.happening(at, happening);
        }
    }

    fn status(&mut self, at: Mono, status: &Status) {
        if let Some(bottom) = &mut self.bottom {
            bottom.status = Some(status.clone());
            let mut text = self.wiped();
            text.push_str(&self.drawn(at));
            self.write(&text);
        }
    }

    fn status_every(&self) -> Option<Duration> {
        self.bottom.as_ref().and_then(|bottom| bottom.every)
    }
}

impl StationConsole {
    fn happening(&mut self, at: Mono, happening: &Happening) {
        if let Happening::StationStopped(summary) = happening {
            return self.stopped(summary);
        }
        let away = self.link.lost.map(|lost| at.since(lost));
        let before = Before { away, running: at.since(self.started) };
        if let Happening::LinkState { to, .. } = happening {
            self.link.at_state(at, *to);
        }
        // Whoever wants to hear nothing still wants to know that reports may be lost.
        let of_disk = matches!(happening, Happening::StoreVolatile { .. } | Happening::StoreCorrupt { .. });
        if self.detail == Detail::Quiet && !of_disk {
            return;
        }
        if matches!(happening, Happening::StationStarted { .. }) {
            return self.started(at, happening);
        }
        let level = level(happening);
        if level >= self.least()
            && let Some(row) = row(happening, before)
        {
            let mut lines = self.row(at, &row, level);
            if let Happening::ReloadFailed { error } = happening {
                lines.extend(error.lines().map(|line| format!("      {}", one_line(line))));
            }
            self.lines(at, &lines);
        }
    }
}

impl Observer for StationConsole {
    fn event(&mut self, at: Mono, event: &Event<'_>) {
        if self.detail == Detail::Quiet {
            return;
        }
        if let Event::Log { text, .. } = event {
            return self.happened(at, &Happening::Log { text: (*text).to_string() });
        }
        if self.detail >= Detail::Lines
            && let Some((mark, paint, text)) = step_line(event)
        {
            let row = Row { mark, paint, word: "", text, notes: Vec::new() };
            let lines = self.row(at, &row, Level::Debug);
            self.lines(at, &lines);
        }
    }

    fn wants_steps(&self) -> bool {
        self.detail >= Detail::Lines
    }
}

/// Nobody is left with half a status line, however the station ended.
impl Drop for StationConsole {
    fn drop(&mut self) {
        let wiped = self.wiped();
        self.write(&wiped);
    }
}
