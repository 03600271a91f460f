//! What a person reads when a file or an argument is wrong: whole texts, and the same as JSON.

mod support;

use support::process::{Done, atflow, run};
use support::temp::TempDir;

/// A port that is there on every machine.
const SIM: &str = "sim:luat-air724";

/// What is said with `dir` as the working directory, after the program has ended with `code`.
#[track_caller]
fn said(dir: &TempDir, args: &[&str], code: i32) -> Done {
    run(atflow(dir, args).current_dir(dir.path())).exited(code)
}

#[test]
fn a_file_that_has_no_line_to_show_is_named() {
    let dir = TempDir::new();
    dir.file("empty.yaml", "");
    dir.file("other.yaml", "steps: [AT]\n");
    assert_eq!(
        said(&dir, &["check", "empty.yaml", "other.yaml", "missing.yaml"], 2).stderr,
        "error[AT0102]: the file holds nothing
 --> empty.yaml
  = help: a flow has at least `steps`, such as `steps: [AT]`

error[AT0602]: cannot read `missing.yaml`: no such file or directory
 --> missing.yaml
  = help: a path on the command line is relative to the folder that you are in

"
    );
}

#[test]
fn a_module_that_does_not_exist_is_said_alike_by_every_command() {
    let dir = TempDir::new();
    dir.file("good.yaml", "steps: [AT]\n");
    let expected = "error[AT0601]: `--module nope`: there is no module `nope`
  = help: bundled: esp-at, generic, luat-air724; your own goes to `modules/nope.yaml` beside the file
";
    let module = ["--module", "nope"];
    for args in [&["at", SIM, "AT"][..], &["run", "good.yaml", "--port", SIM], &["console", SIM]] {
        assert_eq!(said(&dir, &[args, &module].concat(), 2).stderr, expected, "{args:?}");
    }
    assert_eq!(
        said(&dir, &["at", SIM, "AT", "--module", "./nope.yaml"], 2).stderr,
        "error[AT0602]: cannot read `./nope.yaml`: no such file or directory
  = help: a path on the command line is relative to the folder that you are in
"
    );
}
