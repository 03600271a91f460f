//! `cron` and `tz`: whether a pattern can be read, is ever due, and what a change of the clocks does to it. No
//! clock is asked: eight fixed years stand for all, as they hold two leap days and every kind of Sunday.

use std::time::Duration;

use chrono::{DateTime, Offset as _, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use crate::flow::codes::Code;
use crate::flow::diag::Diagnostic;
use crate::flow::fields::nearest;
use crate::flow::model::station::{CronRule, When};
use crate::flow::yaml::Scalar;

use super::super::Compiler;
use super::Said;
use super::schedule::Least;

/// 2024-01-01T00:00:00Z.
const FROM_S: i64 = 1_704_067_200;
/// In which a pattern must be due.
const YEARS: i64 = 8;
/// The clocks of a zone change in these two years as in any.
const HOURS_LOOKED_AT: i64 = 2 * 366 * 24;
/// Due times that are looked at for the shortest time between two.
const DUE_TIMES: usize = 400;

impl Compiler<'_> {
    /// When a pattern is due.
    pub(super) fn cron(&mut self, pattern: Scalar<'_>, zone: Option<Scalar<'_>>) -> Option<(When, Least)> {
        let zone_name = zone.map_or("UTC", |zone| zone.text);
        let tz = zone_name.parse::<Tz>().ok();
        if let (None, Some(zone)) = (tz, zone) {
            self.unknown_zone(zone);
        }
        let cron = match parsed(pattern.text) {
            Ok(cron) => cron,
            Err((why, help)) => {
                let message = format!("`{}` is not a cron pattern: {why}", pattern.text);
                self.problems.push(Diagnostic::error(Code::CRON, pattern.span, message).help(help));
                return None;
            }
        };
        let times = due_times(&cron);
        if times.is_empty() {
            self.problems.push(
                Diagnostic::error(
                    Code::CRON,
                    pattern.span,
                    format!("`{}` is not due once in {YEARS} years", pattern.text),
                )
                .help("the fields are minute, hour, day of the month, month, day of the week"),
            );
            return None;
        }
        if let Some(gap) = swallowed(&cron, tz?) {
            let day = gap.format("%Y-%m-%d");
            self.problems.push(
                Diagnostic::warning(
                    Code::CRON_GAP,
                    pattern.span,
                    format!("on the day when clocks go forward (in {zone_name} {day}) it is not due at all"),
                )
                .help("a single time runs when the clocks have changed, a list of times does not: take an hour that no clock skips, or `tz: UTC`"),
            );
        }
        let least = times.windows(2).map(|pair| pair[1] - pair[0]).min();
        let least = least.and_then(|least| u64::try_from(least).ok());
        let span = times.first().zip(times.last()).map_or(0, |(first, last)| last - first);
        let steps = u64::try_from(times.len() - 1).unwrap_or(0).max(1);
        let mean = Duration::from_secs(u64::try_from(span).unwrap_or(0) / steps);
        let rule = CronRule { pattern: pattern.text.to_string(), zone: zone_name.to_string() };
        Some((When::Cron(rule), least.map(|seconds| (Duration::from_secs(seconds), Said::Cron(mean)))))
    }

    fn unknown_zone(&mut self, zone: Scalar<'_>) {
        let known = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        // Names are written with capitals, and compared without.
        let lower: Vec<(String, &str)> = known.map(|name| (name.to_lowercase(), name)).collect();
        let near = nearest(zone.text, lower.iter().map(|(lower, _)| lower.as_str()));
        let near = near.and_then(|near| lower.iter().find(|(lower, _)| lower == near));
        let help = match near {
            Some((_, name)) => format!("did you mean `{name}`?"),
            None => "write an IANA name, such as `Asia/Shanghai` or `UTC`".to_string(),
        };
        let message = format!("there is no time zone `{}`", zone.text);
        self.problems.push(Diagnostic::error(Code::CRON, zone.span, message).help(help));
    }
}

/// Reads a pattern. The error is what is wrong with it, and what to write.
fn parsed(pattern: &str) -> Result<Cron, (String, &'static str)> {
    let fields = pattern.split_whitespace().count();
    if !matches!(fields, 5 | 6) {
        return Err((
            format!("it has {fields} {}", if fields == 1 { "field" } else { "fields" }),
            "write five fields, minute hour day month weekday, such as `'0 3 * * *'`; a sixth in front is seconds",
        ));
    }
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    parser.parse(pattern).map_err(|error| {
        let text = error.to_string();
        let text = text.split_once(": ").map_or(text.as_str(), |(_, what)| what).trim_end_matches('.');
        let mut letters = text.chars();
        let first: String = letters.next().into_iter().flat_map(char::to_lowercase).collect();
        (
            format!("{first}{}", letters.as_str()),
            "the fields are minute 0-59, hour 0-23, day 1-31, month 1-12, weekday 0-7; `*/5` is every fifth",
        )
    })
}

