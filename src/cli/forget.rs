//! `atflow forget`: lines that must not be sent a second time may be sent again.

use super::args::ForgetArgs;
use super::once_file::OnceFile;
use super::{Exit, complain, say};

pub(super) fn forget(args: &ForgetArgs) -> Exit {
    let done = match OnceFile::open().forget(args.port.as_deref()) {
        Ok(0) => "nothing was remembered".to_string(),
        Ok(1) => "forgot one line; it may be sent again".to_string(),
        Ok(count) => format!("forgot {count} lines; they may be sent again"),
        Err(why) => {
            complain(&why, None);
            return Exit::Environment;
        }
    };
    say::line(&done).map_or_else(|exit| exit, |()| Exit::Done)
}
