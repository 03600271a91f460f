//! The documentation is tested like code: every YAML block passes `atflow check`, every console block is
//! run against the simulated module and prints what the page shows, every link leads somewhere, and the
//! pictures are what a terminal shows.
//!
//! How a block is marked, behind the language of its fence:
//!
//! | fence | means |
//! |---|---|
//! | `yaml NAME.yaml`, `rhai NAME.rhai`, `text NAME.txt` | a whole file; the console blocks below it find it under this name |
//! | `yaml` | a whole file that nothing runs |
//! | `yaml piece` | steps; checked inside a flow |
//! | `yaml piece KIND` | top-level keys; checked inside a `flow`, `station`, `dialect` or `scenario` |
//! | `yaml piece expect` | expectations; read inside a test file |
//! | `yaml refused CODE…` | steps or a whole file (named or not) that `atflow check` finds these codes in |
//! | `console` | commands after `$ `, and all they print |
//! | `sh` | commands that need hardware or another terminal: not run |
//!
//! `UPDATE=1 cargo test --test docs generated` writes the console blocks and the pictures anew; then read the
//! difference.

#![cfg(unix)]
#[path = "docs/block.rs"]
mod block;
#[path = "docs/links.rs"]
mod links;
#[path = "docs/picture.rs"]
mod picture;
#[path = "docs/rooms.rs"]
mod rooms;
#[path = "docs/shell.rs"]
mod shell;

use std::fs;
use std::path::{Path, PathBuf};

use block::{Block, blocks};
use shell::Desk;

/// The pages, from the top of the repository.
const PAGES: [&str; 9] = [
    "README.md",
    "ARCHITECTURE.md",
    "docs/language.md",
    "docs/dialects.md",
    "docs/simulator.md",
    "docs/console.md",
    "docs/station.md",
    "docs/transcripts.md",
    "docs/testing.md",
];

/// Where the repository is.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|why| panic!("{name}: {why}"))
}

fn updating() -> bool {
    std::env::var_os("UPDATE").is_some()
}

/// Compares a generated file with what it should hold, or writes it.
fn same_or_write(path: &str, wanted: &str) {
    let place = root().join(path);
    let found = fs::read_to_string(&place).unwrap_or_default();
    if found == wanted {
        return;
    }
    if updating() {
        fs::write(&place, wanted).unwrap_or_else(|why| panic!("{path}: {why}"));
        return;
    }
    let line = found.lines().zip(wanted.lines()).position(|(found, wanted)| found != wanted);
    let line = line.unwrap_or_else(|| found.lines().count().min(wanted.lines().count()));
    panic!(
        "{path}:{}: out of date\n  page: {}\n  now:  {}\n`UPDATE=1 cargo test --test docs generated` writes it, then read the difference",
        line + 1,
        found.lines().nth(line).unwrap_or("(the end)"),
        wanted.lines().nth(line).unwrap_or("(the end)"),
    );
}

/// Runs a page from top to bottom on a desk of its own; gives the page back with what was printed.
fn run_page(name: &str) -> String {
    let text = page(name);
    let desk = Desk::new(name);
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for block in blocks(&text) {
        if let Some(file) = block.file() {
            desk.put(file, block.body);
        }
        if block.language == "console" {
            out.push_str(&text[copied..block.start]);
            out.push_str(&desk.console(block.body));
            copied = block.start + block.body.len();
        }
    }
    out.push_str(&text[copied..]);
    out
}

#[test]
fn generated_console_blocks_print_what_the_pages_show() {
    for name in PAGES {
        same_or_write(name, &run_page(name));
    }
}

#[test]
fn generated_picture_is_a_run() {
    let desk = Desk::new("picture");
    let command = "atflow run scripts/thingscloud/bringup.yaml --port sim:luat-air724";
    let screen = desk.on_a_terminal(command);
    let what = "A run of a flow on the simulated module";
    same_or_write("docs/run.svg", &picture::svg(what, command, &screen));
}

/// In the middle of it: the broker is back, and the last of three reports still waits.
#[test]
fn generated_picture_of_a_station_is_its_life() {
    let desk = Desk::new("station-picture");
    let command = "atflow run scripts/thingscloud/station.yaml --port sim:luat-air724 --scenario scripts/thingscloud/demo.yaml --for 15m";
    let screen = desk.on_a_terminal(command);
    let what = "A station on the simulated module: reports, commands, a broker that goes away and comes back";
    same_or_write("docs/station.svg", &picture::svg(what, command, picture::before(&screen, "#13 ")));
}

