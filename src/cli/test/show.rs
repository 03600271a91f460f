//! What people see of tests.

use std::io::{IsTerminal as _, stdout};

use crate::flow::diag::Look;
use crate::flow::duration;
use crate::report::paint::Paint;

use super::{Tried, is_coloured, say};
use crate::cli::Exit;
use crate::cli::args::TestArgs;

/// Colours are for terminals.
pub(super) fn look() -> Look {
    let coloured = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if coloured { Look::Coloured } else { Look::Plain }
}

pub(super) fn all(_args: &TestArgs, tried: &[Tried<'_>], broken: usize) -> Result<(), Exit> {
    let look = look();
    let mut last = None;
    for one in tried {
        if last != Some(&one.file.path) {
            say::line(&one.file.path.display().to_string())?;
            last = Some(&one.file.path);
        }
        test(one, look)?;
    }
    let passed = tried.iter().filter(|tried| tried.outcome.passed()).count();
    let failed = tried.len() - passed;
    let mut parts = vec![format!("{passed} passed")];
    if failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    if broken > 0 {
        parts.push(format!("{broken} files cannot be used"));
    }
    say::line(&parts.join(", "))
}

fn test(tried: &Tried<'_>, look: Look) -> Result<(), Exit> {
    let passed = tried.outcome.passed();
    let (paint, mark) = if passed { (Paint::Good, "✓") } else { (Paint::Bad, "✗") };
    let took = duration::display(tried.outcome.simulated);
    say::line(&format!("  {} {:70} {took:>8}", paint.on(mark, is_coloured(look)), tried.item.name()))?;
    for problem in &tried.outcome.problems {
        for line in problem.render(&tried.file.sources, look).lines() {
            say::line(format!("    {line}").trim_end())?;
        }
    }
    Ok(())
}
