//! `atflow outbox`: what a station has not sent yet, and what was refused for good. Works while it runs.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, SecondsFormat};
use serde_json::json;

use crate::report::text::{columns, pad_out};
use crate::store::{Seen, StoreError, Visit, Where};
use crate::transcript::visible::escaped;

use super::args::{Format, ManyArgs, OutboxArgs, OutboxCommand, PlaceArgs, StoreArgs};
use super::{Exit, complain, say, state_dir};

pub(super) fn outbox(args: &OutboxArgs) -> Exit {
    done(match &args.what {
        OutboxCommand::List { store } => list_all(store),
        OutboxCommand::Show { seq, store } => show_one(*seq, store),
        OutboxCommand::Retry(many) => each(many, |visit, seq, format| {
            visit.retry(seq).map_err(|why| refused(&why)).and_then(|new| retried(seq, new, format))
        }),
        OutboxCommand::Drop(many) => each(many, |visit, seq, format| {
            visit.drop_row(seq).map_err(|why| refused(&why)).and_then(|()| dropped(seq, format))
        }),
    })
}

fn done(done: Result<(), Exit>) -> Exit {
    done.err().unwrap_or(Exit::Done)
}

fn list_all(args: &StoreArgs) -> Result<(), Exit> {
    let rows = visit(args.station.as_deref(), &args.place)?.list().map_err(|why| refused(&why))?;
    list(&rows, args.place.format)
}

fn show_one(seq: u64, args: &StoreArgs) -> Result<(), Exit> {
    let visit = visit(args.station.as_deref(), &args.place)?;
    let (row, bytes) = visit.show(seq).map_err(|why| refused(&why))?;
    show(&row, &bytes, args.place.format)
}

/// One that cannot be changed keeps none of the others from being changed.
fn each(args: &ManyArgs, change: impl Fn(&Visit, u64, Format) -> Result<(), Exit>) -> Result<(), Exit> {
    let (numbers, station) = args.read().map_err(|word| {
        complain(
            &format!("`{word}` is no number of a message"),
            Some("write the numbers, and then the station's name"),
        );
        Exit::Usage
    })?;
    if station.is_some() && args.place.state.is_some() {
        complain("a station's name and `--state` say the same thing", Some("leave one of them out"));
        return Err(Exit::Usage);
    }
    if station.is_none() && args.place.state.is_none() {
        not_a_station(&args.words)?;
    }
    let visit = visit(station, &args.place)?;
    let ends: Vec<_> = numbers.into_iter().map(|seq| change(&visit, seq, args.place.format)).collect();
    ends.into_iter().collect()
}

/// The last of several numbers is none, perhaps: a station may be called so.
fn not_a_station(words: &[String]) -> Result<(), Exit> {
    match words {
        [_, .., last] if state_dir::default_dir(last).is_ok_and(|folder| folder.exists()) => {
            let message = format!("`{last}` may be a message, and a station is called so");
            complain(&message, Some("name the station's folder with `--state`"));
            Err(Exit::Usage)
        }
        _ => Ok(()),
    }
}

fn visit(station: Option<&str>, args: &PlaceArgs) -> Result<Visit, Exit> {
    let folder = match (&args.state, station) {
        (Some(folder), _) => Ok(folder.clone()),
        (None, Some(name)) => state_dir::default_dir(name),
        (None, None) => state_dir::only_one(),
    };
    let folder = folder.map_err(|why| {
        complain(&why, None);
        Exit::Usage
    })?;
    Visit::to(&folder).map_err(|why| refused(&why))
}

fn refused(why: &StoreError) -> Exit {
    complain(&why.to_string(), None);
    if matches!(why, StoreError::Row(_)) { Exit::Failed } else { Exit::Environment }
}

fn time(row: &Seen) -> Option<String> {
    let time = DateTime::from_timestamp_millis(row.wall_ms?)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

fn record(row: &Seen) -> serde_json::Value {
    json!({
        "seq": row.seq,
        "state": row.place.word(),
        "lane": row.lane.word(),
        "topic": row.topic,
        "bytes": row.bytes,
        "qos": row.qos,
        "source": row.source,
        "attempts": row.attempts,
        "time": time(row),
        "error": row.error,
    })
}

fn list(rows: &[Seen], format: Format) -> Result<(), Exit> {
    if format == Format::Json {
        return rows.iter().try_for_each(|row| say::line(&record(row).to_string()));
    }
    if rows.is_empty() {
        return say::line("nothing waits, and nothing was refused");
    }
    let heads = ["SEQ", "STATE", "LANE", "TIME", "BYTES", "TRIES", "SOURCE", "TOPIC", "ERROR"];
    let mut table = vec![heads.map(str::to_string)];
    table.extend(rows.iter().map(cells));
    let widths: Vec<usize> = (0..heads.len())
        .map(|column| table.iter().map(|row| columns(&row[column])).max().unwrap_or(0))
        .collect();
    table.iter().try_for_each(|row| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| pad_out(cell, *width)).collect();
        say::line(cells.join("  ").trim_end())
    })
}

fn cells(row: &Seen) -> [String; 9] {
    [
        row.seq.to_string(),
        row.place.word().to_string(),
        row.lane.word().to_string(),
        time(row).unwrap_or_else(|| "unknown".to_string()),
        row.bytes.to_string(),
        row.attempts.to_string(),
        escaped(&row.source),
        escaped(&row.topic),
        row.error.as_deref().map(escaped).unwrap_or_default(),
    ]
}

fn show(row: &Seen, payload: &[u8], format: Format) -> Result<(), Exit> {
    let text = std::str::from_utf8(payload);
    if format == Format::Json {
        let mut record = record(row);
        match text {
            Ok(text) => record["payload"] = text.into(),
            Err(_) => record["payload_base64"] = BASE64_STANDARD.encode(payload).into(),
        }
        return say::line(&record.to_string());
    }
    let [_, state, lane, time, bytes, tries, source, topic, error] = cells(row);
    let payload = text.map_or_else(|_| payload.escape_ascii().to_string(), escaped);
    let seq = row.seq;
    let entries = [
        ("state", state),
        ("lane", lane),
        ("made", time),
        ("source", source),
        ("topic", topic),
        ("qos", row.qos.to_string()),
        ("tries", tries),
        ("error", error),
        ("bytes", bytes),
    ];
    say::line(&format!("row {seq}"))?;
    let told = entries.iter().filter(|(_, value)| !value.is_empty());
    told.clone().try_for_each(|(name, value)| say::line(&format!("  {name:<8}{value}")))?;
    say::line(&format!("\n{payload}"))
}

fn retried(seq: u64, new: u64, format: Format) -> Result<(), Exit> {
    match format {
        Format::Json => {
            say::line(&json!({ "seq": new, "retry_of": seq, "state": Where::Outbox.word() }).to_string())
        }
        Format::Pretty => say::line(&format!("row {seq} waits again, as row {new}")),
    }
}

fn dropped(seq: u64, format: Format) -> Result<(), Exit> {
    match format {
        Format::Json => say::line(&json!({ "seq": seq, "state": "dropped" }).to_string()),
        Format::Pretty => say::line(&format!("row {seq} is deleted")),
    }
}
