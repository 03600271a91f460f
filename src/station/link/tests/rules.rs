//! The start, the levels, the check, publishing, losses.

use std::sync::Arc;

use super::*;

#[test]
fn at_the_start_all_levels_are_climbed_in_order() {
    let rig = play(
        "is down 0
         wake: ok
         is climbing 1
         attach: ok
         go_online: ok
         is online 3
         rest 2m..2m
         check: online
         is online",
    );
    assert_eq!(rig.words()[..6], ["wake 1", "climbing", "attach 1", "go_online 1", "online", "check true"]);
    assert!(rig.link.is_online() && rig.link.takes_runs());
}

#[test]
fn runs_are_taken_as_soon_as_the_lowest_level_holds_and_in_its_pauses() {
    let mut rig = play("");
    assert!(!rig.link.takes_runs());
    rig.play(
        "wake: ok
         attach: ok
         go_online: timeout
         rest 10s..10s",
    );
    assert!(rig.link.takes_runs() && rig.link.publish_from().is_none());
    rig.play("hear gone");
    assert!(!rig.link.takes_runs());
}

#[test]
fn a_level_without_retry_has_three_attempts_with_growing_pauses() {
    play(
        "wake: timeout
         rest 10s..11s
         wake: timeout
         rest 20s..22s
         wake: ok
         attach: error
         rest 10s..11s
         attach: error
         rest 20s..22s
         attach: error
         wake: ok
         attach: ok
         go_online: ok",
    );
}

#[test]
fn a_level_that_fails_for_good_sends_one_lower_each_time() {
    play(
        "up
         hear closed
         check: offline
         go_online: timeout
         rest 10s..10s
         go_online: timeout
         attach: ok
         go_online: timeout
         rest 10s..10s
         go_online: timeout
         wake: ok
         attach: ok
         go_online: timeout
         rest 10s..10s
         go_online: timeout
         is recovering 2
         rest 54s..66s
         check: offline
         reset: ok
         is down 0
         up",
    );
}

#[test]
fn errors_that_retry_excludes_fail_for_good_at_once() {
    let mut shape = shape();
    shape.levels[2].retry.never.push(crate::flow::model::ErrorMatch::Name("cme".into()));
    play_on(
        shape,
        &History::default(),
        "wake: ok
         attach: ok
         go_online: cme
         attach: ok
         go_online: ok",
    );
}

#[test]
fn a_fault_in_our_own_files_resets_nothing() {
    let rig = play(
        "wake: ok
         attach: ok
         go_online: hook
         attach: ok
         go_online: hook
         wake: ok
         attach: ok
         go_online: refused
         is recovering 2
         rest 54s..66s
         go_online: ok
         is online",
    );
    assert!(rig.link.uses(rig.now).0.is_empty());
}

#[test]
fn a_loss_is_asked_about_first_and_may_have_healed() {
    let rig = play(
        "up
         hear closed
         is recovering 2
         check: online
         is online 3
         hear silent
         is down 0
         check: online
         is online 3",
    );
    assert!(rig.words().contains(&"recovering (closed)".to_string()), "{:?}", rig.words());
}

#[test]
fn what_each_loss_keeps() {
    for (loss, state) in [
        ("hear closed\n check: offline", "recovering 2"),
        ("hear closed\n check: error", "recovering 2"),
        ("hear silent\n check: timeout", "down 0"),
        ("hear no puback", "recovering 2"),
        ("pass 2m\n check: offline", "recovering 2"),
        ("pass 2m\n check: error\n rest 5s..5s\n check: timeout", "recovering 2"),
        ("pass 2m\n check: timeout\n rest 5s..5s\n check: timeout", "down 0"),
        ("hear reboot", "down 0"),
        ("hear gone", "absent 0"),
        ("hear stuck", "quarantined 0"),
    ] {
        let mut rig = play("up");
        rig.play(loss);
        assert_eq!(rig.standing(true), state, "{loss}");
        // Only what was lost is climbed, without another question.
        if let Want::Do(job) = rig.link.want(rig.now) {
            let level = rig.link.level();
            let climb = matches!(job, Job::Climb { level: wanted, .. } if wanted == level);
            assert!(climb || matches!(job, Job::Rung { .. }), "{loss}: {job:?}");
        }
    }
}

#[test]
fn without_a_check_only_lines_and_publishes_tell() {
    let shape = Shape { check_every: None, ..shape() };
    play_on(
        shape,
        &History::default(),
        "up
         idle
         hear no publish
         hear refused
         is online
         hear no publish
         hear no publish
         is recovering 2
         go_online: ok
         hear closed
         rest 54s..66s
         go_online: ok",
    );
}

