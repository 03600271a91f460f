//! A station whose disk takes no more, for real: a file system without room, and a limit on the size of files.

mod support;

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use support::process::{Done, Running, atflow, run};
use support::temp::TempDir;

const STATION: &str = "scripts/thingscloud/station.yaml";

/// `atflow` with these arguments, behind something that a shell does first. `before` is in front of the shell.
fn after(dir: &TempDir, before: &[&str], first: &str, args: &[&str]) -> Command {
    let plain = atflow(dir, args);
    let shell = format!("{first} && exec \"$@\"");
    let words = before.iter().copied().chain(["sh", "-c", shell.as_str(), "sh"]);
    let mut words = words.map(Into::into).chain([plain.get_program().to_owned()]);
    let mut command = Command::new(words.next().expect("at least a shell"));
    command.args(words).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(plain.get_current_dir().expect("it is set"));
    command
}

/// Four hours of the bundled station on a simulated module, with its store on a real disk.
fn four_hours(state: &str) -> [&str; 11] {
    [
        "run",
        STATION,
        "--port",
        "sim:luat-air724",
        "--state",
        state,
        "--speed",
        "max",
        "--for",
        "4h",
        "--log=json",
    ]
}

/// It went on from memory, said so, and everything it reported is with the cloud.
fn has_coped(done: &Done) -> Vec<Value> {
    assert_eq!(done.stderr, "");
    let events = done.events();
    let volatile = events.iter().position(|told| told["event"] == "store_volatile").expect("it said so");
    assert!(events[volatile]["why"].as_str().is_some_and(|why| why.contains("disk")), "{}", events[volatile]);
    let after = &events[volatile..];
    assert!(after.iter().filter(|told| told["event"] == "report_sent").count() > 100, "it goes on");
    let end = events.last().expect("an end");
    assert_eq!(end["event"], "station_stopped");
    assert_eq!((&end["reports_lost"], &end["outbox_rows"]), (&0.into(), &0.into()), "{end}");
    assert!(end["reports_sent"].as_u64().is_some_and(|sent| sent >= 239), "{end}");
    events
}

/// What gives a process mounts of its own, which are gone with it.
fn own_mounts() -> &'static [&'static str] {
    const WAYS: [&[&str]; 3] = [&["unshare", "-m"], &["unshare", "-rm"], &["sudo", "-n", "unshare", "-m"]];
    let works = |way: &&&[&str]| {
        let mut command = Command::new(way[0]);
        command.args(&way[1..]).args(["sh", "-c", "mount -t tmpfs tmpfs /mnt"]);
        command.output().is_ok_and(|output| output.status.success())
    };
    WAYS.iter().find(works).expect("a full disk needs root, sudo, or user namespaces that may mount")
}

#[test]
fn a_file_system_without_room_costs_nothing_while_the_process_lives() {
    let dir = TempDir::new();
    let disk = dir.join("disk");
    std::fs::create_dir(&disk).expect("a folder");
    let mount = format!("mount -t tmpfs -o size=300k tmpfs '{disk}'");
    let state = format!("{disk}/state");
    has_coped(&run(&mut after(&dir, own_mounts(), &mount, &four_hours(&state))).exited(0));
    assert!(!Path::new(&state).exists(), "it was nowhere else");
}

/// As systemd's `LimitFSIZE=` sets it. It comes with a signal that ends whoever does not look after it.
#[test]
fn a_file_that_may_not_grow_costs_nothing() {
    let dir = TempDir::new();
    let state = dir.join("state");
    // In blocks of 512 bytes.
    let station = Running::start(&mut after(&dir, &[], "ulimit -f 300", &four_hours(&state)));
    let events = has_coped(&station.finish().exited(0));
    // Trying the disk empties its log, and then there is room again for a while.
    assert!(events.iter().any(|told| told["event"] == "store_restored"));
    let list = run(&mut atflow(&dir, ["outbox", "list", "--state", &state])).exited(0);
    assert!(list.stdout.contains("nothing waits"), "{}", list.stdout);
}

#[test]
fn what_only_memory_knows_outlives_a_reload() {
    let dir = TempDir::new();
    let disk = dir.join("disk");
    std::fs::create_dir(&disk).expect("a folder");
    let mount = format!("mount -t tmpfs -o size=200k tmpfs '{disk}'");
    let state = format!("{disk}/state");
    let text = |var: u32| {
        let steps = "[{ publish: attributes, json: { n: '${n}' } }]";
        format!(
            "module: luat-air724\ncloud: thingscloud\nvars: {{ n: {var} }}\nschedule:\n  - {{ name: report, every: 1m, \
             steps: {steps} }}\n"
        )
    };
    let file = dir.file("station.yaml", text(1));
    let args =
        ["run", &file, "--port", "sim:luat-air724", "--state", &state, "--speed", "600x", "--log=json"];
    let mut station = Running::start(&mut after(&dir, own_mounts(), &mount, &args));
    station.wait_for_event(|told| told["event"] == "store_volatile");
    dir.file("station.yaml", text(2));
    station.signal(Signal::HUP);
    let failed = station.wait_for_event(|told| told["event"] == "reload_failed");
    assert_eq!(
        failed["error"],
        "it needs a new start, and what the disk does not take would be gone with the old one; make room, and reload \
         again"
    );
    station.wait_for_event(|told| told["event"] == "report_sent");
    station.signal(Signal::TERM);
    station.finish().exited(0);
}
