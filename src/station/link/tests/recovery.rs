//! The ladder: rungs, caps, pauses, flapping, waiting.

use crate::station::event::LinkState;
use crate::station::link::{Use, Uses};

use super::*;

/// From one level down to a rung.
const VAIN: &str = "wake: error
                    rest 10s..11s
                    wake: error
                    rest 20s..22s
                    wake: error";

#[test]
fn rungs_follow_each_other_each_after_a_pause_and_a_check_and_then_it_waits() {
    play(&format!(
        "{VAIN}
         rest 54s..66s
         check: error
         reset: error
         {VAIN}
         rest 108s..132s
         check: error
         power: ok
         {VAIN}
         rest 216s..264s
         check: error
         {VAIN}
         is waiting 0
         rest 810s..990s
         {VAIN}
         rest 54s..66s
         check: error
         {VAIN}
         is waiting
         rest 1620s..1980s"
    ));
}

#[test]
fn a_silent_module_gets_the_rung_that_does_without_it() {
    play(
        "wake: timeout
         rest 10s..11s
         wake: timeout
         rest 20s..22s
         wake: timeout
         rest 54s..66s
         check: timeout
         power: ok
         up",
    );
}

#[test]
fn waits_double_to_an_hour() {
    let bare = Shape { rungs: vec![rung("power", 0, false)], check_every: None, ..shape() };
    let mut rig = play_on(bare, &History::default(), "");
    for (least, most) in [("810s", "990s"), ("1620s", "1980s"), ("3240s", "3960s"), ("3240s", "3960s")] {
        rig.play(&format!("{VAIN}\n rest 54s..66s\n {VAIN}\n is waiting\n rest {least}..{most}"));
    }
}

#[test]
fn without_rungs_climbs_go_on_with_pauses_up_to_a_quarter_of_an_hour() {
    let bare = Shape { rungs: Vec::new(), check_every: None, ..shape() };
    let mut rig = play_on(bare, &History::default(), "");
    for minutes in [1, 2, 4, 8, 15, 15] {
        rig.play(VAIN);
        rig.play(&format!("rest {}s..{}s", minutes * 54, minutes * 66));
    }
}

#[test]
fn a_passing_check_saves_a_session_that_was_whole_from_the_rung() {
    play(
        "up
         hear silent
         check: timeout
         wake: error
         rest 10s..11s
         wake: error
         rest 20s..22s
         wake: error
         rest 54s..66s
         check: online
         is online 3",
    );
}

#[test]
fn a_session_that_is_there_but_not_whole_is_climbed_once_more_and_then_not_believed() {
    let top = "go_online: error\n rest 10s..10s\n go_online: error\n";
    play(&format!(
        "wake: ok
         attach: ok
         {top}
         attach: ok
         {top}
         wake: ok
         attach: ok
         {top}
         rest 54s..66s
         check: online
         is recovering 2
         {top}
         attach: ok
         {top}
         wake: ok
         attach: ok
         {top}
         rest 108s..132s
         check: online
         reset: ok
         up"
    ));
}

#[test]
fn when_no_rung_is_left_it_climbs_once_more_before_it_waits() {
    let spent = Shape { rungs: vec![rung("reset", 0, true), rung("power", 0, false)], ..shape() };
    let top = "go_online: error\n rest 10s..10s\n go_online: error\n";
    let lower = format!("attach: ok\n {top} wake: ok\n attach: ok\n {top}");
    let climbs = format!("wake: ok\n attach: ok\n {top} {lower}");
    // The session is there, was never opened whole, and what kept it from that has passed.
    play_on(
        spent.clone(),
        &History::default(),
        &format!(
            "{climbs} rest 54s..66s\n check: online\n {top} {lower} rest 108s..132s\n check: online\n up"
        ),
    );
    // The network is back, the session is not.
    play_on(spent, &History::default(), &format!("{climbs} rest 54s..66s\n check: offline\n up"));
    // A rung that may be used again meanwhile goes before the wait.
    let used = Use { rung: "power".into(), ago_ms: (3600 - 112) * 1000 };
    let history = History { uses: Uses(vec![used]), ..History::default() };
    let mut shape = shape();
    shape.rungs.remove(0);
    let script = format!(
        "{VAIN}\n rest 54s..66s\n check: error\n {VAIN}\n rest 108s..132s\n check: error\n power: ok\n up"
    );
    play_on(shape, &history, &script);
}

#[test]
fn a_sign_of_life_ends_a_wait_for_a_silent_module_only() {
    let mut shape = shape();
    shape.rungs.clear();
    shape.rungs.push(rung("reset", 0, true));
    let mut silent = play_on(shape.clone(), &History::default(), VAIN);
    silent.play(&format!(
        "rest 54s..66s
         check: error
         {VAIN}
         is waiting 0
         hear line
         is down 0
         up"
    ));

    let top = "go_online: error\n rest 10s..10s\n go_online: error\n";
    let climbs = format!("wake: ok\n attach: ok\n {top} attach: ok\n {top} wake: ok\n attach: ok\n {top}");
    let mut talking = play_on(shape, &History::default(), &climbs);
    talking.play(&format!("rest 54s..66s\n check: offline\n {climbs}"));
    talking.play("is waiting 2\n hear line\n is waiting 2\n hear reboot\n rest 2s..2s\n up");
}

