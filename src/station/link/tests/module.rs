//! The module itself: restarts, its port, quarantine.

use super::*;

#[test]
fn a_restart_is_climbed_from_the_bottom_two_seconds_after_its_last_line() {
    let rig = play(
        "up
         hear reboot
         is down 0
         rest 2s..2s
         hear reboot
         rest 2s..2s
         up",
    );
    assert_eq!(rig.words().iter().filter(|word| *word == "reboot").count(), 1);
}

#[test]
fn a_restart_during_the_lowest_level_is_only_passed_over_if_it_was_asked_for() {
    play(
        "wake, restart: ok
         attach: ok",
    );
    play(
        "wake, reboot: ok
         is down 0
         rest 10s..11s
         wake: ok
         attach: ok",
    );
    play(
        "wake, reboot: reboot
         rest 10s..11s
         wake: ok",
    );
}

#[test]
fn a_restart_higher_up_begins_again_at_the_bottom() {
    play(
        "wake: ok
         attach, restart: ok
         is down 0
         rest 1s..2s
         wake: ok
         attach: ok
         go_online, reboot: reboot
         rest 1s..2s
         up",
    );
}

#[test]
fn an_attach_that_always_restarts_is_not_repeated_without_pause() {
    play(
        "wake: ok
         attach, restart: ok
         rest 1s..1s
         wake: ok
         attach, restart: ok
         rest 1s..1s
         wake: ok
         attach, restart: ok
         rest 54s..66s",
    );
}

#[test]
fn three_restarts_in_ten_minutes_are_a_brownout_and_lines_do_not_end_that() {
    let mut rig = play(
        "up
         hear reboot
         pass 3m
         up
         hear reboot
         pass 4m
         hear reboot
         is waiting 0
         hear reboot
         hear line
         pass 1m",
    );
    assert!(rig.words().contains(&"brownout".to_string()));
    assert!(!rig.link.takes_runs());
    rig.play(
        "rest 12m..16m
         up",
    );
}

#[test]
fn restarts_that_were_asked_for_or_are_far_apart_are_no_brownout() {
    for (fact, apart) in [("restart", "1m"), ("reboot", "6m")] {
        let mut rig = play("up");
        for _ in 0..5 {
            rig.play(&format!("hear {fact}\n pass {apart}"));
        }
        assert_eq!(rig.standing(true), "down 0", "{fact}");
        rig.play("up");
    }
}

#[test]
fn a_port_that_is_gone_is_looked_for_and_then_all_is_climbed() {
    let rig = play(
        "up
         hear gone
         is absent 0
         hear gone
         hear closed
         hear found
         up",
    );
    let words = rig.words();
    assert_eq!(words[5..9], ["gone", "absent (port)", "found", "down"], "{words:?}");
}

#[test]
fn the_port_may_go_in_the_middle_of_anything() {
    play(
        "wake, gone: ok
         is absent 0
         hear found
         wake: port
         is absent 0
         hear found
         up",
    );
}

#[test]
fn a_module_that_browns_out_with_its_port_is_left_alone_when_it_is_back() {
    play(
        "up
         hear gone
         pass 1m
         hear found
         pass 1m
         hear gone
         pass 1m
         hear found
         pass 1m
         hear gone
         is absent
         pass 1m
         hear found
         is waiting
         rest 10m..16m
         up",
    );
}

#[test]
fn in_quarantine_only_a_rung_without_the_module_is_used() {
    let rig = play(
        "up
         hear stuck
         is quarantined 0
         power: error
         is quarantined
         rest 59m..1h
         power: ok
         is down 0
         up",
    );
    assert!(rig.words().contains(&"free".to_string()));
}

#[test]
fn quarantine_is_told_every_hour_and_ends_with_a_restart_or_by_itself() {
    for (end, climb) in [("hear reboot", "rest 2s..2s"), ("hear unstuck", "")] {
        let mut shape = shape();
        shape.rungs.truncate(1);
        let rig = play_on(
            shape,
            &History::default(),
            &format!("wake: stuck\n is quarantined\n rest 1h..1h\n rest 1h..1h\n {end}\n {climb}\n up"),
        );
        assert_eq!(rig.words().iter().filter(|word| *word == "quarantine").count(), 2, "{end}");
    }
}
