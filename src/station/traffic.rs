//! Bytes over the network in a day: a SIM card's data costs money, and `outbox.bytes_per_day` warns of it.
//!
//! A day is a date (UTC) where the date is known. Where it is not, a day is twenty-four hours since the
//! machine's start; each start begins another, since nobody knows how long the machine was off. When the date
//! becomes known, what was spent before in the same run of the machine counts as spent on that date.

/// Under which the store keeps it.
pub(super) const KEY: &str = "network_bytes";

/// A time of a station, as far as it says which day it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    /// Since 1970-01-01.
    pub date: Option<i64>,
    /// Which start of the machine.
    pub boot: i64,
    /// Whole days since that.
    pub since_boot: i64,
}

/// What was spent on the latest day of either kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    /// The latest date that was known.
    date: i64,
    dated: Spent,
    /// A start of the machine, and the whole days since then, while no date was known.
    uptime: (i64, i64),
    undated: Spent,
    is_dated: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Spent {
    bytes: u64,
    /// Whether the day's budget was said to be spent.
    warned: bool,
}

impl Traffic {
    /// What an earlier process noted with [`Traffic::note`]; nothing spent, if that cannot be read.
    pub fn from_note(note: &str) -> Self {
        fn read(note: &str) -> Option<Traffic> {
            let mut numbers = note.split(' ').map(|number| number.parse::<i64>().ok());
            let mut next = || numbers.next()?;
            let (date, dated, uptime, undated) = (next()?, next()?, (next()?, next()?), next()?);
            let spent = |bytes| Some(Spent { bytes: u64::try_from(bytes).ok()?, warned: false });
            Some(Traffic { date, dated: spent(dated)?, uptime, undated: spent(undated)?, is_dated: false })
        }
        read(note).unwrap_or_default()
    }

    /// For the next process.
    pub fn note(&self) -> String {
        let Self { date, dated, uptime: (boot, since_boot), undated, .. } = self;
        format!("{date} {} {boot} {since_boot} {}", dated.bytes, undated.bytes)
    }

    /// `bytes` went over the network on `day`.
    pub fn spend(&mut self, bytes: u64, day: Day) {
        let uptime = (day.boot, day.since_boot);
        self.is_dated = day.date.is_some();
        if let Some(date) = day.date {
            let before = if self.uptime.0 == day.boot { self.undated } else { Spent::default() };
            // A clock that is set back over midnight does not begin the day anew.
            if date != self.date && date + 1 != self.date {
                (self.date, self.dated) = (date, Spent::default());
            }
            self.dated.bytes += before.bytes + bytes;
            self.dated.warned |= before.warned;
            (self.uptime, self.undated) = (uptime, Spent::default());
        } else {
            if uptime != self.uptime {
                (self.uptime, self.undated) = (uptime, Spent::default());
            }
            self.undated.bytes += bytes;
        }
    }

    /// What was spent today.
    fn spent(&mut self) -> &mut Spent {
        if self.is_dated { &mut self.dated } else { &mut self.undated }
    }

    /// The day's bytes.
    pub fn today(&self) -> u64 {
        if self.is_dated { self.dated.bytes } else { self.undated.bytes }
    }

    /// The budget is spent, said once a day.
    pub fn is_over(&mut self, budget: u64) -> bool {
        let spent = self.spent();
        spent.bytes > budget && !std::mem::replace(&mut spent.warned, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(date: i64) -> Day {
        Day { date: Some(date), boot: 1, since_boot: 0 }
    }

    fn undated(boot: i64, since_boot: i64) -> Day {
        Day { date: None, boot, since_boot }
    }

    /// What is counted after each of `spent`.
    fn days(traffic: &mut Traffic, spent: &[(u64, Day)]) -> Vec<u64> {
        let mut today = |&(bytes, day)| {
            traffic.spend(bytes, day);
            traffic.today()
        };
        spent.iter().map(&mut today).collect()
    }

    #[test]
    fn a_date_begins_with_nothing() {
        let mut traffic = Traffic::default();
        assert_eq!(
            days(&mut traffic, &[(10, date(20_000)), (5, date(20_000)), (7, date(20_001))]),
            [10, 15, 7]
        );
    }

    #[test]
    fn without_a_date_a_day_is_one_since_the_machines_start() {
        let spent = [(10, undated(1, 0)), (5, undated(1, 0)), (7, undated(1, 1)), (3, undated(2, 1))];
        assert_eq!(days(&mut Traffic::default(), &spent), [10, 15, 7, 3]);
    }

    #[test]
    fn what_was_spent_before_the_date_was_known_was_spent_on_that_date() {
        let spent = [(10, date(20_000)), (5, undated(1, 0)), (7, date(20_000)), (1, date(20_001))];
        assert_eq!(days(&mut Traffic::default(), &spent), [10, 5, 22, 1]);
        let after_another_start = [(5, undated(7, 0)), (7, date(20_000))];
        assert_eq!(days(&mut Traffic::default(), &after_another_start), [5, 7]);
    }

    #[test]
    fn a_clock_that_goes_back_over_midnight_does_not_begin_a_day_anew() {
        let spent =
            [(10, date(20_000)), (5, date(20_001)), (2, date(20_000)), (1, date(20_001)), (4, date(10_000))];
        assert_eq!(days(&mut Traffic::default(), &spent), [10, 5, 7, 8, 4]);
    }

    #[test]
    fn the_next_process_goes_on_on_the_same_day() {
        let mut traffic = Traffic::default();
        days(&mut traffic, &[(10, date(20_000)), (5, undated(1, 0))]);
        for (day, expected) in
            [(undated(1, 0), 6), (undated(1, 1), 1), (undated(2, 0), 1), (date(20_000), 16)]
        {
            let mut next = Traffic::from_note(&traffic.note());
            assert_eq!(days(&mut next, &[(1, day)]), [expected], "{day:?}");
        }
        assert_eq!(Traffic::from_note("20000 x"), Traffic::default());
    }

    #[test]
    fn a_day_is_warned_of_once() {
        let mut traffic = Traffic::default();
        let mut warned = |bytes, day| {
            traffic.spend(bytes, day);
            traffic.is_over(100)
        };
        let days = [undated(1, 0), undated(1, 0), date(20_000), date(20_000), date(20_001), date(20_001)];
        assert_eq!(days.map(|day| warned(101, day)), [true, false, false, false, true, false]);
    }
}
