//! Durations as they are written: `500ms`, `1m30s`, `1.5s`, ranges `10s..5m`, `2m..` and percent `10%`. Never a
//! bare number: whether `5` are seconds or milliseconds is a question no reader should have to ask.

use std::fmt::Write as _;
use std::time::Duration;

/// Units, largest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Longest duration that can be written: 100 years. What is longer is a slip, and would overflow sums.
const MOST: Duration = Duration::from_hours(100 * 366 * 24);

/// Why a text is no duration, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DurationError {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl DurationError {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

const SHAPE: &str = "write a number and a unit, such as `500ms`, `5s` or `1m30s`";

/// From `least` to `most`, both included; without `most` there is no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DurationRange {
    /// The shortest.
    pub least: Duration,
    /// The longest.
    pub most: Option<Duration>,
}

/// Reads `1m30s`.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    if text.is_empty() {
        return Err(DurationError::new("an empty text is not a duration", SHAPE));
    }
    let mut total_ns: u128 = 0;
    let mut rest = text;
    // A unit must be smaller than the one before it: `1m30s`, not `30s1m` and not `1m1m`.
    let mut allowed = &UNITS[..];
    while !rest.is_empty() {
        let number_end = rest.find(|sign: char| !sign.is_ascii_digit() && sign != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_end);
        let unit_end = after.find(|sign: char| !sign.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let Some(tenths) = decimal(number) else { return Err(not_a_duration(text)) };
        if unit.is_empty() {
            return Err(without_unit(text, number, next));
        }
        let Some(place) = UNITS.iter().position(|(name, _)| *name == unit) else {
            return Err(unknown_unit(text, unit));
        };
        let Some(index) = allowed.iter().position(|(name, _)| *name == unit) else {
            return Err(DurationError::new(
                format!("in `{text}` the units are not in order"),
                "write the largest unit first and each unit once, such as `1h30m`",
            ));
        };
        allowed = &allowed[index + 1..];
        let ns = tenths.nanoseconds(UNITS[place].1);
        total_ns = total_ns.saturating_add(ns);
        rest = next;
    }
    let total = u64::try_from(total_ns).map(Duration::from_nanos);
    total.ok().filter(|total| *total <= MOST).ok_or_else(|| {
        DurationError::new(format!("`{text}` is longer than 100 years"), "write a duration that can pass")
    })
}

/// Reads `10s..5m` or `10s..`.
pub fn parse_range(text: &str) -> Result<DurationRange, DurationError> {
    let Some((least, most)) = text.split_once("..") else {
        let value = parse(text)?;
        return Ok(DurationRange { least: value, most: Some(value) });
    };
    if least.is_empty() {
        let help = format!("write `0s..{most}`");
        return Err(DurationError::new(format!("the range `{text}` has no beginning"), help));
    }
    let least_value = parse(least)?;
    if most.is_empty() {
        return Ok(DurationRange { least: least_value, most: None });
    }
    let most_value = parse(most)?;
    if most_value < least_value {
        let help = format!("write `{most}..{least}`");
        return Err(DurationError::new(format!("the range `{text}` ends before it begins"), help));
    }
    Ok(DurationRange { least: least_value, most: Some(most_value) })
}

/// Reads `10%` as 0.1.
pub fn parse_percent(text: &str) -> Result<f64, DurationError> {
    let number = text.strip_suffix('%').filter(|number| decimal(number).is_some());
    match number.and_then(|number| number.parse::<f64>().ok()) {
        Some(percent) if percent <= 100.0 => Ok(percent / 100.0),
        Some(_) => {
            Err(DurationError::new(format!("`{text}` is more than all of it"), "write `0%` to `100%`"))
        }
        None => Err(DurationError::new(
            format!("`{text}` is not a percentage"),
            "write a number and `%`, such as `10%`",
        )),
    }
}

