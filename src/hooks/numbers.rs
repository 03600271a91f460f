//! Numbers and times for telemetry: `min max mean round dbm`, and the time stamp of an SMS.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use rhai::Array;

use super::functions::beginning;
use super::value::{Value, display, kind_of};

/// Smallest number of a list; `()` if it is empty. Ints stay ints.
pub(super) fn min(list: &[Value]) -> Result<Value, String> {
    extreme("min", list, |candidate, best| candidate < best)
}

/// Largest number of a list; `()` if it is empty. Ints stay ints.
pub(super) fn max(list: &[Value]) -> Result<Value, String> {
    extreme("max", list, |candidate, best| candidate > best)
}

/// Arithmetic mean of a list, always a float; `()` if it is empty.
pub(super) fn mean(list: &[Value]) -> Result<Value, String> {
    let sum = numbers("mean", list)?.iter().sum::<f64>();
    #[expect(clippy::cast_precision_loss, reason = "a list has at most 4,096 elements")]
    let count = list.len() as f64;
    Ok(if list.is_empty() { Value::UNIT } else { Value::from(sum / count) })
}

fn extreme(name: &str, list: &[Value], better: fn(f64, f64) -> bool) -> Result<Value, String> {
    let numbers = numbers(name, list)?;
    let mut best: Option<usize> = None;
    for (index, number) in numbers.iter().enumerate() {
        if best.is_none_or(|best| better(*number, numbers[best])) {
            best = Some(index);
        }
    }
    Ok(best.map_or(Value::UNIT, |index| list[index].clone()))
}

