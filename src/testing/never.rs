//! What was to happen in a test and never did: a test that passes without it shows nothing.

use std::time::Duration;

use crate::flow::codes::Code;
use crate::sim::{Never, What, When};

use super::file::Test;
use super::outcome::{Problem, shown};
use super::world::Ended;

/// One for each entry of `at` that made no difference.
pub(super) fn problems(test: &Test, ended: &Ended) -> Vec<Problem> {
    let entries = ended.never.iter().filter_map(|(number, never)| Some((test.at.get(*number)?, *never)));
    entries
        .map(|(entry, never)| {
            let message = message(&entry.value.when, &entry.value.what, never, ended.took);
            Problem::new(Code::NOT_AS_EXPECTED, entry.span, message)
        })
        .collect()
}

fn message(when: &When, what: &What, never: Never, took: Duration) -> String {
    match (never, when, what) {
        (Never::NotSent, _, What::Refuse(refusal)) => {
            format!("nothing was refused: no command line came that `{}` fits", refusal.line.source())
        }
        (_, When::After(line), _) => {
            format!("this never happened: no line of the module was just `{line}`")
        }
        (_, When::Time(_), _) => format!("this never happened: all was over at {}", shown(took)),
    }
}
