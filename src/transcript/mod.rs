//! The one record of a conversation: JSON lines, byte-exact both ways, with time, secrets masked.
