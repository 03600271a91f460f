//! A property that a map does not have: an error, with the key that was probably meant. (Rhai's own answer is
//! `()`, so `msg.params.timout` would silently be nothing.)

use std::fmt;

use rhai::{Dynamic, Engine, EvalAltResult, Position};

use super::problem::nearest;

/// What a script gets for `map.property` without such a key.
#[derive(Clone, Debug)]
pub(super) struct MissingProperty {
    name: String,
    nearest: Option<String>,
    keys: Vec<String>,
}

/// Keys named in the help.
const SHOWN: usize = 8;

impl MissingProperty {
    pub(super) fn help(&self) -> String {
        if let Some(nearest) = &self.nearest {
            return format!("did you mean `{nearest}`?");
        }
        let otherwise = format!("`.get(\"{}\")` is `()` where there is none", self.name);
        if self.keys.is_empty() {
            return format!("the map is empty; {otherwise}");
        }
        let shown: Vec<String> = self.keys.iter().take(SHOWN).map(|key| format!("`{key}`")).collect();
        let more = if self.keys.len() > SHOWN { ", …" } else { "" };
        format!("there is {}{more}; {otherwise}", shown.join(", "))
    }
}

impl fmt::Display for MissingProperty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the map has no `{}`", self.name)
    }
}

/// Makes a missing property an error in this engine.
pub(super) fn refuse(engine: &mut Engine) {
    engine.register_type_with_name::<MissingProperty>("error");
    engine.register_fn("to_string", |missing: &mut MissingProperty| missing.to_string());
    engine.set_fail_on_invalid_map_property(true);
    engine.on_map_missing_property(|map, name, _| {
        let missing = MissingProperty {
            name: name.to_owned(),
            nearest: nearest(name, map.keys().map(AsRef::as_ref)),
            keys: map.keys().take(SHOWN + 1).map(ToString::to_string).collect(),
        };
        Err(Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(missing), Position::NONE)))
    });
}
