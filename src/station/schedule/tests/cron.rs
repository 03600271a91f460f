//! `cron` on a calendar that jumps, and over restarts.

use proptest::prelude::*;

use super::*;

/// Each case: a pattern, half an hour of life from nine o'clock on, a jump, and twenty-five minutes after it.
#[test]
fn the_calendar_jumps() {
    const STEPS: [(&str, i64, &[u64], u64); 8] = [
        // What is ten seconds away becomes due, and what was due does not come again.
        ("31 9 * * *", 10_000, &[1_850], 0),
        ("30 9 * * *", -10_000, &[1_800], 0),
        ("*/10 * * * *", 10_000, &[600, 1_200, 1_800, 2_390, 2_990], 0),
        ("*/10 * * * *", -10_000, &[600, 1_200, 1_800, 2_410, 3_010], 0),
        // Ten minutes: 09:35 was jumped over; 09:40 is now.
        ("35 9 * * *", 600_000, &[], 1),
        (
            "*/5 * * * *",
            600_000,
            &[300, 600, 900, 1_200, 1_500, 1_800, 1_801, 2_100, 2_400, 2_700, 3_000, 3_300],
            1,
        ),
        // 09:25 and 09:30 are not repeated.
        ("*/5 * * * *", -600_000, &[300, 600, 900, 1_200, 1_500, 1_800, 2_700, 3_000, 3_300], 0),
        // A year: a thousand are counted, and it goes on with the next.
        ("*/15 * * * *", 31_536_000_000 - 1_000, &[900, 1_800, 1_801, 2_701], 999),
    ];
    for (pattern, by_ms, runs, missed) in STEPS {
        let mut machine = Machine::new(cron(pattern));
        machine.live(30 * MINUTE).step(by_ms);
        if by_ms.abs() > 60_000 {
            machine.sleep(SECOND);
        }
        machine.live(25 * MINUTE);
        assert_eq!(machine.seen(), (runs.to_vec(), missed), "{pattern} by {by_ms} ms");
    }
}

#[test]
fn a_clock_that_was_a_year_ahead_is_mended() {
    let mut machine = Machine::new(cron("0 * * * *"));
    machine.live(90 * MINUTE).step(ms(365 * DAY)).live(2 * HOUR).seen();
    machine.step(-ms(365 * DAY)).live(2 * HOUR);
    let (runs, missed) = machine.seen();
    assert_eq!((runs.len(), missed), (2, 0), "no burst and no year of silence: {runs:?}");
}

#[test]
fn what_comes_while_nobody_looks_runs_once() {
    // What becomes of missed due times is another question.
    for spec in [cron("0 * * * *"), once(cron("0 * * * *"))] {
        let mut machine = Machine::new(spec);
        machine.live(30 * MINUTE).seen();
        let poll = machine.sleep(8 * HOUR).poll();
        let due = Due { scheduled_wall_ms: Some(NINE_MS + ms(8 * HOUR)), late: 30 * MINUTE, jumped: false };
        assert_eq!(poll, Poll { run: Some(due), missed: 7, held: false });
        assert_eq!(machine.live(HOUR).seen().0.len(), 2);
    }

    let mut daily = Machine::new(cron("5 9 * * *"));
    let late = daily.live(MINUTE).sleep(9 * MINUTE).poll().run.expect("a long run of another is no reason");
    assert_eq!(late.late, 5 * MINUTE);
}

#[test]
fn a_machine_that_starts_in_1970() {
    let mut machine = Machine::at(cron("*/10 * * * *"), None, None);
    assert_eq!(machine.ticker.next(&machine.now), None);
    machine.live(HOUR);
    assert_eq!((machine.held, machine.runs.len()), (1, 0), "told once, and nothing runs");
    machine.now.wall_ms = Some(NINE_MS);
    machine.live(30 * MINUTE);
    assert_eq!(machine.seen(), (vec![4_200, 4_800, 5_400], 0));
}

#[test]
fn a_machine_that_starts_in_1970_and_knows_yesterday() {
    let last = Some(Last { due_wall_ms: Some(NINE_MS - ms(DAY)), ..Last::default() });
    for (spec, runs, missed) in
        [(cron("0 9 * * *"), 1, 0), (cron("0 8 * * *"), 0, 1), (once(cron("0 8 * * *")), 1, 0)]
    {
        let mut machine = Machine::at(spec, None, last);
        machine.live(HOUR);
        machine.now.wall_ms = Some(NINE_MS + 20_000);
        let seen = machine.live(HOUR).seen();
        assert_eq!((seen.0.len(), seen.1), (runs, missed));
    }
}

#[test]
fn a_calendar_that_is_doubted_again_holds_again() {
    let mut machine = Machine::new(cron("*/10 * * * *"));
    machine.live(15 * MINUTE).seen();
    machine.now.wall_ms = None;
    machine.live(20 * MINUTE);
    machine.now.wall_ms = Some(NINE_MS + ms(35 * MINUTE));
    machine.live(5 * MINUTE);
    assert_eq!(machine.held, 1);
    assert_eq!(machine.seen(), (vec![2_400], 2), "09:20 and 09:30 passed untold");
}

