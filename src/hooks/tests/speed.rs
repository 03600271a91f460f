//! Measurements, not tests: `cargo test --release --lib hooks -- --ignored --nocapture`.

use super::*;

#[test]
#[ignore = "measures; run it in release"]
fn speed() {
    use std::time::Duration;
    /// The best of ten batches: other processes only ever make it slower.
    fn measure(what: &str, rounds: u32, mut work: impl FnMut()) {
        let mut best = Duration::MAX;
        for _ in 0..if rounds == 1 { 1 } else { 10 } {
            #[expect(clippy::disallowed_methods, reason = "a measurement is about real time")]
            let begin = std::time::Instant::now();
            for _ in 0..rounds {
                work();
            }
            best = best.min(begin.elapsed() / rounds);
        }
        println!("{what}: {best:?}");
    }
    measure("first host of a thread", 1, || drop(Host::new()));
    let host = Host::new();
    measure("first compile of a thread", 1, || drop(host.compile("dbm(1)", &[], &Hooks::default())));
    measure("another host", 100, || drop(Host::new()));
    let inputs = inputs();
    for source in ["rssi != 99", "dbm(rssi)", "list.some(|c| c == 2)", "twice(rssi)", "size(payload)"] {
        measure(&format!("compile {source}"), 100, || drop(compile(&host, source)));
        let expression = compile(&host, source).unwrap();
        measure(&format!("eval {source}"), 20_000, || drop(host.eval(&expression, &inputs)));
    }
    measure("load", 100, || drop(host.load(FILE, HOOKS)));
}
