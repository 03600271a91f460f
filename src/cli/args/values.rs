//! Values that several subcommands take.

use std::time::Duration;

pub(super) fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_string(), value.to_string())),
        _ => Err("write NAME=VALUE".to_string()),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match crate::flow::duration::parse(text) {
        Ok(duration) if duration.is_zero() => Err("a station needs some time".to_string()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(format!("{error}; {}", error.help)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_station_ends_after_a_duration() {
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        for bad in ["0s", "90", "soon"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
