//! Nothing secret goes up or is written down, whatever comes from outside.

use std::time::Duration;

use crate::hostile::{SPITEFUL, entries, json, spiteful};
use crate::support::temp::TempDir;
use crate::support_station::{Case, Lab, cloud, hm, s, station};

const TOKEN: &str = "Tq7-access/token+93";
const KEY: &str = "pK~42/project=key&x";

/// The forms that a secret may take on its way out.
fn forms(secret: &str) -> Vec<String> {
    use base64::Engine as _;
    let hex = secret.bytes().fold(String::new(), |hex, byte| hex + format!("{byte:02x}").as_str());
    let base64 = base64::engine::general_purpose::STANDARD.encode(secret);
    let json = json(secret);
    vec![secret.to_string(), hex.to_uppercase(), hex, base64, json.trim_matches('"').to_string()]
}

fn assert_no_secret(outputs: &[(&str, String)]) {
    for (what, output) in outputs {
        for form in forms(TOKEN).iter().chain(&forms(KEY)) {
            assert!(!output.contains(form.as_str()), "{form:?} is in the {what}");
        }
    }
}

/// What a station with secrets tells, writes and sends up.
fn outputs(case: Case, end: Duration) -> Vec<(&'static str, String)> {
    let mut lab = Lab::start(case.var("access_token", TOKEN).var("project_key", KEY));
    lab.run_to(end);
    let metrics = lab.metrics.lock().expect("nobody panicked").render(None);
    lab.stop();
    let sent =
        lab.received().iter().map(|receipt| String::from_utf8_lossy(&receipt.post.payload) + "\n").collect();
    let told = (lab.told().json(), lab.log.text());
    vec![
        ("transcript", lab.transcript.text()),
        ("happenings", told.0),
        ("log", told.1),
        ("metrics", metrics),
        ("messages", sent),
    ]
}

/// S16: the secrets of the station are nowhere but on the line to the module.
#[test]
fn no_secret_is_written_down() {
    let folder = TempDir::new();
    let (spite, end) = entries(SPITEFUL.iter().flat_map(|text| spiteful(text)).collect());
    let asked = cloud(end, "command/send/1000", r#"{"method":"about","params":{}}"#);
    let mut case = Case::of(station("commands.yaml")).then(spite).then([asked]);
    case.folder = Some(folder.path().to_path_buf());
    let mut outputs = outputs(case, end + hm(0, 1));
    for file in std::fs::read_dir(folder.path()).expect("the store's folder") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("a readable file");
        outputs.push(("store", String::from_utf8_lossy(&bytes).into_owned()));
    }
    assert!(outputs.iter().any(|(_, output)| output.contains("CREATE TABLE outbox")));
    assert_no_secret(&outputs);
}

/// Somebody outside who knows a secret does not get it echoed, and nobody reads it in a log.
#[test]
fn no_secret_is_echoed() {
    let call = |seconds: u64, method: &str, text: &str| {
        let payload = format!(r#"{{"method":{},"params":{{"text":{}}}}}"#, json(method), json(text));
        cloud(hm(0, 1) + s(seconds), "command/send/1000", payload)
    };
    let case = Case::of(station("commands.yaml")).then([
        call(0, "note", TOKEN),
        call(5, "echo", KEY),
        call(10, TOKEN, "a"),
        call(15, "flow", KEY),
        cloud(hm(0, 2), "config/a", format!(r#"{{"b":{},{}:1}}"#, json(TOKEN), json(KEY))),
    ]);
    let outputs = outputs(case, hm(0, 5));
    assert_no_secret(&outputs);
    let sent = &outputs.last().expect("the messages").1;
    assert!(sent.contains("note") && sent.contains(r#""method":"echo""#), "{sent}");
}