/// Shows a duration the way it is written: `500ms`, `1.5s`, `2h30m`; to the microsecond below a second,
/// to the millisecond above.
pub fn display(duration: Duration) -> String {
    let decimal = |whole: u64, thousandths: u32, unit: &str| {
        let shown = format!("{whole}.{thousandths:03}");
        format!("{}{unit}", shown.trim_end_matches('0').trim_end_matches('.'))
    };
    let (seconds, micros) = (duration.as_secs(), duration.subsec_micros());
    if seconds == 0 {
        return if micros == 0 {
            "0s".to_owned()
        } else {
            decimal(u64::from(micros / 1000), micros % 1000, "ms")
        };
    }
    let mut shown = String::new();
    let mut left = seconds;
    for (unit, ms) in &UNITS[..3] {
        let unit_seconds = ms / 1000;
        if left >= unit_seconds {
            let _ = write!(shown, "{}{unit}", left / unit_seconds);
            left %= unit_seconds;
        }
    }
    let thousandths = micros / 1000;
    if left > 0 || thousandths > 0 {
        shown.push_str(&decimal(left, thousandths, "s"));
    }
    shown
}

/// A decimal number, exactly.
struct Decimal {
    whole: u64,
    /// Billionths.
    fraction: u64,
}

impl Decimal {
    fn nanoseconds(&self, unit_ms: u64) -> u128 {
        let each = u128::from(unit_ms) * 1_000_000;
        u128::from(self.whole) * each + u128::from(self.fraction) * each / 1_000_000_000
    }
}

/// `5`, `1.5`; not `.5`, `5.`, `1.2.3`.
fn decimal(number: &str) -> Option<Decimal> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    Some(Decimal { whole: whole.parse().ok()?, fraction: format!("{fraction:0<9}").parse().ok()? })
}

fn not_a_duration(text: &str) -> DurationError {
    let message = format!("`{text}` is not a duration");
    let joined: String = text.split_whitespace().collect();
    if joined != text && parse(&joined).is_ok() {
        return DurationError::new(message, format!("write it without blanks: `{joined}`"));
    }
    if text.starts_with('-') {
        return DurationError::new(message, "time runs forward only; write it without `-`");
    }
    DurationError::new(message, SHAPE)
}

/// `5`, `1:30`, `1m30`, `5 s`.
fn without_unit(text: &str, number: &str, next: &str) -> DurationError {
    let clock = text.split_once(':').filter(|_| next.starts_with(':'));
    if let Some((minutes, seconds)) = clock
        && let (Ok(minutes), Ok(seconds)) = (minutes.parse::<u32>(), seconds.parse::<u32>())
    {
        let written = match (minutes, seconds) {
            (0, seconds) => format!("{seconds}s"),
            (minutes, 0) => format!("{minutes}m"),
            (minutes, seconds) => format!("{minutes}m{seconds}s"),
        };
        let help = format!("write `{written}`");
        return DurationError::new(format!("`{text}` is not a duration: minutes, or hours?"), help);
    }
    if number == "0" && text == number {
        return DurationError::new("`0` has no unit", "write `0s`");
    }
    if next.is_empty() {
        let help = format!("write `{text}s` for seconds or `{text}ms` for milliseconds");
        return DurationError::new(format!("`{text}` has no unit"), help);
    }
    not_a_duration(text)
}

