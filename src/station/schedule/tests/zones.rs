//! What patterns mean where clocks are changed.

use chrono::DateTime;

use super::*;

/// The times from one moment on, up to and without another, as `day hour:minute` of UTC.
fn between(pattern: &str, zone: &str, from: &str, until: &str) -> Vec<String> {
    let rule = CronRule { pattern: pattern.to_owned(), zone: zone.to_owned() };
    let occurrences = Occurrences::new(&rule).unwrap();
    let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
    let times = std::iter::successors(Some(at(from) - 1), |time| occurrences.after(*time));
    times
        .skip(1)
        .take_while(|time| *time < at(until))
        .map(|time| DateTime::from_timestamp_millis(time).unwrap().format("%d %H:%M").to_string())
        .collect()
}

const SPRING: (&str, &str) = ("2026-03-28T23:00:00Z", "2026-03-29T03:00:00Z");
const AUTUMN: (&str, &str) = ("2026-10-24T22:00:00Z", "2026-10-25T03:00:00Z");

fn in_berlin(pattern: &str, (from, until): (&str, &str)) -> Vec<String> {
    between(pattern, "Europe/Berlin", from, until)
}

/// At 02:00 the clocks go to 03:00.
#[test]
fn spring() {
    let halves =
        ["28 23:00", "28 23:30", "29 00:00", "29 00:30", "29 01:00", "29 01:30", "29 02:00", "29 02:30"];
    assert_eq!(in_berlin("*/30 * * * *", SPRING), halves, "no hour twice, none left out");
    assert_eq!(in_berlin("30 2 * * *", SPRING), ["29 01:00"], "at the end of what is not there");
    assert_eq!(in_berlin("15,45 2 * * *", SPRING), [] as [&str; 0], "a list is not there that day");
    assert_eq!(in_berlin("0 3 * * *", SPRING), ["29 01:00"]);
}

/// At 03:00 the clocks go back to 02:00.
#[test]
fn autumn() {
    let halves = [
        "24 22:00", "24 22:30", "24 23:00", "24 23:30", "25 00:00", "25 00:30", "25 01:00", "25 01:30",
        "25 02:00", "25 02:30",
    ];
    assert_eq!(in_berlin("*/30 * * * *", AUTUMN), halves, "the hour that comes twice is two hours");
    assert_eq!(in_berlin("30 2 * * *", AUTUMN), ["25 00:30"], "a fixed time once, the first");
    assert_eq!(in_berlin("0 3 * * *", AUTUMN), ["25 02:00"]);
}

/// There was no 30 December 2011 in Samoa: after the 29th, ten hours behind UTC, came the 31st, 14 hours ahead.
#[test]
fn a_day_that_never_was() {
    let in_apia = |pattern| between(pattern, "Pacific/Apia", "2011-12-29T00:00:00Z", "2012-01-01T00:00:00Z");
    assert_eq!(in_apia("0 12 * * *"), ["29 22:00", "30 22:00", "31 22:00"]);
    assert_eq!(in_apia("0 0 * * *"), ["29 10:00", "30 10:00", "31 10:00"]);
    assert_eq!(
        in_apia("0 */12 * * *"),
        ["29 10:00", "29 22:00", "30 10:00", "30 22:00", "31 10:00", "31 22:00"]
    );
}

#[test]
fn seconds_leap_days_and_never() {
    let at = ("2026-03-01T00:00:00Z", "2026-03-01T00:01:00Z");
    assert_eq!(between("*/20 * * * * *", "UTC", at.0, at.1).len(), 3);
    assert_eq!(between("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2033-01-01T00:00:00Z").len(), 2);
    assert_eq!(between("0 0 31 2 *", "UTC", "2026-01-01T00:00:00Z", "2036-01-01T00:00:00Z"), [] as [&str; 0]);
}

/// A year of each hour in a zone with changes: as many as a year has, always later than the one before.
#[test]
fn a_year_of_hours() {
    for zone in ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"] {
        let rule = CronRule { pattern: "0 * * * *".to_owned(), zone: zone.to_owned() };
        let occurrences = Occurrences::new(&rule).unwrap();
        let times = std::iter::successors(Some(NINE_MS - 1), |time| occurrences.after(*time));
        let year: Vec<_> = times.skip(1).take_while(|time| *time < NINE_MS + ms(365 * DAY)).collect();
        assert!(year.windows(2).all(|pair| pair[0] < pair[1]), "{zone}");
        assert!((8_758..=8_761).contains(&year.len()), "{zone}: {}", year.len());
    }
}
