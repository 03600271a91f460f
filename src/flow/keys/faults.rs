//! What goes wrong between atflow and a simulated module: by chance, or exactly then.

use super::{Key, Rule, Shape, Takes};

/// All kinds of fault, each with what it does.
const KINDS: [(&str, &str); 35] = [
    ("lost_bytes", "the byte does not come"),
    ("doubled_bytes", "the byte comes twice"),
    ("garbled_bytes", "one bit of the byte is another"),
    ("tx_lost_bytes", "the byte does not arrive"),
    ("tx_doubled_bytes", "the byte arrives twice"),
    ("tx_garbled_bytes", "one bit of the byte is another"),
    ("split_chunks", "the piece comes in two, with a pause between them"),
    ("late_chunks", "the piece and all behind it come later"),
    ("urc_anywhere", "the module says a line unasked"),
    ("urc_glued", "the same, and its line end is missing"),
    ("urc_no_crlf", "the same, and the next line follows on the same line"),
    ("late_answer", "the result code and all behind it come later"),
    ("lost_answer", "the result code does not come"),
    ("cut_answer", "only the first half of the result code comes"),
    ("late_prompt", "the prompt and all behind it come later"),
    ("lost_prompt", "the module wants data and does not say so"),
    ("puback_lost", "the acknowledgement does not come"),
    ("puback_late", "the acknowledgement comes later"),
    ("puback_stray", "a second acknowledgement follows"),
    ("closed_unreported", "the module does not say that the connection is closed"),
    ("doubled_downlinks", "the message comes a second time"),
    ("downlink_flood", "a hundred to a thousand messages come at once, some of them no commands"),
    ("reboot", "the module restarts; it echoes again"),
    ("silent_reboot", "the same, and it does not say so"),
    ("echo_back", "the module echoes again, although it did not restart"),
    ("port_gone", "the port vanishes, and comes back"),
    ("broker_away", "the broker closes the connection and cannot be reached"),
    (
        "broker_silent",
        "nothing reaches the broker and nothing comes from it, on this connection and on new ones",
    ),
    ("broker_slow", "everything from the broker takes 1 to 10 seconds longer"),
    ("broker_kicks", "the broker closes each connection soon after the login"),
    ("registration_lost", "the network is gone"),
    ("clock_jump", "the calendar of atflow's machine jumps, forward or back"),
    ("suspend", "atflow's machine sleeps; what comes meanwhile is read when it wakes up"),
    ("disk_full", "the disk of a station's outbox is full"),
    ("disk_fails", "writing to that disk fails"),
];
const HEAL: &str = "heal";

/// What goes wrong by chance in a test.
pub static TEST_RATES: Shape = Shape {
    name: "fault rates",
    doc: "What goes wrong by chance: for each byte, line or message (`0.1%`, `1e-5`), or so often a day or an hour (`2/d`). \
          docs/testing.md says what each is counted by.",
    keys: &RATES,
    rules: &[],
    instead: &[("fault", "a list has single faults: `- { fault: lost_bytes, nth: 1041 }`")],
};

/// One rate for each kind, and when all is well again.
const RATES: [Key; KINDS.len() + 1] = {
    const HEALED: Key =
        Key::new(HEAL, Takes::Duration, "from this time on nothing goes wrong").example("20h");
    let mut keys = [HEALED; KINDS.len() + 1];
    let mut index = 0;
    while index < KINDS.len() {
        let (name, does) = KINDS[index];
        keys[index] = Key::new(name, Takes::Either(&[Takes::Number, Takes::Text]), does);
        index += 1;
    }
    keys
};

/// The words for each kind, and for the end of them all.
const WORDS: [&str; KINDS.len() + 1] = {
    let mut words = [HEAL; KINDS.len() + 1];
    let mut index = 0;
    while index < KINDS.len() {
        words[index] = KINDS[index].0;
        index += 1;
    }
    words
};

/// One thing that goes wrong in a test.
pub static TEST_FAULT: Shape = Shape {
    name: "fault",
    doc: "One thing that goes wrong, exactly then.",
    keys: &[
        Key::new("fault", Takes::OneOf(&WORDS), "what; `heal` ends them all")
            .required()
            .example("lost_bytes"),
        Key::new(
            "nth",
            Takes::Int { min: 1, max: i64::MAX },
            "at which of what it is counted by, from power-on and from 1",
        ),
        Key::new("time", Takes::Duration, "of what goes by days: this long after power-on"),
        Key::new("for", Takes::Duration, "how long it lasts, or how late something is"),
        Key::new("bit", Takes::Int { min: 0, max: 7 }, "of a garbled byte: which bit"),
        Key::new("urc", Takes::Text, "of a line that comes unasked: the line").example("RING"),
        Key::new("clock", Takes::OneOf(&["forward", "back"]), "of a calendar that jumps: which way")
            .default("forward"),
        Key::new("count", Takes::Int { min: 1, max: 10_000 }, "of a flood: how many messages"),
    ],
    rules: &[
        Rule::at_least_one(&["nth", "time"], "say when: `nth: 17`, or `time: 3h`"),
        Rule::at_most_one(&["nth", "time"], "keep one; two times are two faults"),
    ],
    instead: &[],
};
