//! An older file, and steps that it has not gone through.

use super::*;

use super::super::disk::Unfit;

const NEXT: &str = "ALTER TABLE outbox ADD COLUMN note TEXT; UPDATE outbox SET note = topic || '!';";

fn texts(db: &Connection, question: &str) -> Vec<String> {
    let mut query = db.prepare(question).expect("a query");
    let found = query.query_map([], |row| row.get(0)).expect("rows");
    found.collect::<rusqlite::Result<_>>().expect("texts")
}

/// A file of the version that this program writes, with a row in it.
fn older(folder: &Folder) -> PathBuf {
    disk::make_folder(folder.path()).expect("a folder");
    let path = disk::beside(folder.path(), "");
    let Ok(db) = disk::connect(&path, "0123") else { panic!("a new file") };
    db.execute_batch(
        "INSERT INTO boot (boot, boot_id, floor_ms) VALUES (1, 'a', 0);
         INSERT INTO outbox (lane, topic, qos, retain, payload, boot, mono_ms, source)
         VALUES (2, 't', 1, 0, x'00', 1, 0, 's');",
    )
    .expect("a row");
    path
}

fn id(db: &Connection) -> Vec<String> {
    texts(db, "SELECT value FROM meta WHERE key = 'store_id'")
}

#[test]
fn an_older_file_goes_through_the_steps_that_it_lacks() {
    let folder = Folder::new();
    let path = older(&folder);
    let steps: Vec<&str> = schema::STEPS.iter().copied().chain([NEXT]).collect();
    for _ in 0..2 {
        let Ok(db) = disk::connect_by(&path, "4567", &steps) else { panic!("it is raised") };
        assert_eq!(disk::number(&db, "user_version").expect("a version"), schema::version_of(&steps));
        assert_eq!(texts(&db, "SELECT note FROM outbox ORDER BY seq"), ["t!"]);
        assert_eq!(id(&db), ["0123"]);
    }
    assert!(matches!(disk::connect(&path, "4567"), Err(Unfit::Newer(found)) if found == schema::VERSION + 1));
}

#[test]
fn a_new_file_goes_through_all_steps() {
    let folder = Folder::new();
    disk::make_folder(folder.path()).expect("a folder");
    let steps: Vec<&str> = schema::STEPS.iter().copied().chain([NEXT]).collect();
    let Ok(db) = disk::connect_by(&disk::beside(folder.path(), ""), "4567", &steps) else {
        panic!("a new file")
    };
    assert_eq!(disk::number(&db, "user_version").expect("a version"), schema::version_of(&steps));
    assert_eq!(id(&db), ["4567"]);
}

#[test]
fn a_step_that_fails_leaves_the_file_as_it_was() {
    let folder = Folder::new();
    let path = older(&folder);
    let steps: Vec<&str> =
        schema::STEPS.iter().copied().chain([NEXT, "INSERT INTO nowhere VALUES (1);"]).collect();
    assert!(matches!(disk::connect_by(&path, "4567", &steps), Err(Unfit::Unable(_))));
    let Ok(db) = disk::connect(&path, "4567") else { panic!("the old file") };
    assert_eq!(texts(&db, "SELECT topic FROM outbox ORDER BY seq"), ["t"]);
    assert_eq!(texts(&db, "SELECT name FROM pragma_table_info('outbox') WHERE name = 'note'"), [""; 0]);
    assert_eq!(id(&db), ["0123"]);
}
