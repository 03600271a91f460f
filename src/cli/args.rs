//! The arguments, as clap reads them. The help texts are the reference of the command line.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

/// Where chance comes from when nothing else is said: any number, but always the same.
const SEED: u64 = 724;

/// Runs YAML flows against AT-command modules.
#[derive(Debug, Parser)]
#[command(name = "atflow", version, about, max_term_width = 100, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a flow, or a station
    Run(Box<RunArgs>),
    /// Check files without running them; print the worst case of each flow
    Check(CheckArgs),
    /// Try flows and stations on simulated modules, as their test files say
    Test(TestArgs),
    /// Try a command handler of a station, without a module
    Call(CallArgs),
    /// Send command lines and print the answers
    At(AtArgs),
    /// Run a file in simulated worlds where things go wrong, and check what must hold whatever goes wrong
    Fuzz(FuzzArgs),
    /// Talk to a module by hand
    Console(ConsoleArgs),
    /// Talk to a module by hand, and make a flow of it
    Record(RecordArgs),
    /// Serve a simulated module on a pty or a TCP port
    Sim(SimArgs),
    /// List the serial ports that are there
    Ports(PortsArgs),
    /// Print a JSON schema of the language
    Schema(SchemaArgs),
    /// Print shell completions
    Completions(CompletionsArgs),
    /// Forget the lines that must not be sent a second time, such as a wrong PIN
    Forget(ForgetArgs),
    /// Show, compare or explain what crossed the line in a run
    Transcript(TranscriptArgs),
    /// Look at what a station has not sent yet, and at what was refused
    Outbox(OutboxArgs),
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Pretty,
    /// For programs: one JSON object a line
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// The flow's file; `bundled:NAME` is one that comes with atflow, such as bundled:thingscloud/bringup.yaml
    pub file: PathBuf,
    /// A flow of the file's `flows`, instead of its own steps
    pub flow: Option<String>,
    #[command(flatten)]
    pub port: PortArgs,
    /// Give a var its value: NAME=VALUE
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub vars: Vec<(String, String)>,
    /// The dialect, instead of the file's `module`
    #[arg(long, value_name = "NAME")]
    pub module: Option<String>,
    /// Begin with the step of this name
    #[arg(long, value_name = "STEP")]
    pub from: Option<String>,
    /// End with the step of this name
    #[arg(long, value_name = "STEP")]
    pub until: Option<String>,
    /// Write everything that crosses the line to a file, as JSON lines, secrets masked
    #[arg(long, value_name = "FILE")]
    pub transcript: Option<PathBuf>,
    /// How the run is shown; of a station, json is its log
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The same as --format
    // It is what one looks for in a program that runs for ever.
    #[arg(long, value_enum, value_name = "FORMAT", overrides_with = "format")]
    log: Option<Format>,
    /// Show the verdict and the questions of `ask` only; of a station, its end
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Show every line, too; of a station, its dull moments and the steps of its runs
    #[arg(short, long)]
    pub verbose: bool,
    #[command(flatten)]
    pub station: StationArgs,
    // Last: its heading holds for everything below it.
    #[command(flatten)]
    pub sim: SimulationArgs,
}

