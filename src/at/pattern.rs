//! stub
/// stub
#[derive(Debug)]
pub struct Pattern;
/// stub
#[derive(Debug)]
pub struct Sequence;