#[test]
fn yaml_blocks_pass_the_check() {
    let mut seen = 0;
    for name in PAGES {
        let text = page(name);
        let desk = Desk::new(&format!("yaml-{name}"));
        for block in blocks(&text) {
            if let Some(file) = block.file() {
                desk.put(file, block.body);
            }
        }
        for block in blocks(&text) {
            if block.language == "yaml" {
                seen += 1;
                check(&desk, name, &block);
            }
        }
    }
    assert!(seen >= 25, "only {seen} YAML blocks found");
}

fn check(desk: &Desk, page: &str, block: &Block<'_>) {
    let place = format!("{page}:{}", block.line);
    let words = if block.file().is_some() { &block.words[1..] } else { &block.words[..] };
    match words {
        ["piece", "scenario"] => {
            let parsed = atflow::sim::Scenario::parse(&place, block.body);
            assert!(parsed.is_ok(), "{}", parsed.expect_err("it is not ok"));
        }
        ["piece", "expect"] => tests(&place, &inside_a_test(block.body)),
        ["piece", kind] => good(desk, &place, &block.inside(kind)),
        ["piece"] => good(desk, &place, &block.inside("steps")),
        ["refused", codes @ ..] => {
            let text = if block.is_steps() { block.inside("steps") } else { block.body.to_string() };
            let (_, said) = desk.check(&text);
            for code in codes {
                assert!(said.contains(&format!("[{code}]")), "{place}: no {code}:\n{said}");
            }
        }
        _ if block.file().is_some_and(|file| file.ends_with(".test.yaml")) => tests(&place, block.body),
        _ => good(desk, &place, block.body),
    }
}

/// A test file can be read.
fn tests(place: &str, text: &str) {
    let mut problems = atflow::flow::diag::Diagnostics::new();
    if let Err(sources) = atflow::testing::read::read(Path::new(place), text, &mut problems) {
        panic!("{}", problems.render(&sources, atflow::flow::diag::Look::Plain));
    }
}

/// Expectations inside a test file.
fn inside_a_test(expectations: &str) -> String {
    let lines: Vec<&str> = expectations.lines().collect();
    format!("flow: x.yaml\ntests:\n  - name: x\n    expect:\n      {}\n", lines.join("\n      "))
}

fn good(desk: &Desk, place: &str, text: &str) {
    let (good, said) = desk.check(text);
    assert!(good, "{place}: `atflow check` refuses it:\n{said}\n{text}");
    assert!(!said.contains("warning["), "{place}: `atflow check` warns:\n{said}\n{text}");
}

#[test]
fn links_lead_somewhere() {
    for name in PAGES {
        let folder = Path::new(name).parent().map(PathBuf::from).unwrap_or_default();
        for link in links::links(&page(name)) {
            links::follow(name, &folder, link);
        }
    }
}

/// The doors between the rooms are one-way, and the map shows all of them.
#[test]
fn rooms_use_what_the_map_says() {
    let map = page("ARCHITECTURE.md");
    let rows: Vec<Vec<&str>> = map
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let rooms: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    for row in &rows {
        let room = row[0].trim_matches('`');
        let said: Vec<&str> = row[1].split_whitespace().map(|used| used.trim_matches('`')).collect();
        let used = rooms::used_by(room, &rooms);
        assert!(
            said == ["everything"] || said == used,
            "`{room}` uses {used:?}, ARCHITECTURE.md says {said:?}"
        );
        for place in row[3].split(", ") {
            let place = root().join("src").join(place.trim_matches('`'));
            assert!(place.exists(), "ARCHITECTURE.md: there is no {}", place.display());
        }
        if !matches!(room, "cli" | "report") {
            rooms::prints_nothing(room);
        }
    }
    assert_eq!(rooms.len(), 13, "{rooms:?}");
}

/// A function that nobody knows of might as well not be there.
#[test]
fn every_function_of_the_hooks_is_in_the_guide() {
    let guide = page("docs/language.md");
    let source = page("src/hooks/functions.rs");
    let table = source.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("        \"")?.split_once('"')?;
        rest.starts_with(" => ").then_some(name)
    });
    let names: Vec<&str> = table.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase())).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names.into_iter().chain(["escape", "now", "log"]) {
        let shown = [format!("`{name}("), format!(".{name}(")];
        assert!(shown.iter().any(|form| guide.contains(form)), "docs/language.md does not name `{name}(…)`");
    }
}
