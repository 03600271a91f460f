use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::transcript::{Entry, Reader, Secret};

/// A file that can be looked into, and that is full at some point.
#[derive(Clone, Default)]
struct Disk {
    bytes: Rc<RefCell<Vec<u8>>>,
    room: Option<usize>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.bytes.borrow_mut();
        if self.room.is_some_and(|room| disk.len() + bytes.len() > room) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        disk.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk {
    fn text(&self) -> String {
        String::from_utf8(self.bytes.borrow().clone()).unwrap()
    }
}

fn at(micros: u64) -> Mono {
    Mono::from_micros(micros)
}

fn header() -> Header {
    Header {
        port: "/dev/ttyUSB0".into(),
        module: Some("luat-air724".into()),
        wall_ms: Some(1_735_689_600_000),
        by_hand: false,
    }
}

fn secret(value: &str) -> Masker {
    Masker::new(&[Secret { name: "token".into(), value: value.as_bytes().into() }], &[]).unwrap()
}

/// Runs `job` on a transcript and gives what is in the file afterwards.
fn written(masker: Masker, job: impl FnOnce(&mut Transcript)) -> String {
    let disk = Disk::default();
    let mut transcript = Transcript::to(Box::new(disk.clone()), &header(), masker);
    job(&mut transcript);
    drop(transcript);
    disk.text()
}

fn records(file: &str) -> Vec<Record> {
    Reader::new(file).unwrap().collect::<Result<_, _>>().unwrap()
}

/// All bytes received, and all sent.
fn joined(file: &str) -> (Vec<u8>, Vec<u8>) {
    let (mut rx, mut tx) = (Vec::new(), Vec::new());
    for record in records(file) {
        match record.entry {
            Entry::Rx(bytes) => rx.extend(bytes),
            Entry::Tx(bytes) => tx.extend(bytes),
            Entry::Note(..) => {}
        }
    }
    (rx, tx)
}

#[test]
fn an_exchange_reads_as_it_happened() {
    let file = written(Masker::default(), |transcript| {
        transcript.note(at(1), NoteKind::Step, "AT+CSQ");
        transcript.tx(at(12), b"AT+CSQ\r\n");
        transcript.rx(at(9000), b"\r\n+CSQ: 17");
        transcript.rx(at(9100), b",99\r\n\r\nOK\r\n\xff");
        transcript.note(at(9200), NoteKind::End, "passed \u{1b}[31m \u{7f}\u{9b}\u{a0}ü");
    });
    assert_eq!(
        file,
        r#"{"atflow":"transcript","version":1,"port":"/dev/ttyUSB0","module":"luat-air724","wall_ms":1735689600000}
{"t":1,"note":"step","text":"AT+CSQ"}
{"t":12,"tx":"AT+CSQ\r\n"}
{"t":9000,"rx":"\r\n"}
{"t":9100,"rx":"+CSQ: 17,99\r\n\r\nOK\r\n"}
{"t":9100,"rx_hex":"ff"}
{"t":9200,"note":"end","text":"passed \u001b[31m \u007f\u009b"#
            .to_owned()
            + "\u{a0}ü\"}\n"
    );
    let reader = Reader::new(&file).unwrap();
    assert_eq!(*reader.header(), header());
    let last = Entry::Note(NoteKind::End, "passed \u{1b}[31m \u{7f}\u{9b}\u{a0}ü".into());
    assert_eq!(records(&file).pop().unwrap(), Record { at: at(9200), entry: last, masked: false });
}

#[test]
fn a_prompt_stands_before_the_data_it_asked_for() {
    let file = written(Masker::default(), |transcript| {
        transcript.rx(at(5), b"\r\n> ");
        transcript.tx(at(6), b"data");
    });
    let expected = [Entry::Rx(b"\r\n".into()), Entry::Rx(b"> ".into()), Entry::Tx(b"data".into())];
    assert_eq!(records(&file).into_iter().map(|record| record.entry).collect::<Vec<_>>(), expected);
}

#[test]
fn garbage_in_one_line_leaves_the_others_readable() {
    let file = written(Masker::default(), |transcript| transcript.rx(at(5), b"RDY\r\n\xfe\xff\r\nOK\r\n"));
    let lines: Vec<_> = file.lines().skip(1).collect();
    assert_eq!(
        lines,
        [r#"{"t":5,"rx":"RDY\r\n"}"#, r#"{"t":5,"rx_hex":"feff0d0a"}"#, r#"{"t":5,"rx":"OK\r\n"}"#]
    );
}

#[test]
fn a_secret_in_two_reads_is_masked() {
    let text = b"+MCONFIG: \"secret-value\"\r\n+NEXT: secret-v";
    for cut in 0..text.len() {
        let file = written(secret("secret-value"), |transcript| {
            transcript.rx(at(1), &text[..cut]);
            transcript.flush_tail();
            transcript.rx(at(2), &text[cut..]);
        });
        let (rx, _) = joined(&file);
        assert_eq!(String::from_utf8(rx).unwrap(), "+MCONFIG: \"<token>\"\r\n+NEXT: <token>", "cut at {cut}");
    }
}

#[test]
fn a_secret_of_several_lines_is_masked_in_single_bytes() {
    let file = written(secret("-----BEGIN\nabc\n-----END\n"), |transcript| {
        for byte in b"x\n-----BEGIN\nabc\n-----END\n-----BEGIN\nabd\nOK\r\n" {
            transcript.rx(at(1), &[*byte]);
        }
    });
    assert_eq!(joined(&file).0, b"x\n<token>-----BEGIN\nabd\nOK\r\n");
    assert_eq!(records(&file).iter().filter(|record| record.masked).count(), 1);
}

#[test]
fn sent_secrets_and_notes_are_masked() {
    let file = written(secret("secret-value"), |transcript| {
        transcript.tx(at(1), b"AT=\"secret-value\"\r\n");
        transcript.tx(at(1), b"data secret-va");
        transcript.note(at(2), NoteKind::Step, "login secret-value");
    });
    assert!(!file.contains("secret"), "{file}");
    assert_eq!(joined(&file).1, b"AT=\"<token>\"\r\ndata <token>");
    assert!(records(&file).iter().all(|record| record.masked));
}

#[test]
fn a_secret_that_comes_up_later_is_masked_from_then_on() {
    let text = written(Masker::default(), |transcript| {
        transcript.rx(at(1), b"hunter2, un");
        transcript.mask_with(secret("hunter2"));
        transcript.tx(at(2), b"AT+PW=hunter2\r\n");
    });
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(lines, [r#"{"t":1,"rx":"hunter2, un"}"#, r#"{"t":2,"tx":"AT+PW=<token>\r\n","masked":true}"#]);
}

#[test]
fn time_never_goes_back_in_the_file() {
    let file = written(secret("> password"), |transcript| {
        transcript.rx(at(5), b"> ");
        transcript.tx(at(6), b"x");
    });
    let times: Vec<_> = records(&file).iter().map(|record| record.at).collect();
    assert_eq!(times, [at(6), at(6)], "the prompt was held back and came out at the end");
}

#[test]
fn a_line_without_end_is_recorded_all_the_same() {
    let file = written(secret("aaaa"), |transcript| {
        for _ in 0..64 {
            transcript.rx(at(1), &[b'b'; 1024]);
        }
        assert!(transcript.tail.len() <= LINE_BYTES_MAX);
        for _ in 0..64 {
            transcript.rx(at(1), &[b'a'; 1024]);
            assert!(transcript.tail.len() <= LINE_BYTES_MAX + 1024);
        }
    });
    assert!(joined(&file).0.starts_with(&vec![b'b'; 64 * 1024]));
    assert!(!file.contains("aaaa"));
}

#[test]
fn a_full_disk_is_told_once_and_the_memory_goes_on() {
    let disk = Disk { room: Some(300), ..Disk::default() };
    let mut transcript = Transcript::to(Box::new(disk.clone()), &header(), Masker::default());
    for _ in 0..1000 {
        transcript.rx(at(1), b"+URC: 1\r\n");
    }
    transcript.flush();
    assert_eq!(transcript.problem().map(io::Error::kind), Some(io::ErrorKind::StorageFull));
    assert_eq!(transcript.recent(Mono::ZERO).len(), 1000);
    drop(transcript);
    assert!(disk.text().len() <= 300);
}

#[test]
fn the_newest_records_are_kept_within_bounds() {
    let mut transcript = Transcript::none(Masker::default());
    let mut line = [b'x'; 1000];
    line[999] = b'\n';
    for time in 0..1000 {
        transcript.rx(at(time), &line);
        assert!(transcript.lines.recent.len() <= 2 * RECENT_BYTES);
    }
    let recent = transcript.recent(Mono::ZERO);
    assert!(recent.len() >= RECENT_BYTES / 1100);
    assert_eq!(recent.last().unwrap().at, at(999));
    assert_eq!(recent[0].entry, Entry::Rx(line.into()), "no half record");
    transcript.rx(at(1000), &vec![b'\n'; 4 * RECENT_BYTES]);
    assert_eq!(transcript.recent(Mono::ZERO).len(), 1, "the newest one is kept whatever its size");
}

#[test]
fn what_is_no_transcript_says_where() {
    for file in ["", "AT\r\nOK", "{}", r#"{"atflow":"transcript","version":2,"port":"x"}"#] {
        assert_eq!(Reader::new(file).unwrap_err().line, 1, "{file}");
    }
    let first = r#"{"atflow":"transcript","version":1,"port":"x"}"#;
    for line in [
        "AT",
        "[]",
        "{}",
        r#"{"t":1}"#,
        r#"{"t":-1,"rx":""}"#,
        r#"{"t":1,"rx":"","tx":""}"#,
        r#"{"t":1,"rx_hex":"f"}"#,
        r#"{"t":1,"rx_hex":"+f"}"#,
        r#"{"t":1,"rx_hex":"é"}"#,
        r#"{"t":1,"note":"x"}"#,
        r#"{"t":1,"rx":1}"#,
    ] {
        let file = format!("{first}\n\n{line}\n");
        let error = Reader::new(&file).unwrap().next().unwrap().expect_err(line);
        assert_eq!(error.line, 3, "{line}");
    }
    let more = format!("{first}\n{}\n", r#"{"t":1,"rx":"OK","new":[1]}"#);
    assert_eq!(records(&more).len(), 1, "a key that a later version adds is skipped");
}

#[test]
fn a_torn_last_line_ends_the_records() {
    let whole = written(Masker::default(), |transcript| {
        transcript.rx(at(1), b"A\r\n");
        transcript.rx(at(2), b"B\r\n");
    });
    let torn = &whole[..whole.len() - 3];
    let mut reader = Reader::new(torn).unwrap();
    assert_eq!(reader.by_ref().map(Result::unwrap).count(), 1);
    assert!(reader.torn());
}

proptest! {
    /// Whatever crosses the link, in whatever pieces, comes back byte for byte.
    #[test]
    fn bytes_come_back(pieces in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..80)), 0..20)) {
        let (mut rx, mut tx) = (Vec::new(), Vec::new());
        let file = written(secret("not in there, for sure"), |transcript| {
            for (index, (sent, bytes)) in pieces.iter().enumerate() {
                if *sent {
                    tx.extend(bytes);
                    transcript.tx(at(index as u64), bytes);
                } else {
                    rx.extend(bytes);
                    transcript.rx(at(index as u64), bytes);
                }
            }
        });
        prop_assert_eq!(joined(&file), (rx, tx));
    }

    /// The hand-written JSON says what a serializer's would.
    #[test]
    fn text_is_json(text in any::<String>()) {
        let file = written(Masker::default(), |transcript| transcript.note(at(u64::MAX), NoteKind::Port, &text));
        let line: serde_json::Value = serde_json::from_str(file.lines().nth(1).unwrap()).unwrap();
        prop_assert_eq!(line["text"].as_str().unwrap(), text);
    }

    /// A secret never shows, whatever surrounds it and however it is cut.
    #[test]
    fn a_secret_never_shows(before in "[a-d\n]{0,12}", after in "[a-d\n]{0,12}", cuts in prop::collection::vec(0usize..30, 0..6)) {
        let text = format!("{before}abcdabce\nd{after}");
        let file = written(secret("abcdabce\nd"), |transcript| {
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % text.len()).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            for (index, pair) in cuts.windows(2).enumerate() {
                transcript.rx(at(1), &text.as_bytes()[pair[0]..pair[1]]);
                if index % 2 == 1 {
                    transcript.flush_tail();
                }
            }
        });
        let shown = String::from_utf8(joined(&file).0).unwrap();
        prop_assert!(shown.contains("<token>") && !shown.contains("abcdabce\nd"), "{}", shown);
    }
}

#[test]
fn every_byte_value_comes_back() {
    let all: Vec<u8> = (0..=255).collect();
    let file = written(Masker::default(), |transcript| {
        transcript.tx(at(1), &all);
        for byte in &all {
            transcript.rx(at(2), &[*byte]);
            transcript.flush_tail();
        }
        transcript.rx(at(3), &all);
    });
    assert_eq!(joined(&file), ([&all[..], &all[..]].concat(), all));
}

#[test]
fn a_record_goes_on_with_another_conversation() {
    let disk = Disk::default();
    let mut first = Transcript::to(Box::new(disk.clone()), &header(), secret("open-sesame"));
    first.tx(at(5_000_000), b"AT\r\n");
    first.rx(at(5_100_000), b"OK\r\nhalf a line");
    // The next port has a clock that has just begun.
    let mut second = first.continued(secret("other-secret"), at(6_000_000), at(10));
    second.tx(at(20), b"AT+X=other-secret\r\n");
    let recent: Vec<Mono> = second.recent(at(20)).iter().map(|record| record.at).collect();
    assert_eq!(recent, [at(20)]);
    let third = second.continued(secret("x1234567"), at(1_000_010), at(0));
    drop(third);
    let text = disk.text();
    let times: Vec<u64> = Reader::new(&text).unwrap().map(|record| record.unwrap().at.as_micros()).collect();
    assert_eq!(times, [5_000_000, 5_100_000, 5_100_000, 6_000_010]);
    assert!(text.contains("half a line") && text.contains("<token>") && !text.contains("other"), "{text}");
}
