//! Reports that the module refuses, and a disk that does.

use std::cell::RefCell;
use std::rc::Rc;

use atflow::station::event::{Happening, LaneName, LinkState};
use atflow::store::{DiskFault, DiskFaults};

use crate::ledger;
use crate::support_station::recorder::Recorder;
use crate::support_station::{Case, Lab, cloud, hm, s, station};

fn refused(told: &Recorder) -> Vec<u64> {
    told.all(|happening| match happening {
        Happening::ReportRefused { seq, .. } => Some(*seq),
        _ => None,
    })
}

fn dead(told: &Recorder) -> Vec<u64> {
    told.all(|happening| match happening {
        Happening::ReportDead { seq, .. } => Some(*seq),
        _ => None,
    })
}

#[test]
fn a_bad_report_dies_alone() {
    let mut lab = Lab::start(Case::of(station("refusing.yaml")));
    lab.run_to(hm(2, 10));
    {
        let told = lab.told();
        let (refused, dead) = (refused(&told), dead(&told));
        assert_eq!(dead.len(), 4, "one each half hour");
        for seq in &dead {
            assert_eq!(refused.iter().filter(|known| *known == seq).count(), 3, "{refused:?}");
        }
        assert_eq!(refused.len(), 12);
        let sent = told.sent(LaneName::Report);
        let lost: Vec<u64> =
            told.queued(LaneName::Report).into_iter().filter(|seq| !sent.contains(seq)).collect();
        assert_eq!(lost, dead);
        let down = told.count(
            |happening| matches!(happening, Happening::LinkState { from, to, .. } if from.is_up() && !to.is_up()),
        );
        assert_eq!(down, 0, "the link is not to blame");
    }
    ledger::settle(&mut lab);
}

#[test]
fn two_that_are_refused_in_a_row_bury_nobody() {
    let mut lab = Lab::start(Case::of(station("refusing_twice.yaml")));
    lab.run_to(hm(0, 9));
    {
        let told = lab.told();
        let distinct: std::collections::BTreeSet<u64> = refused(&told).into_iter().collect();
        assert_eq!((distinct.len(), dead(&told).len()), (2, 0));
        assert_eq!(told.status.as_ref().map(|status| status.link), Some(LinkState::Online));
    }
    // A good one gets its turn and shows that the others are to blame. The first of them goes at once.
    lab.run_to(hm(2, 0));
    {
        let told = lab.told();
        let ends: Vec<&str> = told.all(|happening| match happening {
            Happening::ReportSent { .. } => Some("sent"),
            Happening::ReportDead { .. } => Some("dead"),
            _ => None,
        });
        // The second of them is alone in the outbox then, and refused once more.
        assert_eq!(ends[..4], ["sent", "dead", "dead", "sent"], "{ends:?}");
        assert_eq!(ends.len(), 2 + 11, "{ends:?}");
        assert_eq!(refused(&told).len(), 7);
    }
    ledger::settle(&mut lab);
}

/// A disk that fails as the clock says.
fn failing(plan: &Rc<RefCell<Option<DiskFault>>>) -> DiskFaults {
    let plan = Rc::clone(plan);
    Box::new(move |_| *plan.borrow())
}

#[test]
fn a_disk_that_fails_for_a_while_costs_nothing() {
    for fault in [DiskFault::Full, DiskFault::Write, DiskFault::Sync] {
        let disk = Rc::default();
        let count = |minute| cloud(hm(0, minute), "command/send/1000", r#"{"method":"count","params":{}}"#);
        let mut lab =
            Lab::new(Case::of(station("commands.yaml")).then([count(5), count(25), count(75), count(95)]));
        lab.boot_with(Some(failing(&disk)));
        lab.run_to(hm(0, 20));
        *disk.borrow_mut() = Some(fault);
        lab.run_to(hm(1, 0));
        {
            let told = lab.told();
            assert_eq!(told.count(|happening| matches!(happening, Happening::StoreVolatile { .. })), 1);
            assert!(told.status.as_ref().is_some_and(|status| status.store_volatile));
            assert_eq!(told.command_codes(), ["ok", "ok"]);
        }
        *disk.borrow_mut() = None;
        lab.run_to(hm(2, 0));
        {
            let told = lab.told();
            assert_eq!(told.count(|happening| matches!(happening, Happening::StoreRestored { .. })), 1);
            assert!(told.status.as_ref().is_some_and(|status| !status.store_volatile));
            assert_eq!(told.command_codes(), ["ok"; 4]);
            assert_eq!(told.queued(LaneName::Report), told.sent(LaneName::Report), "{fault:?}");
            assert!(told.queued(LaneName::Report).len() >= 119);
        }
        // What was set while the disk failed is on it now.
        lab.kill();
        assert_eq!(lab.left().state().get("count"), Some(&serde_json::json!(4)), "{fault:?}");
        lab.boot();
        lab.run_to(hm(2, 5));
        assert_eq!(lab.told().count(|happening| matches!(happening, Happening::StoreVolatile { .. })), 1);
        ledger::settle(&mut lab);
    }
}

/// An outage during which the disk fails, too: all waits in memory, and then on disk.
#[test]
fn a_disk_that_fails_in_an_outage_costs_nothing() {
    let disk = Rc::default();
    let away = crate::support_station::what("10m", "broker: away, for: 2h");
    let mut lab = Lab::new(Case::bundled().then([away]));
    lab.boot_with(Some(failing(&disk)));
    lab.run_to(hm(0, 30) + s(7));
    *disk.borrow_mut() = Some(DiskFault::Write);
    lab.run_to(hm(1, 0) + s(7));
    *disk.borrow_mut() = None;
    lab.run_to(hm(4, 0));
    {
        let told = lab.told();
        let restored = told.all(|happening| match happening {
            Happening::StoreRestored { rows } => Some(*rows),
            _ => None,
        });
        assert!(restored.len() == 1 && restored[0] >= 29, "{restored:?}");
        assert_eq!(told.queued(LaneName::Report), told.sent(LaneName::Report));
    }
    ledger::settle(&mut lab);
}
