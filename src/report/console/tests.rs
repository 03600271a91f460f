use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use crate::flow::diag::{Sources, Span};
use crate::link::Mono;
use crate::report::text::columns;
use crate::run::event::{Event, Observer as _, Report, StepKind, StepStart};

use super::end::verdict;
use super::{Console, Detail};

#[derive(Clone, Default)]
struct Paper(Rc<RefCell<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a terminal of 80 columns is sent when a step of this title is under way, without its colours.
fn under_way(title: &str) -> String {
    let paper = Paper::default();
    let mut console = Console::new(Box::new(paper.clone()), Sources::new(), Detail::Steps, true).width(80);
    let mut sources = Sources::new();
    let span = Span::new(sources.add("a.yaml", "AT"), 0..2);
    let step = StepStart { depth: 2, span, title: title.to_string(), kind: StepKind::Send };
    console.event(Mono::ZERO, &Event::StepStarted(&step));
    let sent = String::from_utf8(paper.0.take()).expect("UTF-8");
    sent.split('\x1b').map(|part| part.split_once('m').map_or(part, |(_, text)| text)).collect()
}

#[test]
fn a_line_that_is_rewritten_never_goes_on_in_the_next_one() {
    assert!(under_way("AT+CSQ").ends_with("… AT+CSQ"));
    for title in ["x".repeat(300), "温度".repeat(100)] {
        let shown = under_way(&title);
        assert!(columns(&shown) < 80, "{shown}");
    }
}

#[test]
fn a_reason_to_stop_that_the_module_gave_moves_no_cursor() {
    let report = Report {
        flow: String::new(),
        failure: None,
        stopped: Some("\x1b[2J\u{202e}gone".to_string()),
        passed: 0,
        skipped: 0,
        retries: 0,
        published: 0,
        received: 0,
        took: std::time::Duration::ZERO,
        returns: Vec::new(),
        transcript_problem: None,
    };
    assert_eq!(verdict(&report, false), "\\x1b[2J\\u{202e}gone (0 steps in 0µs)");
}