fn unknown_unit(text: &str, unit: &str) -> DurationError {
    let known = match unit.to_ascii_lowercase().as_str() {
        "sec" | "secs" | "second" | "seconds" => Some("s"),
        "min" | "mins" | "minute" | "minutes" => Some("m"),
        "hr" | "hrs" | "hour" | "hours" => Some("h"),
        "day" | "days" => Some("d"),
        "msec" | "millis" | "milliseconds" => Some("ms"),
        lower => UNITS.iter().map(|(name, _)| *name).find(|name| *name == lower),
    };
    let message = format!("`{unit}` in `{text}` is not a unit of time");
    match known {
        Some(known) => DurationError::new(message, format!("write `{}`", text.replace(unit, known))),
        None => DurationError::new(message, "the units are `ms`, `s`, `m` (minutes), `h` and `d`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> u128 {
        parse(text).unwrap().as_millis()
    }

    #[test]
    fn numbers_with_units_add_up() {
        assert_eq!(ms("500ms"), 500);
        assert_eq!(ms("5s"), 5_000);
        assert_eq!(ms("1m30s"), 90_000);
        assert_eq!(ms("1.5s"), 1_500);
        assert_eq!(ms("1h1m1s1ms"), 3_661_001);
        assert_eq!(ms("30d"), 30 * 86_400_000);
        assert_eq!(ms("0s"), 0);
        assert_eq!(parse("0.001ms").unwrap(), Duration::from_micros(1));
    }

    #[test]
    fn what_is_no_duration_says_what_to_write() {
        for (text, message, help) in [
            ("", "an empty text is not a duration", SHAPE),
            ("soon", "`soon` is not a duration", SHAPE),
            ("5", "`5` has no unit", "write `5s` for seconds or `5ms` for milliseconds"),
            ("0", "`0` has no unit", "write `0s`"),
            ("1m30", "`1m30` has no unit", "write `1m30s` for seconds or `1m30ms` for milliseconds"),
            ("1:30", "`1:30` is not a duration: minutes, or hours?", "write `1m30s`"),
            ("0:05", "`0:05` is not a duration: minutes, or hours?", "write `5s`"),
            ("5 s", "`5 s` is not a duration", "write it without blanks: `5s`"),
            ("5sec", "`sec` in `5sec` is not a unit of time", "write `5s`"),
            ("2 min", "`2 min` is not a duration", SHAPE),
            ("2min", "`min` in `2min` is not a unit of time", "write `2m`"),
            ("5S", "`S` in `5S` is not a unit of time", "write `5s`"),
            (
                "3w",
                "`w` in `3w` is not a unit of time",
                "the units are `ms`, `s`, `m` (minutes), `h` and `d`",
            ),
            (
                "30s1m",
                "in `30s1m` the units are not in order",
                "write the largest unit first and each unit once, such as `1h30m`",
            ),
            ("-5s", "`-5s` is not a duration", "time runs forward only; write it without `-`"),
            (".5s", "`.5s` is not a duration", SHAPE),
            ("1.2.3s", "`1.2.3s` is not a duration", SHAPE),
            ("99999999d", "`99999999d` is longer than 100 years", "write a duration that can pass"),
            ("99999999999999999999s", "`99999999999999999999s` is not a duration", SHAPE),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.message.as_str(), error.help.as_str()), (message, help), "{text}");
        }
    }

    #[test]
    fn ranges_are_inclusive_and_may_be_open() {
        let seconds = Duration::from_secs;
        let range = |least, most| DurationRange { least: seconds(least), most };
        assert_eq!(parse_range("1s..5s"), Ok(range(1, Some(seconds(5)))));
        assert_eq!(parse_range("10s.."), Ok(range(10, None)));
        assert_eq!(parse_range("1.5s..2m").unwrap().least, Duration::from_millis(1500));
        assert_eq!(parse_range("3s"), Ok(range(3, Some(seconds(3)))));
        assert_eq!(parse_range("5s..1s").unwrap_err().help, "write `1s..5s`");
        assert_eq!(parse_range("..5s").unwrap_err().help, "write `0s..5s`");
        assert_eq!(parse_range("1..5s").unwrap_err().message, "`1` has no unit");
    }

    #[test]
    fn percent_is_a_part_of_one() {
        assert_eq!(parse_percent("10%"), Ok(0.1));
        assert_eq!(parse_percent("150%").unwrap_err().help, "write `0%` to `100%`");
        assert_eq!(parse_percent("10").unwrap_err().message, "`10` is not a percentage");
        assert_eq!(parse_percent("-1%").unwrap_err().message, "`-1%` is not a percentage");
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        for text in ["0s", "500ms", "1.5s", "1m30s", "1h", "2d3h4m5.006s"] {
            assert_eq!(display(parse(text).unwrap()), text);
        }
        assert_eq!(display(Duration::from_micros(1_250)), "1.25ms");
        assert_eq!(display(Duration::from_nanos(1)), "0s");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "[0-9.:a-zµ %-]{0,12}") {
            let _ = (parse(&text), parse_range(&text), parse_percent(&text));
        }

        #[test]
        fn milliseconds_survive(value in 0_u64..10_000_000_000) {
            let duration = Duration::from_millis(value);
            proptest::prop_assert_eq!(parse(&display(duration)), Ok(duration));
        }
    }
}
