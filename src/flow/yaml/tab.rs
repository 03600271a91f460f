//! How far in a line is meant that begins with a tab: nobody knows how wide the tab was where it was written, but
//! the lines above leave few columns for it.

use std::collections::BTreeMap;

/// How wide a tab may have been.
const WIDTHS: [usize; 3] = [2, 4, 8];

/// The blanks and tabs that a line begins with.
pub(super) fn margin(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// How wide blanks and tabs are where a tab goes on to the next multiple of `width`.
pub(super) fn width_of(margin: &str, width: usize) -> usize {
    margin
        .chars()
        .fold(0, |column, sign| if sign == '\t' { (column / width + 1) * width } else { column + 1 })
}

/// The column that makes the line at `start` fit, if there is only one. `bracket`: the outermost one around it;
/// `known`: what became of indentations that were mended before.
pub(super) fn column(
    text: &str,
    start: usize,
    bracket: Option<usize>,
    known: &BTreeMap<String, usize>,
) -> Option<usize> {
    if let Some(bracket) = bracket.filter(|bracket| *bracket < start) {
        let line = text[..bracket].rfind('\n').map_or(0, |end| end + 1);
        return Some(content_column(&text[line..]) + 2);
    }
    let margin = margin(&text[start..]);
    let mut lines = text[start + margin.len()..].lines();
    let content = lines.next().unwrap_or_default();
    let next = lines.find(is_text);
    let above = Above::of(&text[..start]);
    if above.keys.is_empty() {
        return Some(0);
    }
    let mut fitting = if is_item(content) { above.items } else { above.keys };
    fitting.retain(|column| next.is_none_or(|next| can_follow(next, content, *column)));
    if is_item(content) {
        // The next line goes on with the item.
        let goes_on = |column: &usize| {
            next.is_some_and(|next| width_of(self::margin(next), 1) == column + content_column(content))
        };
        if let Some(column) = fitting.iter().copied().find(goes_on) {
            return Some(column);
        }
    }
    let is_inside = |column: usize| above.opens && column > above.content;
    if let Some(column) = known.get(margin).filter(|column| fitting.contains(column) || is_inside(**column)) {
        return Some(*column);
    }
    let seen = WIDTHS.map(|width| width_of(margin, width));
    let mut exact: Vec<usize> = fitting.iter().copied().filter(|column| seen.contains(column)).collect();
    exact.dedup();
    let inside = if exact.is_empty() { is_inside(seen[2]) } else { is_inside(seen[1]) };
    let inside = inside && next.is_none_or(|next| can_follow(next, content, above.content + 2));
    match (&exact[..], &fitting[..]) {
        _ if inside => Some(above.content + 2),
        ([only], _) | ([], [only]) => Some(*only),
        // Farther in than all that it could belong to: it goes on where the line above stands.
        ([], [deepest, ..]) if seen[0] > *deepest => Some(*deepest),
        _ => None,
    }
}

/// The columns of the lists and maps that are open behind `text`.
pub(super) fn open_columns(text: &str) -> Vec<usize> {
    let Above { items, keys, .. } = Above::of(text);
    items.into_iter().chain(keys).collect()
}

/// Whether a line whose content begins at `column` can stand above `next`.
fn can_follow(next: &str, content: &str, column: usize) -> bool {
    let first = next.len() - next.trim_start_matches(' ').len();
    if margin(next).contains('\t') {
        return true;
    }
    if lacks_value(content) {
        return first > column || (first == column && is_item(&next[first..]) && !is_item(content));
    }
    first <= column + content_column(content)
}

fn is_text(line: &&str) -> bool {
    !line.trim().is_empty() && !line.trim_start().starts_with('#')
}

pub(super) fn is_item(content: &str) -> bool {
    content.strip_prefix('-').is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// The column of what stands in a line behind dashes.
fn content_column(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '-']).len()
}

/// Where a line may begin that follows some others.
struct Above {
    /// As an item of a list that is still open, the innermost first.
    items: Vec<usize>,
    /// As a key of a map that is still open.
    keys: Vec<usize>,
    /// The last line lacks a value, which stands farther in than `content`.
    opens: bool,
    content: usize,
}

