//! Fenced blocks of a page.

use std::path::Path;

/// One fenced block.
pub struct Block<'p> {
    /// The first word behind the fence.
    pub language: &'p str,
    /// The words behind it.
    pub words: Vec<&'p str>,
    /// What stands between the fences, the last line end included.
    pub body: &'p str,
    /// Where the body begins in the page, in bytes.
    pub start: usize,
    /// The body's first line in the page, from 1.
    pub line: usize,
}

/// The blocks of a page, in order.
pub fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut out = Vec::new();
    let mut open: Option<(&str, usize, usize)> = None;
    let mut start = 0;
    for (index, line) in page.split_inclusive('\n').enumerate() {
        let after = start + line.len();
        if let Some(info) = line.trim_end().strip_prefix("```") {
            match open.take() {
                None => open = Some((info, after, index + 2)),
                Some((info, begin, first)) => {
                    let mut words = info.split_whitespace();
                    out.push(Block {
                        language: words.next().unwrap_or_default(),
                        words: words.collect(),
                        body: &page[begin..start],
                        start: begin,
                        line: first,
                    });
                }
            }
        }
        start = after;
    }
    assert!(open.is_none(), "a fence is not closed: {open:?}");
    out
}

impl Block<'_> {
    /// The name under which it is saved, if it has one.
    pub fn file(&self) -> Option<&str> {
        let name = *self.words.first()?;
        let end = Path::new(name).extension()?;
        (end == "yaml" || end == "rhai" || end == "txt").then_some(name)
    }

    /// Whether it is a list of steps.
    pub fn is_steps(&self) -> bool {
        self.body
            .lines()
            .find(|line| !line.trim_start().starts_with('#'))
            .is_some_and(|line| line.starts_with('-'))
    }

    /// The piece inside a whole file of this kind. The names are what the pieces speak of.
    pub fn inside(&self, kind: &str) -> String {
        let body = self.body;
        match kind {
            "steps" => {
                let indented: Vec<String> = body.lines().map(|line| format!("  {line}")).collect();
                format!("{NAMES}{}\n", indented.join("\n"))
            }
            "flow" => {
                let steps = if body.contains("\nsteps:") || body.starts_with("steps:") {
                    ""
                } else {
                    "steps: [AT]\n"
                };
                format!("module: luat-air724\n{body}{steps}")
            }
            "station" => format!("module: luat-air724\ncloud: thingscloud\n{body}"),
            "dialect" => format!("name: example\nextends: generic\n{body}"),
            other => panic!("no such kind of piece: `{other}`"),
        }
    }
}

/// Set by a step: a var could not be captured again.
const NAMES: &str = r#"module: luat-air724
steps:
  - run: wake
  - set:
      topic: '"attributes"'
      payload: '"{}"'
      apn: '"cmnet"'
      host: '"example.org"'
      port: 1883
      wanted: 5
      text: '"hello"'
"#;
