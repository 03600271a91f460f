//! The top of a file, read by the shape of its kind.

use std::time::Duration;

use crate::flow::keys;
use crate::flow::yaml::{Key, Node};

use super::Compiler;
use super::files::{File, Kind};
use super::flow::Body;
use super::station::StationNodes;

/// The parts of a file that every kind has.
#[derive(Default)]
pub(super) struct Head<'n> {
    pub name: Option<String>,
    pub vars: Option<&'n Node>,
    pub flows: Vec<(&'n Key, &'n Node)>,
    pub steps: Option<&'n Node>,
    pub params: Option<&'n Node>,
    pub returns: Option<&'n Node>,
    pub timeout: Option<Duration>,
    pub station: StationNodes<'n>,
}

impl<'n> Head<'n> {
    /// The file's own steps as a flow.
    pub fn main_body(&self) -> Option<Body<'n>> {
        self.steps.map(|steps| Body {
            params: self.params,
            returns: self.returns,
            timeout: self.timeout,
            retry: None,
            steps: Some(steps),
            on_error: None,
            always: None,
        })
    }
}

impl Compiler<'_> {
    /// Reads the top of a file by the shape of its kind.
    pub(super) fn head<'n>(&mut self, file: &'n File) -> Head<'n> {
        match file.kind {
            Kind::Dialect => Self::dialect_head(file),
            Kind::Cloud => self.cloud_head(file),
            Kind::Station => self.station_head(file),
            Kind::Flow | Kind::Library => self.flow_head(file),
        }
    }

    fn flow_head<'n>(&mut self, file: &'n File) -> Head<'n> {
        let Some(fields) = self.open(&file.node, &keys::FLOW) else { return Head::default() };
        // Whoever gathered the files has read these; what is no text was passed over and is reported here.
        for key in ["about", "module", "cloud"] {
            fields.text(key, self.problems);
        }
        for key in ["use", "hooks"] {
            fields.texts(key, self.problems);
        }
        let head = Head {
            name: fields.text("name", self.problems).map(|name| name.text.to_string()),
            vars: fields.node("vars"),
            flows: fields.map("flows", self.problems).unwrap_or_default(),
            steps: fields.node("steps"),
            params: fields.list("params", self.problems).and(fields.node("params")),
            returns: fields.node("returns"),
            timeout: fields.duration("timeout", self.problems).map(|timeout| timeout.value),
            station: StationNodes::default(),
        };
        fields.finish();
        head
    }

    fn station_head<'n>(&mut self, file: &'n File) -> Head<'n> {
        let Some(fields) = self.open(&file.node, &keys::STATION) else { return Head::default() };
        for key in ["about", "module", "cloud"] {
            fields.text(key, self.problems);
        }
        for key in ["use", "hooks"] {
            fields.texts(key, self.problems);
        }
        let head = Head {
            name: fields.text("name", self.problems).map(|name| name.text.to_string()),
            vars: fields.node("vars"),
            flows: fields.map("flows", self.problems).unwrap_or_default(),
            station: StationNodes {
                state: fields.map("state", self.problems).unwrap_or_default(),
                schedule: fields.list("schedule", self.problems).unwrap_or_default(),
                events: fields.list("events", self.problems).unwrap_or_default(),
                downlink: fields.node("downlink"),
                link: fields.node("link"),
                outbox: fields.node("outbox"),
                limits: None,
            },
            ..Head::default()
        };
        fields.finish();
        head
    }

    fn dialect_head(file: &File) -> Head<'_> {
        // The dialect's own keys are read, and reported on, where the dialect is made.
        let name = file.node.get("name").and_then(Node::scalar).map(|name| name.text.to_string());
        let flows = file.node.get("flows").and_then(Node::map).unwrap_or_default();
        Head {
            name,
            vars: file.node.get("vars").filter(|vars| !vars.is_nothing()),
            flows: flows.iter().map(|(key, node)| (key, node)).collect(),
            ..Head::default()
        }
    }

    fn cloud_head<'n>(&mut self, file: &'n File) -> Head<'n> {
        let Some(fields) = self.open(&file.node, &keys::CLOUD) else { return Head::default() };
        fields.text("about", self.problems);
        let head = Head {
            name: fields.text("name", self.problems).map(|name| name.text.to_string()),
            vars: fields.node("vars"),
            flows: fields.map("flows", self.problems).unwrap_or_default(),
            station: StationNodes {
                downlink: fields.node("downlink"),
                link: fields.node("link"),
                limits: fields.node("limits"),
                ..StationNodes::default()
            },
            ..Head::default()
        };
        fields.finish();
        head
    }
}
