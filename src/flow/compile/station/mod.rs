//! What makes a file a station. Everything that is run becomes a flow like any other, everything that is only
//! worked out a [`Computation`]; here they are gathered from the station's file and its cloud's.

mod asleep;
mod cron;
mod downlink;
mod events;
mod handlers;
mod judge;
mod link;
mod outbox;
mod schedule;
mod state;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::model::station::{CloudLimits, Computation, EventRule};
use crate::flow::model::{FlowId, Leaf, Slot, Station, UnitId};
use crate::flow::yaml::{Key, Node};
use crate::hooks::Value;

use super::Compiler;
use super::files::{Files, Kind};
use super::flow::{Body, Signature};
use super::head::Head;
use super::scope::{STATE, Scope};

pub(super) use link::levels;
pub(super) use state::Kept;

/// The parts of a station's or cloud's file that no other file has.
#[derive(Default)]
pub(super) struct StationNodes<'n> {
    pub state: Vec<(&'n Key, &'n Node)>,
    pub schedule: Vec<&'n Node>,
    pub events: Vec<&'n Node>,
    pub downlink: Option<&'n Node>,
    pub link: Option<&'n Node>,
    pub outbox: Option<&'n Node>,
    pub limits: Option<&'n Node>,
}

/// A station whose flows have no bodies yet.
pub(super) struct Draft {
    station: Station,
    /// How often its schedules are due at most.
    periods: Vec<Period>,
    /// Where the cloud says how often it wants reports.
    limits_at: Option<Span>,
}

/// How often a schedule is due at most.
struct Period {
    flow: FlowId,
    least: Duration,
    /// The value of `every` or `cron`.
    at: Span,
    said: Said,
}

/// What says how often a schedule is due.
enum Said {
    Every,
    /// A value of `state`.
    Kept(Arc<str>),
    /// And the time from one due time to the next on average.
    Cron(Duration),
}

/// One value of a [`Computation`], with the file that says it.
enum Asked<'n> {
    /// Values with `${…}` in their leaves.
    Tree(UnitId, &'n Node),
    /// Always a text.
    Text(UnitId, &'n Node),
    /// An expression that stands by itself.
    Bare(UnitId, &'n Node),
    /// Nobody says it.
    Plain(Value),
}

impl Compiler<'_> {
    /// The station of the main file. A cloud's file by itself is looked over in the same way, and is none.
    pub(super) fn station<'n>(
        &mut self,
        files: &Files,
        heads: &[Head<'n>],
        levels: &'n [Node],
        bodies: &mut Vec<Body<'n>>,
    ) -> Option<Draft> {
        let kind = files.all.first()?.kind;
        if !matches!(kind, Kind::Station | Kind::Cloud) {
            return None;
        }
        let own = &heads[0].station;
        self.no_var_named_state(heads[0].vars);
        let cloud = files.all.iter().position(|file| file.kind == Kind::Cloud);
        let limits_node = cloud.and_then(|cloud| heads[cloud].station.limits);
        let limits = self.cloud_limits(limits_node);
        let (schedules, periods) = self.schedules(&own.schedule, bodies);
        let events = self.events(&own.events, bodies);
        let downlink = self.downlink(cloud, heads);
        let link = self.link(link::said(files, heads), levels, bodies);
        let outbox = self.outbox(own.outbox);
        if kind == Kind::Cloud {
            return None;
        }
        let subscriptions = subscriptions(downlink.as_ref(), &events);
        let callable = self.callable();
        let state = self.state.iter().flatten().filter_map(|kept| kept.var.clone()).collect();
        let station =
            Station { state, schedules, downlink, events, link, outbox, limits, callable, subscriptions };
        Some(Draft { station, periods, limits_at: limits_node.map(|node| node.span) })
    }

    /// A var of that name would hide what the station keeps.
    fn no_var_named_state(&mut self, vars: Option<&Node>) {
        let entries = vars.and_then(Node::map).unwrap_or_default();
        let Some((key, _)) = entries.iter().find(|(key, _)| key.text == STATE) else { return };
        if self.state.is_some() {
            self.problems.push(
                Diagnostic::error(Code::NAME, key.span, "`state` holds all that the station keeps")
                    .help("give the var another name"),
            );
        }
    }

    /// What a handler's `run` and `after` may name.
    fn callable(&self) -> BTreeMap<String, FlowId> {
        let names = self.tables.iter().flat_map(BTreeMap::keys);
        names.filter_map(|name| Some((name.clone(), self.lookup(UnitId(0), name)?))).collect()
    }

    /// A flow that the engine runs by itself.
    fn add_flow<'n>(
        &mut self,
        bodies: &mut Vec<Body<'n>>,
        (name, span): (&str, Span),
        unit: UnitId,
        params: &[Arc<str>],
        body: Body<'n>,
    ) -> FlowId {
        let id = FlowId(self.signatures.len());
        self.signatures.push(Signature {
            name: name.to_string(),
            span,
            unit,
            params: params.iter().map(|param| (Arc::clone(param), None)).collect(),
            returns: Vec::new(),
            is_main: false,
        });
        bodies.push(body);
        id
    }

    /// Values that are worked out together. The first file that says one lends its vars to the frame.
    fn computation(&mut self, given: &[Arc<str>], asked: &[Asked<'_>]) -> Option<Computation> {
        let unit = asked.iter().find_map(Asked::unit).unwrap_or(UnitId(0));
        let values: Vec<Option<Leaf>> = asked
            .iter()
            .map(|one| {
                let (scope, _) = self.given_scope(one.unit().unwrap_or(unit), unit, given);
                match one {
                    Asked::Tree(_, node) => self.leaf(node, &scope),
                    Asked::Text(_, node) => self.template(node, &scope).map(Leaf::Template),
                    Asked::Bare(_, node) => self.bare_expr(node, &scope).map(Leaf::Expr),
                    Asked::Plain(value) => Some(Leaf::Plain(value.clone())),
                }
            })
            .collect();
        let (scope, slots) = self.given_scope(unit, unit, given);
        let names = scope.into_names().len();
        let given = given.iter().cloned().zip(slots).collect();
        Some(Computation { unit, names, given, values: values.into_iter().collect::<Option<_>>()? })
    }

    /// The names of a computation, as a file sees them in a frame of `frame`.
    fn given_scope(&self, unit: UnitId, frame: UnitId, given: &[Arc<str>]) -> (Scope, Vec<Slot>) {
        let mut scope = self.scope(unit);
        let slots = given.iter().map(|name| scope.param(name)).collect();
        (scope.in_frame_of(frame), slots)
    }
}

impl Asked<'_> {
    fn unit(&self) -> Option<UnitId> {
        match self {
            Self::Tree(unit, _) | Self::Text(unit, _) | Self::Bare(unit, _) => Some(*unit),
            Self::Plain(_) => None,
        }
    }
}

/// The limits of a cloud that says none.
fn no_limits() -> CloudLimits {
    CloudLimits {
        report_every: None,
        gap: Duration::from_millis(100),
        drain_every: Duration::from_secs(1),
        exceeded: false,
    }
}

/// What the link subscribes to, each filter once.
fn subscriptions(
    downlink: Option<&crate::flow::model::station::Downlink>,
    events: &[EventRule],
) -> Vec<String> {
    let mut filters = Vec::new();
    let of_events = events.iter().filter_map(EventRule::topic);
    for topic in downlink.map(|downlink| &downlink.topic).into_iter().chain(of_events) {
        let filter = topic.filter();
        if !filters.contains(&filter) {
            filters.push(filter);
        }
    }
    filters
}

#[cfg(test)]
mod tests;
