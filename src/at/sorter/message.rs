//! Messages from the broker, and those that come in pieces.

use std::sync::Arc;

use crate::at::pattern::{Capture, Captures};

/// More is not collected of one message, nor of one that counts its pieces itself.
pub(super) const JOINED_BYTES: usize = 1 << 20;

/// A message from the broker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// What the hole `topic` took.
    pub topic: String,
    /// What the hole `payload` took, untouched.
    pub payload: Vec<u8>,
    /// The other holes.
    pub captures: Captures,
    /// Its declared length was wrong. It is here because it is whole JSON all the same.
    pub damaged: bool,
}

impl Message {
    pub(super) fn new(mut captures: Captures, damaged: bool) -> Self {
        let mut pull = |name: &str| {
            let index = captures.0.iter().position(|(known, _)| **known == *name)?;
            Some(match captures.0.remove(index).1 {
                Capture::Bytes(bytes) => bytes,
                Capture::Text(text) => text.into_bytes(),
                Capture::Int(number) => number.to_string().into_bytes(),
                Capture::Float(number) => number.to_string().into_bytes(),
                Capture::Missing => Vec::new(),
            })
        };
        let topic = pull("topic").unwrap_or_default();
        let payload = pull("payload").unwrap_or_default();
        Self { topic: String::from_utf8_lossy(&topic).into_owned(), payload, captures, damaged }
    }

    /// How long the whole message is, if the dialect says.
    fn total(&self) -> Option<usize> {
        let name: &Arc<str> = &self.captures.0.iter().find(|(name, _)| &**name == "total")?.0;
        usize::try_from(self.captures.int(name)?).ok().filter(|&total| total <= JOINED_BYTES)
    }
}

/// Pieces of one message that is not whole yet.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    joined: Option<Message>,
    /// How many came so far, of any message.
    came: u64,
}

impl Pieces {
    pub(super) fn is_waiting(&self) -> bool {
        self.joined.is_some()
    }

    /// The number of the newest piece, if there are more to come.
    pub(super) fn newest(&self) -> Option<u64> {
        self.joined.is_some().then_some(self.came)
    }

    /// Drops what has come; returns its length in bytes.
    pub(super) fn give_up(&mut self) -> Option<Message> {
        self.joined.take()
    }

    /// Adds a piece: the whole message once `total` bytes of its topic have come, and pieces that are given
    /// up because another topic began.
    pub(super) fn add(&mut self, piece: Message) -> (Option<Message>, Option<Message>) {
        let Some(total) = piece.total() else { return (Some(piece), None) };
        let mut lost = None;
        self.came += 1;
        let joined = match self.joined.take() {
            Some(mut first) if first.topic == piece.topic && first.total() == Some(total) => {
                first.payload.extend_from_slice(&piece.payload);
                first.damaged |= piece.damaged;
                first
            }
            other => {
                lost = other;
                piece
            }
        };
        if joined.payload.len() >= total {
            return (Some(joined), lost);
        }
        self.joined = Some(joined);
        (None, lost)
    }
}
