//! What a step does, and what may ride on it.

use super::{Fields, nearest};
use crate::flow::diag::{Code, Diagnostic, Diagnostics};
use crate::flow::keys::{ACTIONS, Key, or_list};

/// What a step may do without an action.
const ALONE: [&str; 3] = ["set", "check", "log"];

impl Fields<'_> {
    /// The step's action, or `None` if it has none (a lone `set`, `check`, `log`) or several, which is
    /// reported. Also reports modifiers that do not belong to the action.
    pub fn action(&self, problems: &mut Diagnostics) -> Option<&'static str> {
        // `await` beside `send` and `steps` beside `each` belong to those.
        let belongs = |name: &str| {
            (name == "await" && self.is_there("send")) || (name == "steps" && self.is_there("each"))
        };
        let mut found: Vec<_> = ACTIONS
            .iter()
            .filter(|name| !belongs(name))
            .filter_map(|name| Some((*name, self.key_span(name)?)))
            .collect();
        found.sort_by_key(|(_, span)| span.start);
        if let [(first, first_at), (second, second_at), ..] = found[..] {
            problems.push(
                Diagnostic::error(
                    Code::CONTRADICTION,
                    second_at,
                    format!("`{first}` and `{second}` are two actions"),
                )
                .also(first_at, "this step does this already")
                .help("a step does one thing: write two steps; several that belong together go in `steps`"),
            );
            return None;
        }
        let action = found.first().map(|(name, _)| *name);
        if action.is_none() && self.entries.iter().any(|(key, _)| self.means_action(&key.text)) {
            return None;
        }
        for key in self.shape.keys.iter().filter(|key| !key.on.is_empty()) {
            if action.is_none_or(|action| !key.on.contains(&action)) {
                self.misplaced(key, action, problems);
            }
        }
        if action.is_none() && !ALONE.iter().any(|name| self.is_there(name)) {
            problems.push(
                Diagnostic::error(Code::MISSING_KEY, self.head(), "this step does nothing")
                    .help("give it an action such as `send: AT`, or `set`, `check` or `log`"),
            );
        }
        action
    }

    /// Whether it is no key, but near to what a step does: then that is not missing as well.
    fn means_action(&self, key: &str) -> bool {
        let known = || self.shape.keys.iter().map(|key| key.name);
        let does = |name: &str| ACTIONS.contains(&name) || ALONE.contains(&name);
        self.shape.key(key).is_none()
            && (self.shape.instead.iter().any(|(word, _)| *word == key)
                || nearest(key, known()).is_some_and(does))
    }

    fn misplaced(&self, key: &Key, action: Option<&str>, problems: &mut Diagnostics) {
        let Some(at) = self.key_span(key.name) else { return };
        let actions = or_list(key.on.iter().map(|action| format!("`{action}`")));
        let message = match action {
            Some(action) => format!("`{}` does not belong to `{action}`", key.name),
            None => format!("`{}` needs an action to belong to", key.name),
        };
        problems.push(
            Diagnostic::error(Code::NOT_ON_ACTION, at, message)
                .help(format!("`{}` goes with {actions}: {}", key.name, key.doc)),
        );
    }
}
