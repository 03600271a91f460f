//! Logs made by hand, to show that a rule can fail.

use std::time::Duration;

use crate::link::Mono;
use crate::sim::{Detail, Fault, FaultKind, FaultWhen, Receipt, Truth, TruthKind, Understood};
use crate::station::event::Happening;
use crate::store::{Enqueued, Lane, NewRow};

use super::super::log::{Log, Span};
use super::super::rules::Rules;
use crate::testing::fate::Crossing;

/// Seconds after power-on.
pub(in super::super) fn s(seconds: u64) -> Mono {
    Mono::ZERO + Duration::from_secs(seconds)
}

pub(in super::super) fn ms(ms: u64) -> Mono {
    Mono::ZERO + Duration::from_millis(ms)
}

/// A station's log in which nothing has happened.
pub(in super::super) fn log() -> Log {
    let rules = Rules { station: true, ..Rules::default() };
    let mut log = Log::new(Span::of(Duration::from_hours(1)), rules);
    log.ended = Mono::ZERO + log.span.whole;
    log
}

impl Log {
    pub(in super::super) fn tx(mut self, at: Mono, text: &str) -> Self {
        self.crossed.push(Crossing { at, sent: true, bytes: text.as_bytes().to_vec() });
        self
    }

    pub(in super::super) fn rx(mut self, at: Mono, text: &str) -> Self {
        self.crossed.push(Crossing { at, sent: false, bytes: text.as_bytes().to_vec() });
        self
    }

    pub(in super::super) fn tell(mut self, at: Mono, happening: Happening) -> Self {
        self.told.push((at, happening));
        self
    }

    /// Something goes wrong between module and host.
    pub(in super::super) fn suffer(mut self, at: Mono, kind: FaultKind) -> Self {
        let fault = Fault { kind, when: FaultWhen::Nth(1), lasts: None, detail: Detail::None };
        self.faults.push((at, fault));
        self
    }

    pub(in super::super) fn truth(mut self, at: Mono, kind: TruthKind) -> Self {
        self.truth.push(Truth { at, kind });
        self
    }

    /// A report becomes durable.
    pub(in super::super) fn row(mut self, at: Mono, seq: u64) -> Self {
        let row = NewRow {
            lane: Lane::Report,
            topic: "attributes".into(),
            payload: br#"{"n":1}"#.to_vec(),
            qos: 1,
            retain: false,
            source: "report".into(),
        };
        let at_ms = i64::try_from(at.as_micros() / 1000).unwrap();
        self.ledger.rows.push(Enqueued { seq, row, at_ms, volatile: false });
        self
    }

    /// The cloud receives a report.
    pub(in super::super) fn receive(self, at: Mono, seq: u64) -> Self {
        self.receive_text(at, &format!(r#"{{"n":1,"report_id":"store-{seq}"}}"#))
    }

    pub(in super::super) fn receive_text(mut self, at: Mono, payload: &str) -> Self {
        let post = crate::sim::Post {
            topic: "attributes".into(),
            payload: payload.as_bytes().to_vec(),
            qos: 1,
            retain: false,
        };
        self.received.push(Receipt { at, post, understood: Understood::Yes });
        self
    }
}
