//! Links between pages, and to files of the repository.

use std::fs;
use std::path::Path;

/// The targets of `[text](target)` outside of code.
pub fn links(page: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut fenced = false;
    for line in page.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        }
        let mut rest = if fenced { "" } else { line };
        while let Some((_, behind)) = rest.split_once("](") {
            let Some((target, after)) = behind.split_once(')') else { break };
            out.push(target);
            rest = after;
        }
    }
    out
}

/// Fails if `link`, which stands in `page`, leads nowhere in the repository.
pub fn follow(page: &str, folder: &Path, link: &str) {
    if link.starts_with("https://") {
        return;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let place = if path.is_empty() { page.into() } else { folder.join(path) };
    let full = super::root().join(&place);
    assert!(full.exists(), "{page}: `{link}` leads nowhere");
    if !anchor.is_empty() {
        let text = fs::read_to_string(&full).unwrap_or_else(|why| panic!("{page}: `{link}`: {why}"));
        assert!(anchors(&text).iter().any(|found| found == anchor), "{page}: `{link}`: no such heading");
    }
}

/// The anchors that a page's headings get on GitHub.
fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let text = line.trim_start_matches('#').trim().to_lowercase();
            let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}
