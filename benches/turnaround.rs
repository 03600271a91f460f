//! What one step costs on a pty, next to the least that any program could do. Run it with
//! `taskset -c 0 cargo bench`.
//!
//! `responder.c` is the module and the only clock: it opens the pty, starts a contestant and measures from
//! the first byte of its answer until the contestant's next command line is whole. `floor.c` is the least
//! that a program can do. `atflow` runs real files: capture, check and transcript on, the verdict only
//! shown. All of them run on one core, because to wake another one costs more than the step itself.
//!
//! A file of steps has a limit (100,000 nodes, 1 MiB), so 20,000 written steps are four files. The rounds
//! of the contestants alternate, and each is shown with its best round: what disturbs the machine only ever
//! makes a round slower.
//!
//! A step's price is that of the sorter, of captures and of an expression; a burst's is the sorter's alone. A
//! day of the bundled station, on the virtual clock, has everything else in it.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const STEPS: usize = 20_000;
const FILES: usize = 4;
const URCS: usize = 1_000;
const BURSTS: usize = 500;
const ROUNDS: usize = 5;
/// Of a program that does one step and ends.
const STARTS: usize = 41;
/// Of the bundled station, on the virtual clock.
const DAYS: usize = 9;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What the responder measured of one run. Times are in nanoseconds.
#[derive(Clone, Copy)]
struct Measured {
    median: u64,
    p99: u64,
    cpu: u64,
    whole: u64,
    peak_kib: u64,
}

/// Where the programs and files of this bench are.
struct Place(PathBuf);

impl Place {
    fn new() -> Outcome<Self> {
        let place = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join("turnaround"));
        fs::create_dir_all(&place.0)?;
        place.compile("responder")?;
        place.compile("floor")?;
        Ok(place)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn compile(&self, name: &str) -> Outcome<()> {
        let source = format!("{}/benches/{name}.c", env!("CARGO_MANIFEST_DIR"));
        let compiled = Command::new("cc").args(["-O2", "-o", &self.path(name), &source]).status();
        match compiled {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("cc {source}: {status}").into()),
            Err(error) => Err(format!("cc: {error}; a C compiler is needed for the floor").into()),
        }
    }

    /// `count` steps, in as many files as the limits want.
    fn flow(&self, name: &str, count: usize, files: usize) -> Outcome<String> {
        let mut main = String::from("module: luat-air724\n");
        let mut runs = String::from("steps:\n");
        if files > 1 {
            main.push_str("use:\n");
            for part in 1..=files {
                let steps = steps(count / files, "      ");
                fs::write(
                    self.path(&format!("{name}-{part}.yaml")),
                    format!("flows:\n  part{part}:\n    steps:\n{steps}"),
                )?;
                writeln!(main, "  - {name}-{part}.yaml")?;
                writeln!(runs, "  - run: part{part}")?;
            }
        } else {
            runs.push_str(&steps(count, "  "));
        }
        let path = self.path(&format!("{name}.yaml"));
        fs::write(&path, main + &runs)?;
        Ok(path)
    }

    /// Runs one contestant behind a responder that puts `urcs` lines in front of each answer.
    fn run(&self, steps: usize, urcs: usize, contestant: &[&str]) -> Outcome<Measured> {
        let output = Command::new(self.path("responder"))
            .args([steps.to_string(), urcs.to_string()])
            .args(contestant)
            .stderr(Stdio::inherit())
            .output()?;
        let text = String::from_utf8(output.stdout)?;
        let numbers: Vec<u64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        match numbers[..] {
            [answered, median, p99, cpu, whole, peak_kib] if answered == steps as u64 => {
                Ok(Measured { median, p99, cpu, whole, peak_kib })
            }
            _ => Err(format!("{}: {}, measured: {text}", contestant[0], output.status).into()),
        }
    }

    fn floor(&self, steps: usize, urcs: usize) -> Outcome<Measured> {
        self.run(steps, urcs, &[&self.path("floor"), "{}", &steps.to_string()])
    }

    fn atflow(&self, flow: &str, steps: usize, urcs: usize) -> Outcome<Measured> {
        let transcript = self.path("transcript.jsonl");
        let atflow = env!("CARGO_BIN_EXE_atflow");
        self.run(steps, urcs, &[atflow, "run", flow, "--port", "{}", "--transcript", &transcript, "--quiet"])
    }

    /// The same step on a simulated module, which is asked again when it has booted.
    fn simulated(&self, flow: &str) -> Outcome<Measured> {
        let atflow = env!("CARGO_BIN_EXE_atflow");
        self.run(0, 0, &[atflow, "run", flow, "--port", "sim:luat-air724", "--speed", "max", "--quiet"])
    }

    /// A day of the bundled station; the pty is not used.
    fn day(&self) -> Outcome<Measured> {
        let station = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/thingscloud/station.yaml");
        let atflow = env!("CARGO_BIN_EXE_atflow");
        let simulated = ["--port", "sim:luat-air724", "--speed", "max", "--for", "24h"];
        self.run(0, 0, &[&[atflow, "run", station, "--quiet"], &simulated[..]].concat())
    }
}

