//! `atflow schema` and `atflow completions`: what editors and shells want to know.

use clap::CommandFactory as _;

use crate::flow::schema;

use super::args::{Args, CompletionsArgs, SchemaArgs, SchemaOf};
use super::{Exit, say};

pub(super) fn schema(args: &SchemaArgs) -> Exit {
    let text = match args.of {
        SchemaOf::Flow => schema::flow_schema(),
        SchemaOf::Dialect => schema::dialect_schema(),
        SchemaOf::Test => schema::test_schema(),
        SchemaOf::Scenario => schema::scenario_schema(),
    };
    say::print(&text).map_or_else(|exit| exit, |()| Exit::Done)
}

pub(super) fn completions(args: &CompletionsArgs) -> Exit {
    // Into memory first: the generator panics when it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "atflow", &mut script);
    say::print(&String::from_utf8_lossy(&script)).map_or_else(|exit| exit, |()| Exit::Done)
}
