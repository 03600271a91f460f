use super::*;

use super::super::schema::{APPLICATION_ID, VERSION};

fn file(folder: &Folder, name: &str) -> PathBuf {
    folder.path().join(name)
}

/// A store with reports `r0` …, closed.
fn filled(folder: &Folder, reports: u32) -> Vec<u64> {
    let mut store = folder.open(&life(1, 0));
    let seqs = (0..reports).map(|n| report(&mut store, 0, &format!("r{n} {}", "x".repeat(500)))).collect();
    store.close();
    seqs
}

#[test]
fn a_second_process_is_told_who_has_it() {
    let folder = Folder::new();
    let _store = folder.open(&life(1, 0));
    let second = Store::open(folder.path(), "/dev/ttyUSB9", &life(1, 0)).expect_err("it is in use");
    let told = second.to_string();
    assert!(told.contains(&std::process::id().to_string()) && told.contains("sim:test"), "{told}");
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let mut store = folder.open(&life(1, 0));
    report(&mut store, 0, "x");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(folder.path()), 0o700);
    for name in ["station.db", "station.db-wal", "lock"] {
        assert_eq!(mode(&file(&folder, name)), 0o600, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn an_empty_folder_becomes_private_and_another_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt as _;
    for (holds, mode) in [(None, 0o700), (Some("notes.txt"), 0o755)] {
        let folder = Folder::new();
        fs::create_dir_all(folder.path()).expect("it is made");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        if let Some(name) = holds {
            fs::write(file(&folder, name), "mine").expect("it is written");
        }
        report(&mut folder.open(&life(1, 0)), 0, "x");
        let found = fs::metadata(folder.path()).expect("it is there").permissions().mode();
        assert_eq!(found & 0o777, mode, "{holds:?}");
    }
}

#[test]
fn the_file_says_what_it_is() {
    let folder = Folder::new();
    let store = folder.open(&life(1, 0));
    let number = |pragma: &str| {
        store.db.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0)).expect("a number")
    };
    assert_eq!((number("application_id"), number("user_version")), (APPLICATION_ID, VERSION));
    assert_eq!((number("page_size"), number("synchronous"), number("foreign_keys")), (4096, 2, 1));
    let mode: String = store.db.query_row("PRAGMA journal_mode", [], |row| row.get(0)).expect("a mode");
    assert_eq!(mode, "wal");
}

/// A file of this name that another program works with, even if its tables have such names, or there are none yet.
#[test]
fn a_database_of_another_program_is_left_alone() {
    for sql in [
        "CREATE TABLE tracks (n INTEGER); INSERT INTO tracks VALUES (7);",
        "CREATE TABLE meta (version INTEGER); CREATE TABLE outbox (mail TEXT);",
        "PRAGMA application_id = 7;",
    ] {
        let folder = Folder::new();
        disk::make_folder(folder.path()).expect("a folder");
        let db = Connection::open(file(&folder, "station.db")).expect("a file");
        db.execute_batch(sql).expect("written");
        drop(db);
        let before = fs::read(file(&folder, "station.db")).expect("a file");
        let error = Store::open(folder.path(), "p", &life(1, 1)).expect_err("another program's");
        assert!(matches!(&error, StoreError::Foreign { .. }), "{sql}: {error}");
        assert!(fs::read(file(&folder, "station.db")).expect("a file") == before, "{sql}");
        assert!(!file(&folder, "station.db.corrupt-1").exists(), "{sql}");
    }
}