fn steps(count: usize, indent: &str) -> String {
    format!(
        "{indent}- send: AT+CSQ\n{indent}  expect: '+CSQ: {{rssi:int}},{{ber:int}}'\n{indent}  check: rssi != 99\n"
    )
    .repeat(count)
}

/// The floor and atflow in turns; of each the round with the lowest median.
fn compare(place: &Place, flow: &str, steps: usize, urcs: usize) -> Outcome<[Measured; 2]> {
    let mut best: Option<[Measured; 2]> = None;
    for _ in 0..ROUNDS {
        let round = [place.floor(steps, urcs)?, place.atflow(flow, steps, urcs)?];
        best = Some(match best {
            None => round,
            Some(best) => {
                [0, 1].map(|who| if round[who].median < best[who].median { round[who] } else { best[who] })
            }
        });
    }
    best.ok_or_else(|| "no rounds".into())
}

/// The median of many runs, by their time.
fn median(runs: usize, mut once: impl FnMut() -> Outcome<Measured>) -> Outcome<Measured> {
    let mut measured = (0..runs).map(|_| once()).collect::<Outcome<Vec<_>>>()?;
    measured.sort_by_key(|measured| measured.whole);
    Ok(measured[runs / 2])
}

#[expect(clippy::cast_precision_loss, reason = "numbers for the eye")]
fn show(what: &str, measured: Measured, floor: Measured) {
    let micros = |nanos: u64| nanos as f64 / 1e3;
    println!(
        "{what:<28} {:>9.1} {:>9.1} {:>8.2} {:>9.1} {:>9.1}",
        micros(measured.median),
        micros(measured.p99),
        measured.median as f64 / floor.median as f64,
        micros(measured.cpu),
        measured.peak_kib as f64 / 1024.0,
    );
}

#[expect(clippy::cast_precision_loss, reason = "numbers for the eye")]
fn show_whole(what: &str, measured: Measured) {
    let (millis, mib) = (measured.whole as f64 / 1e6, measured.peak_kib as f64 / 1024.0);
    println!("{what:<28} {millis:>9.2} {mib:>9.1}");
}

fn main() -> Outcome<()> {
    let place = Place::new()?;
    println!(
        "\n{:<28} {:>9} {:>9} {:>8} {:>9} {:>9}",
        "one step", "p50 us", "p99 us", "x floor", "CPU us", "peak MiB"
    );
    let flow = place.flow("steps", STEPS, FILES)?;
    let [floor, atflow] = compare(&place, &flow, STEPS, 0)?;
    show(&format!("floor, {STEPS} steps"), floor, floor);
    show("atflow", atflow, floor);
    let flow = place.flow("bursts", BURSTS, 1)?;
    let [floor, atflow] = compare(&place, &flow, BURSTS, URCS)?;
    show(&format!("floor, {URCS} URCs a step"), floor, floor);
    show("atflow", atflow, floor);

    println!("\n{:<28} {:>9} {:>9}", "start to exit", "ms", "peak MiB");
    let flow = place.flow("one", 1, 1)?;
    show_whole("floor, one step", median(STARTS, || place.floor(1, 0))?);
    show_whole("atflow, one step", median(STARTS, || place.atflow(&flow, 1, 0))?);
    let flow = place.path("simulated.yaml");
    fs::write(&flow, format!("module: luat-air724\nsteps:\n{}    retry: {{ for: 1m }}\n", steps(1, "  ")))?;
    show_whole("atflow, simulated module", median(STARTS, || place.simulated(&flow))?);
    show_whole("atflow, a station's day", median(DAYS, || place.day())?);
    Ok(())
}
