//! A run as a picture: what a terminal got, drawn as one.

use std::fmt::Write as _;

/// Columns of the drawn terminal.
pub const COLUMNS: u16 = 120;
/// Of one character, in tenths of a unit like all lengths here.
const WIDTH: usize = 84;
const HEIGHT: usize = 200;
const MARGIN: usize = 220;
/// Above the first line: the window's bar.
const BAR: usize = 440;
/// From the top of a line to where its letters stand.
const BASE: usize = 150;

/// A length as SVG writes it.
fn units(tenths: usize) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// How a piece of text looks.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Look {
    bold: bool,
    dim: bool,
    colour: Option<u8>,
}

impl Look {
    /// One number of an `ESC [ … m`.
    fn set(&mut self, number: u8) {
        match number {
            0 => *self = Self::default(),
            1 => self.bold = true,
            2 => self.dim = true,
            30..=37 => self.colour = Some(number - 30),
            90..=97 => self.colour = Some(number - 90),
            _ => panic!("the picture knows no `ESC [ {number} m`"),
        }
    }

    fn class(self) -> &'static str {
        match (self.colour, self.dim, self.bold) {
            (Some(1), ..) => "bad",
            (Some(2), ..) => "good",
            (Some(3), ..) => "notice",
            (_, true, _) => "dim",
            (_, _, true) => "strong",
            _ => "",
        }
    }
}

type Row = Vec<(char, Look)>;

/// What is on the screen in the end.
fn rows(bytes: &[u8]) -> Vec<Row> {
    let text = String::from_utf8_lossy(bytes);
    let mut rows = vec![Row::new()];
    let mut look = Look::default();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let row = rows.last_mut().expect("there is always a row");
        match c {
            // A line that is rewritten is wiped at once, so the column does not matter.
            '\r' => {}
            '\n' => rows.push(Row::new()),
            '\x1b' => {
                let sequence: String = chars.by_ref().skip(1).take_while_inclusive();
                match sequence.split_at(sequence.len() - 1) {
                    (_, "K") => row.clear(),
                    // Whether lines go on in the next row.
                    ("?7", "l" | "h") => {}
                    (numbers, "m") => numbers.split(';').for_each(|n| look.set(n.parse().unwrap_or(0))),
                    _ => panic!("the picture knows no `ESC [{sequence}`"),
                }
            }
            c => row.push((c, look)),
        }
    }
    while rows.last().is_some_and(Vec::is_empty) {
        rows.pop();
    }
    rows
}

/// The rest of an escape sequence, with the letter that ends it.
trait TakeWhileInclusive {
    fn take_while_inclusive(self) -> String;
}

impl<I: Iterator<Item = char>> TakeWhileInclusive for I {
    fn take_while_inclusive(self) -> String {
        let mut out = String::new();
        for c in self {
            out.push(c);
            if c.is_ascii_alphabetic() {
                break;
            }
        }
        out
    }
}

/// What was on the screen, the status line included, just before the first line with `text` came.
pub fn before<'a>(screen: &'a [u8], text: &str) -> &'a [u8] {
    let place = |text: &[u8], upto: usize| screen[..upto].windows(text.len()).rposition(|part| part == text);
    let line = screen.windows(text.len()).position(|part| part == text.as_bytes()).expect("it was printed");
    &screen[..place(b"\r\x1b[K", line).expect("the status line was there")]
}

/// The picture: a window with `command` and what it printed. `what` is for those who cannot see it.
pub fn svg(what: &str, command: &str, screen: &[u8]) -> String {
    let mut rows = rows(screen);
    let prompt = Look { colour: Some(2), ..Look::default() };
    let strong = Look { bold: true, ..Look::default() };
    let mut first: Row = vec![('$', prompt), (' ', prompt)];
    first.extend(command.chars().map(|c| (c, strong)));
    rows.insert(0, first);
    rows.insert(1, Row::new());
    let width = (usize::from(COLUMNS) * WIDTH + 2 * MARGIN) / 10;
    let height = (rows.len() * HEIGHT + BAR + MARGIN) / 10;
    let mut out = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{what}">
<style>
  text {{ font: 14px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d4dae3; white-space: pre; }}
  .dim {{ fill: #8390a2; }} .good {{ fill: #7fd18b; }} .bad {{ fill: #f2777a; }} .notice {{ fill: #e9c46a; }} .strong {{ fill: #ffffff; font-weight: 600; }}
</style>
<rect width="{width}" height="{height}" rx="10" fill="#161b22"/>
<circle cx="24" cy="20" r="6" fill="#f2777a"/><circle cx="44" cy="20" r="6" fill="#e9c46a"/><circle cx="64" cy="20" r="6" fill="#7fd18b"/>
"##
    );
    for (index, row) in rows.iter().enumerate() {
        line(&mut out, index, row);
    }
    out.push_str("</svg>\n");
    out
}

/// One row. Each run of one look is placed by itself, and stretched to its columns, so that columns stay
/// columns whatever font there is.
fn line(out: &mut String, index: usize, row: &Row) {
    let y = units(BAR + index * HEIGHT + BASE);
    let mut at = 0;
    while at < row.len() {
        let look = row[at].1;
        let mut end = at;
        // Blanks belong to no look; two of them end a run, so that columns are placed by themselves.
        while end < row.len()
            && row[end].1 == look
            && !(row[end].0 == ' ' && row.get(end + 1).is_some_and(|next| next.0 == ' '))
        {
            end += 1;
        }
        let text: String = row[at..end].iter().map(|(c, _)| *c).collect();
        let shown = text.trim_end();
        if !shown.trim_start().is_empty() {
            let blanks = shown.len() - shown.trim_start().len();
            let x = units(MARGIN + (at + blanks) * WIDTH);
            let shown = shown.trim_start();
            let length = units(shown.chars().count() * WIDTH);
            let class = match look.class() {
                "" => String::new(),
                class => format!(r#" class="{class}""#),
            };
            let _ = writeln!(
                out,
                r#"<text x="{x}" y="{y}" textLength="{length}"{class}>{}</text>"#,
                escaped(shown)
            );
        }
        at = end.max(at + 1);
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
