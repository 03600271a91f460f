//! The faults that there are: what each is called, what it is counted by, and what it does.

use std::time::Duration;

/// What a fault is counted by. A rate is a chance for each of them; a list names the first, second, … since
/// power-on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// A byte from the module.
    ByteIn,
    /// A byte to the module.
    ByteOut,
    /// A piece that the UART hands over.
    Chunk,
    /// Something whole that the module said: a place between two lines.
    Gap,
    /// A final result code.
    Final,
    /// A prompt for data.
    Prompt,
    /// A publish that the broker acknowledges.
    Acknowledgement,
    /// A connection that the far side closes.
    Close,
    /// A message from the cloud.
    Message,
    /// None: it happens so often a day.
    Day,
}

impl Unit {
    /// All that are counted.
    pub(super) const COUNTED: [Self; 9] = [
        Self::ByteIn,
        Self::ByteOut,
        Self::Chunk,
        Self::Gap,
        Self::Final,
        Self::Prompt,
        Self::Acknowledgement,
        Self::Close,
        Self::Message,
    ];

    /// As the page calls it.
    pub fn words(self) -> &'static str {
        match self {
            Self::ByteIn => "byte from the module",
            Self::ByteOut => "byte to the module",
            Self::Chunk => "piece from the UART",
            Self::Gap => "place between two lines",
            Self::Final => "final result code",
            Self::Prompt => "prompt",
            Self::Acknowledgement => "`PUBACK`",
            Self::Close => "closed connection",
            Self::Message => "message from the cloud",
            Self::Day => "day",
        }
    }
}

macro_rules! kinds {
    ($($kind:ident, $name:literal, $unit:ident, $fuzz:expr, $lasts:expr, $does:literal;)*) => {
        /// One way to go wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FaultKind {
            $(
                #[doc = $does]
                $kind,
            )*
        }

        impl FaultKind {
            /// All of them, in the order of the page.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// As settings and lists call it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// What it is counted by.
            pub fn unit(self) -> Unit {
                match self { $(Self::$kind => Unit::$unit,)* }
            }

            /// The lowest and the highest rate that fuzzing draws: a chance, or so often a day.
            pub fn usual(self) -> (f64, f64) {
                match self { $(Self::$kind => $fuzz,)* }
            }

            /// How long it lasts, or how late something is, in milliseconds; `None` if it takes no time.
            pub(super) fn lasts_ms(self) -> Option<(u64, u64)> {
                match self { $(Self::$kind => $lasts,)* }
            }

            /// What it does, for the page.
            pub fn does(self) -> &'static str {
                match self { $(Self::$kind => $does,)* }
            }
        }
    };
}

const S: u64 = 1_000;
const M: u64 = 60 * S;
const H: u64 = 60 * M;

