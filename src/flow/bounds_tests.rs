use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::flow::compile::{self, Loaded, Options};
use crate::flow::diag::Look;
use crate::hooks::Host;

/// A flow file that is not on disk long: `load` reads files.
fn load(name: &str, yaml: &str) -> Loaded {
    let folder: PathBuf = std::env::temp_dir().join(format!("atflow-bounds-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("flow.yaml"), yaml).unwrap();
    let loaded = compile::load(&folder.join("flow.yaml"), Path::new("."), &Options::default(), &Host::new());
    std::fs::remove_dir_all(&folder).unwrap();
    loaded
}

fn bound(name: &str, yaml: &str) -> Bound {
    let loaded = load(name, yaml);
    let said = loaded.problems.render(&loaded.sources, Look::Plain);
    let program = loaded.program.unwrap_or_else(|| panic!("{said}"));
    of_flow(&program, program.main.unwrap())
}

fn seconds(name: &str, steps: &str) -> f64 {
    bound(name, steps).time.unwrap().as_secs_f64()
}

#[track_caller]
fn takes(name: &str, steps: &str, expected: f64) {
    let found = seconds(name, steps);
    assert!((found - expected).abs() < 1e-6, "{found} s, not {expected} s");
}

/// Each of 60 flows runs the next one twice: 2^59 commands, counted at once.
#[test]
fn flows_that_run_the_next_one_twice() {
    let mut yaml = "steps:\n  - run: f0\nflows:\n".to_string();
    for index in 0..59 {
        let next = index + 1;
        let _ = writeln!(yaml, "  f{index}:\n    steps: [{{ run: f{next} }}, {{ run: f{next} }}]");
    }
    yaml.push_str("  f59:\n    steps: [{ send: AT, timeout: 1s }]\n");
    assert_eq!(bound("twice", &yaml).commands, 1 << 59);
}

#[test]
fn a_long_chain_of_flows() {
    let mut yaml = "steps:\n  - run: f0\nflows:\n".to_string();
    for index in 0..2999 {
        let _ = writeln!(yaml, "  f{index}:\n    steps: [{{ run: f{} }}]", index + 1);
    }
    let circle = format!("{yaml}  f2999:\n    steps: [{{ run: f2998 }}]\n");
    yaml.push_str("  f2999:\n    steps: [{ send: AT, timeout: 1s }]\n");
    assert_eq!(bound("chain", &yaml), Bound { time: Some(Duration::from_secs(4)), commands: 1 });
    let program = load("chain-each", &yaml).program.unwrap();
    let mut bounds = Bounds::new(&program);
    for flow in (0..program.flows.len()).map(FlowId) {
        assert_eq!(bounds.of(flow), Bound { time: Some(Duration::from_secs(4)), commands: 1 });
    }
    // Asked for one after the other, each was added up once.
    assert!(bounds.sum.known.iter().all(Option::is_some));
    let loaded = load("circle", &circle);
    let said = loaded.problems.render(&loaded.sources, Look::Plain);
    assert_eq!(said.matches("error[").count(), 1, "{said}");
    assert!(said.contains("`f2998` runs `f2999`, which runs `f2998`"), "{said}");
}

#[test]
fn every_circle_is_told_once() {
    let yaml = "flows:\n  a:\n    steps: [{ run: b }, { run: b }, { run: c }]\n  b:\n    steps: [{ run: a }]\n  \
                c:\n    steps: [{ run: a }, { run: c }]\n";
    let loaded = load("circles", yaml);
    let said = loaded.problems.render(&loaded.sources, Look::Plain);
    assert_eq!(said.matches("error[").count(), 2, "{said}");
    assert!(said.contains("`a` runs `b`, which runs `a`"), "{said}");
    assert!(said.contains("`a` runs `c`, which runs `a`"), "{said}");
}

#[test]
fn times_of_a_joined_line_add_up() {
    let module = "module: luat-air724\nsteps:\n";
    let alone = |name: &str, line: &str| seconds(name, &format!("{module}  - send: {line}\n")) - 3.0;
    let sum = alone("csq", "AT+CSQ") + alone("cops", "AT+COPS=?") + alone("cgatt", "AT+CGATT=1");
    takes("joined", &format!("{module}  - send: AT+CSQ;+COPS=?;+CGATT=1\n"), sum + 3.0);
    let holes = format!("{module}vars: {{ x: 1 }}\n").replace("steps:\n", "");
    takes(
        "joined-hole",
        &format!("{holes}steps:\n  - send: AT+CSQ;+COPS=?;+CGATT=${{x}}\n"),
        alone("csq-2", "AT+CSQ") + alone("cops-2", "AT+COPS=?") + alone("cgatt-2", "AT+CGATT=1") + 3.0,
    );
}

/// A resync follows the cut; the probe, `on_error` and `always` come on top.
#[test]
fn a_timeout_covers_the_actions_only() {
    let yaml = "
steps:
  - timeout: 10s
    steps:
      - send: AT+A
        timeout: 20s
        unless: { send: AT+P, timeout: 5s }
        on_error: [{ send: AT+E, timeout: 6s }]
        always: [{ send: AT+C, timeout: 7s }]
";
    takes("covered", yaml, 10.0 + 3.0 + 2.0 * 8.0 + 9.0 + 10.0);
    takes("waits", "steps: [{ timeout: 10s, steps: [{ sleep: 1m }] }]", 10.0);
    takes("larger", "steps: [{ timeout: 10s, steps: [{ send: AT, timeout: 1s }] }]", 4.0);
    takes(
        "forever",
        "steps: [{ timeout: 10s, steps: [{ send: AT, timeout: 1s, retry: { forever: true } }] }]",
        13.0,
    );
    let flow = "
steps:
  - { run: a, timeout: 2s }
flows:
  a:
    timeout: 5s
    steps: [{ sleep: 1m }]
    always: [{ sleep: 4s }]
";
    takes("flow", flow, 2.0 + 4.0);
}

#[test]
fn jitter_comes_on_top_of_every_pause() {
    let part = "steps: [{ send: AT, timeout: 1s, retry: { attempts: 3, backoff: 10s..10s, jitter: 10% } }]";
    takes("part", part, 3.0 * 4.0 + 2.0 * 11.0);
    let time = "steps: [{ send: AT, timeout: 1s, retry: { attempts: 3, every: 10s, jitter: 2s } }]";
    takes("time", time, 3.0 * 4.0 + 2.0 * (6.0 + 2.0));
}

#[test]
fn a_million_pauses() {
    let every = "steps: [{ sleep: 1s, check: 'false', retry: { attempts: 1000000, every: 2s } }]";
    takes("every", every, 1_000_000.0 + 999_999.0);
    let backoff = "steps: [{ sleep: 1s, check: 'false', retry: { attempts: 1000000, backoff: 1s..5s } }]";
    takes("backoff", backoff, 1_000_000.0 + 1.0 + 2.0 + 4.0 + 999_996.0 * 5.0);
    assert_eq!(backoffs(Duration::ZERO, Duration::from_secs(1), u32::MAX), Duration::ZERO);
    let few = backoffs(Duration::from_secs(1), Duration::from_mins(1), 3);
    assert_eq!(few, Duration::from_secs(7));
}

#[test]
fn breaks_and_data_take_time() {
    takes("break", "steps: [{ port: { break: 5s } }]", 5.0);
    let data = "x".repeat(1152);
    takes("data", &format!("steps: [{{ send: AT+D, timeout: 1s, data: {data} }}]"), 4.1);
    let hole = "vars: { x: 1 }\nsteps: [{ send: AT+D, timeout: 1s, data: \"${x}\" }]";
    assert!(seconds("data-hole", hole) > 4.3);
}

#[test]
fn commands_do_not_overflow() {
    let retry = Retry {
        limit: Some(Duration::from_secs(10)),
        pause: Pause::Every(Duration::ZERO),
        written: true,
        ..Retry::default()
    };
    let send = Cost { commands: 2, ..Cost::wait(Duration::from_secs(1)) };
    assert_eq!(retried(&retry, send).commands, 20_002);
}