impl RunArgs {
    /// How the run is shown.
    pub fn format(&self) -> Format {
        self.log.unwrap_or(self.format)
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct PortArgs {
    /// The port: /dev/ttyUSB0, usb:VID:PID[:SERIAL][#INTERFACE], tcp://HOST:PORT, sim:NAME, replay:FILE
    #[arg(short, long, env = "ATFLOW_PORT")]
    pub port: Option<String>,
    #[command(flatten)]
    pub settings: SerialArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct SerialArgs {
    /// Bits per second
    #[arg(long, default_value_t = 115_200)]
    pub baud: u32,
    /// Data bits, parity and stop bits
    #[arg(long, default_value = "8N1", value_parser = ["8N1", "8E1", "8O1", "7N1", "7E1", "7O1", "8N2"])]
    pub frame: String,
    /// Flow control
    #[arg(long, default_value = "none", value_parser = ["none", "hardware", "software"])]
    pub flow_control: String,
    /// The DTR line when the port is opened
    #[arg(long, value_parser = ["on", "off"])]
    pub dtr: Option<String>,
    /// The RTS line when the port is opened
    #[arg(long, value_parser = ["on", "off"])]
    pub rts: Option<String>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Stations")]
pub(super) struct StationArgs {
    /// End by itself after this time, with exit code 0: 30m, 24h
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Where the station keeps its outbox, commands and state
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Serve metrics for Prometheus over HTTP, at /metrics: 9724 (this machine only), 0.0.0.0:9724
    #[arg(long, value_name = "ADDRESS", value_parser = metrics_address)]
    pub metrics: Option<SocketAddr>,
}

impl StationArgs {
    /// The first option that was given; none of them means anything for a flow that ends.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            ("--for", self.duration.is_some()),
            ("--state", self.state.is_some()),
            ("--metrics", self.metrics.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }
}

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Simulated modules (sim:NAME) and recordings (replay:FILE)")]
pub(super) struct SimulationArgs {
    /// How fast simulated time passes: 1x, 60x, max [default: 1x; of a recording max]
    // Optional, here and below, to know what was given: with a real port none of it means anything.
    #[arg(long, value_parser = speed)]
    pub speed: Option<Speed>,
    /// What happens, and when: a YAML file of timed events
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// A real broker behind the module: mqtt://USER:PASSWORD@HOST:PORT
    #[arg(long, value_name = "URL")]
    pub cloud: Option<String>,
    /// Something that goes wrong now and then: `lost_bytes=1e-5`, `urc_anywhere=1%`, `reboot=2/d`
    #[arg(long = "fault", value_name = "NAME=RATE")]
    pub faults: Vec<String>,
    /// Where all chance comes from [default: 724]
    #[arg(long)]
    pub seed: Option<u64>,
}

impl SimulationArgs {
    /// The seed of the simulation, and of a real run's jitter.
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or(SEED)
    }

    /// The first option that was given of those that say what is behind the port.
    pub fn behind(&self) -> Option<&'static str> {
        let given = [("--scenario", self.scenario.is_some()), ("--cloud", self.cloud.is_some())];
        given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }

    /// The first option that was given.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            ("--speed", self.speed.is_some()),
            ("--scenario", self.scenario.is_some()),
            ("--cloud", self.cloud.is_some()),
            ("--fault", !self.faults.is_empty()),
            ("--seed", self.seed.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }
}

/// How fast simulated time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Speed {
    /// So many seconds to a second.
    Times(f64),
    /// As fast as the machine can.
    Max,
}

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Flows, stations, clouds, dialects, test files or scenarios
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The dialect, instead of the files' `module`
    #[arg(long, value_name = "NAME")]
    pub module: Option<String>,
    /// How problems are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, clap::Args)]
pub(super) struct TestArgs {
    /// Test files, or folders: every `*.test.yaml` below
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Only tests with this text in their name
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// How many are tried at a time [default: one for each processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Write the files that `golden` names anew
    #[arg(long)]
    pub update: bool,
    /// List every step and branch that no test reached
    #[arg(long)]
    pub coverage: bool,
    /// Write the outcome to a file as `JUnit` XML, too
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// How the outcome is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

impl TestArgs {
    /// How many tests are tried at a time.
    pub fn jobs(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.jobs.map_or_else(all, usize::from)
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct CallArgs {
    /// The station's file
    pub file: PathBuf,
    /// The method, as a command names it
    pub method: String,
    /// Its params, as JSON: '{"timeout":10}'
    #[arg(default_value = "{}")]
    pub params: String,
    /// What the module answers to a command line of the handler: 'AT+CSQ=+CSQ: 17,0'. Given twice for the
    /// same line, it is answered so one after the other
    #[arg(long = "answer", value_name = "LINE=ANSWER")]
    pub answers: Vec<String>,
    /// The dialect, instead of the file's `module`
    #[arg(long, value_name = "NAME")]
    pub module: Option<String>,
    /// How the outcome is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, clap::Args)]
pub(super) struct AtArgs {
    /// The port: /dev/ttyUSB0, usb:…, tcp://HOST:PORT, sim:NAME
    pub port: String,
    /// Command lines, such as 'AT+CSQ'
    #[arg(required = true)]
    pub lines: Vec<String>,
    /// The dialect that knows what ends a command
    #[arg(long, value_name = "NAME", default_value = "generic")]
    pub module: String,
    /// How long one command may take, instead of the dialect's time: 5s, 1m30s
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    #[command(flatten)]
    pub settings: SerialArgs,
    /// How answers are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, clap::Args)]
pub(super) struct ConsoleArgs {
    /// The port: /dev/ttyUSB0, usb:…, tcp://HOST:PORT, sim:NAME
    pub port: String,
    /// The dialect [default: that of a simulated module, else generic]
    #[arg(long, value_name = "NAME")]
    pub module: Option<String>,
    #[command(flatten)]
    pub settings: SerialArgs,
    // Last: its heading holds for everything below it.
    #[command(flatten)]
    pub sim: SimulationArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct RecordArgs {
    /// NAME.yaml becomes the flow, NAME.jsonl the transcript
    #[arg(short, long, value_name = "NAME")]
    pub output: PathBuf,
    #[command(flatten)]
    pub console: ConsoleArgs,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("where").required(true).args(["pty", "tcp"]))]
pub(super) struct SimArgs {
    /// The module: luat-air724, esp-at
    #[arg(default_value = "luat-air724")]
    pub name: String,
    /// Serve on a pty; this path becomes a link to it
    #[arg(long, value_name = "PATH")]
    pub pty: Option<PathBuf>,
    /// Serve on a TCP port: 7000 (this machine only), localhost:7000, 0.0.0.0:7000
    #[arg(long, value_name = "ADDRESS", value_parser = tcp_address)]
    pub tcp: Option<SocketAddr>,
    /// What happens, and when: a YAML file of timed events
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// A real broker behind the module: mqtt://USER:PASSWORD@HOST:PORT
    #[arg(long, value_name = "URL")]
    pub cloud: Option<String>,
    /// All delays of the module and the network, times this: 0 is none, 0.1 a tenth [default: the scenario's, else 1]
    #[arg(long, value_name = "FACTOR", value_parser = delays, allow_negative_numbers = true)]
    pub delays: Option<f64>,
    /// Something that goes wrong now and then: `lost_bytes=1e-5`, `urc_anywhere=1%`, `reboot=2/d`
    #[arg(long = "fault", value_name = "NAME=RATE")]
    pub faults: Vec<String>,
    /// Where all chance comes from
    #[arg(long, default_value_t = SEED)]
    pub seed: u64,
}

#[derive(Debug, clap::Args)]
pub(super) struct FuzzArgs {
    /// A station, or a flow that ends
    pub file: PathBuf,
    /// How many worlds: each seed gives another one
    #[arg(long, default_value_t = 100)]
    pub seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How long things go wrong in each, in simulated time; three more hours are for recovery
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, default_value = "1d")]
    pub duration: Duration,
    /// How many at once [default: one for each core]
    #[arg(long)]
    pub jobs: Option<usize>,
    /// Nothing goes wrong, but for one line between two others: once for each place where it can stand
    #[arg(long, value_name = "LINE", num_args = 0..=1, default_missing_value = "RING")]
    pub urc_everywhere: Option<String>,
    /// Show a failure with everything that happened, instead of looking for the least that brings it about
    #[arg(long)]
    pub as_drawn: bool,
    /// The simulated module
    #[arg(short, long, default_value = "sim:luat-air724")]
    pub port: String,
    /// Give a var its value: NAME=VALUE
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub vars: Vec<(String, String)>,
    /// How results are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, clap::Args)]
pub(super) struct PortsArgs {
    /// How the list is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// What a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaOf {
    /// Flows, stations and clouds
    Flow,
    /// Dialects
    Dialect,
    /// Test files
    Test,
    /// Scenarios
    Scenario,
}

#[derive(Debug, clap::Args)]
pub(super) struct SchemaArgs {
    /// Which schema
    #[arg(value_enum)]
    pub of: SchemaOf,
}

#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
pub(super) struct ForgetArgs {
    /// Only what was sent to this port
    pub port: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct TranscriptArgs {
    #[command(subcommand)]
    pub what: TranscriptCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum TranscriptCommand {
    /// Show every byte, with its time
    Show {
        /// A transcript
        file: String,
    },
    /// Compare what was answered; exit code 1 if there is a difference
    Diff {
        /// A transcript
        old: String,
        /// Another one: of other firmware, of another module
        new: String,
        /// The dialect, instead of the one that each file names
        #[arg(long, value_name = "NAME")]
        module: Option<String>,
    },
    /// Say what each line means
    Explain {
        /// A transcript
        file: String,
        /// The dialect, instead of the one that the file names
        #[arg(long, value_name = "NAME")]
        module: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct OutboxArgs {
    #[command(subcommand)]
    pub what: OutboxCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum OutboxCommand {
    /// List all messages that wait or are dead
    List {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Show one message whole
    Show {
        /// Its number
        seq: u64,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Try dead messages again, under new numbers
    Retry(ManyArgs),
    /// Delete messages
    Drop(ManyArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct ManyArgs {
    /// Their numbers, and the station's name, if there are several
    #[arg(required = true, value_names = ["NUMBER", "STATION"])]
    pub words: Vec<String>,
    #[command(flatten)]
    pub place: PlaceArgs,
}

impl ManyArgs {
    /// The numbers, and the station's name behind them.
    ///
    /// # Errors
    ///
    /// The word that is neither.
    pub fn read(&self) -> Result<(Vec<u64>, Option<&str>), &str> {
        let number = |word: &String| word.parse::<u64>().ok();
        let numbers: Vec<u64> = self.words.iter().map_while(number).collect();
        match &self.words[numbers.len()..] {
            [] => Ok((numbers, None)),
            [station] if !numbers.is_empty() => Ok((numbers, Some(station))),
            [word, ..] => Err(word),
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct StoreArgs {
    /// The station's name, if there are several
    #[arg(conflicts_with = "state")]
    pub station: Option<String>,
    #[command(flatten)]
    pub place: PlaceArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct PlaceArgs {
    /// The station's state directory [default: `atflow/STATION` in the XDG state directory]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// How messages are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_string(), value.to_string())),
        _ => Err("write NAME=VALUE".to_string()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    match crate::flow::duration::parse(text) {
        Ok(duration) if duration.is_zero() => Err("a station needs some time".to_string()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(format!("{error}; {}", error.help)),
    }
}

/// A port alone is one of this machine: what a station tells is for others only if somebody says so.
fn metrics_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').unwrap_or(text).parse::<u16>();
    let port = port.or_else(|error| text.strip_prefix("localhost:").map_or(Err(error), str::parse));
    match port {
        Ok(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        Err(_) => text.parse().map_err(|_| {
            "write a port such as `9724`, or `ADDRESS:PORT` with a number for the address".into()
        }),
    }
}

/// Where to listen. A port alone is one of this machine; a name is looked up, and of its addresses the one that
/// everybody reaches is taken.
fn tcp_address(text: &str) -> Result<SocketAddr, String> {
    const WRITE: &str = "write a port such as `7000`, or `HOST:PORT` such as `localhost:7000`";
    let (host, port) = match text.rsplit_once(':') {
        // The colons of an IPv6 address without a port are in brackets, or it would be read wrong.
        Some(_) if text.ends_with(']') => return Err(format!("the port is missing; {WRITE}")),
        Some((host, port)) => (host, port),
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => ("", text),
        None => return Err(format!("the port is missing; {WRITE}")),
    };
    let port: u16 = port.parse().map_err(|_| format!("`{port}` is no port from 0 to 65535; {WRITE}"))?;
    let host = match host {
        "" => return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        host => host.trim_start_matches('[').trim_end_matches(']'),
    };
    let found =
        (host, port).to_socket_addrs().map_err(|error| format!("nobody knows `{host}`: {error}; {WRITE}"))?;
    let mut found: Vec<SocketAddr> = found.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().ok_or_else(|| format!("`{host}` has no address; {WRITE}"))
}

/// Longer, and a cold start would take hours.
const DELAYS: RangeInclusive<f64> = 0.0..=1000.0;

fn delays(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|_| {
        "write a number: `1` is as measured on real modules, `0.1` a tenth of that, `0` no delay".to_string()
    })?;
    if DELAYS.contains(&factor) { Ok(factor) } else { Err("write a number from 0 to 1000".to_string()) }
}

/// Slower, the ten seconds in which a signal lets a command end would be hours; faster is `max`.
const SPEEDS: RangeInclusive<f64> = 0.01..=1e6;

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    let times = text.strip_suffix('x').and_then(|number| number.parse::<f64>().ok());
    match times {
        Some(times) if SPEEDS.contains(&times) => Ok(Speed::Times(times)),
        Some(times) if times > 0.0 => Err("simulated time passes at 0.01x to 1000000x, or `max`".to_string()),
        _ => Err("write a multiple such as `1x` or `60x`, or `max`".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }

    #[test]
    fn where_a_module_is_served() {
        let shown = |text| tcp_address(text).map(|address| address.to_string());
        for (text, address) in [
            ("7000", "127.0.0.1:7000"),
            (":7000", "127.0.0.1:7000"),
            ("localhost:7000", "127.0.0.1:7000"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("[::1]:7000", "[::1]:7000"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(address), "{text}");
        }
        for (text, why) in [
            ("localhost", "the port is missing; "),
            ("[::1]", "the port is missing; "),
            ("localhost:http", "`http` is no port from 0 to 65535; "),
            ("70000", "`70000` is no port from 0 to 65535; "),
            ("no such host:1", "nobody knows `no such host`: "),
        ] {
            let error = shown(text).expect_err(text);
            assert!(error.starts_with(why) && error.contains("write a port such as `7000`"), "{error}");
        }
    }

    #[test]
    fn delays_are_a_factor() {
        assert_eq!((delays("0.5"), delays("0"), delays("1000")), (Ok(0.5), Ok(0.0), Ok(1000.0)));
        for (text, help) in [
            ("fast", "write a number: "),
            ("-1", "0 to 1000"),
            ("inf", "0 to 1000"),
            ("NaN", "0 to 1000"),
            ("2000", "0 to 1000"),
        ] {
            assert!(delays(text).expect_err(text).contains(help), "{text}");
        }
    }

    #[test]
    fn a_port_alone_is_for_this_machine() {
        let shown = |text| metrics_address(text).map(|address| address.to_string());
        assert_eq!(shown("9724").as_deref(), Ok("127.0.0.1:9724"));
        assert_eq!(shown(":9724").as_deref(), Ok("127.0.0.1:9724"));
        assert_eq!(shown("localhost:9724").as_deref(), Ok("127.0.0.1:9724"));
        assert_eq!(shown("0.0.0.0:80").as_deref(), Ok("0.0.0.0:80"));
        assert_eq!(shown("[::1]:80").as_deref(), Ok("[::1]:80"));
        for bad in ["", "localhost", "localhost:", "elsewhere:80", "70000", "1.2.3.4"] {
            assert!(shown(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_station_ends_after_a_duration() {
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        for bad in ["0s", "90", "soon"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn several_messages_stand_before_the_station() {
        let many = |words: &[&str]| {
            let args = ["atflow", "outbox", "drop"].iter().chain(words);
            let Ok(Args { command: Command::Outbox(OutboxArgs { what: OutboxCommand::Drop(many) }) }) =
                Args::try_parse_from(args)
            else {
                panic!("it is `outbox drop`")
            };
            let read = many.read().map(|(numbers, station)| (numbers, station.map(str::to_string)));
            read.map_err(str::to_string)
        };
        assert_eq!(many(&["4", "5", "6"]), Ok((vec![4, 5, 6], None)));
        assert_eq!(many(&["4", "pump"]), Ok((vec![4], Some("pump".to_string()))));
        assert_eq!(many(&["pump"]), Err("pump".to_string()));
        assert_eq!(many(&["4", "pump", "5"]), Err("pump".to_string()));
    }

    #[test]
    fn log_is_another_word_for_format() {
        let args = Args::try_parse_from(["atflow", "run", "x.yaml", "--log", "json", "--metrics", "9724"]);
        let Ok(Args { command: Command::Run(run) }) = args else { panic!("it is `run`") };
        assert_eq!((run.format(), run.station.given()), (Format::Json, Some("--metrics")));
        let bad = Args::try_parse_from(["atflow", "run", "x.yaml", "--log", "xml"]).expect_err("no format");
        assert!(bad.to_string().contains("--log"), "{bad}");
    }

    #[test]
    fn speeds_are_multiples_or_max() {
        assert_eq!(speed("60x"), Ok(Speed::Times(60.0)));
        assert_eq!(speed("max"), Ok(Speed::Max));
        for bad in ["60", "0x", "-1x", "fast", "NaNx", "", "1e300x", "1e-30x", "infx"] {
            assert!(speed(bad).is_err(), "{bad}");
        }
    }
}
