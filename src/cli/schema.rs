//! `atflow schema` and `atflow completions`: what editors and shells want to know.

use clap::CommandFactory as _;

use crate::flow::schema;

use super::Exit;
use super::args::{Args, CompletionsArgs, SchemaArgs, SchemaOf};

pub(super) fn schema(args: &SchemaArgs) -> Exit {
    match args.of {
        SchemaOf::Flow => print!("{}", schema::flow_schema()),
        SchemaOf::Dialect => print!("{}", schema::dialect_schema()),
    }
    Exit::Done
}

pub(super) fn completions(args: &CompletionsArgs) -> Exit {
    clap_complete::generate(args.shell, &mut Args::command(), "atflow", &mut std::io::stdout());
    Exit::Done
}
