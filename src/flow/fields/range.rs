//! Ranges of numbers: `59..60`, `1..`, `..3`, `-113..-51`.

use std::fmt;

/// From `least` to `most`, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NumberRange {
    /// The smallest; `None`: there is none.
    pub least: Option<f64>,
    /// The largest; `None`: there is none.
    pub most: Option<f64>,
}

impl NumberRange {
    /// Reads a number or a range. `None`: it is neither, or it ends before it begins.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse::<f64>().ok().filter(|value| value.is_finite());
        let Some((least, most)) = text.split_once("..") else {
            let value = number(text)?;
            return Some(Self { least: Some(value), most: Some(value) });
        };
        let side = |text: &str| if text.is_empty() { Some(None) } else { number(text).map(Some) };
        let range = Self { least: side(least)?, most: side(most)? };
        let in_order = range.least.zip(range.most).is_none_or(|(least, most)| least <= most);
        (in_order && (range.least.is_some() || range.most.is_some())).then_some(range)
    }

    /// Whether a number lies in it.
    pub fn holds(self, value: f64) -> bool {
        self.least.is_none_or(|least| least <= value) && self.most.is_none_or(|most| value <= most)
    }
}

impl fmt::Display for NumberRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (Some(least), Some(most)) if least.to_bits() == most.to_bits() => write!(f, "{least}"),
            (least, most) => {
                let side = |side: Option<f64>| side.map_or(String::new(), |value| value.to_string());
                write!(f, "{}..{}", side(least), side(most))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_shown() {
        for text in ["5", "59..60", "1..", "..3", "-113..-51", "0.5..1.5"] {
            assert_eq!(NumberRange::parse(text).map(|range| range.to_string()).as_deref(), Some(text));
        }
        for bad in ["", "..", "3..1", "a", "1..b", "1...3", "1s..2s", "inf", "NaN..1"] {
            assert_eq!(NumberRange::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn both_ends_belong_to_it() {
        let range = NumberRange::parse("-113..-51").expect("a range");
        assert!(range.holds(-113.0) && range.holds(-51.0) && !range.holds(-50.9));
        assert!(NumberRange::parse("..3").expect("a range").holds(-1e9));
    }
}
