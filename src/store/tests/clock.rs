use super::*;

const NOW: i64 = 1_750_000_000_000;
const MIN: i64 = MINUTE_MS;

#[test]
fn a_correction_mends_all_rows_of_its_boot_and_no_others() {
    in_both(|mut store| {
        let early = store.moment(1000);
        assert_eq!(store.wall_of(early), None);
        assert_eq!(store.set_clock(5000, NOW, 3), Some(0));
        assert_eq!(store.wall_of(early), Some(NOW - 4000));
        assert_eq!(store.set_clock(6000, NOW + 1000, 3), None, "it goes right");
        assert_eq!(store.set_clock(7000, NOW + 3500, 3), None, "within two seconds");
        assert_eq!(store.set_clock(8000, NOW + 13_000, 3), Some(10_000));
        assert_eq!(store.set_clock(9000, NOW + 4000, 2), None, "worse");
        assert_eq!(store.set_clock(9000, NOW + 4500, 4), Some(-9500), "better");
        let later = Life { boot_id: "boot-2".to_string(), now_ms: 10, chance: 3 };
        let store = store.crash("p", &later).expect("the next boot");
        assert_eq!(store.wall_of(store.moment(10)), None);
        assert!(!store.is_same_boot(early));
    });
}

#[test]
fn a_later_process_of_the_same_boot_knows_what_the_earlier_one_learnt() {
    in_both(|mut store| {
        store.set_clock(5000, NOW, 4);
        let made = store.moment(100);
        let store = store.crash("p", &life(1, 9000)).expect("the next process");
        assert!(store.is_same_boot(made));
        assert_eq!(store.wall_of(made), Some(NOW - 4900));
        assert_eq!((store.clock_quality(), store.age_ms(made, 300)), (4, Some(200)));
    });
}

#[test]
fn a_clock_nobody_vouches_for_is_trusted_after_ten_minutes() {
    in_both(|mut store| {
        let made = store.moment(0);
        store.set_clock(1000, NOW, 2);
        assert_eq!(store.wall_of(made), None);
        store.set_clock(10 * MIN, NOW + 10 * MIN - 1000, 2);
        assert_eq!(store.wall_of(made), Some(NOW - 1000));
    });
}

#[test]
fn a_clock_before_what_is_past_is_wrong_unless_the_network_keeps_it() {
    in_both(|mut store| {
        store.set_clock(0, NOW, 3);
        let mut store = store.crash("p", &life(2, 0)).expect("the next boot");
        assert_eq!(store.clock_quality(), 1);
        assert_eq!(store.set_clock(0, NOW - 1, 3), None);
        assert_eq!(store.set_clock(20 * MIN, NOW - 1, 2), None);
        assert_eq!(store.wall_of(store.moment(0)), None);
        assert_eq!(store.set_clock(0, NOW - DAY_MS, 4), Some(0));
        let mut store = store.crash("p", &life(3, 0)).expect("the next boot");
        assert_eq!(store.set_clock(0, NOW - 1, 3), Some(0), "the floor came down with it");
    });
}

#[test]
fn boots_that_nothing_refers_to_are_forgotten() {
    in_both(|mut store| {
        report(&mut store, 1, "x");
        for number in 2..9 {
            store = store.crash("p", &life(number, 0)).expect("the next boot");
        }
        let boots: i64 =
            store.db.query_row("SELECT count(*) FROM boot", [], |row| row.get(0)).expect("boots");
        assert_eq!(boots, 2);
    });
}
