//! `link`: the levels that a station climbs to get online, what asks whether it still is, and what is tried
//! when climbing does not help.

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::fields::Fields;
use crate::flow::keys;
use crate::flow::model::station::{Level, LinkCheck, LinkPlan, Rung};
use crate::flow::model::{FlowId, UnitId};
use crate::flow::yaml::{Kind as NodeKind, Node};

use super::super::Compiler;
use super::super::contract;
use super::super::files::{Files, Kind};
use super::super::flow::Body;
use super::super::head::Head;

/// How often a reset may be used, where nothing is said.
const AT_MOST: u32 = 1;
/// In this time.
const PER: std::time::Duration = std::time::Duration::from_hours(1);

/// The `link` that counts: the station's own, else the cloud's.
pub(super) fn said<'n>(files: &Files, heads: &[Head<'n>]) -> Option<(UnitId, &'n Node)> {
    let clouds = files.all.iter().enumerate().filter(|(_, file)| file.kind == Kind::Cloud);
    let units = std::iter::once(0).chain(clouds.map(|(unit, _)| unit));
    units.into_iter().find_map(|unit| Some((UnitId(unit), heads[unit].station.link?)))
}

/// The levels as lists of one step each, without its `retry`: that is made between runs of it.
pub(in crate::flow::compile) fn levels(files: &Files, heads: &[Head<'_>]) -> Vec<Node> {
    let up = said(files, heads).and_then(|(_, link)| link.get("up")?.list()).unwrap_or_default();
    up.iter().filter(|item| !item.is_nothing()).map(alone).collect()
}

fn alone(item: &Node) -> Node {
    let mut step = item.clone();
    if let NodeKind::Map(entries) = &mut step.kind {
        entries.retain(|(key, _)| key.text != "retry");
    }
    Node { kind: NodeKind::List(vec![step]), ..item.clone() }
}

impl Compiler<'_> {
    /// How the station gets online. `levels` are those of [`levels`].
    pub(super) fn link<'n>(
        &mut self,
        said: Option<(UnitId, &'n Node)>,
        levels: &'n [Node],
        bodies: &mut Vec<Body<'n>>,
    ) -> Option<LinkPlan> {
        let (unit, node) = said?;
        let fields = self.open(node, &keys::LINK)?;
        let span = fields.head();
        let up = fields.list("up", self.problems).unwrap_or_default();
        let (check, down, reset) = (fields.node("check"), fields.node("down"), fields.node("reset"));
        fields.finish();
        let up = up
            .into_iter()
            .zip(levels)
            .filter_map(|(item, level)| self.level(unit, item, level, bodies))
            .collect();
        let check = check.and_then(|node| self.link_check(unit, node));
        let down = down.and_then(|node| self.link_down(unit, node));
        let rungs: Vec<&Node> = match reset {
            Some(node) => node.list().map_or_else(|| vec![node], |rungs| rungs.iter().collect()),
            None => Vec::new(),
        };
        let reset = rungs.into_iter().filter_map(|rung| self.rung(unit, rung)).collect();
        Some(LinkPlan { span, up, check, down, reset })
    }

    fn level<'n>(
        &mut self,
        unit: UnitId,
        item: &'n Node,
        step: &'n Node,
        bodies: &mut Vec<Body<'n>>,
    ) -> Option<Level> {
        let Some(run) = item.get("run") else {
            self.problems.push(
                Diagnostic::error(Code::LEVEL, item.span, "a level of `link.up` runs a flow")
                    .help("write `- run: NAME`; other steps go into that flow"),
            );
            return None;
        };
        let text = |node: &Node| node.scalar().map(|scalar| scalar.text.to_string());
        let name = item.get("name").and_then(text).filter(|name| !name.contains("${"));
        let name = name.or_else(|| text(run)).unwrap_or_default();
        let flow = self.add_flow(bodies, (&name, run.span), unit, &[], Body::of_steps(Some(step), None));
        let retry = item.get("retry").filter(|retry| !retry.is_nothing());
        let retry = self.retry(retry);
        Some(Level { name: name.into(), flow, retry })
    }

    fn link_check(&mut self, unit: UnitId, node: &Node) -> Option<LinkCheck> {
        let fields = self.open(node, &keys::LINK_CHECK)?;
        let named = self.named_flow(unit, &fields);
        let every = fields.duration("every", self.problems);
        fields.finish();
        let (name, flow, at) = named?;
        if !self.signatures[flow.0].returns.iter().any(|name| &**name == "online") {
            self.problems.push(
                Diagnostic::error(Code::NOT_ONLINE, at, format!("`{name}` does not return `online`"))
                    .help("add `returns: [online]` to it, and a step that sets `online` to true or false"),
            );
        }
        let every = every?;
        if every.value.is_zero() {
            self.problems.push(
                Diagnostic::error(Code::OUT_OF_RANGE, every.span, "`every` cannot be nothing")
                    .help("write how long it is from one question to the next, such as `2m`"),
            );
        }
        Some(LinkCheck { flow, every: every.value })
    }

    fn link_down(&mut self, unit: UnitId, node: &Node) -> Option<FlowId> {
        let fields = self.open(node, &keys::LINK_DOWN)?;
        let named = self.named_flow(unit, &fields);
        fields.finish();
        named.map(|(_, flow, _)| flow)
    }

    fn rung(&mut self, unit: UnitId, node: &Node) -> Option<Rung> {
        let fields = self.open(node, &keys::LINK_RESET)?;
        let named = self.named_flow(unit, &fields);
        let at_most = fields.int("at_most", self.problems).and_then(|most| u32::try_from(most.value).ok());
        let per = fields.duration("per", self.problems).map(|per| per.value);
        fields.finish();
        let (name, flow, _) = named?;
        Some(Rung { name: name.into(), flow, at_most: at_most.unwrap_or(AT_MOST), per: per.unwrap_or(PER) })
    }

    /// The flow that `run` names, which gets no params. A cloud's file is written for every module: what its
    /// dialect leaves out of the contract is left out here, too.
    fn named_flow(&mut self, unit: UnitId, fields: &Fields<'_>) -> Option<(String, FlowId, Span)> {
        let run = fields.text("run", self.problems)?;
        let (name, at) = (run.text.to_string(), run.span);
        if let Some(flow) = self.lookup(unit, &name) {
            self.needs_no_params(flow, at);
            return Some((name, flow, at));
        }
        let is_cloud = self.parents[unit.0].1 == Kind::Cloud;
        if !(is_cloud && contract::flow(&name).is_some()) {
            self.unknown_flow(&name, at, unit);
        }
        None
    }
}
