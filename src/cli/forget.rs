//! `atflow forget`: lines that must not be sent a second time may be sent again.

use super::args::ForgetArgs;
use super::once_file::OnceFile;
use super::{Exit, complain};

pub(super) fn forget(args: &ForgetArgs) -> Exit {
    match OnceFile::open().forget(args.port.as_deref()) {
        Ok(0) => println!("nothing was remembered"),
        Ok(1) => println!("forgot one line; it may be sent again"),
        Ok(count) => println!("forgot {count} lines; they may be sent again"),
        Err(why) => {
            complain(&why, None);
            return Exit::Environment;
        }
    }
    Exit::Done
}
