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

    // AT03xx: patterns.

    // AT04xx: templates, expressions, names.
    TEMPLATE = 401, "a `${` that does not end, or holds nothing";
    NO_TEMPLATE_HERE = 402, "a `${…}` where an expression stands by itself";

    // AT05xx: the dialect and its command table.

    // AT06xx: files that a file brings in.

    // AT07xx: bounds.
    NO_TIMEOUT = 701, "a wait without an end";
    UNBOUNDED_RETRY = 702, "a retry without an end";

    // AT09xx: style.
    QUOTE_IN_BRACES = 901, "AT text in braces is better quoted";
}

/// `docs/errors.md`.
pub fn errors_page() -> String {
    const GROUPS: [(u16, &str); 8] = [
        (1, "The file and its YAML"),
        (2, "Structure"),
        (3, "Patterns"),
        (4, "Templates, expressions, names"),
        (5, "The dialect and its command table"),
        (6, "Files that a file brings in"),
        (7, "Bounds"),
        (9, "Style (warnings)"),
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