/// Where it was due on the clock that only goes forward nobody can tell, so nobody may take it for a time that
/// the run before it was still under way.
#[test]
fn a_calendar_that_was_unknown_may_have_moved() {
    let mut machine = Machine::new(once(cron("0 * * * *")));
    machine.live(90 * MINUTE).seen();
    machine.now.wall_ms = None;
    machine.live(5 * MINUTE);
    machine.now.wall_ms = Some(NINE_MS + ms(5 * HOUR));
    let due = Due { scheduled_wall_ms: Some(NINE_MS + ms(5 * HOUR)), late: Duration::ZERO, jumped: true };
    assert_eq!(machine.poll(), Poll { run: Some(due), missed: 3, held: false });

    // One that begins in the right century only later knows what it missed, and not where that was.
    let last = Some(Last { due_wall_ms: Some(NINE_MS - ms(HOUR)), ..Last::default() });
    let mut started = Machine::at(once(cron("0 * * * *")), None, last);
    started.live(MINUTE);
    started.now.wall_ms = Some(NINE_MS + ms(5 * MINUTE));
    assert!(started.poll().run.expect("it is made up for").jumped);
}

#[test]
fn restarts() {
    let restarted = |spec: Spec, away: Duration| {
        let mut machine = Machine::new(spec);
        machine.live(30 * MINUTE).seen();
        let last = machine.last();
        machine.sleep(away);
        let wall_ms = machine.now.wall_ms;
        let mut again = Machine::at(machine.spec, wall_ms, Some(last));
        again.poll()
    };
    let hourly = || cron("0 * * * *");
    assert_eq!(restarted(hourly(), MINUTE), Poll::default());
    assert_eq!(restarted(hourly(), 30 * MINUTE + 20 * SECOND).run.unwrap().late, 20 * SECOND);
    assert_eq!(restarted(hourly(), 5 * HOUR), Poll { missed: 5, ..Poll::default() });
    let due = Due { scheduled_wall_ms: Some(NINE_MS + ms(5 * HOUR)), late: 30 * MINUTE, jumped: false };
    assert_eq!(restarted(once(hourly()), 5 * HOUR), Poll { run: Some(due), missed: 4, held: false });
}

#[test]
fn it_does_not_run_because_the_station_starts() {
    let mut machine = Machine::new(cron("0 3 * * *"));
    assert_eq!(machine.live(HOUR).seen(), (vec![], 0));
    assert!(machine.spec.at_start);
}

#[test]
fn jitter_moves_it() {
    let spec = Spec { jitter: MINUTE, ..cron("0 * * * *") };
    let moved = phase("store", "report", MINUTE);
    let mut machine = Machine::new(spec);
    machine.live(30 * MINUTE).seen();
    let poll = machine.sleep(30 * MINUTE + moved).poll();
    assert_eq!(poll.run.unwrap().scheduled_wall_ms, Some(NINE_MS + ms(HOUR) + ms(moved)));
}

#[test]
fn a_pattern_that_never_comes_waits_quietly() {
    let mut machine = Machine::new(cron("0 0 31 2 *"));
    assert_eq!(machine.poll(), Poll::default());
    assert_eq!(machine.ticker.next(&machine.now), Some(machine.now.mono + DAY));
    assert_eq!(machine.sleep(2 * DAY).poll(), Poll::default());
}

proptest! {
    /// However late somebody looks and wherever the calendar jumps: each due time is run or missed, none twice.
    #[test]
    fn every_due_time_is_dealt_with_once(
        looks in prop::collection::vec((prop_oneof![0..600_u64, 0..40_000_u64], -12..=12_i64, any::<bool>()), 1..60),
        skips in any::<bool>(),
    ) {
        let spec = cron("*/30 * * * *");
        let mut machine = Machine::new(if skips { spec } else { once(spec) });
        let half_hour_ms = ms(30 * MINUTE);
        let (mut offset_hours, mut last_due_ms, mut accounted) = (0, NINE_MS, 0);
        for (wait_s, hours, jumps) in looks {
            let poll = machine.poll();
            accounted += poll.missed + u64::from(poll.run.is_some());
            if let Some(due) = poll.run {
                let due_ms = due.scheduled_wall_ms.unwrap();
                prop_assert!(due_ms > last_due_ms, "twice");
                prop_assert_eq!(machine.ticker.last_due_wall_ms(&machine.now), Some(due_ms));
                last_due_ms = due_ms;
            }
            let dealt_with_ms = machine.ticker.last_due_wall_ms(&machine.now).unwrap();
            prop_assert_eq!(accounted, ((dealt_with_ms - NINE_MS) / half_hour_ms).unsigned_abs());
            prop_assert!(dealt_with_ms + half_hour_ms > machine.now.wall_ms.unwrap(), "one is lost");
            machine.sleep(Duration::from_secs(wait_s));
            if jumps {
                machine.step((hours - offset_hours) * ms(HOUR));
                offset_hours = hours;
            }
        }
    }
}
