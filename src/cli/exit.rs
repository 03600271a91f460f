//! The exit codes. They are a promise to scripts: documented in the README, tested.

use std::process::ExitCode;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything was done.
    Done,
    /// The flow failed, or the module answered with an error.
    Failed,
    /// A file or an argument is wrong.
    Usage,
    /// The environment failed: port, broker, disk.
    Environment,
    /// A signal ended it.
    Interrupted,
}

impl Exit {
    /// As a number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_codes_are_a_promise() {
        let all = [Exit::Done, Exit::Failed, Exit::Usage, Exit::Environment, Exit::Interrupted];
        assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 130]);
    }
}
