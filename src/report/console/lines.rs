//! Every line both ways, for those who want to see it.

use crate::at::sorter::{Class, Damaged};
use crate::link::Mono;
use crate::report::paint::Paint;
use crate::report::text::{clock, excerpt};
use crate::session::Heard;

use super::Console;

impl Console {
    pub(super) fn heard(&mut self, at: Mono, heard: &Heard<'_>) {
        let text = match heard {
            Heard::Sent(line) => format!("→ {}", excerpt(line)),
            Heard::SentData(bytes) => format!("→ {bytes} bytes of data"),
            Heard::Line { class, text } => {
                format!("← {}{}", excerpt(text), class_note(*class))
            }
            Heard::Message(message) => {
                format!("← message on {}: {} bytes", message.topic, message.payload.len())
            }
            Heard::Damaged(Damaged { declared, seen, delivered }) => {
                let end =
                    if *delivered { "whole JSON all the same, so it is taken" } else { "it is dropped" };
                let text = format!("! a message of {declared} bytes, by its header, has {seen}; {end}");
                let text = format!("{} {}", self.time(at), self.paint(Paint::Notice, &text));
                return self.line(&text);
            }
            Heard::Resync => "→ asking AT until the module answers OK".to_string(),
        };
        let text = format!("{}     {}", clock(at), text);
        let text = self.paint(Paint::Dim, &text);
        self.line(&text);
    }
}

/// What a line is, in the field's words; nothing for plain information.
fn class_note(class: Class) -> &'static str {
    match class {
        Class::Information => "",
        Class::Echo => "  (echo)",
        Class::Prompt => "  (prompt)",
        Class::Await => "  (awaited)",
        Class::Fail => "  (failure)",
        Class::Final => "  (final result)",
        Class::Expect => "  (expected)",
        Class::Collect => "  (collected)",
        Class::Closed => "  (URC: closed)",
        Class::Reboot => "  (URC: restart)",
        Class::Notice => "  (URC: a message waits)",
        Class::Message => "  (URC: message)",
        Class::Other => "  (URC)",
        Class::Unknown => "  (unknown)",
        Class::Late => "  (late)",
        Class::Noise => "  (noise)",
    }
}