#[test]
fn a_proof_of_life_puts_the_check_off() {
    play(
        "up
         pass 1m
         hear acknowledged
         rest 2m..2m
         check: online
         pass 1m
         hear message
         rest 2m..2m
         check: online
         pass 1m
         hear accepted
         rest 1m..1m",
    );
}

#[test]
fn a_failed_publish_or_check_pauses_publishing_until_a_check_passes() {
    play(
        "up
         hear no publish
         is degraded 3
         hear message
         check: online
         is online 3
         rest 2m..2m
         check: error
         is degraded 3
         rest 5s..5s
         check: online
         is online 3",
    );
}

#[test]
fn a_refused_message_only_asks() {
    play(
        "up
         hear refused
         is online
         check: online
         hear refused
         check: online
         hear refused
         check: online
         hear refused
         is online",
    );
}

#[test]
fn the_third_publish_in_a_row_that_fails_condemns_the_session() {
    play(
        "up
         hear no publish
         check: online
         hear no publish
         check: online
         hear accepted
         hear no publish
         check: online
         hear no publish
         check: online
         hear no publish
         is recovering 2
         go_online: ok
         hear no publish
         is degraded",
    );
}

#[test]
fn after_a_missing_acknowledgement_the_session_is_opened_clean_once_and_settles() {
    let mut rig = play(
        "up
         hear no puback
         is recovering 2
         go_online clean: timeout
         rest 10s..10s
         go_online clean: ok
         is online",
    );
    assert_eq!(rig.link.publish_from(), Some(rig.now + Duration::from_secs(5)));
    rig.play(
        "pass 6m
         check: online
         hear closed
         check: offline
         go_online: ok",
    );
    assert_eq!(rig.link.publish_from(), Some(rig.now));
}

#[test]
fn an_acknowledgement_that_is_missed_after_the_session_closed_condemns_it_too() {
    play(
        "up
         hear closed
         hear no puback
         go_online clean: ok",
    );
}

#[test]
fn after_an_unclean_end_the_first_session_is_clean() {
    let rig = play_on(
        shape(),
        &History { unclean: true, ..History::default() },
        "wake: ok
         attach: ok
         go_online clean: ok",
    );
    assert_eq!(rig.link.publish_from(), Some(rig.now + Duration::from_secs(5)));
}

#[test]
fn after_a_publish_that_was_cut_the_module_is_left_in_silence() {
    let cut = History { unclean: true, publishing: true, ..History::default() };
    let rig = play_on(
        shape(),
        &cut,
        "is down 0
         rest 6s..6s
         wake: ok",
    );
    assert!(rig.link.takes_runs());
    let mut without_levels = play_on(Shape::default(), &cut, "");
    assert_eq!(without_levels.link.publish_from(), None);
    assert!(!without_levels.link.takes_runs());
    without_levels.play("rest 6s..6s\nis online 0");
    assert!(without_levels.link.takes_runs());
}

#[test]
fn a_station_without_levels_is_online_while_nothing_stands_against_it() {
    play_on(
        Shape::default(),
        &History::default(),
        "idle
         is online 0
         hear gone
         is absent
         hear found
         idle
         is online 0",
    );
}

#[test]
fn nothing_is_wanted_after_the_end() {
    let mut rig = play("up");
    rig.link.stop(rig.now);
    rig.play(
        "hear closed
         hear gone
         is stopped
         idle",
    );
}

#[test]
fn a_rung_knows_its_plan() {
    use crate::flow::diag::{Sources, Span};
    use crate::flow::model::FlowId;
    use crate::flow::model::station::{Level, LinkPlan, Rung};

    let plan = LinkPlan {
        span: Span::new(Sources::default().add("station.yaml", ""), 0..0),
        up: vec![Level { name: Arc::from("wake"), flow: FlowId(0), retry: Retry::default() }],
        check: None,
        down: None,
        reset: vec![Rung {
            name: Arc::from("reset"),
            flow: FlowId(1),
            at_most: 2,
            per: Duration::from_hours(1),
        }],
    };
    let shape = Shape::of(&plan, |flow| flow == FlowId(1));
    assert!(shape.rungs[0].needs_module && shape.rungs[0].at_most == 2);
    assert_eq!(shape.levels.len(), 1);
}

#[test]
fn what_cannot_be_understood_has_the_session_looked_at_but_not_all_the_time() {
    play(
        "up
         hear doubt
         rest 9s..10s
         check: online
         hear doubt
         hear doubt
         rest 9s..10s
         check: online
         rest 1m59s..2m",
    );
}
