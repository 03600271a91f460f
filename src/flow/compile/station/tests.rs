//! The bundled station as a plan. What is wrong with a station has its cases in `flow/cases/stations.txt`.

use std::path::Path;
use std::time::Duration;

use crate::flow::compile::{Options, load};
use crate::flow::diag::Look;
use crate::flow::model::station::{Cause, Drop, Ids, When};
use crate::flow::model::{Pause, Program, Target};
use crate::hooks::Host;

fn bundled() -> Program {
    let main = Path::new("scripts/thingscloud/station.yaml");
    let loaded = load(main, Path::new(env!("CARGO_MANIFEST_DIR")), &Options::default(), &Host::new());
    let said = loaded.problems.render(&loaded.sources, Look::Plain);
    assert!(said.is_empty(), "{said}");
    loaded.program.expect("it has no problem")
}

#[test]
fn the_bundled_station_is_a_plan() {
    let program = bundled();
    let station = program.station.as_ref().expect("a station");
    let names: Vec<&str> = station.state.iter().map(|var| &*var.name).collect();
    assert_eq!(names, ["report_every", "relay"]);
    assert_eq!(station.state[0].rule.min, Some(60.0));

    let report = &station.schedules[0];
    assert!(matches!(&report.when, When::EveryOf(every) if every.values.len() == 1));
    assert!(report.at_start && report.jitter == Duration::from_secs(2));
    assert_eq!(program.flow(report.flow).timeout, Some(Duration::from_secs(50)));

    let (relay, removed) = (&station.events[0], &station.events[1]);
    assert!(relay.when.is_some() && matches!(relay.cause, Cause::Message(_)));
    let params: Vec<&str> = program.flow(relay.flow).params.iter().map(|param| &*param.name).collect();
    assert_eq!(params, ["topic", "payload", "body"]);
    let set = &program.flow(relay.flow).steps[0].set[0];
    assert!(matches!(set.target, Target::State(1)));
    assert!(matches!(removed.cause, Cause::Urc(_)) && removed.when.is_none());

    let downlink = station.downlink.as_ref().expect("commands");
    assert_eq!(downlink.ids, Ids::Reused);
    let given: Vec<&str> = downlink.read.given.iter().map(|(name, _)| &**name).collect();
    assert_eq!(given, ["topic", "payload", "body", "id"]);
    assert_eq!(downlink.read.values.len(), 4);
    assert_eq!(downlink.reply.as_ref().map(|reply| reply.given.len()), Some(8));
    let methods: Vec<&String> = downlink.methods.keys().collect();
    assert_eq!(methods, ["relay", "restart", "set_interval", "signal"]);
    assert_eq!(downlink.runs, [program.contract["reset"]]);

    assert_eq!(station.outbox.qos, 1);
    assert!(station.outbox.report_id && station.outbox.drop == Drop::Oldest);
    assert_eq!(station.limits.report_every, Some(Duration::from_mins(1)));
    assert_eq!(station.subscriptions, ["command/send/+", "attributes/push"]);
    assert_eq!(station.callable["reset"], program.contract["reset"]);
}

#[test]
fn the_bundled_cloud_is_a_link() {
    let program = bundled();
    let link = program.station.as_ref().and_then(|station| station.link.as_ref()).expect("a link");
    let levels: Vec<&str> = link.up.iter().map(|level| &*level.name).collect();
    assert_eq!(levels, ["wake", "attach", "go_online"]);
    let top = &link.up[2].retry;
    assert_eq!(top.attempts, Some(4));
    assert!(matches!(top.pause, Pause::Backoff(least, _) if least == Duration::from_secs(10)));
    // The pauses are the station's: a level's own flow tries once.
    assert!(program.flow(link.up[2].flow).steps.iter().all(|step| !step.retry.written));
    let rungs: Vec<(&str, u32)> = link.reset.iter().map(|rung| (&*rung.name, rung.at_most)).collect();
    assert_eq!(rungs, [("radio", 6), ("reset", 2)]);
    assert_eq!(link.check.as_ref().map(|check| check.every), Some(Duration::from_mins(2)));
    assert_eq!(link.down, Some(program.contract["disconnect"]));
}
