//! The tables as a page for people: `docs/reference.md`.

use std::fmt::Write as _;

use super::keys::{ACTIONS, Check, Key, SHAPES, STEP, Shape, Takes};

/// `docs/reference.md`
pub fn reference_page() -> String {
    let mut page = String::from(
        "# Reference of the YAML files\n\n\
         Every map that a file may hold, key by key. Durations are written `500ms`, `1m30s`, `1.5s`; a bare number \
         is refused. A *text* is taken as it stands, a *template* may hold `${…}`, an *expression* stands alone. \
         Patterns, templates and expressions go in single quotes wherever YAML would take them apart.\n\n",
    );
    for shape in SHAPES {
        let _ = writeln!(page, "- [{}](#{})", title(shape), anchor(shape));
    }
    for shape in SHAPES {
        page.push_str(&section(shape));
    }
    page
}

fn section(shape: &Shape) -> String {
    let mut text = format!("\n## {}\n\n{}\n", title(shape), shape.doc);
    if std::ptr::eq(shape, &raw const STEP) {
        let (actions, modifiers): (Vec<_>, Vec<_>) =
            shape.keys.iter().partition(|key| ACTIONS.contains(&key.name));
        text.push_str("\n**Actions**\n");
        text.push_str(&table(&actions, false));
        text.push_str("\n**Modifiers**\n");
        text.push_str(&table(&modifiers, true));
    } else {
        text.push_str(&table(&shape.keys.iter().collect::<Vec<_>>(), false));
    }
    let notes: Vec<_> = shape.rules.iter().map(|rule| note(&rule.check)).collect();
    if !notes.is_empty() {
        let _ = writeln!(text, "\n{}.", capital(&notes.join("; ")));
    }
    text
}

/// A Markdown table of keys; columns that would be empty throughout are left out.
fn table(keys: &[&Key], with_actions: bool) -> String {
    let has_default = keys.iter().any(|key| !key.default.is_empty() || key.required);
    let has_example = keys.iter().any(|key| !key.example.is_empty());
    let columns = |cells: [&str; 6]| {
        let [name, on, takes, default, doc, example] = cells;
        let shown = [
            (true, name),
            (with_actions, on),
            (true, takes),
            (has_default, default),
            (true, doc),
            (has_example, example),
        ];
        let cells: Vec<_> = shown.iter().filter(|(is_shown, _)| *is_shown).map(|(_, cell)| *cell).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut text = format!("\n{}", columns(["key", "on", "takes", "default", "meaning", "example"]));
    text.push_str(&columns(["---"; 6]));
    for key in keys {
        let on = if key.on.is_empty() { "all".to_owned() } else { key.on.join(" ") };
        let default = match (key.required, key.default) {
            (true, _) => "required".to_owned(),
            (false, default) if is_literal(default) => format!("`{default}`"),
            (false, default) => default.to_owned(),
        };
        let example = if key.example.is_empty() { String::new() } else { format!("`{}`", key.example) };
        text.push_str(&columns([
            &format!("`{}`", key.name),
            &on,
            &escape(&takes(&key.takes)),
            &escape(&default),
            &escape(key.doc),
            &escape(&example),
        ]));
    }
    text
}

/// Whether a default is a value as it is written, and not words about one.
fn is_literal(default: &str) -> bool {
    const WORDS: [&str; 4] = ["none", "fail", "neither", "any"];
    !default.is_empty() && !default.contains([' ', '`']) && !WORDS.contains(&default)
}

/// What a key takes, with links to the maps.
fn takes(takes_what: &Takes) -> String {
    match takes_what {
        Takes::Object(shape) => format!("[{}](#{})", shape.name, anchor(shape)),
        Takes::List(item) => format!("list of: {}", takes(item)),
        Takes::Map(value) => format!("map of: {}", takes(value)),
        Takes::Steps => format!("list of [steps](#{})", anchor(&STEP)),
        Takes::Template => "template".to_owned(),
        Takes::Text => "text".to_owned(),
        Takes::Either(choices) => super::keys::or_list(choices.iter().map(takes)),
        other => {
            let words = other.words();
            words.strip_prefix("a ").or(words.strip_prefix("an ")).unwrap_or(&words).to_owned()
        }
    }
}

fn note(check: &Check) -> String {
    let list = |keys: &[&str]| super::keys::or_list(keys.iter().map(|key| format!("`{key}`")));
    match check {
        Check::AtMostOne(keys) => format!("at most one of {}", list(keys)),
        Check::AtLeastOne(keys) => format!("at least one of {}", list(keys)),
        Check::Needs { key, needs, unless: [] } => format!("`{key}` needs {}", list(needs)),
        Check::Needs { key, needs, unless } => {
            format!("`{key}` without {} needs {}", list(unless), list(needs))
        }
    }
}

fn title(shape: &Shape) -> String {
    capital(shape.name)
}

fn anchor(shape: &Shape) -> String {
    shape.name.replace(' ', "-")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

/// A bar would end the cell.
fn escape(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::cases::generated;
    use crate::flow::codes::errors_page;

    #[test]
    fn generated_reference() {
        generated("docs/reference.md", &reference_page());
    }

    #[test]
    fn generated_errors() {
        generated("docs/errors.md", &errors_page());
    }
}
