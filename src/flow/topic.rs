//! Topic patterns: `command/send/{id}`, where `{x}` is one level and `{x:rest}` all that follow.

use std::sync::Arc;

use crate::at::pattern::is_name;

/// A topic with holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPattern {
    source: String,
    levels: Vec<Level>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    Text(String),
    One(Arc<str>),
    Rest(Arc<str>),
}

impl TopicPattern {
    /// Reads a pattern. The error says what is wrong and, after a line feed, what to write.
    pub fn parse(source: &str) -> Result<Self, String> {
        if source.is_empty() {
            return Err("an empty topic\nwrite the topic, such as `command/send/{id}`".to_string());
        }
        let mut levels = Vec::new();
        let mut names: Vec<Arc<str>> = Vec::new();
        let all: Vec<&str> = source.split('/').collect();
        for (index, text) in all.iter().enumerate() {
            let level = Self::level(text)?;
            if let Level::One(name) | Level::Rest(name) = &level {
                if names.contains(name) {
                    return Err(format!("the hole `{name}` stands twice\ngive each hole a name of its own"));
                }
                names.push(Arc::clone(name));
            }
            if matches!(level, Level::Rest(_)) && index + 1 < all.len() {
                return Err(format!("`{text}` takes all levels that follow\nlet it be the last one"));
            }
            levels.push(level);
        }
        Ok(Self { source: source.to_string(), levels })
    }

    fn level(text: &str) -> Result<Level, String> {
        if matches!(text, "+" | "#") {
            return Err(format!(
                "`{text}` is MQTT's wildcard\nwrite a hole: `{{id}}` for one level, `{{path:rest}}` for all"
            ));
        }
        let Some(hole) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
            if text.contains(['{', '}', '+', '#']) {
                return Err(format!(
                    "`{text}` is neither a text nor a hole\na hole is a whole level: `{{id}}`"
                ));
            }
            return Ok(Level::Text(text.to_string()));
        };
        let (name, rest) = match hole.split_once(':') {
            Some((name, "rest")) => (name, true),
            Some((_, kind)) => {
                return Err(format!("`{kind}` is no kind of level\nwrite `{{id}}` or `{{id:rest}}`"));
            }
            None => (hole, false),
        };
        if !is_name(name) {
            return Err(format!("`{name}` cannot be a name\na name has letters, digits and `_`"));
        }
        Ok(if rest { Level::Rest(name.into()) } else { Level::One(name.into()) })
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names of its holes, in order.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.levels.iter().filter_map(|level| match level {
            Level::One(name) | Level::Rest(name) => Some(name),
            Level::Text(_) => None,
        })
    }

    /// What the holes take of `topic`; `None` if the pattern does not take it.
    pub fn holes(&self, topic: &str) -> Option<Vec<(Arc<str>, String)>> {
        let mut holes = Vec::new();
        let mut rest = Some(topic);
        for level in &self.levels {
            let here = rest?;
            if let Level::Rest(name) = level {
                holes.push((Arc::clone(name), here.to_string()));
                return Some(holes);
            }
            let (text, after) = match here.split_once('/') {
                Some((text, after)) => (text, Some(after)),
                None => (here, None),
            };
            match level {
                Level::Text(wanted) if wanted != text => return None,
                Level::One(name) => holes.push((Arc::clone(name), text.to_string())),
                _ => {}
            }
            rest = after;
        }
        rest.is_none().then_some(holes)
    }

    /// The MQTT filter that asks for these topics.
    pub fn filter(&self) -> String {
        let levels: Vec<&str> = self
            .levels
            .iter()
            .map(|level| match level {
                Level::Text(text) => text.as_str(),
                Level::One(_) => "+",
                Level::Rest(_) => "#",
            })
            .collect();
        levels.join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pattern: &str, topic: &str) -> Option<Vec<(String, String)>> {
        let holes = TopicPattern::parse(pattern).expect("a good pattern").holes(topic)?;
        Some(holes.into_iter().map(|(name, text)| (name.to_string(), text)).collect())
    }

    #[test]
    fn a_hole_is_one_level_and_rest_is_all() {
        assert_eq!(taken("command/send/{id}", "command/send/1000"), Some(vec![("id".into(), "1000".into())]));
        assert_eq!(taken("command/send/{id}", "command/send/1/2"), None);
        assert_eq!(taken("command/send/{id}", "command/send"), None);
        assert_eq!(taken("data/{path:rest}", "data/a/b"), Some(vec![("path".into(), "a/b".into())]));
        assert_eq!(taken("attributes/push", "attributes/push"), Some(vec![]));
    }

    #[test]
    fn the_filter_asks_for_the_same_topics() {
        let filter = |pattern: &str| TopicPattern::parse(pattern).expect("a good pattern").filter();
        assert_eq!(filter("command/send/{id}"), "command/send/+");
        assert_eq!(filter("data/{x}/{path:rest}"), "data/+/#");
    }

    #[test]
    fn what_is_no_topic_pattern_is_explained() {
        for (pattern, error) in [
            ("", "an empty topic"),
            ("a/+", "`+` is MQTT's wildcard"),
            ("a/{x:rest}/b", "`{x:rest}` takes all levels that follow"),
            ("a/{x}/{x}", "the hole `x` stands twice"),
            ("a/b{x}", "`b{x}` is neither a text nor a hole"),
            ("a/{x:int}", "`int` is no kind of level"),
            ("a/{1}", "`1` cannot be a name"),
        ] {
            let seen = TopicPattern::parse(pattern).expect_err(pattern);
            assert_eq!(seen.lines().next(), Some(error), "{pattern}");
        }
    }
}