/// The first due times, in seconds, as a clock counts that is never changed.
fn due_times(cron: &Cron) -> Vec<i64> {
    // Two of them are leap years.
    let end = FROM_S + (YEARS * 365 + 2) * 24 * 3600;
    let mut times = Vec::new();
    let mut at = FROM_S;
    while times.len() < DUE_TIMES {
        let Some(from) = Utc.timestamp_opt(at, 0).single() else { break };
        let Ok(next) = cron.find_next_occurrence(&from, times.is_empty()) else { break };
        at = next.timestamp();
        if at >= end {
            break;
        }
        times.push(at);
    }
    times
}

/// A day on which clocks go forward and the pattern is due in the hour that is not there, and in no other.
fn swallowed(cron: &Cron, zone: Tz) -> Option<DateTime<Tz>> {
    let mut before = offset_s(zone, FROM_S)?;
    for hour in 1..HOURS_LOOKED_AT {
        let at = FROM_S + hour * 3600;
        let after = offset_s(zone, at)?;
        if after > before && is_swallowed(cron, zone, at, (before, after)) {
            return zone.timestamp_opt(at, 0).single();
        }
        before = after;
    }
    None
}

fn offset_s(zone: Tz, at: i64) -> Option<i64> {
    Some(i64::from(zone.timestamp_opt(at, 0).single()?.offset().fix().local_minus_utc()))
}

/// Clocks jump at `at`; the offsets before and after it are in seconds.
fn is_swallowed(cron: &Cron, zone: Tz, at: i64, (before, after): (i64, i64)) -> bool {
    // What clocks show is counted here as if it were UTC.
    let due_in = |from: i64, to: i64| {
        let start = Utc.timestamp_opt(from, 0).single();
        let next = start.and_then(|start| cron.find_next_occurrence(&start, true).ok());
        next.is_some_and(|next| next.timestamp() < to)
    };
    if !due_in(at + before, at + after) {
        return false;
    }
    let Some(jump) = zone.timestamp_opt(at, 0).single() else { return false };
    let midnight =
        jump.date_naive().and_hms_opt(0, 0, 0).and_then(|start| zone.from_local_datetime(&start).earliest());
    let Some(midnight) = midnight else { return false };
    let next = cron.find_next_occurrence(&midnight, true);
    // A day that is an hour short.
    let end = midnight + TimeDelta::hours(24) - TimeDelta::seconds(after - before);
    !next.is_ok_and(|next| next < end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gap(pattern: &str, zone: Tz) -> Option<String> {
        let cron = parsed(pattern).unwrap_or_else(|(why, _)| panic!("{pattern}: {why}"));
        swallowed(&cron, zone).map(|day| day.format("%m-%d").to_string())
    }

    #[test]
    fn only_lists_inside_a_gap_are_swallowed() {
        assert_eq!(gap("15,45 2 * * *", Tz::Europe__Berlin).as_deref(), Some("03-31"));
        assert_eq!(gap("15,45 2 * * *", Tz::America__New_York).as_deref(), Some("03-10"));
        for (pattern, zone) in [
            ("15,45 2 * * *", Tz::UTC),
            ("15,45 2 * * *", Tz::Asia__Shanghai),
            ("30 2 * * *", Tz::Europe__Berlin),
            ("15,45 2,5 * * *", Tz::Europe__Berlin),
            ("*/30 * * * *", Tz::Europe__Berlin),
            ("15,45 2 * * 3", Tz::Europe__Berlin),
        ] {
            assert_eq!(gap(pattern, zone), None, "{pattern} in {zone}");
        }
    }

    #[test]
    fn due_times_rise_from_the_first_on() {
        let times = due_times(&parsed("0 0 1 1 *").expect("a pattern"));
        assert_eq!(times.len(), 8);
        assert_eq!(times[0], FROM_S);
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_panics(fields in proptest::collection::vec("[-0-9*/,L#W?A-Fä+]{1,5}", 4..8)) {
            if let Ok(cron) = parsed(&fields.join(" ")) {
                due_times(&cron);
            }
        }
    }
}