/// The mark alone is damaged: the tables are a station's.
#[test]
fn a_store_without_its_mark_is_salvaged() {
    let folder = Folder::new();
    filled(&folder, 3);
    let db = Connection::open(file(&folder, "station.db")).expect("a file");
    db.execute_batch("PRAGMA application_id = 7").expect("written");
    drop(db);
    let mut store = folder.open(&life(1, 1));
    assert_eq!(store.counts().rows, [0, 0, 3]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let aside = fs::metadata(file(&folder, "station.db.corrupt-1")).expect("it is kept");
        assert_eq!(aside.permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_file_is_no_folder() {
    let folder = Folder::new();
    disk::make_folder(folder.path()).expect("a folder");
    fs::write(file(&folder, "plain"), "x").expect("written");
    let error = Store::open(&file(&folder, "plain"), "p", &life(1, 1)).expect_err("a file");
    assert!(error.to_string().ends_with("it is a file, and a folder is needed"), "{error}");
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let folder = Folder::new();
    filled(&folder, 1);
    let db = Connection::open(file(&folder, "station.db")).expect("a file");
    db.execute_batch("PRAGMA user_version = 99").expect("written");
    drop(db);
    let error = Store::open(folder.path(), "p", &life(1, 1)).expect_err("newer");
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
    assert!(file(&folder, "station.db").exists());
}

#[test]
fn a_file_that_is_none_is_put_aside() {
    let folder = Folder::new();
    filled(&folder, 1);
    fs::write(file(&folder, "station.db"), "this is no database, but it is long enough to look")
        .expect("written");
    let mut store = folder.open(&life(1, 1));
    let news = store.take_news();
    let [StoreNews::Corrupt { kept_as, salvaged: 0 }] = &news[..] else { panic!("{news:?}") };
    assert_eq!(kept_as, &file(&folder, "station.db.corrupt-1"));
    assert!(fs::read(kept_as).expect("kept").starts_with(b"this is no"));
    report(&mut store, 2, "on");
}

#[test]
fn what_lies_around_the_damage_is_kept() {
    let folder = Folder::new();
    let seqs = filled(&folder, 400);
    let mut bytes = fs::read(file(&folder, "station.db")).expect("a file");
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xA5);
    fs::write(file(&folder, "station.db"), bytes).expect("written");
    let mut store = folder.open(&life(1, 1));
    let news = store.take_news();
    let [StoreNews::Corrupt { salvaged, .. }] = news[..] else { panic!("{news:?}") };
    assert!(salvaged > 380 && salvaged < 400, "{salvaged}");
    let queue = queue(&mut store, false);
    assert_eq!(queue.len() as u64, salvaged);
    assert!(queue[0].starts_with("r0 ") && queue.last().is_some_and(|row| row.starts_with("r399 ")));
    assert!(report(&mut store, 2, "new") > seqs[399]);
    assert_eq!(store.counts().rows[2], salvaged + 1);
}

#[test]
fn three_broken_files_are_kept() {
    let folder = Folder::new();
    for number in 0..5 {
        filled(&folder, 1);
        fs::write(file(&folder, "station.db"), "broken".repeat(100)).expect("written");
        folder.open(&life(1, number)).close();
    }
    let mut kept: Vec<String> = fs::read_dir(folder.path())
        .expect("a folder")
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter(|name| name.contains("corrupt"))
        .collect();
    kept.sort();
    assert_eq!(kept, ["station.db.corrupt-3", "station.db.corrupt-4", "station.db.corrupt-5"]);
}

/// Lost power between the renames of a salvage: whoever opens next finishes them.
#[test]
fn a_salvage_that_was_cut_off_is_finished() {
    let broken = Folder::new();
    filled(&broken, 3);
    let whole = fs::read(file(&broken, "station.db")).expect("a file");
    for done in 0..3 {
        let folder = Folder::new();
        fs::create_dir_all(folder.path()).expect("a folder");
        fs::write(file(&folder, "station.db.ready"), &whole).expect("written");
        if done < 1 {
            fs::write(file(&folder, "station.db-wal"), "an old log").expect("written");
        }
        if done < 2 {
            fs::write(file(&folder, "station.db"), "broken").expect("written");
        }
        let mut store = folder.open(&life(1, 1));
        assert_eq!(queue(&mut store, false).len(), 3, "{done}");
        assert!(!file(&folder, "station.db.ready").exists());
    }
}

#[test]
fn an_unfinished_salvage_is_begun_anew() {
    let folder = Folder::new();
    filled(&folder, 2);
    fs::write(file(&folder, "station.db.new"), "half").expect("written");
    let mut store = folder.open(&life(1, 1));
    assert_eq!(queue(&mut store, false).len(), 2);
}

#[test]
fn idle_time_empties_a_log_that_has_grown() {
    let folder = Folder::new();
    let mut store = folder.open(&life(1, 0));
    let waiting = |store: &Store| -> i64 {
        store
            .db
            .query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| {
                Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?)
            })
            .expect("frames")
    };
    for n in 0..20 {
        report(&mut store, n, "x");
    }
    store.checkpoint_if_due(20);
    assert!(waiting(&store) > 20, "{}", waiting(&store));
    for n in 0..150 {
        report(&mut store, n, "x");
    }
    store.checkpoint_if_due(200);
    assert_eq!(waiting(&store), 0);
    report(&mut store, 300, "x");
    store.checkpoint_if_due(11 * MINUTE_MS);
    assert_eq!(waiting(&store), 0, "it was old");
    store.close();
    assert_eq!(fs::metadata(file(&folder, "station.db-wal")).map_or(0, |log| log.len()), 0);
}