kinds! {
    LostBytes, "lost_bytes", ByteIn, (1e-5, 1e-3), None, "the byte does not come";
    DoubledBytes, "doubled_bytes", ByteIn, (1e-5, 1e-3), None, "the byte comes twice";
    GarbledBytes, "garbled_bytes", ByteIn, (1e-5, 1e-3), None, "one bit of the byte is another";
    TxLostBytes, "tx_lost_bytes", ByteOut, (1e-6, 1e-4), None, "the byte does not arrive";
    TxDoubledBytes, "tx_doubled_bytes", ByteOut, (1e-6, 1e-4), None, "the byte arrives twice";
    TxGarbledBytes, "tx_garbled_bytes", ByteOut, (1e-6, 1e-4), None, "one bit of the byte is another";
    SplitChunks, "split_chunks", Chunk, (0.03, 0.5), Some((1, 500)), "the piece comes in two, with a pause between them";
    LateChunks, "late_chunks", Chunk, (0.01, 0.3), Some((1, 500)), "the piece and all behind it come later";
    UrcAnywhere, "urc_anywhere", Gap, (0.005, 0.1), None, "the module says a line unasked";
    UrcGlued, "urc_glued", Gap, (0.001, 0.02), None, "the same, and its line end is missing";
    UrcNoCrlf, "urc_no_crlf", Gap, (0.001, 0.01), None, "the same, and the next line follows on the same line";
    LateAnswer, "late_answer", Final, (0.001, 0.02), Some((S, 30 * S)), "the result code and all behind it come later";
    LostAnswer, "lost_answer", Final, (0.001, 0.02), None, "the result code does not come";
    CutAnswer, "cut_answer", Final, (0.001, 0.02), None, "only the first half of the result code comes";
    LatePrompt, "late_prompt", Prompt, (0.002, 0.04), Some((S, 30 * S)), "the prompt and all behind it come later";
    LostPrompt, "lost_prompt", Prompt, (0.002, 0.04), None, "the module wants data and does not say so";
    PubackLost, "puback_lost", Acknowledgement, (0.001, 0.02), None, "the acknowledgement does not come";
    PubackLate, "puback_late", Acknowledgement, (0.001, 0.02), Some((S, 60 * S)), "the acknowledgement comes later";
    PubackStray, "puback_stray", Acknowledgement, (0.001, 0.02), Some((10, 5 * S)), "a second acknowledgement follows";
    ClosedUnreported, "closed_unreported", Close, (0.1, 0.9), None, "the module does not say that the connection is closed";
    DoubledDownlinks, "doubled_downlinks", Message, (0.05, 0.5), Some((0, 5 * S)), "the message comes a second time";
    DownlinkFlood, "downlink_flood", Day, (2.0, 12.0), None, "a hundred to a thousand messages come at once, some of them no commands";
    Reboot, "reboot", Day, (1.0, 12.0), None, "the module restarts; it echoes again";
    SilentReboot, "silent_reboot", Day, (1.0, 12.0), None, "the same, and it does not say so";
    EchoBack, "echo_back", Day, (0.5, 4.0), None, "the module echoes again, although it did not restart";
    PortGone, "port_gone", Day, (0.5, 4.0), Some((S, 10 * M)), "the port vanishes, and comes back";
    BrokerAway, "broker_away", Day, (2.0, 12.0), Some((S, 2 * H)), "the broker closes the connection and cannot be reached";
    BrokerSilent, "broker_silent", Day, (2.0, 12.0), Some((S, 2 * H)), "nothing reaches the broker and nothing comes from it, on this connection and on new ones";
    BrokerSlow, "broker_slow", Day, (2.0, 12.0), Some((S, 2 * H)), "everything from the broker takes 1 to 10 seconds longer";
    BrokerKicks, "broker_kicks", Day, (2.0, 12.0), Some((S, 30 * M)), "the broker closes each connection soon after the login";
    RegistrationLost, "registration_lost", Day, (1.0, 4.0), Some((10 * S, H)), "the network is gone";
    ClockJump, "clock_jump", Day, (1.0, 4.0), Some((S, 365 * 24 * H)), "the calendar of atflow's machine jumps, forward or back";
    Suspend, "suspend", Day, (1.0, 4.0), Some((M, 8 * H)), "atflow's machine sleeps; what comes meanwhile is read when it wakes up";
    DiskFull, "disk_full", Day, (2.0, 4.0), Some((M, H)), "the disk of a station's outbox is full";
    DiskFails, "disk_fails", Day, (2.0, 4.0), Some((M, H)), "writing to that disk fails";
}

impl FaultKind {
    /// The fault of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether it is about the disk of the machine that atflow runs on.
    pub fn is_of_disks(self) -> bool {
        matches!(self, Self::DiskFull | Self::DiskFails)
    }

    /// How long it may last.
    pub fn lasts(self) -> Option<(Duration, Duration)> {
        let (low, high) = self.lasts_ms()?;
        Some((Duration::from_millis(low), Duration::from_millis(high)))
    }
}
