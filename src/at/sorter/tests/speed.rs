//! How long a line takes. Run with
//! `cargo test --release --lib at::sorter::tests::speed -- --ignored --nocapture`.

use super::*;

#[expect(clippy::disallowed_methods, reason = "a measurement of real time")]
fn measure(what: &str, mut round: impl FnMut()) {
    const ROUNDS: u32 = 200_000;
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = std::time::Instant::now();
        for _ in 0..ROUNDS {
            round();
        }
        best = best.min(start.elapsed() / ROUNDS);
    }
    println!("{what}: {} ns", best.as_nanos());
}

#[test]
#[ignore = "a measurement, not a check"]
fn measurements() {
    let mut sorter = sorter();
    let mut out = Vec::new();
    let urc = b"+CREG: 1,\"1863\",\"01a2c315\",7\r\n";
    measure("known URC of 30 bytes", || {
        out.clear();
        sorter.feed(urc, &mut out);
    });
    let urc = format!("+CGEV: {}\r\n", "x".repeat(84)).into_bytes();
    measure("known URC of 93 bytes", || {
        out.clear();
        sorter.feed(&urc, &mut out);
    });
    let message = b"+MSUB: \"command/send/1000\",54 byte,{\"method\":\"restart\",\"params\":{\"timeout\":10},\"id\":1000}\r\n";
    measure("counted message of 93 bytes", || {
        out.clear();
        sorter.feed(message, &mut out);
    });
    let wanted = Arc::new(Wanted { expect: expect(&["+CSQ: {rssi:int},{ber:int}"]), ..command() });
    measure("arm, AT+CSQ response of two lines, disarm", || {
        out.clear();
        sorter.arm(Armed { wanted: wanted.clone(), echo: Some(b"AT+CSQ".to_vec()), ..Armed::default() });
        sorter.feed(b"\r\n+CSQ: 17,99\r\n\r\nOK\r\n", &mut out);
        sorter.disarm();
    });
    measure("arm and disarm alone", || {
        sorter.arm(Armed { wanted: wanted.clone(), echo: Some(b"AT+CSQ".to_vec()), ..Armed::default() });
        sorter.disarm();
    });
    let csq = Pattern::parse("+CSQ: {rssi:int},{ber:int}").unwrap();
    measure("captures of +CSQ", || {
        std::hint::black_box(csq.match_line(b"+CSQ: 17,99", &[]));
    });
    let msub = Pattern::parse("+MSUB: {topic},{n:int} byte,").unwrap();
    measure("captures of a header", || {
        std::hint::black_box(msub.match_line(b"+MSUB: \"command/send/1000\",54 byte,", &[]));
    });
    measure("match of a header", || {
        std::hint::black_box(msub.is_match(b"+MSUB: \"command/send/1000\",54 byte,", &[]));
    });
    let unknown = b"+SOMETHING: 1,2,3,\"else\"\r\n";
    measure("unknown line of 26 bytes", || {
        out.clear();
        sorter.feed(unknown, &mut out);
    });
}
