//! The two notations inside scalars, reported at their place in the file.

use crate::flow::diag::{Code, Diagnostic, Diagnostics, Sources};
use crate::flow::template::{self, Piece};
use crate::flow::traps;
use crate::flow::yaml::Scalar;

/// Takes a template apart. `None`, and a problem at the `${` that does not end, if it is none.
pub fn template_of(scalar: Scalar<'_>, sources: &Sources, problems: &mut Diagnostics) -> Option<Vec<Piece>> {
    match template::parse(scalar.text) {
        Ok(pieces) => Some(pieces),
        Err(error) => {
            let at = scalar.place(sources, error.range);
            let message = error.fault.to_string();
            problems.push(Diagnostic::error(Code::TEMPLATE, at, message).help(error.fault.help()));
            None
        }
    }
}

/// The text of an expression that stands by itself (`when`, `check`, `set`, `each … in`). `None`, and a
/// problem, if it is written as a template: `${…}` belongs into text.
pub fn expression_of<'t>(
    scalar: Scalar<'t>,
    sources: &Sources,
    problems: &mut Diagnostics,
) -> Option<&'t str> {
    let text = scalar.text.trim();
    let Ok(pieces) = template::parse(text) else { return Some(text) };
    let [Piece::Expression { text: inside, .. }] = pieces.as_slice() else { return Some(text) };
    let start = scalar.text.len() - scalar.text.trim_start().len();
    let at = scalar.place(sources, start..start + text.len());
    let written =
        if inside.contains([':', '#', '"', '\'', '{', '[']) { traps::quoted(inside) } else { inside.clone() };
    problems.push(
        Diagnostic::error(
            Code::NO_TEMPLATE_HERE,
            at,
            format!("`{text}` stands where an expression stands by itself"),
        )
        .help(format!("write it without `${{` and `}}`: `{written}`")),
    );
    None
}
