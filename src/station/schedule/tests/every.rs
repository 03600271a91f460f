//! `every`.

use proptest::prelude::*;

use super::*;

#[test]
fn a_day_of_minutes() {
    let mut machine = Machine::new(every(MINUTE));
    let (runs, missed) = machine.live(DAY).seen();
    let minutes: Vec<u64> = (0..=1_440).map(|minute| minute * 60).collect();
    assert_eq!((runs, missed), (minutes, 0));
}

#[test]
fn the_first_run() {
    let late = Spec { at_start: false, ..every(MINUTE) };
    assert_eq!(Machine::new(late).live(3 * MINUTE).seen().0, [60, 120, 180]);

    let ago = |seconds| Some(Last { started_ago: Some(Duration::from_secs(seconds)), ..Last::default() });
    for (last, first) in [(None, 0), (ago(0), 54), (ago(24), 30), (ago(54), 0), (ago(86_400), 0)] {
        let mut machine = Machine::at(every(MINUTE), None, last);
        let runs = machine.live(3 * MINUTE).seen().0;
        assert_eq!(runs[..3], [first, first + 60, first + 120], "{last:?}");
    }
}

#[test]
fn the_first_run_by_the_calendar() {
    let started = |wall_ms| Some(Last { started_wall_ms: Some(wall_ms), ..Last::default() });
    let first = |last, wall_ms| Machine::at(every(MINUTE), wall_ms, last).live(MINUTE).seen().0[0];
    assert_eq!(first(started(NINE_MS - 24_000), Some(NINE_MS)), 30);
    assert_eq!(first(started(NINE_MS - 24_000), None), 0, "an untrusted calendar says nothing");
    assert_eq!(first(started(NINE_MS + 86_400_000), Some(NINE_MS)), 54, "a start in the future was just now");
}

#[test]
fn jitter_moves_all_of_them_alike() {
    let spec = Spec { jitter: 50 * SECOND, ..every(MINUTE) };
    let moved = phase("store", "report", 50 * SECOND).as_secs();
    for _ in 0..2 {
        let runs = Machine::new(spec.clone()).live(3 * MINUTE).seen().0;
        assert_eq!(runs[..2], [moved, moved + 60]);
    }
}

#[test]
fn the_calendar_is_of_no_consequence() {
    let mut machine = Machine::new(every(MINUTE));
    for by in [10 * SECOND, 10 * MINUTE, 365 * DAY] {
        machine.step(ms(by)).live(MINUTE).step(-2 * ms(by)).live(MINUTE).step(ms(by));
    }
    let (runs, missed) = machine.seen();
    assert_eq!((runs, missed), ((0..=6).map(|minute| minute * 60).collect(), 0));
}

#[test]
fn nobody_looks_for_eight_hours() {
    for spec in [every(MINUTE), once(every(MINUTE))] {
        let mut machine = Machine::new(spec);
        machine.live(MINUTE).seen();
        machine.sleep(8 * HOUR + 5 * SECOND).live(2 * MINUTE);
        let (runs, missed) = machine.seen();
        let woke = 60 + 8 * 3_600 + 5;
        assert_eq!(runs, [woke, woke + 55, woke + 115]);
        assert_eq!(missed, 479);
    }
}

#[test]
fn a_late_run_does_not_move_the_grid_but_keeps_its_distance() {
    let mut machine = Machine::new(every(MINUTE));
    machine.live(SECOND).sleep(109 * SECOND);
    let poll = machine.poll();
    assert_eq!(poll.run.unwrap().late, 50 * SECOND);
    assert_eq!(poll.run.unwrap().scheduled_wall_ms, Some(NINE_MS + 60_000));
    machine.live(10 * MINUTE);
    assert_eq!(machine.runs, [0, 110, 164, 218, 272, 326, 380, 434, 488, 542, 600, 660]);
    assert_eq!(machine.missed, 0);
}

#[test]
fn a_run_that_had_to_wait_keeps_its_distance_too() {
    let mut machine = Machine::new(every(MINUTE));
    machine.live(MINUTE).sleep(50 * SECOND);
    machine.ticker.started(&machine.now.clone());
    assert_eq!(machine.live(2 * MINUTE).seen().0, [0, 60, 164, 218]);
}

/// A due time that is skipped is no start, so the run behind it comes as soon as its distance from the last real
/// one allows, and not a whole period later.
#[test]
fn a_due_time_that_is_skipped_is_no_start() {
    let late_and_skipped = |is_told: bool| {
        let mut machine = Machine::new(every(MINUTE));
        machine.live(SECOND).sleep(109 * SECOND);
        assert!(machine.poll().run.is_some());
        let skipped = machine.runs.pop();
        if is_told {
            machine.ticker.skipped();
        }
        (skipped, machine.live(2 * MINUTE).seen().0)
    };
    assert_eq!(late_and_skipped(true), (Some(110), vec![0, 120, 180]));
    assert_eq!(late_and_skipped(false), (Some(110), vec![0, 164, 218]), "as if it had run");
}

