//! What the lines of a transcript mean: result codes, numbers and states by name. Of a line that is not
//! known nothing is said.

mod meaning;

use std::sync::Arc;

use super::conversation::{Conversation, Exchange, Heard, Sent, command};
use super::show::{Paint, Part, seconds, time_width, title};
use super::visible::{visible, visible_up_to};
use crate::at::dialect::Dialect;
use crate::at::sorter::Class;
use crate::link::Mono;

/// Where meanings begin, if lines are not longer.
const TEXT_WIDTH: usize = 40;
/// Characters of data that are shown.
const DATA_WIDTH: usize = 32;

/// All lines of `whole`, which the user calls `name`, with what they mean to `dialect`.
pub fn explain(whole: &Conversation, name: &str, dialect: &Arc<Dialect>, paint: Paint<'_>) -> String {
    let latest = whole.exchanges.iter().flat_map(Exchange::all_heard).map(|heard| heard.at);
    let sent = whole.exchanges.iter().map(|exchange| exchange.sent.at);
    let width = time_width(
        latest.chain(sent).chain(whole.before.iter().map(|heard| heard.at)).max().unwrap_or(Mono::ZERO),
    );
    let mut page = Page { out: String::new(), width, dialect, paint, command: String::new() };
    page.out.push_str(&paint(Part::Heading, &title(name, &whole.header)));
    page.out.push_str("\n\n");
    whole.before.iter().for_each(|heard| page.heard(heard));
    for exchange in &whole.exchanges {
        let is_command = !command(&exchange.sent.bytes).is_empty();
        page.command = if is_command { exchange.line() } else { String::new() };
        page.row(exchange.sent.at, (Part::Sent, "→"), &visible(exchange.line().as_bytes()), None);
        exchange.heard.iter().for_each(|heard| page.heard(heard));
        for data in &exchange.data {
            page.data(&data.sent);
            data.heard.iter().for_each(|heard| page.heard(heard));
        }
    }
    if whole.torn {
        page.out.push_str(&paint(Part::Bad, "the last line of the file is cut off"));
        page.out.push('\n');
    }
    page.out
}

struct Page<'p> {
    out: String,
    width: usize,
    dialect: &'p Arc<Dialect>,
    paint: Paint<'p>,
    /// The command that is under way.
    command: String,
}

impl Page<'_> {
    fn data(&mut self, sent: &Sent) {
        let meaning = if sent.bytes.ends_with(&[0x1a]) {
            format!("{} bytes of data and Ctrl-Z", sent.bytes.len() - 1)
        } else if sent.bytes == [0x1b] {
            "ESC: no data after all".to_owned()
        } else {
            format!("{} bytes of data", sent.bytes.len())
        };
        self.row(sent.at, (Part::Sent, "→"), &visible_up_to(&sent.bytes, DATA_WIDTH), Some(meaning));
    }

    fn heard(&mut self, heard: &Heard) {
        let last = heard.lines.len().saturating_sub(1);
        for (index, (class, text)) in heard.lines.iter().enumerate() {
            let message = heard.message.as_ref().filter(|_| index == last);
            let meaning = message.map(meaning::message).or_else(|| {
                let asked = if heard.answers { self.command.as_str() } else { "" };
                meaning::line(text, *class, asked, self.dialect)
            });
            let shown = match class {
                Class::Message => visible_up_to(text.as_bytes(), TEXT_WIDTH),
                _ => visible(text.as_bytes()),
            };
            self.row(heard.at, (Part::Heard, "←"), &shown, meaning);
        }
    }

    fn row(&mut self, at: Mono, (part, arrow): (Part, &str), text: &str, meaning: Option<String>) {
        let time = format!("{:>width$}", seconds(at), width = self.width);
        let time = (self.paint)(Part::Time, &time);
        let shown = (self.paint)(part, &format!("{arrow} {text}"));
        self.out.extend([time.as_str(), " ", shown.as_str()]);
        if let Some(meaning) = meaning {
            let room = TEXT_WIDTH.saturating_sub(text.chars().count());
            self.out.push_str(&" ".repeat(room + 2));
            self.out.push_str(&(self.paint)(Part::Meaning, &meaning));
        }
        self.out.push('\n');
    }
}

#[cfg(test)]
mod tests;
