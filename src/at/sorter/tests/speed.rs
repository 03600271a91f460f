//! How long a line takes. Run with `cargo test --release --lib speed -- --ignored --nocapture`.
