//! The file: opening it, knowing it for ours, and telling damage from a disk that will not.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::schema::{self, APPLICATION_ID};
use super::write::{Trouble, trouble};
use super::{Bounds, StoreError};

/// The database's name in the folder.
pub(super) const NAME: &str = "station.db";

/// Why a file cannot be used as it is.
pub(super) enum Unfit {
    /// Damaged: what can be read goes into a new file.
    Broken,
    /// The disk does not let us; maybe later.
    Unable(String),
    /// A newer program's.
    Newer(i64),
    /// In good health, and another program's.
    Foreign,
}

impl From<rusqlite::Error> for Unfit {
    fn from(error: rusqlite::Error) -> Self {
        match trouble(&error) {
            Trouble::Full | Trouble::Busy | Trouble::Unable => Self::Unable(error.to_string()),
            // Our own statements fail only on tables that are not ours.
            Trouble::Broken | Trouble::Other => Self::Broken,
        }
    }
}

/// Makes the folder, readable by its owner only, and refuses what shared memory does not work on. One that is there
/// and empty is made private, too; one that holds other things is for its owner to judge, and our files in it are
/// private all the same.
pub(super) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    let failed = |why: String| StoreError::Folder { path: folder.to_path_buf(), why };
    if fs::metadata(folder).is_ok_and(|found| !found.is_dir()) {
        return Err(failed("it is a file, and a folder is needed".to_string()));
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder).map_err(|why| failed(why.to_string()))?;
    #[cfg(unix)]
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none()) {
        use std::os::unix::fs::PermissionsExt as _;
        // Whoever may write in it without owning it may not change it, which is no reason to stay away.
        let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
    }
    if let Some(name) = network_under(folder) {
        return Err(failed(format!("it is on a network file system ({name}); use a local disk")));
    }
    sync_folder(folder);
    folder.parent().into_iter().for_each(sync_folder);
    Ok(())
}

/// The network file system that holds the folder.
#[cfg(target_os = "linux")]
fn network_under(folder: &Path) -> Option<&'static str> {
    let found = rustix::fs::statfs(folder).ok()?;
    // The field is signed or not, of 32 bits or 64, as the machine has it.
    let kind = i128::from(found.f_type) & 0xFFFF_FFFF;
    network_name(u32::try_from(kind).ok()?)
}

#[cfg(not(target_os = "linux"))]
fn network_under(_folder: &Path) -> Option<&'static str> {
    None
}

/// File systems over a network, and those that a virtual machine shares with its host, as `statfs(2)` numbers
/// them: two machines do not see each other's locks there, or no memory can be shared. FUSE is not among them,
/// because many a local one is made with it.
#[cfg(target_os = "linux")]
fn network_name(kind: u32) -> Option<&'static str> {
    const NAMES: [(u32, &str); 12] = [
        (0x6969, "NFS"),
        (0x517B, "SMB"),
        (0xFE53_4D42, "SMB"),
        (0xFF53_4D42, "CIFS"),
        (0x0102_1997, "9P"),
        (0x00C3_6400, "Ceph"),
        (0x5346_414F, "AFS"),
        (0x6B41_4653, "AFS"),
        (0x7375_7245, "Coda"),
        (0x0BD0_0BD0, "Lustre"),
        (0x564C, "NCP"),
        (0x786F_4256, "VirtualBox's shared folders"),
    ];
    NAMES.iter().find(|(known, _)| *known == kind).map(|(_, name)| *name)
}

/// Makes new and renamed files of the folder safe from a power cut. A file system that cannot is no reason to
/// stop.
pub(super) fn sync_folder(folder: &Path) {
    let _ = fs::File::open(folder).and_then(|folder| folder.sync_all());
}

/// Opens the file, makes it if it is not there, and checks it whole.
pub(super) fn connect(path: &Path, fresh_id: &str) -> Result<Connection, Unfit> {
    connect_by(path, fresh_id, schema::STEPS)
}

