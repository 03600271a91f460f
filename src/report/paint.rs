//! Colours, on a terminal only.

use anstyle::{AnsiColor, Style};

/// What a piece of text is, for the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// Somebody should look.
    Notice,
    /// Of less interest.
    Dim,
    /// Of more interest.
    Strong,
}

impl Paint {
    /// `text` in this look, if `colour` is wanted.
    pub fn on(self, text: &str, colour: bool) -> String {
        if !colour || text.is_empty() {
            return text.to_string();
        }
        let style = match self {
            Self::Good => Style::new().fg_color(Some(AnsiColor::Green.into())),
            Self::Bad => Style::new().fg_color(Some(AnsiColor::Red.into())).bold(),
            Self::Notice => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
            Self::Dim => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
        };
        format!("{style}{text}{style:#}")
    }
}
