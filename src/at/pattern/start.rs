//! What a line begins with, as one number: most lines are sorted out by comparing two of them. Most that a
//! module sends begin with `+C`, so that the first byte alone would sort out few.

/// The first eight bytes of a line, of which a pattern fixes some.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::at) struct Start {
    mask: u64,
    value: u64,
}

impl Start {
    /// Of all lines that begin with `prefix`; of every line, if that is empty.
    pub(in crate::at) fn of(prefix: &[u8]) -> Self {
        let known = [0xff; 8];
        let mask = number(&known[..prefix.len().min(8)]);
        Self { mask, value: number(prefix) }
    }

    /// Whether a line may match, by its [`number`].
    pub(in crate::at) fn fits(self, start: u64) -> bool {
        start & self.mask == self.value
    }
}

/// The first eight bytes of a line, or as many as it has.
pub(in crate::at) fn number(line: &[u8]) -> u64 {
    if let Some(start) = line.first_chunk() {
        return u64::from_le_bytes(*start);
    }
    let mut bytes = [0; 8];
    bytes[..line.len()].copy_from_slice(line);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_what_it_begins_with() {
        let fits = |prefix: &str, line: &str| Start::of(prefix.as_bytes()).fits(number(line.as_bytes()));
        assert!(fits("", "") && fits("", "OK") && fits("OK", "OK") && fits("+CREG", "+CREG: 1"));
        assert!(fits("+CME ERROR", "+CME ERROR: 10") && fits("+CME ERROR", "+CME ERR"));
        assert!(!fits("OK", "") && !fits("OK", "O") && !fits("+CREG", "+CRE") && !fits("+CREG", "+CGREG: 1"));
    }
}