/// The same, for tables that these steps make.
pub(super) fn connect_by(path: &Path, fresh_id: &str, steps: &[&str]) -> Result<Connection, Unfit> {
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE,
    )?;
    schema::keep_statements(&db);
    db.execute_batch("PRAGMA busy_timeout=250; PRAGMA trusted_schema=OFF;")?;
    not_foreign(&db)?;
    db.execute_batch(
        "PRAGMA busy_timeout=250; PRAGMA page_size=4096; PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON;
         PRAGMA wal_autocheckpoint=2000; PRAGMA journal_size_limit=1048576;",
    )?;
    let mode: String = db.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Unfit::Unable(format!("the file system does not carry a write-ahead log ({mode})")));
    }
    owner_only(path);
    db.execute_batch("PRAGMA synchronous=FULL;")?;
    verify(&db, fresh_id, steps)?;
    Ok(db)
}

pub(super) fn number(db: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    db.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))
}

fn is_healthy(db: &Connection) -> rusqlite::Result<bool> {
    let said: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok(said == "ok")
}

/// A database that another program works with is left alone. One with our tables is ours, whatever has become of
/// the mark.
fn not_foreign(db: &Connection) -> Result<(), Unfit> {
    match number(db, "application_id")? {
        APPLICATION_ID => return Ok(()),
        0 if number(db, "schema_version")? == 0 => return Ok(()),
        _ => {}
    }
    if schema::has_our_tables(db) || !is_healthy(db)? { Ok(()) } else { Err(Unfit::Foreign) }
}

fn verify(db: &Connection, fresh_id: &str, steps: &[&str]) -> Result<(), Unfit> {
    let known = schema::version_of(steps);
    match (number(db, "application_id")?, number(db, "user_version")?, number(db, "schema_version")?) {
        (0, 0, 0) => schema::create(db, fresh_id, steps)?,
        (APPLICATION_ID, found, _) if found == known => {}
        (APPLICATION_ID, found, _) if found > known => return Err(Unfit::Newer(found)),
        (APPLICATION_ID, found, _) if found > 0 => {
            if !is_healthy(db)? {
                return Err(Unfit::Broken);
            }
            // A step that fails is no damage: the file stays as it is.
            schema::raise(db, found, steps).map_err(|why| Unfit::Unable(why.to_string()))?;
        }
        _ => return Err(Unfit::Broken),
    }
    if is_healthy(db)? { Ok(()) } else { Err(Unfit::Broken) }
}

/// Keeps others from reading what may be secret; the folder already does.
pub(super) fn owner_only(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// How large the file may become: payloads, what belongs to each row, and the tables beside the outbox.
pub(super) fn limit_pages(db: &Connection, bounds: &Bounds) -> rusqlite::Result<()> {
    const PAGE: u64 = 4096;
    const ROW: u64 = 512;
    const OTHER_TABLES: u64 = 64 * 1024 * 1024;
    let bytes =
        bounds.max_bytes.saturating_add(bounds.max_rows.saturating_mul(ROW)).saturating_add(OTHER_TABLES);
    // SQLite answers with what is in force.
    db.query_row(&format!("PRAGMA max_page_count={}", bytes / PAGE), [], |_| Ok(()))
}

/// `station.db` of a folder, with an ending put behind it.
pub(super) fn beside(folder: &Path, ending: &str) -> PathBuf {
    folder.join(format!("{NAME}{ending}"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_told_from_a_disk() {
        for (kind, name) in
            [(0x6969, "NFS"), (0xFE53_4D42, "SMB"), (0xFF53_4D42, "CIFS"), (0x0102_1997, "9P")]
        {
            assert_eq!(network_name(kind), Some(name));
        }
        // ext4, btrfs, xfs, f2fs, tmpfs, overlayfs, vfat, jffs2, ubifs, squashfs, FUSE.
        let local = [
            0xEF53,
            0x9123_683E,
            0x5846_5342,
            0xF2F5_2010,
            0x0102_1994,
            0x794C_7630,
            0x4D44,
            0x72B6,
            0x2405_1905,
            0x7371_7368,
            0x6573_5546,
        ];
        assert_eq!(local.map(network_name), [None; 11]);
    }

    #[test]
    fn this_machine_is_asked() {
        assert_eq!(network_under(Path::new("/proc")), None);
        assert_eq!(network_under(Path::new("/nowhere at all")), None);
    }
}