#[test]
fn the_first_loss_is_climbed_at_once_and_the_next_ones_after_growing_pauses() {
    play(
        "up
         hear closed
         check: offline
         go_online: ok
         pass 1m
         hear closed
         is recovering 2
         rest 54s..66s
         check: offline
         go_online: ok
         pass 1m
         hear closed
         rest 108s..132s
         check: offline
         go_online: ok
         pass 1m
         hear closed
         rest 216s..264s
         check: offline
         reset: ok
         up",
    );
}

#[test]
fn all_is_well_after_five_minutes_with_a_proof() {
    for (time, proof, pause) in [
        ("6m", "hear accepted", "check: offline"),
        ("6m", "check: online", "check: offline"),
        ("6m", "", "rest 54s..66s"),
        ("4m", "hear accepted", "rest 54s..66s"),
    ] {
        let mut rig = play("up\n hear closed\n check: offline\n go_online: ok");
        rig.play(&format!("pass {time}\n {proof}\n hear closed\n {pause}"));
    }
}

#[test]
fn flapping_goes_on_with_the_rung_that_had_helped() {
    let mut shape = shape();
    shape.rungs[1].at_most = 9;
    let mut rig = play_on(shape, &History::default(), VAIN);
    rig.play(&format!(
        "rest 54s..66s
         check: error
         reset: ok
         {VAIN}
         rest 108s..132s
         check: error
         power: ok
         up
         pass 1m
         hear silent
         rest 216s..264s
         check: error
         {VAIN}
         rest 432s..528s
         check: error
         power: ok
         up"
    ));
    assert!(rig.words().contains(&"power 2".to_string()), "{:?}", rig.words());
}

#[test]
fn what_was_asked_for_costs_nothing() {
    let rig = play(
        "up
         hear restart
         rest 2s..2s
         up
         pass 1m
         hear restart
         rest 2s..2s
         up
         pass 1m
         hear closed
         check: offline
         go_online: ok",
    );
    assert!(rig.link.uses(rig.now).0.is_empty());
}

#[test]
fn a_rung_s_own_restart_is_no_surprise() {
    let mut script = format!("{VAIN}\n rest 54s..66s\n check: error\n reset, reboot: ok\n");
    script += "hear reboot\n rest 2s..2s\n up";
    let rig = play(&script);
    let reboots: Vec<_> = rig.words().into_iter().filter(|word| word.contains('b')).collect();
    assert!(!reboots.contains(&"reboot".to_string()), "{reboots:?}");
    play(&format!("{VAIN}\n rest 54s..66s\n check: error\n reset, gone: ok\n is absent\n hear found\n up"));
}

#[test]
fn caps_hold_over_restarts_of_the_station() {
    let first = play(&format!("{VAIN}\n rest 54s..66s\n check: error\n reset: ok"));
    let uses = first.link.uses(first.now);
    assert_eq!(uses.0.len(), 1);
    let text = serde_json::to_string(&uses).unwrap();
    assert_eq!(text, r#"[{"rung":"reset","ago_ms":1000}]"#);
    let uses: Uses = serde_json::from_str(&text).unwrap();
    for (away, rung) in [("0s", "power"), ("50m", "power"), ("59m", "reset")] {
        let history =
            History { uses: uses.clone(), away: duration::parse(away).unwrap(), ..History::default() };
        let script = format!("{VAIN}\n rest 54s..66s\n check: error\n {rung}: ok");
        play_on(shape(), &history, &script);
    }
}

#[test]
fn a_use_is_to_be_stored_before_the_rung_is_run() {
    let mut rig = play(&format!("{VAIN}\n rest 54s..66s\n check: error"));
    assert!(!rig.link.uses_changed());
    assert!(matches!(rig.link.begin(rig.now), Some(Job::Rung { index: 0 })));
    assert!(rig.link.uses_changed() && !rig.link.uses_changed());
}

#[test]
fn a_loss_and_a_port_that_is_back_tell_how_long_until_the_next_try() {
    let flapping = "up\n hear closed\n check: offline\n go_online: ok\n pass 1m\n";
    for (loss, state) in [("hear closed", LinkState::Recovering), ("hear gone\n hear found", LinkState::Down)]
    {
        let rig = play(&format!("{flapping} {loss}"));
        let Some(Happening::LinkState { to, pause_ms, .. }) = rig.told.last() else { panic!("{loss}") };
        assert_eq!(*to, state);
        assert!((54_000..=66_000).contains(pause_ms), "{loss}: {pause_ms}");
        let next = rig.link.next_try(rig.now).expect("there is a pause");
        assert_eq!(next.since(rig.now).as_millis(), u128::from(*pause_ms));
        assert_eq!(rig.link.next_try(next), None);
    }
}

#[test]
fn a_step_tells_how_long_until_the_next() {
    let rig = play("wake: error\n rest 10s..11s\n wake: ok");
    let finished = rig.told.iter().filter_map(|happening| match happening {
        Happening::RungFinished { rung, attempt, ok, error, took_ms, pause_ms, .. } => {
            Some((rung.as_str(), *attempt, *ok, error.is_some(), *took_ms, *pause_ms >= 10_000))
        }
        _ => None,
    });
    assert_eq!(
        finished.collect::<Vec<_>>(),
        [("wake", 1, false, true, 1000, true), ("wake", 2, true, false, 1000, false)]
    );
}