fn numbers(name: &str, list: &[Value]) -> Result<Vec<f64>, String> {
    list.iter()
        .enumerate()
        .map(|(index, value)| {
            number(value).ok_or_else(|| {
                format!("`{name}` takes numbers, element {index} is {} `{}`", kind_of(value), display(value))
            })
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "only compared and averaged; the value itself is kept")]
fn number(value: &Value) -> Option<f64> {
    value.as_float().ok().or_else(|| value.as_int().ok().map(|int| int as f64))
}

/// A number with so many decimal digits, halves away from zero. Ints stay as they are, `()` stays `()`, so
/// that the mean of no samples can be rounded and is left out of the report.
pub(super) fn round(value: &Value, digits: i64) -> Result<Value, String> {
    if value.is_unit() || value.is_int() {
        return Ok(value.clone());
    }
    let Ok(float) = value.as_float() else {
        return Err(format!("`round` takes a number, not {} `{}`", kind_of(value), display(value)));
    };
    let Some(digits) = u8::try_from(digits).ok().filter(|digits| *digits <= 15) else {
        return Err(format!("`round` takes 0 to 15 digits, not {digits}"));
    };
    // Through text: `(x * 100.0).round() / 100.0` turns 1.005 and large numbers into neighbours.
    let shifted = format!("{float:e}");
    Ok(Value::from(decimal(&shifted, i32::from(digits)).unwrap_or(float)))
}

/// `mantissa e exponent`, moved `digits` places left, rounded, and moved back.
fn decimal(scientific: &str, digits: i32) -> Option<f64> {
    let (mantissa, exponent) = scientific.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let moved: f64 = format!("{mantissa}e{}", exponent + digits).parse().ok()?;
    let rounded = moved.round();
    let back = format!("{rounded:e}");
    let (mantissa, exponent) = back.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    format!("{mantissa}e{}", exponent - digits).parse().ok().filter(|float: &f64| float.is_finite())
}

/// Signal strength in dBm from the `<rssi>` of `+CSQ` (3GPP TS 27.007, 8.5): -113 ("or less") to -51 ("or
/// greater") in steps of 2; `()` for 99, "not known or not detectable", and for `()`.
///
/// # Errors
///
/// Any other value: the standard gives it no meaning, though some vendors do.
pub(super) fn dbm(rssi: &Value) -> Result<Value, String> {
    if rssi.is_unit() {
        return Ok(Value::UNIT);
    }
    match rssi.as_int() {
        Ok(99) => Ok(Value::UNIT),
        Ok(int @ 0..=31) => Ok(Value::from(-113 + 2 * int)),
        Ok(int) => Err(format!("`dbm` takes an rssi of 0 to 31 or 99, not {int}")),
        Err(_) => Err(format!("`dbm` takes an int, not {} `{}`", kind_of(rssi), display(rssi))),
    }
}

/// Seconds since 1970 of an SMS time stamp, `24/07/23,08:35:01+32`: local time with its distance from UTC in
/// quarters of an hour (3GPP TS 27.005, 3.1 `<scts>`; 3GPP TS 23.040, 9.2.3.11). Years are 2000 to 2099.
pub(super) fn sms_time(stamp: &str) -> Result<i64, String> {
    read_stamp(stamp).ok_or_else(|| {
        let shown = beginning(stamp);
        format!("`{shown}` is not the time of an SMS, such as `24/07/23,08:35:01+32`")
    })
}

fn read_stamp(stamp: &str) -> Option<i64> {
    const SHAPE: &[u8; 20] = b"dd/dd/dd,dd:dd:ddsdd";
    let bytes = stamp.as_bytes();
    let fits = bytes.len() == SHAPE.len()
        && SHAPE.iter().zip(bytes).all(|(shape, byte)| match shape {
            b'd' => byte.is_ascii_digit(),
            b's' => matches!(byte, b'+' | b'-'),
            other => byte == other,
        });
    if !fits {
        return None;
    }
    let two = |at: usize| u32::from(bytes[at] - b'0') * 10 + u32::from(bytes[at + 1] - b'0');
    let date = NaiveDate::from_ymd_opt(2000 + two(0).cast_signed(), two(3), two(6))?;
    let time = NaiveTime::from_hms_opt(two(9), two(12), two(15))?;
    let ahead = i64::from(two(18)) * 15 * 60;
    let ahead = if bytes[17] == b'-' { -ahead } else { ahead };
    Some(NaiveDateTime::new(date, time).and_utc().timestamp() - ahead)
}

/// `min(a, b)` and `max(a, b)` for mixed numbers, by way of the list form.
pub(super) fn pair(a: Value, b: Value) -> Array {
    vec![a, b]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(values: &[f64]) -> Array {
        values.iter().map(|value| Value::from(*value)).collect()
    }

    #[test]
    fn the_smallest_and_largest_keep_their_type() {
        let mixed = vec![Value::from(3_i64), Value::from(1.5), Value::from(7_i64)];
        assert_eq!(display(&min(&mixed).unwrap()), "1.5");
        assert_eq!(display(&max(&mixed).unwrap()), "7");
        assert!(min(&[]).unwrap().is_unit());
    }

    #[test]
    fn the_mean_is_a_float_and_of_nothing_it_is_unit() {
        assert_eq!(display(&mean(&[Value::from(7_i64), Value::from(8_i64)]).unwrap()), "7.5");
        assert!(mean(&[]).unwrap().is_unit());
        assert_eq!(
            mean(&[Value::from(1_i64), Value::from("x")]).unwrap_err(),
            "`mean` takes numbers, element 1 is text `x`"
        );
    }

    #[test]
    fn rounding_is_what_a_person_expects() {
        for (value, digits, text) in [
            (1.005, 2, "1.01"),
            (2.5, 0, "3.0"),
            (-2.5, 0, "-3.0"),
            (31.649_999, 1, "31.6"),
            (1e300, 2, "1e+300"),
        ] {
            assert_eq!(display(&round(&Value::from(value), digits).unwrap()), text, "{value}");
        }
        assert!(round(&Value::UNIT, 2).unwrap().is_unit());
        assert_eq!(display(&round(&Value::from(5_i64), 2).unwrap()), "5");
        assert!(round(&Value::from(f64::NAN), 2).unwrap().as_float().unwrap().is_nan());
        assert_eq!(round(&Value::from(1.5), 99).unwrap_err(), "`round` takes 0 to 15 digits, not 99");
        assert_eq!(round(&Value::from("x"), 1).unwrap_err(), "`round` takes a number, not text `x`");
        assert_eq!(display(&mean(&list(&[1.0, 2.0])).unwrap()), "1.5");
    }

    #[test]
    fn signal_strength_follows_the_standard() {
        for (rssi, text) in [(0_i64, "-113"), (17, "-79"), (31, "-51"), (99, "()")] {
            assert_eq!(display(&dbm(&Value::from(rssi)).unwrap()), text);
        }
        assert_eq!(dbm(&Value::from(32_i64)).unwrap_err(), "`dbm` takes an rssi of 0 to 31 or 99, not 32");
        assert_eq!(dbm(&Value::from("17")).unwrap_err(), "`dbm` takes an int, not text `17`");
    }

    #[test]
    fn the_time_of_an_sms_counts_its_zone() {
        // 08:35:01 in China (+32 quarters, eight hours) is 00:35:01 UTC.
        assert_eq!(sms_time("24/07/23,08:35:01+32"), Ok(1_721_694_901));
        assert_eq!(sms_time("24/07/23,00:35:01+00"), Ok(1_721_694_901));
        assert_eq!(sms_time("24/07/22,19:35:01-20"), Ok(1_721_694_901));
        for wrong in [
            "",
            "24/07/23,08:35:01",
            "24/13/23,08:35:01+32",
            "24/02/30,08:35:01+32",
            "24/07/23,24:35:01+32",
            "温/07/23,08:35:01+32",
        ] {
            assert_eq!(
                sms_time(wrong).unwrap_err(),
                format!("`{wrong}` is not the time of an SMS, such as `24/07/23,08:35:01+32`")
            );
        }
    }
}
