//! The one table of everything that can be wrong with a file. A code is stable: it may be searched for,
//! filtered on and linked to; its number is never given to another problem. `docs/errors.md` is made from it.

use std::fmt::{self, Write as _};

/// The stable name of a problem: `AT0101`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u16);

impl Code {
    /// The number alone: 101 for `AT0101`.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// What it is about, in one line.
    pub fn title(self) -> &'static str {
        TABLE.iter().find(|(code, _)| *code == self).map_or("", |(_, title)| title)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AT{:04}", self.0)
    }
}

/// Makes the constants and [`TABLE`] from one list, so that neither can lack a row of the other.
macro_rules! codes {
    ($($name:ident = $number:literal, $title:literal;)*) => {
        impl Code {
            $(#[doc = $title] pub const $name: Self = Self($number);)*
        }

        /// Every code with its one-line title, in the order of the numbers.
        pub const TABLE: &[(Code, &str)] = &[$((Code::$name, $title)),*];
    };
}

codes! {
    // AT01xx: the file and its YAML.
    SYNTAX = 101, "the YAML cannot be read";
    EMPTY_FILE = 102, "the file holds nothing";
    TOO_LARGE = 103, "the file is larger than 1 MiB";
    TOO_DEEP = 104, "lists and maps are nested more than 64 deep";
    TOO_MANY = 105, "the file holds more than 100,000 values";
    SEVERAL_DOCUMENTS = 106, "a file holds one document";
    NOTHING = 107, "a key without a value";
    TAG = 108, "YAML takes `!…` for a tag";
    ANCHOR = 109, "YAML takes `&…` for an anchor";
    ALIAS = 110, "YAML takes `*…` for an alias";
    MERGE = 111, "`<<` merges are not part of the language";
    DUPLICATE_KEY = 112, "the same key twice";
    KEY_KIND = 113, "a list or a map where a key is meant";
    TWO_LINES = 114, "an unquoted value goes on in the next line";
    TAB = 115, "a tab where YAML wants blanks";
    COLON = 116, "an unquoted `: ` makes a map of a text";
    BACKSLASH = 117, "a backslash in double quotes begins an escape";
    RESERVED = 118, "a value begins with a character that YAML keeps for itself";
    AFTER_QUOTE = 119, "something follows a closed quote or bracket";
    BRACES = 120, "text in braces or brackets that YAML takes apart";
    COMMA = 121, "inside braces and brackets a comma ends the value";
    PATTERN_MAP = 122, "an unquoted hole is a map";
    FOLDED = 123, "`>` and `|` begin a block of text";
    CUT = 124, "` #` begins a comment and cuts the value";
    QUOTE = 125, "a quote is not closed";

    // AT02xx: structure.
    UNKNOWN_KEY = 201, "a key that does not exist here";
    WRONG_KIND = 202, "a value of the wrong kind";
    MISSING_KEY = 203, "a key that is required";
    CONTRADICTION = 204, "keys that exclude each other";
    OUT_OF_RANGE = 205, "a number outside its range";
    UNKNOWN_WORD = 206, "a word that is not one of the choices";
    DURATION = 207, "not a duration";
    EMPTY_TEXT = 208, "an empty text where one is needed";
    BARE_STEP = 209, "a step that is only text must be a command line";
    NOT_ON_ACTION = 210, "a key that does not belong to this action";
    RANGE = 211, "not a number or a range of numbers";
    TIMED_EVENT = 212, "a timed event that cannot happen";
    NOT_IN_TEST = 213, "something that this flow or port does not have";

    // AT03xx: patterns.
    PATTERN = 301, "a pattern that cannot be read";
    PATTERN_TAKES_ALL = 302, "a pattern that would take every line";
    SAME_IN_TABLE = 303, "`{=x}` outside of a step";
    SEQUENCE = 304, "lines in order that do not fit each other";
    TOPIC = 305, "not a topic pattern";

    // AT04xx: templates, expressions, names.
    TEMPLATE = 401, "a `${` that does not end, or holds nothing";
    NO_TEMPLATE_HERE = 402, "a `${…}` where an expression stands by itself";
    EXPRESSION = 403, "an expression that cannot be read";
    UNKNOWN_NAME = 404, "a name that nothing defines before this place";
    UNKNOWN_FUNCTION = 405, "a function that does not exist";
    ARGUMENTS = 406, "a function with the wrong number of arguments";
    NAME = 407, "a name that cannot be given";
    HOOK_FILE = 408, "a hook file that cannot be used";
    UNKNOWN_FLOW = 409, "a flow that does not exist";
    UNKNOWN_PARAM = 410, "a param that the flow does not have";
    MISSING_PARAM = 411, "a param that the flow needs";
    UNKNOWN_VAR = 412, "`--var` names no var";
    MISSING_VAR = 413, "a var without a value";
    VAR_FILE = 414, "a var's file that cannot be used";
    WITHIN = 415, "`within` names no earlier step";
    EACH = 416, "not `NAME in EXPRESSION`";
    NO_STATE = 417, "`state` exists only in a station";
    CONTROL_CHARACTER = 418, "a control character in a command line";
    LENGTH = 419, "characters counted where bytes are meant";
    ERROR_NAME = 420, "an error that cannot happen here";

    // AT05xx: the dialect and its command table.
    ESCAPE = 501, "an escape that is not for one character";
    MESSAGE_HOLES = 502, "a message without `topic` or `payload`";
    TABLE_KEY = 503, "a key of the command table that is no command";
    TABLE_FORM = 504, "a key of the command table that nothing meets (warning)";
    NO_CONTRACT = 505, "the dialect lacks a flow that is needed";
    JOINED = 506, "a command that must stand alone in a joined line";

    // AT06xx: files that a file brings in.
    NO_SUCH_FILE = 601, "a module or cloud that does not exist";
    UNREADABLE = 602, "a file that cannot be read";
    OUTSIDE = 603, "a file outside the folder that flows may read";
    IMPORT_CYCLE = 604, "files that bring in each other";
    WRONG_FILE = 605, "a file of another kind than is meant";
    // 606 was given when a station could not be run yet.

    // AT07xx: bounds.
    NO_TIMEOUT = 701, "a wait without an end";
    UNBOUNDED_RETRY = 702, "a retry without an end";
    RECURSION = 703, "flows that run each other";

    // AT08xx: stations.
    DOES_NOT_FIT = 801, "a value that its own type or range refuses";
    UNKNOWN_STATE = 802, "a value that `state` does not have";
    SAME_NAME = 803, "two schedules with one name";
    CRON = 804, "a cron pattern or a zone that cannot be used";
    CRON_GAP = 805, "times that a clock change swallows (warning)";
    TOO_OFTEN = 806, "a schedule that publishes more often than the cloud allows";
    WEAR = 807, "a schedule that publishes every few seconds (warning)";
    HANDLER = 808, "a method without a function that can answer it";
    AT_LIST = 809, "an entry of `downlink.at` that is no command";
    LEVEL = 810, "a level of `link.up` that runs no flow";
    NOT_ONLINE = 811, "`link.check` runs a flow that does not return `online`";
    NO_LINK = 812, "a station that talks to a cloud without a `link`";
    NO_QOS = 813, "a quality of service that the module does not have";
    RUN_CUT = 814, "a schedule whose runs take longer than they may (warning)";

    // AT09xx: style.
    QUOTE_IN_BRACES = 901, "AT text in braces is better quoted";
    ANCHOR_IN_REGEX = 902, "`^` and `$` in a regular expression that is always the whole line";
    UNANSWERED = 903, "a command after which nothing is waited for";

    // AT10xx: a run that failed.
    FAILED_RESULT = 1001, "the module answered with an error";
    FAILED_NUMBER = 1002, "the module answered with an error number";
    FAILED_BUSY = 1003, "the module kept refusing the line";
    FAILED_TIMEOUT = 1004, "something did not come before its deadline";
    FAILED_UNEXPECTED = 1005, "the final result was good, a line that must come did not";
    FAILED_CHECK = 1006, "a check was false";
    FAILED_CLOSED = 1007, "the session, or what carries it, is gone";
    FAILED_REFUSED = 1008, "refused before anything was sent";
    FAILED_HOOK = 1009, "an expression or hook went wrong";
    FAILED_REBOOT = 1010, "the module restarted by itself";
    FAILED_STUCK = 1011, "the module may be waiting for data";
    FAILED_UNSUPPORTED = 1012, "the port cannot do this";
    FAILED_STORE = 1013, "the station could not keep it on disk";
    FAILED_REPLAY = 1014, "the run does something else than the recording it is run against";
    INTERRUPTED = 1099, "told to stop";

    // AT11xx: a test that failed.
    NOT_AS_EXPECTED = 1101, "an expectation was not met";
    CALL_GAVE = 1102, "a call gave something else";

    // AT20xx: arguments.
    NO_SUCH_STEP = 2001, "`--from` or `--until` names no step";
    NO_SUCH_FLOW = 2002, "the file has no flow to run";
    STATION_OPTION = 2003, "an option that means something for a station only";

    // AT21xx: transcripts.
    NO_TRANSCRIPT = 2101, "a file that is no transcript, or a broken one";
    NO_DIALECT = 2102, "a transcript of a module that has no dialect here";

    // AT30xx: the environment.
    PORT_GONE = 3001, "the port is gone or cannot be opened";
    BROKER_GONE = 3002, "the broker that `--cloud` names cannot be reached";
    METRICS_ADDRESS = 3003, "the address for `--metrics` cannot be used";
    STORE = 3004, "what a station keeps cannot be opened";
}

/// `docs/errors.md`.
pub fn errors_page() -> String {
    const GROUPS: [(u16, &str); 14] = [
        (1, "The file and its YAML"),
        (2, "Structure"),
        (3, "Patterns"),
        (4, "Templates, expressions, names"),
        (5, "The dialect and its command table"),
        (6, "Files that a file brings in"),
        (7, "Bounds"),
        (8, "Stations"),
        (9, "Style (warnings)"),
        (10, "A run that failed (exit code 1)"),
        (11, "A test that failed (exit code 1)"),
        (20, "Arguments (exit code 2)"),
        (21, "Transcripts (exit code 2)"),
        (30, "The environment (exit code 3)"),
    ];
    let mut page = String::from(
        "# Errors\n\nEvery problem of a file has a stable code. The message says what was seen, the help what \
         to do.\n",
    );
    for (hundred, title) in GROUPS {
        let rows: Vec<_> = TABLE.iter().filter(|(code, _)| code.0 / 100 == hundred).collect();
        if rows.is_empty() {
            continue;
        }
        let _ = write!(page, "\n## AT{hundred:02}xx: {title}\n\n| code | about |\n|---|---|\n");
        for (code, about) in rows {
            let _ = writeln!(page, "| {code} | {} |", about.replace('|', "\\|"));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_and_are_given_once() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn a_code_shows_as_it_is_documented() {
        assert_eq!(Code::SYNTAX.to_string(), "AT0101");
        assert_eq!(Code::SYNTAX.title(), "the YAML cannot be read");
    }
}