impl Above {
    fn of(text: &str) -> Self {
        let mut above = Self { items: Vec::new(), keys: Vec::new(), opens: false, content: 0 };
        // Where the lists and maps begin that are known to be open.
        let (mut items_end, mut keys_end) = (usize::MAX, usize::MAX);
        for (index, line) in text.lines().rev().filter(is_text).enumerate() {
            let (first, content) = (line.len() - line.trim_start().len(), content_column(line));
            if index == 0 {
                above.content = content;
                above.opens = lacks_value(line);
            }
            if content < keys_end {
                above.keys.push(content);
            }
            let dashes = line[..content].match_indices('-').map(|(at, _)| at);
            let mut dashes: Vec<usize> = dashes.filter(|at| *at < items_end).collect();
            dashes.reverse();
            items_end = items_end.min(first);
            // The list of a key may begin in the key's own column.
            keys_end = keys_end.min(if content > first { first + 1 } else { first });
            above.items.extend(dashes);
            if keys_end == 0 {
                break;
            }
        }
        above
    }
}

/// Whether a line's value stands on the next ones.
pub(super) fn lacks_value(line: &str) -> bool {
    let line = line.find(" #").map_or(line, |comment| &line[..comment]).trim_end();
    let last = line.rsplit(' ').next().unwrap_or_default();
    line.ends_with(':') || last == "-" || (last.starts_with(['|', '>']) && last.len() <= 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The column of the last line.
    fn last(text: &str) -> Option<usize> {
        let start = text.rfind('\n').map_or(0, |end| end + 1);
        column(text, start, None, &BTreeMap::new())
    }

    #[test]
    fn a_tab_is_what_fits() {
        assert_eq!(last("# comment\n\tsteps:"), Some(0));
        assert_eq!(last("steps:\n\t- AT"), Some(2));
        assert_eq!(last("steps:\n- AT\n\t- AT"), Some(0));
        assert_eq!(last("steps:\n- send: AT\n\texpect: x"), Some(2));
        assert_eq!(last("steps:\n- send: AT\n\n# comment\n\texpect: x"), Some(2));
        assert_eq!(last("steps:\n  - send: AT\n\texpect: x"), Some(4));
        assert_eq!(last("steps:\n  - send: AT\n\t\t\t\texpect: x"), Some(4));
        assert_eq!(last("name: x\n\tmodule: y"), Some(0));
        assert_eq!(last("steps:\n  - send: AT\n    retry:\n      attempts: 2\n\texpect: x"), Some(4));
        assert_eq!(last("flows:\n  a:\n\tsteps:"), Some(4));
        assert_eq!(last("about: |\n\ttext"), Some(2));
        assert_eq!(last("steps:\n  - send:\n\ttimeout: 5s"), Some(4));
    }

    #[test]
    fn what_may_be_one_thing_or_another_is_not_guessed() {
        assert_eq!(last("flows:\n  a:\n    steps:\n      - send: AT\n\t\texpect: x"), None);
        assert_eq!(last("name: x\n\t- AT"), None);
    }

    #[test]
    fn what_follows_tells_what_is_meant() {
        let first = |text: &str| column(text, text.find("\n\t").expect("there") + 1, None, &BTreeMap::new());
        assert_eq!(first("link:\n  up:\n    - AT\n\tflows:\n  a:\n    steps: [AT]\n"), Some(0));
        assert_eq!(
            first("flows:\n  a:\n    steps:\n      - send: AT\n\t\texpect: x\n        check: y"),
            Some(8)
        );
    }

    #[test]
    fn tabs_that_stood_for_a_column_do_so_again() {
        let text = "flows:\n  a:\n    steps:\n      - send: AT\n\t\texpect: x";
        let start = text.rfind('\n').expect("there") + 1;
        let known = BTreeMap::from([("\t\t".to_string(), 8)]);
        assert_eq!(column(text, start, None, &known), Some(8));
    }
}
