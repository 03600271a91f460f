//! Transactions: how far each is synced, what the disk may answer, and what follows from the answer.

use std::ops::Deref;

use rusqlite::{Connection, ErrorCode, TransactionBehavior, ffi};

use super::clock::Boots;
use super::outbox::Tally;
use super::{Bounds, Place, Store, StoreError};

/// How far a transaction must be when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// On the disk: somebody is told that it will be done.
    Promised,
    /// In the file: lost power may undo it, and then something that may be repeated is repeated.
    Repeatable,
}

/// A failure of the disk, made up by a simulation or a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// No space is left.
    Full,
    /// Writing failed.
    Write,
    /// Syncing failed: what is on the disk is unknown from now on.
    Sync,
}

/// Asked before each commit to the disk whether it fails.
pub type DiskFaults = Box<dyn FnMut(Durability) -> Option<DiskFault>>;

impl DiskFault {
    pub(super) fn code(self) -> std::os::raw::c_int {
        match self {
            Self::Full => ffi::SQLITE_FULL,
            Self::Write => ffi::SQLITE_IOERR_WRITE,
            Self::Sync => ffi::SQLITE_IOERR_FSYNC,
        }
    }

    pub(super) fn error(self) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(self.code()), None)
    }
}

/// What a failed statement says about the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No space.
    Full,
    /// Somebody else writes.
    Busy,
    /// It does not work now.
    Unable,
    /// What is in the file can no longer be trusted.
    Broken,
    /// Nothing.
    Other,
}

pub(super) fn trouble(error: &rusqlite::Error) -> Trouble {
    let rusqlite::Error::SqliteFailure(error, _) = error else { return Trouble::Other };
    match error.extended_code {
        ffi::SQLITE_IOERR_FSYNC
        | ffi::SQLITE_IOERR_DIR_FSYNC
        | ffi::SQLITE_IOERR_CORRUPTFS
        | ffi::SQLITE_IOERR_DATA => return Trouble::Broken,
        _ => {}
    }
    match error.code {
        ErrorCode::DiskFull => Trouble::Full,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Trouble::Busy,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Trouble::Broken,
        ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::ReadOnly
        | ErrorCode::PermissionDenied
        | ErrorCode::OutOfMemory
        | ErrorCode::FileLockingProtocolFailed => Trouble::Unable,
        _ => Trouble::Other,
    }
}

/// Waits of a quarter second each for another process (`atflow outbox`) to finish.
const BUSY_TRIES: u32 = 8;
/// Reports that are dropped together when the disk is full: freeing a single row frees no page.
const DROP_CHUNK: u64 = 64;

/// Where a transaction happens, and what it may want to know about the store.
pub(super) struct Site<'s> {
    db: &'s Connection,
    /// Not in memory because the disk does not work.
    pub(super) on_disk: bool,
    pub(super) tally: &'s Tally,
    pub(super) boots: &'s Boots,
    pub(super) bounds: &'s Bounds,
    pub(super) in_flight: Option<u64>,
}

impl Deref for Site<'_> {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        self.db
    }
}

impl Store {
    /// Makes each commit to the disk ask first.
    pub fn set_disk_faults(&mut self, faults: DiskFaults) {
        self.faults = Some(faults);
    }

    /// Does `work` in one transaction. A disk that fails is replaced, by a new file or by memory, and `work` is
    /// done again there.
    pub(super) fn write<T>(
        &mut self,
        durability: Durability,
        mut work: impl FnMut(&Site<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let (mut busy, mut failures) = (0, 0);
        loop {
            let error = match self.transact(durability, &mut work) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            match trouble(&error) {
                Trouble::Busy if busy < BUSY_TRIES => busy += 1,
                Trouble::Full if durability == Durability::Promised && self.drop_some(DROP_CHUNK) => {}
                _ => {
                    self.overcome(error, failures)?;
                    failures += 1;
                }
            }
        }
    }

    pub(super) fn transact<T>(
        &mut self,
        durability: Durability,
        work: &mut impl FnMut(&Site<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let began = self.measured_now();
        let done = self.commit_work(durability, work);
        match &done {
            Ok(_) => self.count_transaction(durability, began),
            Err(error) => self.count_error(error),
        }
        done
    }

    fn commit_work<T>(
        &mut self,
        durability: Durability,
        work: &mut impl FnMut(&Site<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.sync_as(durability)?;
        let on_disk = matches!(self.place, Place::Kept);
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&Site {
            db: &transaction,
            on_disk,
            tally: &self.tally,
            boots: &self.boots,
            bounds: &self.bounds,
            in_flight: self.in_flight,
        })?;
        let fault = self.faults.as_mut().filter(|_| on_disk).and_then(|faults| faults(durability));
        if let Some(fault) = fault {
            return Err(fault.error());
        }
        transaction.commit()?;
        Ok(done)
    }

    /// The pragma does nothing inside a transaction, so it stands between two.
    fn sync_as(&mut self, durability: Durability) -> rusqlite::Result<()> {
        if self.synced_as == Some(durability) || !matches!(self.place, Place::Kept) {
            return Ok(());
        }
        let word = match durability {
            Durability::Promised => "FULL",
            Durability::Repeatable => "NORMAL",
        };
        self.db.execute_batch(&format!("PRAGMA synchronous={word}"))?;
        self.synced_as = Some(durability);
        Ok(())
    }

    /// Finds another place for what the disk did not take. What does not lie in the disk is given back. A new file
    /// is tried once; if the same work fails again, it is the disk.
    pub(super) fn overcome(&mut self, error: rusqlite::Error, failures: u32) -> Result<(), StoreError> {
        if !matches!(self.place, Place::Kept) {
            return Err(error.into());
        }
        match trouble(&error) {
            Trouble::Other => Err(error.into()),
            Trouble::Broken if failures == 0 => self.replace_file(&error.to_string()),
            Trouble::Broken if self.home.is_some() => self.blind(&error.to_string(), true),
            Trouble::Broken | Trouble::Full | Trouble::Busy | Trouble::Unable => {
                self.go_volatile(&error.to_string())
            }
        }
    }

    /// Asks the store something; a file that turns out to be broken is replaced, and asked again.
    pub(super) fn read<T>(
        &mut self,
        question: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut failures = 0;
        loop {
            match question(&self.db) {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    self.count_error(&error);
                    self.overcome(error, failures)?;
                }
            }
            failures += 1;
        }
    }
}