#[test]
fn a_hundred_restarts_in_ten_minutes() {
    for at_start in [true, false] {
        let spec = Spec { at_start, ..every(MINUTE) };
        let mut machine = Machine::new(spec);
        for _ in 0..100 {
            machine.live(6 * SECOND);
            let last = machine.last();
            machine.ticker = Ticker::new(machine.spec.clone(), "store", Some(last), &machine.now).unwrap();
        }
        assert!(machine.runs.len() <= 12, "{:?}", machine.runs);
        assert!(machine.runs.windows(2).all(|pair| pair[1] - pair[0] >= 54), "{:?}", machine.runs);
        assert!(!at_start || machine.runs.len() >= 10, "it still reports: {:?}", machine.runs);
    }
}

#[test]
fn once_looks_back_over_a_restart() {
    let last = Some(Last { due_wall_ms: Some(NINE_MS - ms(200 * SECOND)), ..Last::default() });
    let quiet = Spec { at_start: false, ..every(MINUTE) };
    let first = |spec, wall_ms| {
        let mut machine = Machine::at(spec, wall_ms, last);
        let poll = machine.poll();
        (poll, machine.live(2 * MINUTE).seen().0)
    };
    let (poll, runs) = first(once(quiet.clone()), Some(NINE_MS));
    let due = Due { scheduled_wall_ms: Some(NINE_MS - 20_000), late: 20 * SECOND, jumped: false };
    assert_eq!(poll, Poll { run: Some(due), missed: 2, held: false });
    assert_eq!(runs, [0, 54, 108]);

    assert_eq!(first(quiet.clone(), Some(NINE_MS)), (Poll::default(), vec![60, 120]), "skip does not");
    assert_eq!(first(once(quiet), None), (Poll::default(), vec![60, 120]), "nobody knows how long it was");
}

#[test]
fn another_period_counts_from_the_last_due_time() {
    let run = |old, passed, new, rest| {
        let mut machine = Machine::new(every(old));
        machine.live(passed);
        machine.ticker.set_period(new, &machine.now.clone());
        machine.live(rest).seen()
    };
    assert_eq!(run(MINUTE, 70 * SECOND, HOUR, 2 * HOUR), (vec![0, 60, 3_660, 7_260], 0));
    assert_eq!(run(HOUR, 10 * SECOND, MINUTE, 2 * MINUTE), (vec![0, 60, 120], 0));
    let (runs, missed) = run(HOUR, 40 * MINUTE, MINUTE, 2 * MINUTE);
    assert_eq!((runs, missed), (vec![0, 2_400, 2_460, 2_520], 0), "one at once, no burst");
    assert_eq!(run(MINUTE, 90 * SECOND, MINUTE, 2 * MINUTE).0, [0, 60, 120, 180]);
    assert!(!run(MINUTE, SECOND, Duration::ZERO, Duration::ZERO).0.is_empty(), "no period at all");
}

#[test]
fn before_its_first_run_another_period_moves_nothing() {
    let mut machine = Machine::new(Spec { jitter: 50 * SECOND, ..every(MINUTE) });
    let first = machine.ticker.next(&machine.now);
    machine.ticker.set_period(HOUR, &machine.now.clone());
    assert_eq!(machine.ticker.next(&machine.now), first);
}

#[test]
fn ten_thousand_late_periods_do_not_drift() {
    let mut machine = Machine::new(every(MINUTE));
    machine.poll();
    for number in 1..=10_000_u64 {
        let late = Duration::from_millis(number * 7_919 % 5_000);
        let due = Mono::ZERO + MINUTE * u32::try_from(number).unwrap();
        machine.sleep((due + late).since(machine.now.mono));
        assert_eq!(machine.poll().run.expect("one a minute").late, late);
    }
    assert_eq!((machine.runs.len(), machine.missed), (10_001, 0));
}

proptest! {
    /// However late somebody looks: each due time is run or missed, none twice, and runs keep apart.
    #[test]
    fn every_due_time_is_dealt_with_once(
        waits_ms in prop::collection::vec(prop_oneof![0..20_000_u64, 0..200_000_u64, 0..10_000_000_u64], 1..200),
        period_ms in 1_000..120_000_u64,
    ) {
        let period = Duration::from_millis(period_ms);
        let mut machine = Machine::new(every(period));
        let (mut accounted, mut last_due_ms, mut last_start) = (0, -1, None);
        for wait_ms in waits_ms {
            let poll = machine.poll();
            accounted += poll.missed;
            if let Some(due) = poll.run {
                accounted += 1;
                let due_ms = due.scheduled_wall_ms.unwrap() - NINE_MS;
                prop_assert!(due_ms > last_due_ms, "twice: {due_ms}");
                prop_assert_eq!(due_ms % i64::try_from(period_ms).unwrap(), 0, "off the grid");
                prop_assert_eq!(accounted, due_ms.unsigned_abs() / period_ms + 1, "one is lost");
                if let Some(before) = last_start {
                    prop_assert!(machine.now.mono.since(before) * 10 >= period * 9);
                }
                (last_due_ms, last_start) = (due_ms, Some(machine.now.mono));
            } else {
                prop_assert_eq!(poll.missed, 0);
                prop_assert!(machine.ticker.next(&machine.now).unwrap() > machine.now.mono);
            }
            machine.sleep(Duration::from_millis(wait_ms));
        }
    }
}
